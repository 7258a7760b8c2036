"""The label model in worlds whose truth is known: what it learns, what it cannot, and its laws."""

import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank.data.label_model import LabelModel, Votes, covered, vote_classes
from corank.data.labels import LabelingFunction, labeling_function
from corank.errors import ConfigError, DataError, DeclarationError

Truth = NDArray[np.int64]


def world(
    accuracies: list[float],
    *,
    n: int = 4000,
    balance: tuple[float, ...] = (0.5, 0.5),
    coverage: float = 1.0,
    seed: int = 0,
) -> tuple[Votes, Truth]:
    """Functions that err independently, evenly over the other classes, and abstain at random."""
    random, k = np.random.default_rng(seed), len(balance)
    truth = random.choice(k, size=n, p=balance)
    right = random.random((n, len(accuracies))) < accuracies
    wrong = (truth[:, None] + random.integers(1, k, size=right.shape)) % k
    votes = np.where(right, truth[:, None], wrong)
    return np.where(random.random(votes.shape) < coverage, votes, -1), truth


def keywords(
    hits: list[float], misses: list[float], balance: tuple[float, ...], seed: int = 0
) -> tuple[Votes, Truth]:
    """Functions that know one class each: as many a class as there are hits.

    Each fires with the chance of its hit on its class's rows and of its miss on the others.
    """
    random, k, each = np.random.default_rng(seed), len(balance), len(hits)
    truth = random.choice(k, size=4000, p=balance)
    votes = np.full((4000, k * each), -1)
    for column in range(k * each):
        label, kind = divmod(column, each)
        fires = random.random(4000) < np.where(truth == label, hits[kind], misses[kind])
        votes[fires, column] = label
    return votes, truth


def counts(votes: Votes, k: int) -> NDArray[np.int64]:
    return np.stack([(votes == label).sum(axis=1) for label in range(k)], axis=1)


def accuracy(
    chance: NDArray[np.number], truth: Truth, where: NDArray[np.bool_] | None = None
) -> float:
    right = chance.argmax(axis=1) == truth
    return float(right.mean() if where is None else right[where].mean())


# Voting


TEXTS = pl.DataFrame({"text": ["refund me", "card lost", "refund the lost card", "hello"]})
CLASSES = ("card", "refund")


def contains(word: str, name: str, *, weight: float = 1.0) -> LabelingFunction:
    expression = pl.when(pl.col("text").str.contains(word)).then(pl.lit(name))
    return LabelingFunction(f"says_{word}", expression, weight, "")


def test_votes_are_places_in_the_classes_and_null_abstains() -> None:
    @labeling_function
    def always() -> pl.Expr:
        return pl.lit("refund")

    functions = [contains("refund", "refund"), contains("lost", "card"), always]
    votes = vote_classes(functions, TEXTS, CLASSES)
    assert votes.tolist() == [[1, -1, 1], [-1, 0, 1], [1, 0, 1], [-1, -1, 1]]
    assert vote_classes(functions, TEXTS.clear(), CLASSES).shape == (0, 3)
    assert covered(votes[:, :2]).tolist() == [True, True, True, False]


