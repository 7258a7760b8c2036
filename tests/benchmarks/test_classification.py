"""Labelled public sets in miniature, and predictions that outlast a kill."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import classification
from benchmarks.peers.run import Peer
from benchmarks.reporting import results
from benchmarks.reporting.results import Kept
from benchmarks.sets.labelled import BANKING77, CLINC150, PHRASEBANK
from corank import ClassifierConfig, EncoderConfig


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
    (half,) = BANKING77.folds(tmp_path, "half", 0)
    assert len(half.texts) == len(half.test_texts) == 20 and "mine" not in half.test_texts
    assert not set(half.texts) & set(half.test_texts)
    assert half.labels.count("fee") == half.test_labels.count("fee") == 10


def test_phrasebank_is_divided_ten_times_each_sentence_tested_once(tmp_path: Path) -> None:
    lines = [
        f"Sales r\xf6se {n}, {c} @ 5 %.@{c}" for c in ("positive", "negative") for n in range(20)
    ]
    for name, kept in (("50", 40), ("66", 30), ("75", 20), ("All", 10)):
        text = "\n".join(lines[:kept])
        (tmp_path / f"Sentences_{name}Agree.txt").write_bytes(text.encode("latin-1"))
    folds = list(PHRASEBANK.folds(tmp_path, "50agree-10-fold", 0))
    tested = [text for fold in folds for text in fold.test_texts]
    assert len(folds) == 10 and len(tested) == 40
    assert all(text.endswith("@ 5 %.") and "röse" in text for text in tested)
    assert len(set(tested)) == 40
    assert not any(set(fold.texts) & set(fold.test_texts) for fold in folds)
    assert all(len(fold.texts) == 36 for fold in folds)
    sure: dict[str, float] = {}
    for fold in folds:
        assert fold.targets is not None and fold.targets.sum(1) == pytest.approx(1)
        own = [["negative", "positive"].index(str(label)) for label in fold.labels]
        sure |= dict(zip(fold.texts, fold.targets[range(36), own].tolist(), strict=True))
    shares = [sure[line.rpartition("@")[0]] for line in lines]
    assert sum(fold.clear.sum() for fold in folds if fold.clear is not None) == 10
    assert shares == [1.0] * 10 + [0.87] * 10 + [0.7] * 10 + [0.58] * 10


def test_clinc150_marks_what_is_out_of_scope(tmp_path: Path) -> None:
    parts = {
        "train": [["hi", "greet"]], "val": [["bye", "part"]], "test": [["hello", "greet"]],
        "oos_train": [["why", "oos"]], "oos_val": [["how", "oos"]], "oos_test": [["who", "oos"]],
    }  # fmt: skip
    (tmp_path / "data_full.json").write_text(json.dumps(parts))
    (fold,) = CLINC150.folds(tmp_path, "full", 0)
    assert fold.labels == ["greet", None]
    assert fold.validation == (["bye", "how"], ["part", None])
    assert fold.test_labels == ["greet", None]


@pytest.mark.parametrize("commit", ["0123456789ab", "0123456789ab-dirty"])
def test_folds_already_predicted_are_kept_where_it_is_known_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: str
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "current_commit", lambda: commit)
    kept = Kept("some", "full", {"epochs": 1})
    kept.add("corank/0/0", [("a", 0.5, True)])
    again = Kept("some", "full", {"epochs": 1})
    clean = not commit.endswith("-dirty")
    assert again.folds == ({"corank/0/0": [["a", 0.5, True]]} if clean else {})
    assert Kept("some", "full", {"epochs": 2}).folds == {}


@pytest.fixture
def few_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_encoder: str) -> Path:
    """Two classes told apart by a word, in Banking77's format, and the tiny encoder for all."""
    folder = tmp_path / "banking77"
    folder.mkdir()
    words = {"card": "plastic", "fee": "charge"}
    for name, n in (("train", 12), ("test", 8)):
        rows = [f"my {words[c]} number {i},{c}" for c in words for i in range(n)]
        (folder / f"{name}.csv").write_text("\n".join(["text,category", *rows]))
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr("benchmarks.peers.run.DEFAULT_ENCODER", tiny_encoder)
    return tmp_path


@pytest.mark.skipif(not find_spec("setfit"), reason="setfit is not installed")
@pytest.mark.usefixtures("few_labels")
def test_setfit_learns_the_same_few_labels(tiny_encoder: str) -> None:
    config = ClassifierConfig(epochs=1, precision="no")
    small = EncoderConfig(name=tiny_encoder, max_tokens=32)
    rows, path = classification.run(
        BANKING77, "10-per-class", [0], config, peers=300, encoder=small
    )
    found = {row.system: row.value for row in rows if row.metric == "accuracy"}
    assert {*found} == {"frozen-encoder", "setfit", "corank"}
    assert found["setfit"] >= 0.75
    minutes = {row.system: row.value for row in rows if row.metric == "minutes"}
    assert minutes["setfit"] > 0
    assert json.loads(path.read_text())["about"]["peers that failed"] == {}


def test_a_peer_that_fails_is_named_and_the_others_are_measured(
    few_labels: Path, tiny_encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Peer("setfit", "benchmarks.peers.nowhere", install="pip install nowhere")
    monkeypatch.setattr(classification, "SETFIT", broken)
    config = ClassifierConfig(epochs=1, precision="no")
    small = EncoderConfig(name=tiny_encoder, max_tokens=32)
    rows, path = classification.run(
        BANKING77, "10-per-class", [0, 1], config, peers=300, encoder=small
    )
    assert {row.system for row in rows} == {"frozen-encoder", "corank"}
    failed = json.loads(path.read_text())["about"]["peers that failed"]
    assert "No module named benchmarks.peers.nowhere (pip install nowhere)" in failed["setfit"]
    assert few_labels.exists()
