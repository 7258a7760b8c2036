"""Reports on vocabularies, with figures counted by hand."""

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers

from corank.errors import ConfigError, DataError
from corank.language.fertility import Fertility, VocabularyReport, compare, try_extension
from corank.language.tokenizer import Tokenizer
from corank.language.vocabulary import extend_tokenizer


def spelling(letters: str = "abc") -> Tokenizer:
    entries = ["[UNK]", *letters, *(f"##{letter}" for letter in letters), "ab", "。", ",", "很"]
    backend = Backend(
        models.WordPiece({entry: i for i, entry in enumerate(entries)}, unk_token="[UNK]")  # noqa: S106
    )
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return Tokenizer(backend, 8)


TEXTS = ["AB, abc x", "cab 很好。很好"]
# Words ab 1, abc 2, x unknown, cab 3; signs are no words. Characters 很 known, 好 unknown.


def test_figures_by_hand() -> None:
    old = spelling()
    new = extend_tokenizer(old, ["cab 很好", "cab 很好"], min_frequency=2)  # cab, 好, 很好
    report = compare(old, new, iter(TEXTS))
    assert (report.texts, report.words, report.characters) == (2, 4, 4)
    assert report.before == Fertility(
        vocabulary=11,
        tokens_per_word=7 / 4,
        split_words=2 / 4,
        unknown_words=1 / 4,
        tokens_per_character=4 / 4,
        unknown_characters=2 / 4,
    )
    assert report.after == Fertility(
        vocabulary=14,
        tokens_per_word=5 / 4,
        split_words=1 / 4,
        unknown_words=1 / 4,
        tokens_per_character=2 / 4,
        unknown_characters=0,
    )


def test_a_tokenizer_compared_with_itself_differs_in_nothing() -> None:
    report = compare(spelling(), spelling(), TEXTS)
    assert report.before == report.after


def test_words_and_runs_longer_than_a_text_may_be_are_counted_whole() -> None:
    report = compare(spelling(), spelling(), ["c" * 20, "很" * 30])
    assert report.before.tokens_per_word == 20 and report.before.tokens_per_character == 1


@pytest.mark.parametrize("text", ["ab", "很"])
def test_what_is_not_there_is_neither_measured_nor_printed(text: str) -> None:
    report = compare(spelling(), spelling(), [text])
    assert ("tokens per word" in str(report)) == (text == "ab")
    assert ("Chinese character |" in str(report)) == (text == "很")
    measured = (report.before.tokens_per_word, report.before.tokens_per_character)
    assert measured == ((1, 0) if text == "ab" else (0, 1))


def test_the_report_is_a_markdown_table() -> None:
    before = Fertility(
        vocabulary=30_522,
        tokens_per_word=1.25,
        split_words=0.125,
        unknown_words=0.01,
        tokens_per_character=1,
        unknown_characters=0.8,
    )
    report = VocabularyReport(texts=1_000, words=20, characters=5, before=before, after=before)
    assert str(report).splitlines() == [
        "| 1,000 texts, 20 words, 5 Chinese characters | before | after |",
        "|---|---:|---:|",
        "| entries in the vocabulary | 30,522 | 30,522 |",
        "| tokens per word | 1.250 | 1.250 |",
        "| words split | 12.50% | 12.50% |",
        "| words unknown | 1.00% | 1.00% |",
        "| tokens per Chinese character | 1.000 | 1.000 |",
        "| Chinese characters unknown | 80.00% | 80.00% |",
    ]


def test_an_extension_is_tried_on_texts_it_has_not_seen() -> None:
    texts = [f"cab {'b' * n}" for n in range(2, 12)]  # each holds a word of its own
    report = try_extension(spelling(), texts * 3, min_frequency=1, held_out=0.3)
    assert (report.texts, report.words) == (3, 6)  # a text that recurs counts once
    assert report.after.vocabulary == 11 + 1 + 7
    assert report.after.tokens_per_word < report.before.tokens_per_word
    assert report.after.split_words > 0  # the held-out words were not added


def test_the_seed_decides_what_is_held_out() -> None:
    texts = [f"cab {'b' * n}" for n in range(1, 30)]
    first = try_extension(spelling(), texts, min_frequency=1)
    assert try_extension(spelling(), texts[::-1], min_frequency=1) == first
    assert try_extension(spelling(), texts, min_frequency=1, seed=1) != first


@pytest.mark.parametrize("held_out", [0, 1, -0.1])
def test_a_share_that_leaves_nothing_is_refused(held_out: float) -> None:
    with pytest.raises(ConfigError, match="is not between 0 and 1"):
        try_extension(spelling(), TEXTS, held_out=held_out)


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(DataError, match="hold no word"):
        compare(spelling(), spelling(), [" "])
    with pytest.raises(DataError, match="hold no word"):
        try_extension(spelling(), ["ab"])


def test_another_model_is_refused() -> None:
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    with pytest.raises(ConfigError, match="model is BPE"):
        compare(spelling(), Tokenizer(backend, 8), ["ab"])
