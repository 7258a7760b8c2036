"""The search over whole fits, and its command: validation decides, the test is never looked at."""

import io
import json
import shlex
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import corank
from corank import Dataset, EncoderConfig, FitConfig, Pipeline, UserModelConfig
from corank.cli import main
from corank.data.dataset import Split
from corank.errors import ConfigError
from corank.evaluate.metrics import compute
from corank.evaluate.task import Task
from corank.language.encoder import Encoder
from corank.runs import rank_histories
from corank.tune.fit import DEFAULT_SPACE, _default_space, tune
from corank.tune.space import read_space
from corank.tune.study import Found


@pytest.fixture(scope="module")
def small(tiny_fit: FitConfig) -> FitConfig:
    model = UserModelConfig(dim=8, heads=2, epochs=1, min_steps=6, checks=2)
    return replace(tiny_fit, batch_size=8, max_pairs=64, checks=2, user_model=model)


@pytest.fixture(scope="module")
def few(sample: Dataset) -> Split:
    """What 80 of the sample's shoppers did."""
    users = sample.users["user_id"].head(80)
    kept = sample.interactions.filter(pl.col("user_id").is_in(users.implode()))
    return replace(sample, interactions=kept).split("time")


@pytest.fixture(scope="module")
def shop(tiny_encoder: str) -> Pipeline:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    return Pipeline(corank.load_vertical("ecommerce"), encoder)


SPACE = {"user_model.dropout": [0.0, 0.3]}


def searched(shop: Pipeline, data: Dataset, base: FitConfig, folder: Path) -> Found[FitConfig]:
    return tune(shop, data, base, SPACE, folder=folder, trials=1)


@pytest.fixture(scope="module")
def found(
    shop: Pipeline, few: Split, small: FitConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Found[FitConfig]]:
    folder = tmp_path_factory.mktemp("studies") / "shop"
    return folder, searched(shop, few.train, small, folder)


def test_the_value_is_what_the_same_fit_earns_on_validation(
    shop: Pipeline, few: Split, small: FitConfig, found: tuple[Path, Found[FitConfig]]
) -> None:
    engine = Pipeline(shop.vertical, shop.encoder).fit(few.train, small)
    task = Task.of(few.train.carve().test.cases(), engine.signals.repeatable)
    ndcg = compute("ndcg@10", task.judge(rank_histories(engine, task.histories, task.moments)))
    assert found[1].base_value == np.nanmean(ndcg)
    with pytest.raises(corank.errors.RequestError, match="not fitted"):
        _ = shop.engine  # it stays as it was


def test_fitting_tells_how_good_it_is_on_the_way_and_learns_the_same(
    shop: Pipeline, few: Split, small: FitConfig
) -> None:
    told: list[tuple[float, float]] = []
    pipeline = Pipeline(shop.vertical, shop.encoder)
    watched = pipeline.fit(few.train, small, watch=lambda *now: told.append(now))
    assert [done for done, _ in told] == [0.5, 1.0, 1.5, 2.0]
    assert all(0 < value < 1 for _, value in told)
    states = pipeline.fit(few.train, small).signals.user_model.states
    assert np.array_equal(watched.signals.user_model.states, states)


def test_patience_lets_validation_end_the_encoders_tuning(
    shop: Pipeline, few: Split, small: FitConfig
) -> None:
    eager = replace(small, epochs=3, learning_rate=0.0, patience=1)
    told: list[float] = []
    Pipeline(shop.vertical, shop.encoder).fit(
        few.train, eager, watch=lambda done, _: told.append(done)
    )
    assert [done for done in told if done <= 1] == [1 / 6, 2 / 6]  # nothing is gained by the second


def test_by_default_only_what_the_config_reads_is_tried() -> None:
    def names(**options: Any) -> set[str]:
        return {*_default_space(FitConfig(**options))}

    everything, model = {*DEFAULT_SPACE}, {n for n in DEFAULT_SPACE if n.startswith("user_model.")}
    assert names() == everything and names(epochs=0) == model
    unread = {"temperature", "window", "hard_negatives"}
    assert names(objective="interactions") == everything - unread
    assert read_space(_default_space(base := FitConfig(objective="interactions")), base)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data", "made with data = '"),
        ("split", "made with split.test = 0.2, and this one has 0.3"),
        ("encoder", "made with encoder.max_tokens = 32, and this one has 16"),
        ("weights", "made with encoder.weights = "),
        ("base", "made with base.window = 2, and this one has 3"),
    ],
)
def test_a_study_of_something_else_is_not_gone_on_with(
    change: str, message: str, shop: Pipeline, few: Split, small: FitConfig,
    found: tuple[Path, Found[FitConfig]],
) -> None:  # fmt: skip
    train, base = few.train, small
    if change == "data":
        train = replace(train, interactions=train.interactions.head(-1))
    if change == "split":
        assert train.protocol
        train = replace(train, protocol=replace(train.protocol, test=0.3))
    if change == "encoder":
        shop = Pipeline(shop.vertical, replace(shop.encoder, max_tokens=16))
    if change == "weights":
        shop = Pipeline(shop.vertical, shop.encoder)
        shop._adapted = Encoder.load(shop.encoder)
        next(shop._adapted.parameters()).data += 0.01
    if change == "base":
        base = replace(base, window=3)
    with pytest.raises(ConfigError, match=message):
        searched(shop, train, base, found[0])


def test_the_command_searches_and_fit_takes_what_it_found(
    sample: Dataset, few: Split, tiny_encoder: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("items", "users", "queries"):
        getattr(sample, name).write_csv(data / f"{name}.csv")
    users = sample.users.head(80)
    kept = sample.interactions.join(users, on="user_id", how="semi", maintain_order="left")
    kept.write_csv(data / "interactions.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    config = {
        "batch_size": 8, "max_pairs": 64, "precision": "no",
        "user_model": {"dim": 8, "heads": 2, "epochs": 1, "min_steps": 6, "checks": 1},
        "ranker": {"per_retriever": 20, "trees": 5, "patience": 2},
    }  # fmt: skip
    (tmp_path / "base.json").write_text(json.dumps(config))
    (tmp_path / "space.json").write_text('{"user_model.dropout": [0.0, 0.1], "window": [2, 3]}')
    words = [
        "tune", "ecommerce", "--data", data, "--out", tmp_path / "my study",
        "--config", tmp_path / "base.json", "--space", tmp_path / "space.json",
        "--encoder", tiny_encoder, "--seed", 5, "--trials",
    ]  # fmt: skip
    said = call(*words, 1)
    assert "1 trials: 1 complete, 0 cut short, 0 failed\nbest value 0." in said
    answer = json.loads(call(*words, 2, "--json"))
    assert (answer["trials"], answer["complete"]) == (2, 2)
    assert answer["value"] >= answer["base_value"] > 0
    best = json.loads((tmp_path / "my study" / "best.json").read_text("utf-8"))
    assert best["seed"] == 5
    assert best["user_model"]["dim"] == 8

    _, *after = shlex.split(answer["next"])
    assert said.endswith(f"Next: {answer['next']}\n")
    call(*after)
    assert corank.load(tmp_path / "my study" / "bundle").about["fit"] == best


def call(*words: object) -> str:
    """Run a command that ends well; return what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words])
    assert code == 0, err.getvalue()
    return out.getvalue()
