"""A catalogue that people only search: judged queries, and nobody's behaviour."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest

import corank
from corank import (
    EncoderConfig,
    Engine,
    FitConfig,
    Pipeline,
    RerankerConfig,
)
from corank.cli import main
from corank.data.dataset import Dataset, Split
from corank.errors import DataError
from corank.evaluate.report import Report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the sample shop without its shoppers."""
    shop, folder = corank.load_vertical("ecommerce"), tmp_path_factory.mktemp("searched")
    assert shop.sample is not None
    for path in shop.sample.glob("*.*"):
        if path.stem in ("items", "queries"):
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def searched(folder: Path) -> Dataset:
    return corank.load_vertical("ecommerce").read(folder)


@pytest.fixture(scope="module")
def split(searched: Dataset) -> Split:
    return searched.split("time")


@pytest.fixture(scope="module")
def pipeline(
    split: Split, tiny_encoder: str, small_fit: FitConfig, small_reader: RerankerConfig
) -> Pipeline:
    shop = corank.load_vertical("ecommerce")
    pipeline = Pipeline(shop, EncoderConfig(name=tiny_encoder, max_tokens=32))
    pipeline.fit(split.train, replace(small_fit, epochs=2, patience=2, reranker=small_reader))
    return pipeline


@pytest.fixture(scope="module")
def engine(pipeline: Pipeline) -> Engine:
    return pipeline.engine


@pytest.fixture(scope="module")
def report(pipeline: Pipeline, split: Split) -> Report:
    return pipeline.evaluate(split.test)


def test_nobody_acted_and_the_queries_are_divided(searched: Dataset, split: Split) -> None:
    assert searched.interactions.is_empty() and searched.users.is_empty()
    train, test = (set(side.queries["query"]) for side in split)
    assert train and test and not train & test
    assert train | test == set(searched.queries["query"])


def test_it_finds(engine: Engine) -> None:
    answers = engine.search("coffee grinder", k=50)
    assert len(answers) == 50 and any(answer.reasons for answer in answers)


def test_recommending_falls_back_to_what_texts_say(engine: Engine) -> None:
    assert len(engine.recommend([], k=3)) == 3
    first = engine.items["item_id"][0]
    answers = engine.recommend([first], k=3)
    assert len(answers) == 3 and first not in [answer.item_id for answer in answers]


def test_the_report_speaks_of_search_alone(report: Report) -> None:
    assert {row.split for row in report.rows} == {"search"}
    assert "ndcg@10" in report.verdict and report.about["cases"]["search"] > 1
    assert report.value("bm25", "ndcg@10", "search") > 0
    assert report.markdown().startswith(f"**{report.verdict}**")


def test_it_is_saved_and_answers_the_same(
    pipeline: Pipeline, report: Report, engine: Engine, tmp_path: Path
) -> None:
    pipeline.save(tmp_path / "shop", report)
    loaded = corank.load(tmp_path / "shop")
    assert loaded.search("warm blanket", k=9) == engine.search("warm blanket", k=9)


def test_what_the_validation_says_is_told(
    split: Split, tiny_encoder: str, small_fit: FitConfig
) -> None:
    shop, seen = corank.load_vertical("ecommerce"), []
    pipeline = Pipeline(shop, EncoderConfig(name=tiny_encoder, max_tokens=32))
    config = replace(small_fit, epochs=2)
    pipeline.fit(split.train, config, watch=lambda share, ndcg: seen.append((share, ndcg)))
    assert [share for share, _ in seen] == [0.5, 1.0]
    assert all(0 < ndcg < 1 for _, ndcg in seen)


def test_the_command_fits_it(
    folder: Path, small_fit: FitConfig, tiny_encoder: str, tmp_path: Path
) -> None:
    (tmp_path / "fit.json").write_text(json.dumps(asdict(small_fit)))
    where = ["--data", str(folder), "--out", str(tmp_path / "shop")]
    how = ["--encoder", tiny_encoder, "--config", str(tmp_path / "fit.json")]
    assert main(["fit", "ecommerce", *where, *how]) == 0
    assert main(["search", str(tmp_path / "shop"), "warm blanket"]) == 0
    assert main(["evaluate", str(tmp_path / "shop"), "--data", str(folder)]) == 0


def test_one_query_is_too_few(searched: Dataset) -> None:
    one = replace(
        searched, queries=searched.queries.filter(pl.col("query") == pl.col("query").first())
    )
    with pytest.raises(DataError, match=r"judgements leaves .* Bring more judgements"):
        one.split("time")
