"""A query and a passage as one sequence of tokens: what a cross-encoder reads. Torch-free.

The sequence is ``[CLS] query [SEP] passage [SEP]``, in the model's own special tokens. Where it
is too long the passage is cut, and the query only where it alone fills more than half.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corank.errors import ConfigError, DataError
from corank.language.tokenizer import CHUNK, Tokenizer, token_budget_batches
from corank.threads import side_by_side


class PairTokens(NamedTuple):
    """Token ids of pairs, and which of the two texts each token belongs to."""

    ids: list[list[int]]
    segments: list[list[int]]  # 0 for the query and what opens the sequence, 1 for the passage


class PairBatch(NamedTuple):
    """Padded pairs."""

    ids: NDArray[np.int64]  # (b, t)
    mask: NDArray[np.int64]  # (b, t) 1 for a token, 0 for padding
    segments: NDArray[np.int64]  # (b, t)


def join(tokenizer: Tokenizer, queries: Sequence[str], passages: Sequence[str]) -> PairTokens:
    """Join each query with its passage, at most ``tokenizer.max_tokens`` long.

    Args:
        tokenizer: whose special tokens stand around the two.
        queries, passages: (n,); equal ones are made into tokens once.

    Raises:
        DataError: they are not equally many.
        ConfigError: ``max_tokens`` leaves no room.
    """
    if len(queries) != len(passages):
        raise DataError(
            f"{len(queries):,} queries and {len(passages):,} passages; a pair is one of each."
        )
    opening, closing = tokenizer.ends
    room = tokenizer.max_tokens - len(opening) - 2 * len(closing)
    if room < 2:
        raise ConfigError(
            f"max_tokens={tokenizer.max_tokens} leaves no room for a query and a passage. Raise it."
        )
    tokens = _tokens(tokenizer, [*queries, *passages])
    found = PairTokens([], [])
    for query, passage in zip(queries, passages, strict=True):
        asked, read = tokens[query], tokens[passage]
        asked = asked[: max(room // 2, room - len(read))]
        read = read[: room - len(asked)]
        first, second = [*opening, *asked, *closing], [*read, *closing]
        found.ids.append(first + second)
        found.segments.append([0] * len(first) + [1] * len(second))
    return found


def _tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, list[int]]:
    """Text -> its ids, without special tokens."""
    distinct = [*dict.fromkeys(texts)]
    encodings = tokenizer.backend.encode_batch_fast(distinct, add_special_tokens=False)
    return {text: encoding.ids for text, encoding in zip(distinct, encodings, strict=True)}


def score_pairs(
    queries: Sequence[str],
    passages: Sequence[str],
    tokenizer: Tokenizer,
    forward: Callable[[PairBatch], NDArray[np.float32]],
    *,
    budget: int = 2_048,
    at_once: bool = False,
) -> NDArray[np.float32]:
    """Score pairs of any number through ``forward``, batched by length.

    Args:
        queries, passages: (n,).
        tokenizer: see `join`.
        forward: maps a batch to its scores, (b,).
        budget: positions per batch, padding included.
        at_once: whether ``forward`` may be asked by several threads at once.

    Returns:
        Scores in the order of the pairs, (n,).

    Raises:
        DataError, ConfigError: see `join`.
    """
    scores = np.empty(len(queries), np.float32)
    for start in range(0, max(len(queries), len(passages)), CHUNK):
        chunk = slice(start, start + CHUNK)
        ids, segments = join(tokenizer, queries[chunk], passages[chunk])
        batches = [*token_budget_batches(np.array([len(row) for row in ids]), budget)]
        run = partial(_run, tokenizer, forward, ids, segments)
        done = side_by_side(run, batches) if at_once else map(run, batches)
        for rows, found in zip(batches, done, strict=True):
            scores[start + rows] = found
    return scores


def _run(
    tokenizer: Tokenizer,
    forward: Callable[[PairBatch], NDArray[np.float32]],
    ids: Sequence[Sequence[int]],
    segments: Sequence[Sequence[int]],
    rows: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Score some of the pairs as one batch, (b,)."""
    which = tokenizer.pad([segments[row] for row in rows]).ids
    return forward(PairBatch(*tokenizer.pad([ids[row] for row in rows]), which))
