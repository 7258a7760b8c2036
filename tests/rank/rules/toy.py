"""Six items that a rule can be tried on by hand, and catalogues at random."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from corank.rank.rules import Ranked, Shelf

ITEMS = pl.DataFrame(
    {
        "item_id": list("abcdef"),
        "brand": ["X", "X", "X", "Y", None, None],
        "stock": [1, 0, None, 3, 0, 2],
        "promoted": [False, None, True, False, True, False],
        "consumable": [True, False, None, False, False, True],
    }
)
SHELF = Shelf(ITEMS, np.eye(6, dtype=np.float32))


def ranked(letters: str = "abcdef", seen: str = "", scores: Sequence[float] = ()) -> Ranked:
    """An answer of items a to f with scores 6, 5, 4 ... unless others are given."""
    return Ranked(
        np.array(["abcdef".index(letter) for letter in letters], np.int32),
        np.array(scores or range(len(letters), 0, -1), np.float64),
        np.array(["abcdef".index(letter) for letter in seen], np.int32),
    )


def letters(answer: Ranked) -> str:
    return "".join("abcdef"[item] for item in answer.items)


def moved(answer: Ranked) -> dict[str, tuple[str, ...]]:
    return {"abcdef"[item]: rules for item, rules in answer.moved.items()}


SCHEMA = {
    "brand": pl.String,
    "stock": pl.Int64,
    "adult": pl.Boolean,
    "consumable": pl.Boolean,
    "genre": pl.String,
}


def random_shelf(random: np.random.Generator, n: int) -> Shelf:
    """A catalogue of n items, nulls among them, with vectors of length 1."""

    def column(values: list[object]) -> list[object]:
        return [values[i] for i in random.integers(0, len(values), n)]

    items = pl.DataFrame(
        {
            "brand": column(["X", "Y", "Z", None]),
            "stock": column([0, 1, 2, None]),
            "adult": column([True, False, None]),
            "consumable": column([True, False, None]),
            "genre": column(["Action", "Comedy", "Action|Comedy", "Drama|Action", "Drama", None]),
        },
        schema=SCHEMA,
    )
    vectors = random.normal(size=(n, 3)).astype(np.float32)
    return Shelf(items, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def random_answer(random: np.random.Generator, n: int, seen: int = 3) -> Ranked:
    """Some of n items in any order, with scores that may be equal, after a history."""
    items = random.permutation(n)[: int(random.integers(0, n + 1))].astype(np.int32)
    scores = np.sort(random.normal(size=len(items)).round(1))[::-1]
    return Ranked(items, scores, random.integers(0, n, seen).astype(np.int32))
