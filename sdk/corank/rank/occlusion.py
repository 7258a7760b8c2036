"""Which words of a text carry a similarity: leave each out once, and read the text again.

Sources: occlusion, Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks",
ECCV 2014; for words, Li, Monroe and Jurafsky, "Understanding Neural Networks through
Representation Erasure", 2016. An effect is the difference of two readings, not an estimate; the
effects of several words need not add up, because a word means something among the others.
Torch-free; knows texts and an encoder, nothing of items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.retrieve.analyze import words

Matrix = NDArray[np.float32]
WORDS = 64
"""Words of one text that are left out in turn: its first."""


@dataclass(frozen=True)
class Word:
    """A word where it stands, and what it does."""

    word: str
    start: int  # characters before it
    effect: float  # the similarity with it less the similarity without it


@dataclass(frozen=True)
class WordEffects:
    """A text, its similarity to something, and what each of its words does to that."""

    of: str  # whose text it is: "query", "interests", or an item_id
    text: str
    similarity: float
    words: tuple[Word, ...]  # in reading order


@dataclass(frozen=True)
class Read:
    """A text to be read with and without its words.

    Args:
        of: whose text it is.
        text: as the encoder gets it.
        similarity: of the text's vectors to what it is compared with, (m, d) -> (m,).
        query: it is read as a query is, not as an item.
    """

    of: str
    text: str
    similarity: Callable[[Matrix], Matrix]
    query: bool = False


def word_effects(texts: Sequence[Read], encoder: TextEncoder) -> tuple[WordEffects, ...]:
    """Return what the words of each text do; one batch for items, one for queries."""
    found: dict[int, WordEffects] = {}
    for query, encode in ((False, encoder.encode_items), (True, encoder.encode_queries)):
        of_kind = [place for place, text in enumerate(texts) if text.query is query]
        versions = [_versions(texts[place].text) for place in of_kind]
        vectors = encode(each for version in versions for each in version)
        ends = np.cumsum([0, *map(len, versions)])
        for place, start, end in zip(of_kind, ends, ends[1:], strict=False):
            found[place] = _compared(texts[place], vectors[start:end])
    return tuple(found[place] for place in range(len(texts)))


def without(text: str, word: slice) -> str:
    """Return the text without a word and the space before it, or after it where it is the first."""
    before, after = text[: word.start].rstrip(), text[word.stop :]
    return before + after if before else after.lstrip()


def _versions(text: str) -> list[str]:
    return [text, *(without(text, word) for word in words(text)[:WORDS])]


def _compared(read: Read, vectors: Matrix) -> WordEffects:
    whole, *less = read.similarity(vectors).astype(np.float64).tolist()
    effects = tuple(
        Word(read.text[word], word.start, whole - similarity)
        for word, similarity in zip(words(read.text), less, strict=False)
    )
    return WordEffects(read.of, read.text, whole, effects)
