"""Graphs for other runtimes: run here by onnxruntime and tokenizers alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

import corank as cr
from corank import exporting
from corank.compress.export import text_encoder
from corank.errors import BundleError, ConfigError
from corank.inspecting import inspect
from corank.language.encoder import Encoder, EncoderConfig

TEXTS = ["coffee grinder", "a steel kettle for the kitchen", "Kaffee \u5496\u5561", ""]


def run(folder: Path, output: str, texts: list[str], max_tokens: int) -> NDArray[np.float32]:
    """As somebody without corank would: text by text."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    session = ort.InferenceSession(
        (folder / "graph.onnx").read_bytes(), providers=["CPUExecutionProvider"]
    )
    rows = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        rows.append(session.run([output], {"ids": ids, "mask": np.ones_like(ids)})[0])
    return np.concatenate(rows)


@pytest.fixture(scope="module")
def encoder(tiny_encoder: str) -> EncoderConfig:
    return EncoderConfig(name=tiny_encoder, max_tokens=32)


def test_a_bundles_graphs_say_what_the_bundle_says(bundle: Path, tmp_path: Path) -> None:
    found = cr.export(bundle, tmp_path / "out")
    engine = cr.load(bundle)
    assert list(found.graphs) == ["encoder", "user_model"]
    known = found.graphs["encoder"]
    place = tmp_path / "out" / "encoder"
    vectors = run(place, "vector", TEXTS, known["max_tokens"])
    assert vectors == pytest.approx(engine.encoder.encode_queries(TEXTS), abs=1e-5)

    place, model = tmp_path / "out" / "user_model", engine.signals.user_model
    ids = json.loads((place / "items.json").read_text())
    states = np.load(place / "states.npy")
    session = ort.InferenceSession(str(place / "graph.onnx"), providers=["CPUExecutionProvider"])
    history = [3, 1, 4]
    given = {"history": states[history][None], "mask": np.ones((1, 3), np.float32)}
    user = session.run(["vector"], given)[0]
    assert ids == engine.ids and inspect(tmp_path / "out").kind == "export"
    assert user @ states.T == pytest.approx(model.score(cr_ragged(history)), abs=1e-5)


def cr_ragged(history: list[int]) -> Any:
    from corank.data.ragged import Ragged

    return Ragged.of([history])


def test_a_classifiers_graph_ends_in_its_probabilities(
    encoder: EncoderConfig, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    made = cr.Classifier(
        text_encoder(Encoder.load(encoder), TEXTS),
        ("tea", "coffee", "lamp"),
        rng.normal(size=(32, 3)).astype(np.float32),
        rng.normal(size=3).astype(np.float32),
        temperature=0.7,
        threshold=0.4,
    )
    made.save(tmp_path / "made")
    found = cr.export(tmp_path / "made", tmp_path / "out", texts=TEXTS)
    said = found.graphs["classifier"]
    assert said["classes"] == ("tea", "coffee", "lamp") and said["threshold"] == 0.4
    assert said["outputs"]["probabilities"]["shape"][1] == 3
    got = run(tmp_path / "out" / "classifier", "probabilities", TEXTS, said["max_tokens"])
    assert got == pytest.approx(made.predict_proba(TEXTS), abs=1e-5)
    assert got.sum(1) == pytest.approx(1)


def test_an_appeals_graph_ends_in_its_score(encoder: EncoderConfig, tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=32).astype(np.float32)
    made = cr.Appeal(text_encoder(Encoder.load(encoder), TEXTS), weights, np.empty(0), np.empty(0))
    made.save(tmp_path / "made")
    found = cr.export(tmp_path / "made", tmp_path / "out")
    got = run(tmp_path / "out" / "appeal", "score", TEXTS, found.graphs["appeal"]["max_tokens"])
    assert got[:, 0] == pytest.approx(made.score(TEXTS), abs=1e-4)


def test_an_encoder_of_ones_own_is_exported(encoder: EncoderConfig, tmp_path: Path) -> None:
    found = cr.export(encoder.name, tmp_path / "out", texts=TEXTS)
    assert list(found.graphs) == ["encoder"]
    got = run(tmp_path / "out" / "encoder", "vector", TEXTS, found.graphs["encoder"]["max_tokens"])
    assert got == pytest.approx(Encoder.load(encoder).encode(TEXTS), abs=1e-4)


def test_what_differs_is_not_written_and_what_stood_there_stays(
    encoder: EncoderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cr.Appeal(
        text_encoder(Encoder.load(encoder), TEXTS), np.ones(32, np.float32), np.empty(0),
        np.empty(0),
    )  # fmt: skip
    made.save(tmp_path / "made")
    out = tmp_path / "out"
    cr.export(tmp_path / "made", out)
    before = inspect(out).files
    monkeypatch.setattr(cr.Appeal, "score", lambda _, texts: np.full(len(texts), 7.0))
    with pytest.raises(BundleError, match=r"something else of 'a', by .* nothing was written"):
        cr.export(tmp_path / "made", out)
    assert inspect(out).files == before


def test_what_is_in_the_way_and_what_is_no_source_is_said(
    encoder: EncoderConfig, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(BundleError, match="exists and is no export"):
        cr.export(encoder.name, tmp_path / "mine")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        cr.export(tmp_path / "nothing", tmp_path / "out")
    assert exporting.EXPORT.manifest == "export.json"
