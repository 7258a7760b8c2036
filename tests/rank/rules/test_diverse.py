"""Variety and calibration: by hand, and against the sources' formulas as they stand."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.rank.rules import Calibrate, Diversify, Ranked, Shelf
from tests.rank.rules.toy import ITEMS, SHELF, letters, moved, random_answer, random_shelf, ranked


def mmr(vectors: np.ndarray, scores: Sequence[float], relevance: float, top: int) -> list[int]:
    """Carbonell and Goldstein's rule, written down as it stands, over the best 4 * top."""
    pool = list(range(min(len(scores), 4 * top)))
    low, high = scores[pool[-1]], scores[0]
    unit = [(scores[i] - low) / ((high - low) or 1) for i in pool]
    picked: list[int] = [0]
    while len(picked) < min(top, len(pool)):
        gains = {
            i: relevance * unit[i] - (1 - relevance) * max(vectors[i] @ vectors[j] for j in picked)
            for i in pool
            if i not in picked
        }
        picked.append(max(gains, key=lambda i: gains[i]))
    return picked + [i for i in range(len(scores)) if i not in picked]


@given(seed=st.integers(0, 10_000), top=st.integers(1, 6), relevance=st.sampled_from([0, 0.3, 0.8]))
@settings(max_examples=60, deadline=None)
def test_diversify_is_maximal_marginal_relevance(seed: int, top: int, relevance: float) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(15, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.sort(random.normal(size=15))[::-1]
    items = random.permutation(15).astype(np.int32)
    shelf = Shelf(pl.DataFrame({"item_id": range(15)}), vectors)
    answer = Diversify(relevance, top).apply(Ranked(items, scores), shelf)
    expected = mmr(vectors[items].astype(np.float64), scores.tolist(), relevance, top)
    assert answer.items.tolist() == items[expected].tolist()
    below = [min(expected[place:]) for place in range(15)]  # the best that stands here or lower
    assert answer.scores.tolist() == scores[below].tolist()


def test_diversify_by_hand() -> None:
    twins = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    shelf = Shelf(ITEMS.head(4), twins)
    answer = Diversify(relevance=0.5, top=2).apply(ranked("abcd", scores=[4, 3, 2, 1]), shelf)
    assert letters(answer) == "acbd"  # c: (1/3 - 0) / 2 beats b: (2/3 - 1) / 2
    assert answer.scores.tolist() == [4, 3, 3, 1]  # c takes the score of b, which it passes
    assert moved(answer) == {"c": ("diversify",)}


@given(seed=st.integers(0, 10_000), top=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_relevance_alone_changes_nothing(seed: int, top: int) -> None:
    random = np.random.default_rng(seed)
    shelf, before = random_shelf(random, 30), random_answer(random, 30, seen=12)
    assert Diversify(relevance=1, top=top).apply(before, shelf) is before
    assert Calibrate("genre", weight=0, top=top, min_history=1).apply(before, shelf) is before


# Calibration

FILMS = pl.DataFrame(
    {
        "item_id": list("abcdef"),
        "genre": ["Comedy", "Comedy", "Comedy", "Thriller", "Comedy|Thriller", None],
    }
)
CINEMA = Shelf(FILMS, np.eye(6, dtype=np.float32))


def kl(history: Sequence[int], listed: Sequence[int], genres: Sequence[str | None]) -> float:
    """Steck's divergence of a list from a history, written down as it stands."""

    def mixture(items: Sequence[int]) -> dict[str, float]:
        known = [(genres[item] or "").split("|") for item in items if genres[item]]
        mixed: dict[str, float] = {}
        for each in known:
            for genre in each:
                mixed[genre] = mixed.get(genre, 0) + 1 / len(each) / len(known)
        return mixed

    p, q = mixture(history), mixture(listed)
    near = {genre: 0.99 * q.get(genre, 0) + 0.01 * share for genre, share in p.items()}
    return sum(share * math.log(share / near[genre]) for genre, share in p.items())


def test_a_list_is_drawn_to_the_mixture_of_the_history() -> None:
    half = Calibrate("genre", weight=1, top=2, min_history=2)
    answer = half.apply(ranked("abcde", seen="ad"), CINEMA)  # half comedies, half thrillers
    assert letters(answer) == "eabcd"  # e is half of each
    assert answer.scores.tolist() == [5, 5, 4, 3, 2]
    assert moved(answer) == {"e": ("genre_calibration",)}
    comedies = half.apply(ranked("dabce", seen="ab"), CINEMA)
    assert letters(comedies)[:2] == "ab"


def test_a_weight_trades_scores_for_the_mixture() -> None:
    apart = ranked("abcd", seen="aad", scores=[10, 9, 8, 0])  # d is far below
    for weight, shown in ((0.1, "abc"), (0.9, "adb")):
        rule = Calibrate("genre", weight=weight, top=3, min_history=3)
        assert letters(rule.apply(apart, CINEMA))[:3] == shown


@pytest.mark.parametrize("seen", ["", "ad", "fffffff"])
def test_a_history_that_says_too_little_changes_nothing(seen: str) -> None:
    before = ranked("abcdef", seen=seen)
    assert Calibrate("genre", weight=1, min_history=3).apply(before, CINEMA) is before


def test_an_item_chosen_twice_counts_twice() -> None:
    rule = Calibrate("genre", weight=1, top=2, min_history=3)
    assert letters(rule.apply(ranked("abd", seen="add"), CINEMA)) != "abd"
    assert letters(rule.apply(ranked("abd", seen="aaa"), CINEMA)) == "abd"


def test_calibrating_an_empty_answer_is_an_empty_answer() -> None:
    assert letters(Calibrate("genre").apply(ranked("", seen="aaaaa"), CINEMA)) == ""


def test_a_column_of_lists_is_a_column_of_values() -> None:
    lists = FILMS.with_columns(pl.col("genre").str.split("|"))
    rule = Calibrate("genre", weight=0.8, top=3, min_history=2)
    before = ranked("abcdef", seen="ddae")
    one, other = (rule.apply(before, Shelf(each, SHELF.vectors)) for each in (FILMS, lists))
    assert letters(one) == letters(other) != "abcdef"


@given(
    seed=st.integers(0, 10_000),
    top=st.integers(1, 8),
    weight=st.sampled_from([0.2, 0.5, 0.9, 1.0]),
)
@settings(max_examples=100, deadline=None)
def test_what_is_traded_never_falls(seed: int, top: int, weight: float) -> None:
    """With the weight at 1 that is minus the divergence, which therefore never rises."""
    random = np.random.default_rng(seed)
    shelf, before = random_shelf(random, 30), random_answer(random, 30, seen=6)
    genres, seen = shelf.items["genre"].to_list(), before.seen.tolist()
    answer = Calibrate("genre", weight=weight, top=top, min_history=2).apply(before, shelf)
    assert sorted(answer.items) == sorted(before.items)
    if answer is before:
        return
    pool = before.scores[: 4 * top]
    unit = (pool - pool[-1]) / (np.ptp(pool) or 1)
    own = dict(zip(before.items.tolist(), unit.tolist(), strict=False))

    def worth(items: list[int]) -> float:
        scores: float = sum(own[item] for item in items)
        return (1 - weight) * scores - weight * kl(seen, items, genres)

    first, given = (each.items[:top].tolist() for each in (answer, before))
    assert worth(first) > worth(given)
    assert set(answer.moved) <= set(first)
    kept = {item for item in given if item not in answer.moved}
    assert [item for item in given if item in kept] == [
        item for item in answer.items.tolist() if item in kept
    ]


def test_greedy_calibration_is_the_sources_rule() -> None:
    """Each place goes to the item that adds most, by the formula as it stands."""
    changed = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        shelf = random_shelf(random, 20)
        scores = np.sort(random.normal(size=20))[::-1]
        before = Ranked(np.arange(20, dtype=np.int32), scores, np.arange(0, 20, 3, dtype=np.int32))
        genres = shelf.items["genre"].to_list()
        unit = (scores - scores[-1]) / np.ptp(scores)
        picked: list[int] = []
        for _ in range(5):
            gains = {
                item: 0.4 * unit[item] - 0.6 * kl(before.seen.tolist(), [*picked, item], genres)
                for item in range(20)
                if item not in picked
            }
            picked.append(max(gains, key=lambda item: gains[item]))
        answer = Calibrate("genre", weight=0.6, top=5).apply(before, shelf)
        assert answer is before or answer.items[:5].tolist() == picked
        changed += answer is not before
    assert changed > 10
