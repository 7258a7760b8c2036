"""Text to token ids, and ids to batches of one token budget.

Texts differ in length; a batch of a fixed count pads most of its tokens away. Here texts are
sorted by length and cut into batches that hold about the same number of tokens, padding
included. Torch-free: training, export and serving all batch through this module.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Backend

from corank.errors import BundleError
from corank.threads import side_by_side

CHUNK = 16_384
"""Texts held in memory at a time while a catalogue streams through `embed`."""


class Batch(NamedTuple):
    """Padded token ids and their mask."""

    ids: NDArray[np.int64]  # (b, t)
    mask: NDArray[np.int64]  # (b, t) 1 for a token, 0 for padding


@dataclass
class Padding:
    """How many of the positions computed were padding."""

    tokens: int = 0
    positions: int = 0

    @property
    def waste(self) -> float:
        """Share of positions that were padding, 0..1."""
        return 1 - self.tokens / self.positions if self.positions else 0.0

    def add(self, mask: NDArray[np.int64]) -> None:
        """Count one batch."""
        self.tokens += int(mask.sum())
        self.positions += mask.size


class Tokenizer:
    """A Rust tokenizer that cuts at ``max_tokens``, special tokens included."""

    def __init__(self, backend: Backend, max_tokens: int) -> None:
        self.backend = Backend.from_str(backend.to_str())
        self.backend.no_padding()
        self.backend.enable_truncation(max_tokens)
        self.max_tokens = max_tokens

    @classmethod
    def load(cls, path: Path, max_tokens: int) -> "Tokenizer":
        """Read a ``tokenizer.json``.

        Raises:
            BundleError: the file is missing or malformed.
        """
        try:
            return cls(Backend.from_file(str(path)), max_tokens)
        except Exception as error:  # the Rust library raises bare Exception
            raise BundleError(f"{path} is not a tokenizer file: {error}") from error

    def save(self, path: Path) -> None:
        """Write a ``tokenizer.json``."""
        path.write_text(self.backend.to_str(), encoding="utf-8")

    @property
    def ends(self) -> tuple[list[int], list[int]]:
        """The special tokens that open and close every text."""
        some = self.backend.encode("a")
        own = [place for place, part in enumerate(some.sequence_ids) if part is not None]
        return some.ids[: own[0]], some.ids[own[-1] + 1 :]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, special tokens included."""
        return [encoding.ids for encoding in self.backend.encode_batch_fast(list(texts))]

    @staticmethod
    def pad(ids: Sequence[Sequence[int]], value: int = 0) -> Batch:
        """Pad on the right to the longest of the batch."""
        lengths = np.array([len(row) for row in ids])
        width = max(int(lengths.max()), 1)  # a text without any token is padding alone
        mask = np.arange(width)[None, :] < lengths[:, None]  # (b, t)
        padded = np.full(mask.shape, value, np.int64)
        padded[mask] = np.concatenate([np.asarray(row, np.int64) for row in ids])
        return Batch(padded, mask.astype(np.int64))


def token_budget_batches(
    lengths: NDArray[np.int64], budget: int, max_rows: int = 256
) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers batch by batch, longest first.

    Each batch holds at most ``budget`` positions (rows x its longest) and ``max_rows`` rows; a
    text longer than the budget gets a batch of its own.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(int(lengths[order[start]]), 1)
        rows = min(max(budget // longest, 1), max_rows)
        yield order[start : start + rows]
        start += rows


def embed(
    texts: Iterable[str],
    tokenizer: Tokenizer,
    forward: Callable[[Batch], NDArray[np.float32]],
    *,
    dim: int,
    budget: int = 2_048,
    at_once: bool = False,
    out: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
    padding: Padding | None = None,
) -> NDArray[np.float32]:
    """Embed texts of any number through ``forward``, a chunk in memory at a time.

    Args:
        texts: read once, lazily.
        tokenizer: makes the ids.
        forward: maps a batch to its vectors, (b, dim).
        dim: width of a vector.
        budget: positions per batch, padding included.
        at_once: whether ``forward`` may be asked by several threads at once.
        out: a ``.npy`` file to stream the vectors to; the answer is then a read-only memory map.
        progress: told after each batch how many texts it held.
        padding: counts tokens and positions, where given.

    Returns:
        Vectors in the order of the texts, (n, dim).
    """
    chunks = [np.empty((0, dim), np.float32)]
    total = 0
    texts = iter(texts)
    with out.open("wb") if out else nullcontext() as file:
        if file:
            _npy_header(file, total, dim)
        while chunk := list(islice(texts, CHUNK)):
            ids = tokenizer.encode(chunk)
            vectors = np.empty((len(chunk), dim), np.float32)
            batches = [*token_budget_batches(np.array([len(row) for row in ids]), budget)]
            run = partial(_run, tokenizer, forward, ids)
            done = side_by_side(run, batches) if at_once else map(run, batches)
            for rows, (mask, found) in zip(batches, done, strict=True):
                vectors[rows] = found
                progress(len(rows))
                if padding:
                    padding.add(mask)
            total += len(chunk)
            if file:
                vectors.tofile(file)
            else:
                chunks.append(vectors)
        if file:
            file.seek(0)
            _npy_header(file, total, dim)
    if out:
        stored: NDArray[np.float32] = np.load(out, mmap_mode="r" if total else None)
        return stored
    return np.concatenate(chunks)


def _run(
    tokenizer: Tokenizer,
    forward: Callable[[Batch], NDArray[np.float32]],
    ids: Sequence[Sequence[int]],
    rows: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Embed some of the texts as one batch: its mask, and the vectors."""
    batch = tokenizer.pad([ids[row] for row in rows])
    return batch.mask, forward(batch)


def _npy_header(file: BinaryIO, rows: int, dim: int) -> None:
    """Write a version 1.0 header; numpy pads it so that the row count can grow in place."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, dim)}
    np.lib.format.write_array_header_1_0(file, header)
