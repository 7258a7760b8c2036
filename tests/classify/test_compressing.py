"""A classifier in 8 bits: right as often, saved and loaded, refused where it is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from corank import (
    Classifier,
    EncoderConfig,
    Labelled,
    ShrinkConfig,
    compress_classifier,
    fit_classifier,
)
from corank.classify.training import ClassifierConfig
from corank.compress import int8
from corank.errors import CompressionError, ConfigError

WORDS = {"kitchen": "kettle mug pan stove", "garden": "hose plant soil rake"}
TEXTS = [f"{a} and {b} {n}" for words in WORDS.values() for n, a in enumerate(words.split())
         for b in words.split()]  # fmt: skip
LABELS = [name for name in WORDS for _ in range(16)]


@pytest.fixture(scope="module")
def classifier(tiny_encoder: str) -> Classifier:
    how = ClassifierConfig(epochs=4, batch_size=8, precision="no")
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=16)
    return fit_classifier(TEXTS[::2], LABELS[::2], how, encoder=encoder)


def test_it_is_as_often_right(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "TABLE", 100)
    held = Labelled(TEXTS[1::2], LABELS[1::2])
    small, found = compress_classifier(classifier, held, max_drop=0.1)
    assert found.metric == "accuracy" and found.changes["classify"].cases == 16
    assert found.changes["classify"].before == classifier.evaluate(*held)["accuracy"]
    assert found.changes["classify"].after == small.evaluate(*held)["accuracy"]
    assert len(small.encoder.graph) < 0.6 * len(classifier.encoder.graph)
    assert small.predict_proba(held.texts) == pytest.approx(
        classifier.predict_proba(held.texts), abs=0.05
    )
    small.save(tmp_path / "small")
    again = Classifier.load(tmp_path / "small")
    assert again.predict(held.texts) == small.predict(held.texts)
    assert again.about["compressed"]["metric"] == "accuracy"
    with pytest.raises(CompressionError, match="compressed already"):
        compress_classifier(again, held)
    with pytest.raises(CompressionError, match="of accuracy is lost"):
        compress_classifier(classifier, held, max_drop=-1)


def test_of_fewer_layers_it_learns_what_the_whole_one_says(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "TABLE", 100)
    held = Labelled(TEXTS[1::2], LABELS[1::2])
    how = ShrinkConfig(layers=1, epochs=6, min_steps=60, batch_size=8, precision="no")
    small, found = compress_classifier(classifier, held, shrink=how, texts=TEXTS[::2], max_drop=0.2)
    whole, _ = compress_classifier(classifier, held, max_drop=0.2)
    assert len(small.encoder.graph) < len(whole.encoder.graph)
    assert small.about["compressed"]["shrunk"]["layers"] == 1
    assert found.changes["classify"].before == classifier.evaluate(*held)["accuracy"]
    assert found.changes["classify"].after == small.evaluate(*held)["accuracy"]
    with pytest.raises(ConfigError, match="layers=5, and this encoder has 2"):
        compress_classifier(classifier, held, shrink=replace(how, layers=5))
