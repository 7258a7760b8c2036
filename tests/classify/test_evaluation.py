"""Answers whose worth is known by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from corank.classify.evaluation import Prediction, evaluate
from corank.errors import DataError


def said(*answers: tuple[str, float, bool]) -> list[Prediction]:
    return [Prediction(best if sure else None, best, p) for best, p, sure in answers]


def test_measures_by_hand_without_anything_out_of_scope() -> None:
    answers = said(("a", 0.9, True), ("b", 0.6, False), ("b", 0.8, True), ("a", 0.7, True))
    found = evaluate(answers, ["a", "b", "b", "b"], ["a", "b"])
    assert found["accuracy"] == 0.75
    assert found["answered"] == 0.75
    assert found["precision_of_answers"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert "oos_recall" not in found


def test_measures_by_hand_with_something_out_of_scope() -> None:
    answers = said(("a", 0.9, True), ("b", 0.4, False), ("a", 0.5, False), ("b", 0.95, True))
    found = evaluate(answers, ["a", "b", None, None], ["a", "b"])
    assert found["accuracy"] == 1.0
    assert found["in_scope_accuracy"] == 0.5  # the one withheld is an error
    assert found["oos_recall"] == 0.5
    assert found["oos_auroc"] == 0.25
    assert found["precision_of_answers"] == 0.5


def test_nothing_answered_has_no_precision() -> None:
    found = evaluate(said(("a", 0.5, False), ("b", 0.5, False)), ["a", "b"], ["a", "b"])
    assert found["answered"] == 0 and math.isnan(found["precision_of_answers"])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_macro_f1_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    truth, best = np.array(pairs).T
    names = [*"abcd"]
    answers = [Prediction(names[b], names[b], 0.5) for b in best]
    found = evaluate(answers, [names[t] for t in truth], names)["macro_f1"]
    assert found == pytest.approx(f1_score(truth, best, average="macro"))


def test_a_label_that_was_never_learned_is_named() -> None:
    answers = said(("card", 0.9, True))
    with pytest.raises(DataError, match=r"'cart' is none of the 2 classes .* mean 'card'"):
        evaluate(answers, ["cart"], ["card", "fee"])
    with pytest.raises(DataError, match="1 answers came with 2 labels"):
        evaluate(answers, ["card", "fee"], ["card", "fee"])
    with pytest.raises(DataError, match="No text has a class"):
        evaluate(answers, [None], ["card", "fee"])
