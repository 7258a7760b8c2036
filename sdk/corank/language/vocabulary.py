"""Fit a tokenizer to a domain's own words: extend a pretrained one, leave out what the domain
never uses, or train a new one like it.

Only WordPiece, the model of BERT and its kin. It takes the longest entry that fits, so a new
entry changes only words that begin with it, and needs neither merges (BPE) nor scores (Unigram);
a new vocabulary shares many entries, and so vectors, with the pretrained one. BERT's normaliser
sets each Chinese character apart, where no entry can join two: Chinese words are therefore
*added tokens*, cut out before the rest is read. All lies in ``tokenizer.json``: serving needs
nothing new. `Encoder.change_vocabulary` moves the vectors; here is no torch, no dictionary and
no grammar: a Chinese "word" is a stretch of characters that often stand together.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, trainers

from corank.errors import ConfigError, DataError
from corank.language.tokenizer import Tokenizer

CHUNK = 1_000  # texts normalised at a time
LONGEST = 4  # characters of a Chinese word
_HAN = (  # what BERT's normaliser sets apart
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f"
)
_SPACED = re.compile(f"(?: [{_HAN}] )+")
_CHINESE_WORD = re.compile(f"[{_HAN}]{{2,}}")
_ANYWHERE = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
_ENDS = {"cls", "sep"}


class Units(NamedTuple):
    """How often what occurs: words as the pre-tokenizer cuts them, and runs of Chinese."""

    words: Counter[str]
    runs: Counter[str]


def extend_tokenizer(
    tokenizer: Tokenizer, texts: Iterable[str], *, max_new: int = 2_000, min_frequency: int = 10
) -> Tokenizer:
    """Return a tokenizer that also holds the characters and words that ``texts`` need most.

    First come the characters that were unknown, by frequency: each loses a whole word. Then the
    words that save most pieces, frequency x (pieces - 1). Chinese ones are found by byte-pair
    merges over characters, which is that rule applied greedily, one merge at a time. Ids that
    were there stay, and a text without any of the new entries keeps its ids.

    Args:
        tokenizer: is left alone.
        texts: the domain's, read once. Rare words are often names and numbers of persons, and
            whoever has the bundle can read its words: keep ``min_frequency`` well above 1.
        max_new: entries to add, at most.
        min_frequency: a rarer character or word is not added.

    Raises:
        ConfigError: the tokenizer is no WordPiece, or a number is below 1.
        DataError: the texts hold no word.
    """
    require_wordpiece(tokenizer, max_new=max_new, min_frequency=min_frequency)
    units = count_units(tokenizer, texts)
    known, prefix = tokenizer.backend.get_vocab(), _prefix(tokenizer)
    unknown = {c: n for c, n in _characters(prefix, units).items() if c not in known}
    characters = _best(unknown, min_frequency)[:max_new]
    spelling = _with_entries(tokenizer, characters)
    frequency = units.words + _chinese_words(units.runs, max_new, min_frequency)
    words = [word for word in _best(frequency, min_frequency) if word not in known]
    ids = pieces(spelling, words)
    savings = {word: frequency[word] * (len(i) - 1) for word, i in zip(words, ids, strict=True)}
    return _with_entries(spelling, _best(savings, 1)[: max_new - len(characters)])


def train_tokenizer(
    texts: Iterable[str], *, like: Tokenizer, vocab_size: int, min_frequency: int = 2
) -> Tokenizer:
    """Train a WordPiece on ``texts`` alone, in all else like the one of the encoder it is for.

    Normaliser, pre-tokenizer, post-processor and special tokens (in their order: padding stays
    0) are those of ``like``. Chinese is cut into characters: `extend_tokenizer` joins them.

    Args:
        texts, like: read once, and left alone.
        vocab_size: entries, special tokens included, at most.
        min_frequency: a rarer character, or pair of pieces, is not learnt.

    Raises:
        ConfigError: ``like`` is no WordPiece, or ``vocab_size`` cannot hold every character.
        DataError: the texts hold no word.
    """
    require_wordpiece(like, vocab_size=vocab_size, min_frequency=min_frequency)
    units = count_units(like, texts)
    state = json.loads(like.backend.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["special"]]
    special = _special(state)
    prefix, known = _prefix(like), like.backend.get_vocab()
    letters = set(_best(_characters("", units), min_frequency))
    spelling = {e for e in _characters(prefix, units) if e.removeprefix(prefix) in letters}
    characters = sorted((letters | spelling) - special)
    if len(special) + len(characters) > vocab_size:
        raise ConfigError(
            f"vocab_size={vocab_size} cannot hold {len(special)} special tokens and "
            f"{len(characters)} characters. Raise it, or min_frequency, which drops rare ones."
        )
    # The trainer numbers continuations in the order of a hash map and settles ties by number
    # (huggingface/tokenizers#1794); handed over as special tokens, they keep one number.
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=sorted(special, key=known.__getitem__) + characters,
        initial_alphabet=sorted(letters),
        limit_alphabet=len(letters),
        continuing_subword_prefix=prefix,
        show_progress=False,
    )
    learnt = _learn(models.WordPiece(), units.words, trainer).get_vocab()
    return Tokenizer(_numbered(state, learnt), like.max_tokens)


def prune_tokenizer(tokenizer: Tokenizer, texts: Iterable[str]) -> Tokenizer:
    """Return a tokenizer without the entries that no text needs; these texts are cut as before.

    Single characters stay, so that a word that is not among the texts can still be spelt.

    Args:
        tokenizer: is left alone.
        texts: the domain's, read once.

    Raises:
        ConfigError: the tokenizer is no WordPiece.
    """
    require_wordpiece(tokenizer)
    state, prefix = json.loads(tokenizer.backend.to_str()), _prefix(tokenizer)
    known, texts = tokenizer.backend.get_vocab(), iter(texts)
    used: set[int] = set()
    while chunk := list(islice(texts, CHUNK)):
        used.update(*pieces(tokenizer, chunk))
    special = _special(state) | {token["content"] for token in state["added_tokens"]}
    kept = [
        entry
        for entry, number in sorted(known.items(), key=lambda each: each[1])
        if number in used or entry in special or len(entry.removeprefix(prefix)) == 1
    ]
    numbers = {entry: number for number, entry in enumerate(kept)}
    return Tokenizer(_numbered(state, numbers), tokenizer.max_tokens)


def origins(old: Tokenizer, new: Tokenizer) -> list[list[int]]:
    """Return, for each id of ``new``, the ids of ``old`` whose mean vector it starts from.

    A token that both have starts as it was, another from the pieces that ``old`` cuts it into:
    Gee et al., "Fast Vocabulary Transfer for Language Model Compression", EMNLP 2022 (industry),
    arXiv 2402.09977. So a character that was unknown starts from the unknown token's vector.
    """
    known, vocabulary = old.backend.get_vocab(), new.backend.get_vocab()
    rows: list[list[int]] = [[] for _ in range(max(vocabulary.values()) + 1)]
    parts = pieces(old, [token.removeprefix(_prefix(new)) for token in vocabulary])
    for (token, number), ids in zip(vocabulary.items(), parts, strict=True):
        rows[number] = [known[token]] if token in known else ids
    return rows


def is_wordpiece(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer is of the kind known here."""
    backend = tokenizer.backend
    return isinstance(backend.model, models.WordPiece) and backend.pre_tokenizer is not None


