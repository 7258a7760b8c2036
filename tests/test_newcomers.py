"""The ranker of new items learns from answers that nobody had chosen before."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import corank
from corank import Dataset, EncoderConfig, FitConfig, Pipeline
from corank.errors import LeakageWarning
from corank.evaluate.task import Task
from corank.rank.ranker import Examples, Ranker, fit_ranker

Seen = list[tuple[tuple[str, ...], int, int]]


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Features, cases learned from and cases checked on, of each ranker."""
    seen: Seen = []

    def watched(features: Any, train: Examples, check: Examples, *a: Any, **options: Any) -> Ranker:
        seen.append((tuple(features), len(train), len(check)))
        return fit_ranker(features, train, check, *a, **options)

    monkeypatch.setattr("corank.recommending.fit_ranker", watched)
    return seen


def fit(sample: Dataset, tiny_encoder: str, config: FitConfig) -> tuple[Dataset, Pipeline]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)
        train, _ = sample.split("cold-items")
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    pipeline = Pipeline(corank.load_vertical("ecommerce"), encoder)
    pipeline.fit(train, config)
    return train, pipeline


@pytest.mark.parametrize("enough", [True, False])
def test_it_learns_from_answers_that_were_new(
    sample: Dataset,
    tiny_encoder: str,
    small_fit: FitConfig,
    learned: Seen,
    monkeypatch: pytest.MonkeyPatch,
    enough: bool,
) -> None:
    monkeypatch.setattr("corank.recommending.FEWEST_NEW", 10 if enough else 10_000)
    train, pipeline = fit(sample, tiny_encoder, replace(small_fit, epochs=0))
    base, held = train.carve().train.rehearse()
    task = Task.of(held.cases(), pipeline.engine.signals.repeatable)
    new = len(task.asking(base.item_counts() == 0))
    assert 10 < new < len(task)
    everything, as_new = learned
    assert "popularity" in everything[0] and "popularity" not in as_new[0]
    assert everything[1] == len(task)
    if enough:
        assert as_new[1] + as_new[2] == new and as_new[2] == round(0.2 * new)
    else:  # all but those of whom nothing is known
        assert new < as_new[1] <= len(task)
    history = sample.items["item_id"].head(3).to_list()
    scores = [answer.score for answer in pipeline.engine.recommend(history, as_new=True)]
    assert len(scores) == 10 and np.isfinite(scores).all()
