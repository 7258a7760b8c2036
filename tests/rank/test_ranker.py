"""The learned ranker on worlds whose right order is known."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from corank.errors import BundleError
from corank.evaluate.relevance import Qrels
from corank.rank.ranker import Examples, Ranker, RankerConfig, fit_ranker
from corank.rank.signals import Candidates

NAMES = ("a", "b", "c")
CONFIG = RankerConfig(trees=60, patience=10, leaves=7, min_in_leaf=20)
EACH = 10  # candidates of a case
Floats = NDArray[np.float32]


def world(
    cases: int, utility: Callable[[Floats], NDArray[np.floating]], seed: int, grades: int = 3
) -> Examples:
    """The best candidates of each case, by utility, are graded 3, 2, 1; or the best alone."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((cases, EACH, len(NAMES)), dtype=np.float32)
    place = np.argsort(np.argsort(-utility(x), axis=1), axis=1)
    grade = np.maximum(grades - place, 0).astype(np.float32)
    indptr = np.arange(cases + 1) * EACH
    return Examples(indptr, x.reshape(-1, len(NAMES)), grade.ravel())


def linear(x: Floats) -> NDArray[np.floating]:
    return 2 * x[..., 0] - x[..., 1] + 0.5 * x[..., 2]


def alike(x: Floats) -> NDArray[np.floating]:
    """What no weighted sum can say: the first two have the same sign."""
    return np.asarray(x[..., 0] * x[..., 1])


def fit(train: Examples, validation: Examples, start: dict[str, float] | None = None) -> Ranker:
    return fit_ranker(NAMES, train, validation, CONFIG, start=start or {}, seed=0)


@pytest.fixture(scope="module")
def trees() -> Ranker:
    """Linear weights and trees, both at work."""
    return fit(world(200, alike, 0), world(60, alike, 1))


def test_a_linear_world_is_recovered() -> None:
    ranker = fit(world(300, linear, 0), world(60, linear, 1))
    direction = ranker.weights / ranker.scale
    cosine = direction @ [2, -1, 0.5] / np.linalg.norm(direction) / np.linalg.norm([2, -1, 0.5])
    assert cosine > 0.999
    test = world(50, linear, 2)
    assert test.ndcg(ranker.score(test.features)).mean() > 0.99
    order = np.argsort(-ranker.score(test.features).reshape(-1, EACH), axis=1)
    assert (order[:, 0] == test.grades.reshape(-1, EACH).argmax(1)).mean() > 0.95


def test_features_of_any_scale_are_weighed_alike() -> None:
    train, check, test = world(300, linear, 0), world(60, linear, 1), world(50, linear, 2)
    by = np.array([1000, 1, 0.001], np.float32)
    larger = [replace(each, features=each.features * by + 5) for each in (train, check)]
    scaled = fit(larger[0], larger[1])
    plain = fit(train, check)
    assert scaled.score(test.features * by + 5) == pytest.approx(
        plain.score(test.features), abs=0.01
    )


def test_trees_are_kept_where_a_weighted_sum_fails(trees: Ranker) -> None:
    assert trees.trees is not None
    test = world(60, alike, 2)
    without = Ranker(trees.features, trees.mean, trees.scale, trees.weights)
    assert (
        test.ndcg(trees.score(test.features)).mean()
        > test.ndcg(without.score(test.features)).mean() + 0.2
    )


def test_what_does_not_help_on_validation_is_not_kept() -> None:
    """Training says the opposite of validation, which is just as the start has it."""
    start = {"a": 2.0, "b": -1.0, "c": 0.5}
    ranker = fit(world(100, lambda x: -linear(x), 0), world(100, linear, 1), start)
    assert ranker.trees is None
    test = world(20, linear, 2)
    assert test.ndcg(ranker.score(test.features)).mean() == pytest.approx(1)
    assert ranker.weights / ranker.scale == pytest.approx([2, -1, 0.5])


def test_few_cases_say_how_much_each_part_of_the_start_is_worth() -> None:
    """And nothing of what it did not name, which so few would get wrong."""
    start, rng = {"a": 0.5, "b": -1.0}, np.random.default_rng(0)

    def roughly(x: Floats) -> NDArray[np.floating]:
        return 2 * x[..., 0] - x[..., 1] + 2 * rng.standard_normal(x.shape[:-1])

    train, check = world(40, roughly, 0, grades=1), world(30, roughly, 1, grades=1)
    ranker = fit(train, check, start)
    plain = fit(train, world(29, roughly, 1, grades=1), start)
    assert ranker.trees is None
    assert ranker.weights[2] == plain.weights[2] == 0
    assert -ranker.weights[0] / ranker.weights[1] > -plain.weights[0] / plain.weights[1]
    test = world(400, roughly, 2)
    gained, before = (test.ndcg(r.score(test.features)).mean() for r in (ranker, plain))
    assert gained > before + 0.01