def require_wordpiece(tokenizer: Tokenizer, **positive: int) -> None:
    """Check that the tokenizer is of the kind known here, and that numbers are 1 or more.

    Raises:
        ConfigError: one of these is not so.
    """
    if not is_wordpiece(tokenizer):
        kind = type(tokenizer.backend.model).__name__
        raise ConfigError(
            f"This tokenizer's model is {kind}; only WordPiece with a "
            "pre-tokenizer (BERT, DistilBERT, ELECTRA, MPNet) can be extended, trained or "
            "compared. Keep the tokenizer as it is, or choose such an encoder."
        )
    for name, number in positive.items():
        if number < 1:
            raise ConfigError(f"{name}={number} is too small. Give 1 or more.")


def count_units(tokenizer: Tokenizer, texts: Iterable[str]) -> Units:
    """Count words and runs of Chinese as the tokenizer normalises and cuts them.

    Raises:
        DataError: there are none.
    """
    normalizer, cutter = tokenizer.backend.normalizer, tokenizer.backend.pre_tokenizer
    units, texts = Units(Counter(), Counter()), iter(texts)
    stretches: Counter[str] = Counter()  # between white space; each is cut once
    while chunk := list(islice(texts, CHUNK)):
        text = "\n".join(chunk)
        text = normalizer.normalize_str(text) if normalizer else text
        units.runs.update(run.replace(" ", "") for run in _SPACED.findall(text))
        stretches.update(_SPACED.sub(" ", text).split())
    for stretch, n in stretches.items():
        for word, _ in cutter.pre_tokenize_str(stretch):
            units.words[word] += n
    if not units.words and not units.runs:
        raise DataError("The texts hold no word. Give the domain's own texts, one string each.")
    return units


