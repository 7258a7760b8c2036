"""How well a vocabulary fits a text: pieces per word, words split, words unknown.

The measures are those of Rust et al., "How Good is Your Tokenizer?", ACL 2021, with Chinese
counted by character. Torch-free. A figure says how many pieces a text takes, not how well a
model reads them.
"""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from corank.errors import ConfigError
from corank.language.tokenizer import Tokenizer
from corank.language.vocabulary import (
    Units,
    count_units,
    extend_tokenizer,
    pieces,
    require_wordpiece,
)


@dataclass(frozen=True, kw_only=True)
class Fertility:
    """One tokenizer on some texts; a figure is 0 where there is nothing to measure.

    A word holds a letter or digit and is not Chinese. ``unknown_words`` and
    ``unknown_characters`` are unknown tokens per word and per Chinese character.
    """

    vocabulary: int
    tokens_per_word: float
    split_words: float
    unknown_words: float
    tokens_per_character: float
    unknown_characters: float


@dataclass(frozen=True, kw_only=True)
class VocabularyReport:
    """Two tokenizers on the same texts; prints as a Markdown table."""

    texts: int
    words: int
    characters: int
    before: Fertility
    after: Fertility

    def __str__(self) -> str:
        rows = [("entries in the vocabulary", "vocabulary", ",d")]
        if self.words:
            rows += [
                ("tokens per word", "tokens_per_word", ".3f"),
                ("words split", "split_words", ".2%"),
                ("words unknown", "unknown_words", ".2%"),
            ]
        if self.characters:
            rows += [
                ("tokens per Chinese character", "tokens_per_character", ".3f"),
                ("Chinese characters unknown", "unknown_characters", ".2%"),
            ]
        over = f"{self.texts:,} texts, {self.words:,} words, {self.characters:,} Chinese characters"
        lines = [f"| {over} | before | after |", "|---|---:|---:|"]
        for label, name, form in rows:
            before, after = (format(getattr(f, name), form) for f in (self.before, self.after))
            lines.append(f"| {label} | {before} | {after} |")
        return "\n".join(lines)


def compare(before: Tokenizer, after: Tokenizer, texts: Iterable[str]) -> VocabularyReport:
    """Measure two tokenizers on texts that neither was chosen from, cut into ``before``'s words.

    Raises:
        ConfigError: one of them is no WordPiece.
        DataError: the texts hold no word.
    """
    require_wordpiece(before)
    require_wordpiece(after)
    texts = list(texts)
    words, runs = count_units(before, texts)
    units = Units(Counter({w: n for w, n in words.items() if any(map(str.isalnum, w))}), runs)
    return VocabularyReport(
        texts=len(texts),
        words=units.words.total(),
        characters=_characters(units),
        before=_fertility(before, units),
        after=_fertility(after, units),
    )


def try_extension(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    *,
    max_new: int = 2_000,
    min_frequency: int = 10,
    held_out: float = 0.2,
    seed: int = 0,
) -> VocabularyReport:
    """Extend on some of the texts, report on the others; a text that recurs counts once.

    Raises:
        ConfigError: as `extend_tokenizer`, or ``held_out`` is not between 0 and 1.
        DataError: one of the two parts holds no word.
    """
    if not 0 < held_out < 1:
        raise ConfigError(f"held_out={held_out} is not between 0 and 1. Give 0.2 for a fifth.")
    texts = sorted(set(texts))
    random.Random(seed).shuffle(texts)  # noqa: S311
    cut = round(len(texts) * held_out)
    after = extend_tokenizer(tokenizer, texts[cut:], max_new=max_new, min_frequency=min_frequency)
    return compare(tokenizer, after, texts[:cut])


def _characters(units: Units) -> int:
    return sum(len(run) * n for run, n in units.runs.items())


def _fertility(tokenizer: Tokenizer, units: Units) -> Fertility:
    unknown = str(tokenizer.backend.model.unk_token)
    number = tokenizer.backend.get_vocab()[unknown]
    words = list(zip(units.words.values(), pieces(tokenizer, list(units.words)), strict=True))
    runs = list(zip(units.runs.values(), pieces(tokenizer, list(units.runs)), strict=True))
    total, characters = units.words.total() or 1, _characters(units) or 1
    return Fertility(
        vocabulary=tokenizer.backend.get_vocab_size(),
        tokens_per_word=sum(n * len(ids) for n, ids in words) / total,
        split_words=sum(n for n, ids in words if len(ids) > 1) / total,
        unknown_words=sum(n * ids.count(number) for n, ids in words) / total,
        tokens_per_character=sum(n * len(ids) for n, ids in runs) / characters,
        unknown_characters=sum(n * ids.count(number) for n, ids in runs) / characters,
    )
