"""The sample shop as a public set: fitted with two seeds, resumed, refitted, taken apart."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import corank
from benchmarks import ablation, accuracy
from benchmarks.reporting import results
from benchmarks.sets.datasets import RankingSet
from corank import EncoderConfig, FitConfig, Pipeline, Report
from corank.data.dataset import Split
from corank.runs import rank_histories


def prepare(_: Path, out: Path) -> None:
    sample = corank.load_vertical("ecommerce").sample
    assert sample
    shutil.copytree(sample, out, dirs_exist_ok=True)


SHOP = RankingSet(
    name="shop",
    vertical=corank.load_vertical("ecommerce"),
    home_page="here",
    licence="ours",
    files={},
    prepare=prepare,
    protocols=("time",),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where results and bundles go, of a commit that is clean."""
    folder = tmp_path_factory.mktemp("benchmarks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "RESULTS", folder)
        patch.setattr(accuracy, "RUNS", folder / "runs")
        patch.setattr(accuracy, "current_commit", lambda: "0123456789ab")
        yield folder


@pytest.fixture(scope="module")
def stored(place: Path, tiny_encoder: str, tiny_fit: FitConfig) -> tuple[Report, Path]:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    return accuracy.run(SHOP, "time", [3, 4], tiny_fit, encoder=encoder, refit=True)


def test_several_seeds_give_their_mean_and_each_of_them(stored: tuple[Report, Path]) -> None:
    report, path = stored
    assert json.loads(path.read_text("utf-8"))["rows"] == [vars(row) for row in report.rows]
    rows = {(row.system, row.split, row.metric): row for row in report.rows}
    for metric, values in report.about["by seed"].items():
        row = rows["corank", "all", metric]
        assert row.seeds == len(values) == 2
        assert row.value == pytest.approx(np.mean(values))
        assert row.low is not None and row.high is not None
        assert row.low <= row.value <= row.high
        assert rows["ease", "all", metric].seeds == 1
        over = rows["corank", "all", f"{metric}_over/ease"]
        assert over.value == pytest.approx(row.value - rows["ease", "all", metric].value)
    first, second = report.about["by seed"]["ndcg@10"]
    assert first != second
    cost = rows["corank", "cost", "fit_seconds"]
    assert cost.low is not None and 0 < cost.low <= cost.value and cost.seeds == 2


def test_what_refitting_gives_stands_apart_with_refitted_baselines(
    stored: tuple[Report, Path],
) -> None:
    report, _ = stored
    rows = {(row.system, row.split, row.metric): row for row in report.rows}
    assert {system for system, split, _ in rows if split == "refit"} == {
        system for system, split, _ in rows if split == "all"
    }
    for system in ("corank", "popularity", "ease"):
        assert (
            rows[system, "refit", "recall@100"].value != rows[system, "all", "recall@100"].value
        ), system
    assert report.about["refit"] != report.verdict


def test_what_was_fitted_is_not_fitted_again(
    stored: tuple[Report, Path], place: Path, tiny_fit: FitConfig
) -> None:
    nowhere = EncoderConfig(name=str(place / "no-encoder"))
    (folder,) = (place / "runs").iterdir()
    split = SHOP.split("time", 3)
    config = FitConfig(**{**vars(tiny_fit), "seed": 3})
    accuracy.fit(SHOP, split.train, config, folder, nowhere)
    again = accuracy.resumed(SHOP, split.train, config, folder)
    report = again.evaluate(split.test)
    assert report.value("corank", "ndcg@10") == stored[0].about["by seed"]["ndcg@10"][0]


def test_where_the_code_is_in_flux_everything_is_fitted_anew(
    place: Path, tiny_fit: FitConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "current_commit", lambda: "0123456789ab-dirty")
    folder = accuracy.folder(SHOP, "cold-items", tiny_fit, 0)
    (folder / "seed-0").mkdir(parents=True)
    assert accuracy.folder(SHOP, "cold-items", tiny_fit, 0) == folder
    assert not folder.exists()


def test_what_was_fitted_otherwise_lies_elsewhere(place: Path, tiny_fit: FitConfig) -> None:
    """Another split, other settings, another encoder; the seed of a fit is that of its bundle."""
    other, encoder = FitConfig(**vars(tiny_fit) | {"window": 3}), EncoderConfig(max_tokens=32)
    named = [
        accuracy.folder(SHOP, "time", tiny_fit, 0),
        accuracy.folder(SHOP, "cold-items", tiny_fit, 0),
        accuracy.folder(SHOP, "time", other, 0),
        accuracy.folder(SHOP, "time", tiny_fit, 1),
        accuracy.folder(SHOP, "time", tiny_fit, 0, encoder),
    ]
    assert len({*named}) == 5
    again = FitConfig(**vars(tiny_fit) | {"seed": 7})
    assert accuracy.folder(SHOP, "time", again, 0) == named[0]


def test_each_part_is_taken_away_in_turn(
    pipeline: Pipeline, split: Split, tiny_fit: FitConfig
) -> None:
    engine = pipeline.engine
    found = ablation.without_each(engine, split.train, tiny_fit)
    names = [*ablation.PARTS, "all text", "trees"]
    assert list(found) == [f"corank - {name}" for name in names]
    silent = found["corank - all text"]
    assert not np.any(silent.signals.text_vectors)
    assert not {*silent.signals.recommend_parts.values()} & ablation.TEXTS
    assert found["corank - trees"].recommender.trees is None
    cases = split.test.cases()
    whole = rank_histories(engine, cases.histories, cases.moments)
    assert {*engine.signals.recommend_parts.values()} >= {*ablation.PARTS}
    for part, each in zip(ablation.PARTS, found.values(), strict=False):
        left = engine.signals.recommend_parts
        assert each.recommender.features == tuple(f for f, p in left.items() if p != part)
        assert each.signals.text_vectors is engine.signals.text_vectors
        run = rank_histories(each, cases.histories, cases.moments)
        assert run.shape == whole.shape and (run[:, 0] >= 0).any()
    assert (
        rank_histories(found["corank - popularity"], cases.histories, cases.moments) != whole
    ).any()
