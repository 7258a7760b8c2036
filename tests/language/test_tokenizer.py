"""Batching, padding and streaming, with a word-level tokenizer whose ids are known."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, processors

import corank.language.tokenizer as module
from corank.errors import BundleError
from corank.language.tokenizer import Batch, Padding, Tokenizer, embed, token_budget_batches

CLS, SEP = 2, 3
WORDS = {"[PAD]": 0, "[UNK]": 1, "[CLS]": CLS, "[SEP]": SEP, "a": 4, "b": 5, "c": 6, "d": 7}


def word_level(max_tokens: int = 8, *, special: bool = True) -> Tokenizer:
    backend = Backend(models.WordLevel(WORDS, unk_token="[UNK]"))  # noqa: S106
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if special:
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
        )
    return Tokenizer(backend, max_tokens)


def sum_and_length(batch: Batch) -> NDArray[np.float32]:
    """A forward pass that can be done in the head: the sum of the ids, and how many."""
    assert (batch.ids[batch.mask == 0] == 0).all()
    return np.stack([batch.ids.sum(1), batch.mask.sum(1)], axis=1).astype(np.float32)


def test_ids_by_hand() -> None:
    assert word_level().encode(["a b", "", "d z"]) == [[2, 4, 5, 3], [2, 3], [2, 7, 1, 3]]


def test_truncation_keeps_the_special_tokens() -> None:
    assert word_level(4).encode(["a b c d"]) == [[CLS, 4, 5, SEP]]


def test_a_tokenizer_leaves_the_one_it_was_made_from_alone() -> None:
    long = word_level(8)
    short = Tokenizer(long.backend, 3)
    assert short.encode(["a b c"]) == [[CLS, 4, SEP]]
    assert long.encode(["a b c"]) == [[CLS, 4, 5, 6, SEP]]


def test_padding_stands_on_the_right() -> None:
    batch = word_level().pad([[2, 4, 5, 3], [2, 3]])
    assert batch.ids.tolist() == [[2, 4, 5, 3], [2, 3, 0, 0]]
    assert batch.mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch.ids.dtype == batch.mask.dtype == np.int64


def test_a_text_without_tokens_is_one_position_of_padding() -> None:
    tokenizer = word_level(special=False)
    assert tokenizer.encode([""]) == [[]]
    batch = tokenizer.pad([[]])
    assert (batch.ids.tolist(), batch.mask.tolist()) == ([[0]], [[0]])


def test_saved_and_loaded_it_makes_the_same_ids(tmp_path: Path) -> None:
    word_level().save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json", 4)
    assert loaded.encode(["a b c d"]) == word_level(4).encode(["a b c d"])


@pytest.mark.parametrize("content", [None, "not json", "{}"])
def test_a_damaged_file_is_a_bundle_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BundleError, match=r"tokenizer\.json is not a tokenizer file"):
        Tokenizer.load(path, 8)


def test_batches_by_hand() -> None:
    lengths = np.array([2, 9, 4, 4, 3])
    batches = [rows.tolist() for rows in token_budget_batches(lengths, 8)]
    assert batches == [[1], [2, 3], [4, 0]]  # 9 alone, 2 x 4, then 2 x 3


@given(
    lengths=st.lists(st.integers(0, 40), max_size=30),
    budget=st.integers(1, 100),
    max_rows=st.integers(1, 10),
)
@settings(max_examples=100, deadline=None)
def test_batches_hold_every_row_once_within_the_budget(
    lengths: list[int], budget: int, max_rows: int
) -> None:
    given_lengths = np.array(lengths, np.int64)
    batches = list(token_budget_batches(given_lengths, budget, max_rows))
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    longest = [int(given_lengths[rows].max()) for rows in batches]
    assert longest == sorted(longest, reverse=True)
    for rows, width in zip(batches, longest, strict=True):
        assert 1 <= len(rows) <= max_rows
        assert len(rows) * width <= budget or len(rows) == 1


TEXTS = ["a", "a b c d", "", "b c", "d d d d d", "c", "a b"]
VECTORS = [[9, 3], [27, 6], [5, 2], [16, 4], [40, 7], [11, 3], [14, 4]]


@pytest.mark.parametrize("budget", [1, 8, 2048])
def test_vectors_come_in_the_order_of_the_texts(budget: int) -> None:
    vectors = embed(iter(TEXTS), word_level(), sum_and_length, dim=2, budget=budget)
    assert vectors.tolist() == VECTORS and vectors.dtype == np.float32


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_streamed_to_a_file_they_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    out = tmp_path / "vectors.npy"
    streamed = embed(TEXTS, word_level(), sum_and_length, dim=2, budget=8, out=out)
    assert isinstance(streamed, np.memmap) and not streamed.flags.writeable
    assert streamed.tolist() == np.load(out).tolist() == VECTORS
    assert embed(TEXTS, word_level(), sum_and_length, dim=2, budget=8).tolist() == VECTORS


def test_texts_are_read_a_chunk_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    read = 0

    def lazily() -> Iterator[str]:
        nonlocal read
        for text in TEXTS:
            read += 1
            yield text

    ahead: list[int] = []

    def forward(batch: Batch) -> NDArray[np.float32]:
        ahead.append(read)
        return sum_and_length(batch)

    embed(lazily(), word_level(), forward, dim=2)
    assert ahead == [2, 4, 6, 7]


def test_no_texts_make_no_vectors(tmp_path: Path) -> None:
    assert embed([], word_level(), sum_and_length, dim=2).shape == (0, 2)
    out = tmp_path / "vectors.npy"
    assert embed([], word_level(), sum_and_length, dim=2, out=out).shape == (0, 2)
    assert np.load(out).shape == (0, 2)


def test_a_failing_forward_pass_leaves_no_file_open(tmp_path: Path) -> None:
    def fail(batch: Batch) -> NDArray[np.float32]:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):  # an open file would warn
        embed(["a"], word_level(), fail, dim=2, out=tmp_path / "vectors.npy")


def test_padding_waste_is_counted() -> None:
    padding = Padding()
    assert padding.waste == 0
    embed(["a", "a b c"], word_level(), sum_and_length, dim=2, padding=padding)
    assert (padding.tokens, padding.positions) == (8, 10)  # 3 + 5 tokens in 2 x 5
    assert padding.waste == pytest.approx(0.2)
    embed(["a", "a b c"], word_level(), sum_and_length, dim=2, budget=5, padding=padding)
    assert (padding.tokens, padding.positions) == (16, 18)  # each on its own: nothing wasted


def test_progress_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    told: list[int] = []
    embed(TEXTS, word_level(), sum_and_length, dim=2, budget=8, progress=told.append)
    assert sum(told) == len(TEXTS) and all(told)
