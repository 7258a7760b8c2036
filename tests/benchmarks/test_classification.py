"""Labelled public sets in miniature, and what the harness makes of answers known by hand."""

import json
import math
from pathlib import Path

import pytest

from benchmarks.classification import Kept, measure
from benchmarks.labelled import BANKING77, CLINC150, PHRASEBANK


def test_measures_by_hand_without_anything_out_of_scope() -> None:
    answers = [("a", 0.9, True), ("b", 0.6, False), ("b", 0.8, True), ("a", 0.7, True)]
    found = measure(answers, ["a", "b", "b", "b"])
    assert found["accuracy"] == 0.75
    assert found["answered"] == 0.75
    assert found["precision_of_answers"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert "oos_recall" not in found


def test_measures_by_hand_with_something_out_of_scope() -> None:
    answers = [("a", 0.9, True), ("b", 0.4, False), ("a", 0.5, False), ("b", 0.95, True)]
    found = measure(answers, ["a", "b", None, None])
    assert found["accuracy"] == 1.0
    assert found["in_scope_accuracy"] == 0.5  # the one withheld is an error
    assert found["oos_recall"] == 0.5
    assert found["oos_auroc"] == 0.25
    assert found["precision_of_answers"] == 0.5


def test_nothing_answered_has_no_precision() -> None:
    found = measure([("a", 0.5, False), ("b", 0.5, False)], ["a", "b"])
    assert found["answered"] == 0 and math.isnan(found["precision_of_answers"])


def test_banking77_few_shot_takes_as_many_of_each_class(tmp_path: Path) -> None:
    rows = [f'"text, {n} of {c}",{c}' for c in ("card", "fee") for n in range(20)]
    (tmp_path / "train.csv").write_text("\n".join(["text,category", *rows]))
    (tmp_path / "test.csv").write_text("text,category\nmine,fee\n")
    (full,) = BANKING77.folds(tmp_path, "full", 0)
    (few,) = BANKING77.folds(tmp_path, "10-per-class", 0)
    (other,) = BANKING77.folds(tmp_path, "10-per-class", 1)
    assert (len(full.texts), full.test_texts, full.test_labels) == (40, ["mine"], ["fee"])
    assert sorted(few.labels, key=str) == ["card"] * 10 + ["fee"] * 10
    assert all(text.endswith(str(label)) for text, label in zip(few.texts, few.labels, strict=True))
    assert set(few.texts) != set(other.texts)


def test_phrasebank_is_divided_ten_times_each_sentence_tested_once(tmp_path: Path) -> None:
    lines = [
        f"Sales r\xf6se {n}, {c} @ 5 %.@{c}" for c in ("positive", "negative") for n in range(20)
    ]
    (tmp_path / "Sentences_50Agree.txt").write_bytes("\n".join(lines).encode("latin-1"))
    folds = list(PHRASEBANK.folds(tmp_path, "50agree-10-fold", 0))
    tested = [text for fold in folds for text in fold.test_texts]
    assert len(folds) == 10 and len(tested) == 40
    assert all(text.endswith("@ 5 %.") and "röse" in text for text in tested)
    assert len(set(tested)) == 40
    assert not any(set(fold.texts) & set(fold.test_texts) for fold in folds)
    assert all(len(fold.texts) == 36 for fold in folds)


def test_clinc150_marks_what_is_out_of_scope(tmp_path: Path) -> None:
    parts = {
        "train": [["hi", "greet"]], "val": [["bye", "part"]], "test": [["hello", "greet"]],
        "oos_train": [["why", "oos"]], "oos_val": [["how", "oos"]], "oos_test": [["who", "oos"]],
    }  # fmt: skip
    (tmp_path / "data_full.json").write_text(json.dumps(parts))
    (fold,) = CLINC150.folds(tmp_path, "full", 0)
    assert fold.labels == ["greet", None, "part", None]
    assert fold.test_labels == ["greet", None]


def test_folds_already_predicted_are_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "some.json")
    kept.add("corank/0/0", [("a", 0.5, True)])
    again = Kept(tmp_path / "some.json")
    assert again.folds == {"corank/0/0": [["a", 0.5, True]]}
