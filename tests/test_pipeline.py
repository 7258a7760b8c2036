"""From data to a report: the same every time, and refused where it cannot be done."""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import corank
from corank import (
    AdaptConfig,
    ClassifierConfig,
    Dataset,
    EncoderConfig,
    FitConfig,
    Pipeline,
    RankerConfig,
    Report,
    RerankerConfig,
    UserModelConfig,
    Vertical,
)
from corank.bundle import read_report
from corank.data.dataset import Split
from corank.errors import ConfigError, DataError, RequestError


@pytest.fixture(scope="module")
def shop() -> Vertical:
    return corank.load_vertical("ecommerce")


@pytest.fixture(scope="module")
def encoder(tiny_encoder: str) -> EncoderConfig:
    return EncoderConfig(name=tiny_encoder, max_tokens=32)


@pytest.fixture(scope="module")
def fitted(
    shop: Vertical, encoder: EncoderConfig, few: Split, small_fit: FitConfig
) -> Callable[[int], Pipeline]:
    """Fits on what a few did, by a seed."""

    def fit(seed: int) -> Pipeline:
        pipeline = Pipeline(shop, encoder)
        pipeline.fit(few.train, replace(small_fit, seed=seed))
        return pipeline

    return fit


def test_the_same_seed_writes_the_same_report_to_the_byte(
    fitted: Callable[[int], Pipeline], few: Split, tmp_path: Path
) -> None:
    engines = []
    for run in ("first", "again"):
        pipeline = fitted(3)
        pipeline.save(tmp_path / run, pipeline.evaluate(few.test))
        engines.append(pipeline.engine)
    for name in ("report.json", "report.md"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    first, again = engines
    assert first.recommend(["KIT-0001"]) == again.recommend(["KIT-0001"])

    other = fitted(4).engine
    states = [engine.signals.user_model.states for engine in (first, again, other)]
    assert np.array_equal(states[0], states[1])
    assert not np.array_equal(states[0], states[2])


def test_fitting_tunes_the_encoder_and_0_epochs_leave_it_frozen(
    shop: Vertical, encoder: EncoderConfig, few: Split, small_fit: FitConfig
) -> None:
    tuned, frozen, again = (
        Pipeline(shop, encoder)
        .fit(few.train, replace(small_fit, epochs=epochs))
        .signals.text_vectors
        for epochs in (1, 0, 0)
    )
    assert np.array_equal(frozen, again)
    assert np.abs(tuned - frozen).max() > 1e-4


def test_refitted_signals_have_seen_validation_and_nothing_else_changed(
    shop: Vertical,
    encoder: EncoderConfig,
    few: Split,
    small_fit: FitConfig,
    fitted: Callable[[int], Pipeline],
) -> None:
    pipeline = fitted(0)
    before, report = pipeline.engine, pipeline.evaluate(few.test)
    after = pipeline.refit()
    assert pipeline.engine is after is pipeline.refit()
    fit = few.train.carve().train
    assert before.signals.counts.tolist() == fit.item_counts().tolist()
    assert after.signals.counts.tolist() == few.train.item_counts().tolist()
    assert after.signals.counts.sum() > before.signals.counts.sum()
    assert (after.encoder, after.recommender) == (before.encoder, before.recommender)
    again = pipeline.evaluate(few.test)
    assert again.about["refit"] and "refit" not in report.about
    for system in ("corank", "popularity"):
        novel = [r.value(system, "novelty@10", "beyond accuracy") for r in (report, again)]
        assert novel[0] != novel[1]

    at_once = Pipeline(shop, encoder).fit(few.train, replace(small_fit, refit=True))
    assert np.array_equal(at_once.signals.user_model.states, after.signals.user_model.states)


def test_nothing_can_be_asked_of_a_pipeline_before_it_is_fitted(
    shop: Vertical, few: Split, tmp_path: Path
) -> None:
    pipeline = Pipeline(shop)
    message = r"This pipeline is not fitted\. Call fit\(train\) first\."
    with pytest.raises(RequestError, match=message):
        pipeline.evaluate(few.test)
    with pytest.raises(RequestError, match=message):
        pipeline.save(tmp_path / "shop", Report("", ()))
    with pytest.raises(RequestError, match=message):
        pipeline.refit()
    with pytest.raises(RequestError, match=message):
        _ = pipeline.engine
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("events", [1, 2])
def test_too_little_data_is_refused(
    shop: Vertical, encoder: EncoderConfig, sample: Dataset, small_fit: FitConfig, events: int
) -> None:
    little = replace(sample, interactions=sample.interactions.head(events))
    with pytest.raises(DataError, match="leaves 0 for training"):
        Pipeline(shop, encoder).fit(little, small_fit)


def test_views_alone_are_nothing_to_learn_from(
    shop: Vertical, encoder: EncoderConfig, sample: Dataset, small_fit: FitConfig
) -> None:
    views = sample.interactions.filter(event="view").unique(["user_id", "item_id"])
    with pytest.raises(DataError, match="Too few relevant events"):
        Pipeline(shop, encoder).fit(replace(sample, interactions=views), small_fit)


def test_training_data_is_no_test(pipeline: Pipeline, split: Split) -> None:
    with pytest.raises(DataError, match=r"take the test side of data\.split"):
        pipeline.evaluate(split.train)


def test_an_encoder_that_is_nowhere_is_named_before_anything_is_trained(
    shop: Vertical, few: Split, small_fit: FitConfig, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        Pipeline(shop, str(tmp_path)).fit(few.train, small_fit)


def test_a_resumed_pipeline_measures_what_the_one_that_fitted_did(
    bundle: Path, split: Split
) -> None:
    engine = corank.load(bundle)
    again, stored = Pipeline.resume(engine, split.train).evaluate(split.test), read_report(bundle)
    stored.about.pop("waits")  # how long answers took is never twice the same
    assert again == stored


def test_how_it_was_made_is_kept(pipeline: Pipeline, bundle: Path) -> None:
    about = corank.load(bundle).about
    assert about == pipeline.engine.about
    assert about["protocol"] == {"name": "time", "test": 0.2, "seed": 0}
    assert isinstance(about["fit"], dict)
    assert about["fit"]["user_model"]["dim"] == 16


@pytest.mark.parametrize(
    "config",
    [
        *(FitConfig, UserModelConfig, RankerConfig, RerankerConfig, EncoderConfig),
        *(AdaptConfig, ClassifierConfig),
    ],
)
def test_every_option_is_documented_where_it_is_declared(config: type) -> None:
    declared: set[str] = set()
    for part in reversed(config.__mro__):
        if not is_dataclass(part):
            continue
        _, _, arguments = (part.__doc__ or "").partition("Args:\n")
        named = re.findall(r"^ {8}([a-z0-9_, ]+):", arguments, re.MULTILINE)
        documented = {name for names in named for name in names.split(", ")}
        own = set(part.__annotations__)
        assert own >= documented >= own - declared  # another default needs no other words
        declared |= own
    assert declared == {field.name for field in fields(config)}