def noise(cases: int, seed: int) -> Examples:
    """Grades that have nothing to do with the features."""
    examples = world(cases, linear, seed)
    grades = examples.grades.reshape(-1, EACH)
    return replace(examples, grades=np.random.default_rng(seed).permuted(grades, axis=1).ravel())


def test_luck_on_a_small_validation_seldom_keeps_trees() -> None:
    """By the plain maximum it would in two worlds of three."""
    kept = [fit(noise(200, seed), noise(30, seed + 50)).trees is not None for seed in range(12)]
    assert sum(kept) <= 2


def test_a_few_cases_prove_nothing() -> None:
    """Even if they agree: what was given stays until there are enough."""
    start = {"a": -2.0, "b": 1.0}
    for cases, stays in ((29, True), (30, False)):
        ranker = fit(world(100, linear, 0), world(cases, linear, 1), start)
        assert (ranker.weights / ranker.scale == pytest.approx([-2, 1, 0])) is stays


def test_a_linear_world_needs_no_trees() -> None:
    ranker = fit(world(300, linear, 0, grades=1), world(100, linear, 1, grades=1))
    assert ranker.trees is None and (ranker.weights != 0).all()


def test_nothing_to_learn_from_leaves_the_start() -> None:
    ranker = fit(Examples.empty(), world(5, linear, 0), {"a": 4.0, "c": 0.5, "unknown": 9.0})
    features = np.array([[1, 2, 3], [0, 0, 0]], np.float32)
    assert ranker.score(features).tolist() == [5.5, 0]


def test_a_start_in_spreads_is_worth_the_same_whatever_the_scale() -> None:
    """As it is among a case's candidates; where there is none, as it usually is."""
    train, none = world(50, linear, 0), Examples.empty()
    start, usual = {"a": 1.0, "b": 0.5}, {"a": 0.1, "b": 0.2}
    by = np.array([1000, 0.001, 1], np.float32)
    for cases, times in ((train, 1), (replace(train, features=train.features * by), by)):
        ranker = fit_ranker(NAMES, cases, none, CONFIG, start=start, spreads=usual, seed=0)
        each = train.features.reshape(-1, EACH, 3).std(axis=1).mean(axis=0)  # (3,)
        assert ranker.weights / ranker.scale * times == pytest.approx(
            np.array([1, 0.5, 0]) / each, rel=1e-4
        )
    ranker = fit_ranker(NAMES, none, none, CONFIG, start=start, spreads=usual, seed=0)
    assert ranker.weights.tolist() == pytest.approx([10, 2.5, 0])
    flat = replace(train, features=train.features * np.array([0, 1, 1], np.float32))
    ranker = fit_ranker(NAMES, flat, none, CONFIG, start=start, spreads=usual, seed=0)
    assert ranker.weights[0] / ranker.scale[0] == pytest.approx(10)


def test_little_data_stays_near_the_start() -> None:
    strong = RankerConfig(l2=100.0)
    ranker = fit_ranker(
        NAMES, world(50, linear, 0), world(60, linear, 1), strong, start={"b": 3.0}, seed=0
    )
    assert ranker.weights / ranker.scale == pytest.approx([0, 3, 0], abs=0.05)


def test_a_feature_that_is_never_known_has_no_say() -> None:
    train, check = world(50, linear, 0), world(60, linear, 1)
    train.features[:, 2] = check.features[:, 2] = np.nan
    ranker = fit(train, check)
    assert (ranker.weights[:2] != 0).all()
    assert (ranker.mean[2], ranker.scale[2]) == (0, 1)
    features = np.array([[1, 1, np.nan], [1, 1, np.nan]], np.float32)
    assert np.isfinite(ranker.score(features)).all()


@given(
    features=arrays(
        np.float32,
        st.tuples(st.integers(0, 6), st.just(3)),
        elements=st.floats(-1e4, 1e4, width=32) | st.just(float("nan")),
    )
)
@settings(max_examples=60, deadline=None)
def test_parts_sum_to_the_score(trees: Ranker, features: Floats) -> None:
    parts, scores = trees.parts(features), trees.score(features)
    assert parts.shape == (len(features), len(NAMES) + 1) and np.isfinite(scores).all()
    assert parts.sum(1) == pytest.approx(scores, abs=1e-8)