def test_a_function_may_vote_several_classes_a_column_or_nothing() -> None:
    table = TEXTS.with_columns(vote=pl.Series(["card", None, "refund", None], dtype=pl.Categorical))
    both = pl.when(pl.col("text") == "hello").then(pl.lit("card")).otherwise(pl.lit("refund"))
    functions = [
        LabelingFunction("both", both, 1.0, ""),
        LabelingFunction("column", pl.col("vote"), 1.0, ""),
        LabelingFunction("none", pl.lit(None), 1.0, ""),
    ]
    votes = vote_classes(functions, table, CLASSES)
    assert votes.T.tolist() == [[1, 1, 1, 0], [0, -1, 1, -1], [-1, -1, -1, -1]]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (pl.lit("refnd"), "'bad' voted 'refnd', none of the 2 classes. Did you mean 'refund'?"),
        (pl.lit(1), "'bad' voted 1, none of the 2 classes"),
        (pl.when(pl.col("text") == "hello").then("refund"), r"pl\.lit\('name'\)"),
        (pl.col("txt"), "'bad' failed: .*txt"),
    ],
)
def test_a_bad_vote_is_refused(expression: pl.Expr, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        vote_classes([LabelingFunction("bad", expression, 1.0, "")], TEXTS, CLASSES)


def test_a_weight_or_a_shared_name_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'says_lost' has a weight: drop it"):
        vote_classes([contains("lost", "card", weight=2)], TEXTS, CLASSES)
    with pytest.raises(DeclarationError, match="Two labelling functions are called 'says_lost'"):
        vote_classes([contains("lost", "card")] * 2, TEXTS, CLASSES)


# What it learns


@pytest.mark.parametrize(
    ("accuracies", "balance", "coverage"),
    [
        ([0.9, 0.8, 0.7, 0.6], (0.5, 0.5), 1.0),
        ([0.9, 0.8, 0.8, 0.7, 0.2], (0.5, 0.5), 0.7),  # the last is worse than chance
        ([0.95, 0.8, 0.5, 0.4, 0.1], (0.25, 0.25, 0.25, 0.25), 0.8),
        ([0.9, 0.9, 0.8, 0.7], (0.92, 0.08), 0.9),  # one class is rare
    ],
)
def test_accuracies_are_recovered_without_labels(
    accuracies: list[float], balance: tuple[float, ...], coverage: float
) -> None:
    votes, truth = world(accuracies, balance=balance, coverage=coverage)
    model = LabelModel.fit(votes, len(balance))
    assert model.accuracies == pytest.approx(accuracies, abs=0.04)
    assert model.balance == pytest.approx(balance, abs=0.04)
    majority = accuracy(counts(votes, len(balance)), truth)
    assert accuracy(model.predict_proba(votes), truth) > majority


def test_the_confusion_is_by_class() -> None:
    # Three functions know class 0 well and take class 1 for it half the time; two are even.
    random = np.random.default_rng(1)
    truth = random.choice(2, size=6000)
    chance = np.array([[0.95, 0.5]] * 3 + [[0.85, 0.85]] * 2)[:, truth].T
    votes = np.where(random.random(chance.shape) < chance, truth[:, None], 1 - truth[:, None])
    model = LabelModel.fit(votes, 2)
    expected = [[[0.95, 0.05], [0.5, 0.5]]] * 3 + [[[0.85, 0.15], [0.15, 0.85]]] * 2
    assert model.confusion[:, :, :2] == pytest.approx(np.array(expected), abs=0.04)
    assert model.confusion.sum(axis=2) == pytest.approx(np.ones((5, 2)))


def test_one_good_function_among_weak_ones_beats_the_majority() -> None:
    # Of one function right in .95 and four in .6, the majority is right when the good one and two
    # of four are, or three of four are: .95 * .8208 + .05 * .4752 = .8035. The four together are
    # worth 4 log(.6/.4) = 1.6 and the good one log(.95/.05) = 2.9, so it should be followed: .95.
    votes, truth = world([0.95, 0.6, 0.6, 0.6, 0.6])
    model = LabelModel.fit(votes, 2)
    assert accuracy(counts(votes, 2), truth) == pytest.approx(0.8035, abs=0.02)
    assert accuracy(model.predict_proba(votes), truth) == pytest.approx(0.95, abs=0.01)


def test_equal_functions_make_it_the_majority_vote() -> None:
    votes, truth = world([0.8] * 5)
    chance = LabelModel.fit(votes, 2).predict_proba(votes)
    assert (chance.argmax(axis=1) == counts(votes, 2).argmax(axis=1)).all()
    assert accuracy(chance, truth) == pytest.approx(0.942, abs=0.01)  # of Binomial(5, .8) > 2


def test_functions_that_know_one_class_are_told_apart_by_where_they_are_silent() -> None:
    votes, truth = keywords([0.8, 0.6, 0.4], [0.05, 0.1, 0.02], (0.5, 0.3, 0.2))
    model = LabelModel.fit(votes, 3, prior=0.01)  # they err independently
    table = model.table(votes, [str(column) for column in range(9)], truth)
    assert table["estimated"].to_list() == pytest.approx(table["accuracy"].to_list(), abs=0.04)
    majority = accuracy(counts(votes, 3), truth, covered(votes))
    assert accuracy(model.predict_proba(votes), truth, covered(votes)) > majority + 0.005


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_functions_that_fire_together_are_not_taken_for_a_class(seed: int) -> None:
    # Three keywords of one phrase, on .42 of the rows of class 0 and .18 of those of class 1,
    # fire in .8 of its rows: where one does, the others do, in either class.
    votes, truth = keywords([0.5] * 3, [0.08] * 3, (0.5, 0.5), seed)
    random = np.random.default_rng(seed + 100)
    phrase = random.random(4000) < np.where(truth == 0, 0.42, 0.18)
    fires = phrase[:, None] & (random.random((4000, 3)) < 0.8)
    votes = np.column_stack([votes, np.where(fires, 0, -1)])
    known = covered(votes)
    majority = accuracy(counts(votes, 2), truth, known)
    held, free = LabelModel.fit(votes, 2), LabelModel.fit(votes, 2, prior=0.01)
    assert accuracy(held.predict_proba(votes), truth, known) > majority + 0.02
    assert accuracy(free.predict_proba(votes), truth, known) < majority - 0.1


# What it cannot know


def test_rows_nobody_votes_on_get_the_balance_and_change_nothing() -> None:
    votes, _ = world([0.9, 0.8, 0.7], balance=(0.7, 0.3), coverage=0.5)
    silent = ~covered(votes)
    assert 0.05 < silent.mean() < 0.2
    model, without = LabelModel.fit(votes, 2), LabelModel.fit(votes[~silent], 2)
    assert (model.predict_proba(votes)[silent] == model.balance).all()
    assert (model.confusion == without.confusion).all()


def test_two_functions_make_it_the_majority_vote_with_a_warning() -> None:
    votes = np.array([[0, 0, -1], [1, 0, -1], [1, -1, -1], [-1, -1, 1], [-1, -1, -1]])
    with pytest.warns(UserWarning, match="this is the majority vote. Add functions that overlap"):
        model = LabelModel.fit(votes, 3)
    assert np.isnan(model.accuracies).all()
    chance = model.predict_proba(votes)
    both = 0.7**2 / (0.7**2 + 2 * 0.15**2)  # two votes of .7, against .15 each for the others
    tie = 0.7 * 0.15 / (2 * 0.7 * 0.15 + 0.15**2)
    assert chance[0] == pytest.approx([both, (1 - both) / 2, (1 - both) / 2])
    assert chance[1] == pytest.approx([tie, tie, 1 - 2 * tie])
    assert chance[2] == pytest.approx([0.15, 0.7, 0.15])
    assert chance[4] == pytest.approx([1 / 3] * 3)


def test_no_votes_at_all_are_even_odds_with_a_warning() -> None:
    for votes in (np.full((4, 3), -1), np.empty((0, 3), np.int64), np.empty((4, 0), np.int64)):
        with pytest.warns(UserWarning, match="No three labelling functions"):
            model = LabelModel.fit(votes, 2)
        assert (model.predict_proba(votes) == 0.5).all()


def test_a_function_in_no_three_keeps_the_belief() -> None:
    votes, truth = world([0.9, 0.8, 0.8, 0.9])
    votes[2000:, :3], votes[:2000, 3] = -1, -1  # the last never meets the others
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LabelModel.fit(votes, 2)
    assert model.accuracies[:3] == pytest.approx([0.9, 0.8, 0.8], abs=0.06)
    assert np.isnan(model.accuracies[3])
    assert np.ptp(model.confusion[:, :, 2], axis=1) == pytest.approx(np.zeros(4))  # silence
    assert model.confusion[3] == pytest.approx(np.array([[0.35, 0.15, 0.5], [0.15, 0.35, 0.5]]))
    chance = model.predict_proba(votes)[2000:]
    assert accuracy(chance, truth[2000:]) == pytest.approx(0.9, abs=0.03)
    table = model.table(votes, list("abcd"), truth)
    assert table["estimated"].is_null().to_list() == [False, False, False, True]


def test_votes_never_seen_in_the_fit_are_survived() -> None:
    votes, _ = world([0.9, 0.8, 0.8])
    model = LabelModel.fit(np.where(votes[:, [0, 1, 2]] == 1, votes, 0), 3)
    chance = model.predict_proba(np.array([[2, 2, 2], [2, 0, 0]]))
    assert np.isfinite(chance).all()
    assert chance.sum(axis=1) == pytest.approx([1, 1])


# The table


def test_the_table_by_hand() -> None:
    votes = np.array([[0, 0, -1], [0, 1, 1], [1, -1, -1], [-1, 1, 1], [-1, -1, -1]])
    model = LabelModel.fit(votes, 2)
    table = model.table(votes, ["a", "b", "c"], np.array([0, 1, -1, 1, 0]))
    assert table.columns == [
        "function", "coverage", "overlaps", "conflicts", "estimated", "accuracy",
    ]  # fmt: skip
    assert table.drop("estimated").rows() == [
        ("a", 0.6, 0.4, 0.2, 0.5),
        ("b", 0.6, 0.6, 0.2, 1.0),
        ("c", 0.4, 0.4, 0.2, 1.0),
    ]
    assert table["estimated"].to_list() == model.accuracies.tolist()
    assert model.table(votes, ["a", "b", "c"])["accuracy"].to_list() == [None] * 3


# Laws


@given(seed=st.integers(0, 10**6), k=st.integers(2, 4), coverage=st.sampled_from([0.5, 0.8, 1.0]))
@settings(max_examples=15, deadline=None)
def test_names_do_not_matter(seed: int, k: int, coverage: float) -> None:
    random = np.random.default_rng(seed)
    votes, _ = world(
        [0.9, 0.8, 0.7, 0.7, 0.6], n=300, balance=(1 / k,) * k, coverage=coverage, seed=seed
    )
    classes, functions, rows = random.permutation(k), random.permutation(5), random.permutation(300)
    renamed = np.where(votes < 0, -1, classes[votes])[:, functions][rows]
    model, other = LabelModel.fit(votes, k), LabelModel.fit(renamed, k)
    chance = model.predict_proba(votes)
    assert chance.sum(axis=1) == pytest.approx(np.ones(300))
    assert ((chance >= 0) & (chance <= 1)).all()
    assert other.accuracies == pytest.approx(model.accuracies[functions], abs=1e-3)
    assert other.balance[classes] == pytest.approx(model.balance, abs=1e-3)
    assert other.predict_proba(renamed)[:, classes] == pytest.approx(chance[rows], abs=1e-3)


def test_the_same_votes_give_the_same_model() -> None:
    votes, _ = world([0.9, 0.7, 0.6], coverage=0.8)
    one, two = LabelModel.fit(votes, 2), LabelModel.fit(votes.copy(), 2)
    assert (one.confusion == two.confusion).all()
    assert (one.predict_proba(votes) == two.predict_proba(votes)).all()


def test_votes_that_do_not_fit_are_refused() -> None:
    votes, _ = world([0.9, 0.8, 0.7], n=50)
    model = LabelModel.fit(votes, 2)
    for bad in (np.array([[0, 1, 2]]), np.array([[0, 1, -2]]), np.array([[0.0, 1.0, 1.0]])):
        with pytest.raises(DataError, match=r"integers \(n, 3\) from -1 \(abstains\) to 1; got"):
            LabelModel.fit(bad, 2)
    for bad in (votes[:, :2], votes[0]):
        with pytest.raises(DataError, match=r"integers \(n, 3\)"):
            model.predict_proba(bad)
    with pytest.raises(DataError, match="Expected 3 functions' names; got 2"):
        model.table(votes, ["a", "b"])
    for k, prior in ((1, 1.0), (2, 0.0), (2, float("nan"))):
        with pytest.raises(ConfigError, match=f"got {k}, {prior}"):
            LabelModel.fit(votes, k, prior=prior)
