"""Classes in steps, and forgetting worked out by hand."""

import numpy as np
import pytest

from benchmarks.continual import Part, accuracies, measure, steps
from benchmarks.sets.labelled import Fold
from corank.classify.material import Labelled

NAMES = [f"c{n:02d}" for n in range(14)]


def test_every_class_arrives_once_with_its_tests() -> None:
    fold = Fold([f"{c} {n}" for c in NAMES for n in range(3)], [c for c in NAMES for _ in range(3)],
                [f"{c}?" for c in NAMES], [*NAMES])  # fmt: skip
    parts = steps(fold, 0)
    arrived = [{*part.learn.labels} for part in parts]
    assert [len(names) for names in arrived] == [2] * 7
    assert {name for names in arrived for name in names} == {*NAMES}
    for part, names in zip(parts, arrived, strict=True):
        assert {*part.test.labels} == names and len(part.learn.texts) == 6
        assert all(t.split()[0] == c for t, c in zip(*part.learn, strict=True))
    assert [{*p.learn.labels} for p in steps(fold, 1)] != arrived


def test_forgetting_by_hand() -> None:
    accuracy = np.array([[0.9, 0.5, 0.5], [0.95, 0.8, 0.5], [0.7, 0.85, 0.6]])
    found = measure(accuracy)
    # 0.95 - 0.7 for the first part, 0.8 - 0.85 for the second; the 0.5s were asked too early
    assert found["forgetting"] == pytest.approx((0.25 - 0.05) / 2)
    assert found["accuracy"] == pytest.approx((0.7 + 0.85 + 0.6) / 3)


def test_accuracies_are_of_each_part() -> None:
    none = Labelled([], [])
    parts = [Part(none, Labelled(["x", "y"], ["a", "b"])), Part(none, Labelled(["z"], ["c"]))]
    found = accuracies([["a", "a", "a"], ["a", "b", "c"]], parts)
    assert found.tolist() == [[0.5, 0.0], [1.0, 1.0]]