def pieces(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Return the ids of each text, uncut and without special tokens."""
    backend = Backend.from_str(tokenizer.backend.to_str())
    backend.no_truncation()
    encodings = backend.encode_batch_fast(list(texts), add_special_tokens=False)
    return [encoding.ids for encoding in encodings]


def _processors(state: dict[str, Any]) -> list[dict[str, Any]]:
    processor = state["post_processor"] or {}
    return list(processor.get("processors", [processor]))


def _special(state: dict[str, Any]) -> set[str]:
    """Tokens that have a meaning of their own: unknown, special ones, and what ends a text."""
    added = (token["content"] for token in state["added_tokens"] if token["special"])
    special = {state["model"]["unk_token"], *added}
    for part in _processors(state):
        special.update(part.get("special_tokens", ()), *(part[e][:1] for e in _ENDS & part.keys()))
    return special


def _numbered(state: dict[str, Any], numbers: Mapping[str, int]) -> Backend:
    """Give the entries these numbers, everywhere in the tokenizer's state."""
    state["model"]["vocab"] = dict(sorted(numbers.items(), key=lambda entry: entry[1]))
    for token in state["added_tokens"]:
        token["id"] = numbers[token["content"]]
    for part in _processors(state):
        for named in part.get("special_tokens", {}).values():
            named["ids"] = [numbers[token] for token in named["tokens"]]
        part.update({e: [part[e][0], numbers[part[e][0]]] for e in _ENDS & part.keys()})
    return Backend.from_str(json.dumps(state))


def _prefix(tokenizer: Tokenizer) -> str:
    return str(tokenizer.backend.model.continuing_subword_prefix)


def _characters(prefix: str, units: Units) -> Counter[str]:
    """Count the entries that would spell every word: ``c`` where it begins one, else ``##c``."""
    entries: Counter[str] = Counter()
    for word, n in units.words.items():
        for entry in (word[0], *(prefix + character for character in word[1:])):
            entries[entry] += n
    for run, n in units.runs.items():
        for character in run:
            entries[character] += n
    return entries


def _chinese_words(runs: Counter[str], max_new: int, min_frequency: int) -> Counter[str]:
    """Count the words that byte-pair merges make of the runs."""
    trainer = trainers.BpeTrainer(
        vocab_size=len(set().union(*runs)) + max_new,
        min_frequency=min_frequency,
        max_token_length=LONGEST + 1,  # the trainer joins what stays below it
        show_progress=False,
    )
    learner = _learn(models.BPE(), runs, trainer)
    used: Counter[int] = Counter()
    for n, encoding in zip(runs.values(), learner.encode_batch_fast(list(runs)), strict=True):
        for number in encoding.ids:
            used[number] += n
    words = {w: used[i] for w, i in learner.get_vocab().items() if 1 < len(w) <= LONGEST}
    return Counter(words)


def _learn(model: models.Model, counts: Counter[str], trainer: trainers.Trainer) -> Backend:
    learner = Backend(model)
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator((f"{unit} " * n for unit, n in counts.items()), trainer)
    return learner


def _best(scores: Mapping[str, int], least: int) -> list[str]:
    """Return what scores at least so much, the best first, ties by spelling."""
    return sorted((e for e, n in scores.items() if n >= least), key=lambda e: (-scores[e], e))


def _with_entries(tokenizer: Tokenizer, entries: Sequence[str]) -> Tokenizer:
    state = json.loads(tokenizer.backend.to_str())
    start = max(tokenizer.backend.get_vocab().values()) + 1
    for number, entry in enumerate(entries, start):
        state["model"]["vocab"][entry] = number
        if _CHINESE_WORD.fullmatch(entry):
            state["added_tokens"].append({"id": number, "content": entry, **_ANYWHERE})
    return Tokenizer(Backend.from_str(json.dumps(state)), tokenizer.max_tokens)
