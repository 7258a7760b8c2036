"""How sure of a first answer: on signals whose right answer is known."""

from pathlib import Path

import numpy as np
import pytest

from corank.rank.confidence import FEATURES, FEWEST, Confidence, Tried, fit_confidence


def tried(n: int, seed: int = 0, spread: float = 0.1) -> Tried:
    """Right answers are near .7, wrong ones near .4."""
    rng = np.random.default_rng(seed)
    right = np.arange(n) % 2 == 0
    text = np.where(right, 0.7, 0.4) + spread * rng.normal(size=n)
    told = np.stack([text, 0.1 * rng.normal(size=n), rng.random(n)], axis=1)
    return Tried(told, right, right)


def test_what_is_like_the_right_ones_is_surer() -> None:
    model = fit_confidence(tried(400))
    assert model is not None
    high, low = (model.of(np.array([text, 0.0, 0.5])) for text in (0.75, 0.35))
    assert high > 0.9 and low < 0.1
    assert 0 < low < high < 1


def test_the_chance_is_calibrated() -> None:
    model, new = fit_confidence(tried(2_000, spread=0.3)), tried(4_000, seed=1, spread=0.3)
    assert model is not None
    sure = np.array([model.of(each) for each in new.told])
    for low in np.arange(0.1, 0.9, 0.2):
        within = (sure >= low) & (sure < low + 0.2)
        assert new.right[within].mean() == pytest.approx(sure[within].mean(), abs=0.06)


def test_too_few_teach_nothing() -> None:
    assert fit_confidence(tried(2 * FEWEST - 2)) is None
    assert fit_confidence(tried(2 * FEWEST)) is not None
    none = Tried(np.empty((0, len(FEATURES))), np.empty(0, bool), np.empty(0, bool))
    assert fit_confidence(none) is None


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    model = Confidence(np.array([1.0, -2.0, 0.5]), 0.25)
    model.save(tmp_path / "confidence.json")
    again = Confidence.load(tmp_path / "confidence.json")
    assert again.weights.tolist() == model.weights.tolist() and again.bias == model.bias


def test_far_beyond_what_was_seen_is_still_a_chance() -> None:
    model = Confidence(np.array([1e4, 0.0, 0.0]), 0.0)
    assert model.of(np.array([1.0, 0, 0])) == 1.0
    assert model.of(np.array([-1.0, 0, 0])) == pytest.approx(0.0)