def test_linear_parts_by_hand() -> None:
    ranker = Ranker(NAMES, np.array([1, 0, 0]), np.array([2, 1, 1]), np.array([3, -1, 5]))
    features = np.array([[5, 2, np.nan]], np.float32)
    assert ranker.parts(features).tolist() == [[6, -2, 0, 0]]
    assert ranker.score(features).tolist() == [4]


def test_one_seed_gives_one_ranker(trees: Ranker) -> None:
    again = fit(world(200, alike, 0), world(60, alike, 1))
    features = world(20, alike, 2).features
    assert again.score(features).tolist() == trees.score(features).tolist()


def test_a_saved_ranker_scores_as_before(trees: Ranker, tmp_path: Path) -> None:
    features = world(20, alike, 2).features
    features[0, 0] = np.nan
    for name, ranker in (("trees", trees), ("linear", Ranker(NAMES, *np.ones((3, 3))))):
        ranker.save(tmp_path / name)
        loaded = Ranker.load(tmp_path / name)
        assert loaded.features == NAMES and (loaded.trees is None) == (ranker.trees is None)
        assert loaded.score(features).tolist() == ranker.score(features).tolist()
        assert loaded.parts(features).tolist() == ranker.parts(features).tolist()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "ranker.json").unlink(),
        lambda folder: (folder / "ranker.json").write_text("not json"),
        lambda folder: (folder / "ranker.json").write_text("[1]"),
        lambda folder: (folder / "ranker.json").write_text('{"features": ["a"]}'),
        lambda folder: (folder / "trees.txt").write_text("not trees"),
    ],
)
def test_a_damaged_ranker_is_a_bundle_error(
    trees: Ranker, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    trees.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(BundleError, match="holds no ranker that can be read"):
        Ranker.load(tmp_path)


def test_a_saved_ranker_is_readable_json(trees: Ranker, tmp_path: Path) -> None:
    trees.save(tmp_path)
    about = json.loads((tmp_path / "ranker.json").read_text("utf-8"))
    assert about["features"] == list(NAMES) and about["weights"] == trees.weights.tolist()


def test_learning_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    few = world(3, alike, 0)  # too few for any leaf: LightGBM has much to say about that
    constant = replace(few, features=np.ones_like(few.features))
    config = replace(CONFIG, trees=5)
    for train in (few, constant):
        ranker = fit_ranker(NAMES, train, world(3, alike, 1), config, start={}, seed=0)
        ranker.parts(few.features)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def candidates(*items: int) -> Candidates:
    return Candidates(
        np.array(items, np.int32), np.array([[i, i, i] for i in items], np.float32).reshape(-1, 3)
    )


def test_examples_by_hand() -> None:
    found = [candidates(1, 4, 7), candidates(2, 3), candidates(0, 9), candidates(5)]
    qrels = Qrels.from_lists([[7, 1, 8], [5], [9], [5]], [[3, 1, 2], [3], [0], [1]])
    every = Examples.of(found, qrels)
    assert len(every) == 4
    examples = every.answered()
    assert len(examples) == 2  # the second found nothing, the third nothing good
    assert examples.answered() is examples
    assert examples.indptr.tolist() == [0, 3, 4]
    assert examples.grades.tolist() == [1, 0, 3, 1]
    assert examples.features[:, 0].tolist() == [1, 4, 7, 5]
    assert examples.rows().tolist() == [0, 0, 0, 1]


def test_a_case_without_candidates_teaches_nothing() -> None:
    examples = Examples.of([candidates(), candidates(2)], Qrels.from_lists([[2], [2]]))
    assert examples.indptr.tolist() == [0, 1] and examples.grades.tolist() == [1]
    assert len(Examples.of([candidates()], Qrels.from_lists([[2]]))) == 0


def test_ndcg_of_examples_by_hand() -> None:
    examples = Examples(
        np.array([0, 3, 5]), np.zeros((5, 1), np.float32), np.array([0, 3, 1, 0, 1], np.float32)
    )
    first = (1 + 7 / np.log2(3)) / (7 + 1 / np.log2(3))  # grades in the order 1, 3, 0
    second = 1 / np.log2(3)
    scores = np.array([0.0, 1.0, 2.0, 5.0, 4.0])
    assert examples.ndcg(scores) == pytest.approx(np.array([first, second]))
