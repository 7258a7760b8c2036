"""A fit whose searches are read: from judged queries to a bundle that answers without torch."""

import json
import subprocess
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import corank
from corank import (
    EncoderConfig,
    Engine,
    FitConfig,
    Pipeline,
    RerankerConfig,
    UpdateConfig,
    compressing,
)
from corank.compress import int8
from corank.config import from_mapping
from corank.data.dataset import Split
from corank.errors import ConfigError, DataError
from corank.evaluate.report import Report
from corank.rank.ranker import Examples, Ranker, fit_ranker
from corank.runs import rank_queries
from corank.searching import some_queries

QUERIES = ("coffee grinder", "gift for a runner", "soft blanket for a baby")
DEPTH = 15


@pytest.fixture(scope="module")
def read_fit(small_fit: FitConfig, small_reader: RerankerConfig) -> FitConfig:
    assert small_reader.depth == DEPTH
    return replace(small_fit, reranker=small_reader)


def start(tiny_encoder: str) -> Pipeline:
    shop = corank.load_vertical("ecommerce")
    return Pipeline(shop, EncoderConfig(name=tiny_encoder, max_tokens=32))


@pytest.fixture(scope="module")
def reading(few: Split, tiny_encoder: str, read_fit: FitConfig) -> Pipeline:
    pipeline = start(tiny_encoder)
    pipeline.fit(few.train, read_fit)
    return pipeline


@pytest.fixture(scope="module")
def engine(reading: Pipeline) -> Engine:
    return reading.engine


@pytest.fixture(scope="module")
def report(reading: Pipeline, few: Split) -> Report:
    return reading.evaluate(few.test)


@pytest.fixture(scope="module")
def saved(reading: Pipeline, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading") / "shop"
    reading.save(path, report)
    return path


def test_the_second_stage_orders_the_first_answers_and_leaves_the_others(engine: Engine) -> None:
    read, unread = (rank_queries(engine, [*QUERIES], read=read) for read in (True, False))
    assert not np.array_equal(read, unread)
    for one, other in zip(read, unread, strict=True):
        assert set(one[:DEPTH]) == set(other[:DEPTH])
        assert one[DEPTH:].tolist() == other[DEPTH:].tolist()
    without = replace(engine, reader=None)
    assert np.array_equal(rank_queries(without, [*QUERIES]), unread)


def test_what_is_measured_is_what_is_answered_before_rules(engine: Engine) -> None:
    lawless = replace(engine, vertical=replace(engine.vertical, rules=()))
    position = {item: place for place, item in enumerate(engine.items["item_id"])}
    run = rank_queries(engine, [*QUERIES])
    for row, query in enumerate(QUERIES):
        answers = lawless.search(query, k=25)
        assert [position[answer.item_id] for answer in answers] == run[row, :25].tolist()
        scores = [answer.score for answer in answers]
        assert scores == sorted(scores, reverse=True)


def test_the_parts_of_an_answer_add_up_read_or_not(engine: Engine) -> None:
    answers = [answer for query in QUERIES for answer in engine.search(query, k=25)]
    still = [answer for answer in answers if not answer.rules]
    assert len(still) > DEPTH
    for answer in still:
        assert sum(answer.parts.values()) == pytest.approx(answer.score, abs=1e-6)
        assert "reading" in answer.parts


def test_a_condition_comes_before_the_reading(engine: Engine) -> None:
    cheap = pl.col("price") < engine.items["price"].quantile(0.2)
    answers = engine.search("coffee grinder", k=10, where=cheap)
    shown = engine.items.filter(pl.col("item_id").is_in([answer.item_id for answer in answers]))
    assert shown.height == 10 and shown.filter(~cheap).is_empty()


def test_a_loaded_bundle_reads_as_the_pipeline_does(engine: Engine, saved: Path) -> None:
    loaded = corank.load(saved)
    assert loaded.reader is not None and loaded.reader.depth == DEPTH
    for query in QUERIES:
        assert loaded.search(query).to_dict() == engine.search(query).to_dict()


def test_a_bundle_without_one_loads(bundle: Path) -> None:
    assert not (bundle / "reader").exists()
    assert corank.load(bundle).reader is None


SERVE = """
import sys
import corank
answers = corank.load(sys.argv[1]).search("coffee grinder", k=3)
assert "reading" in answers[0].parts
print(sorted({"torch", "transformers", "onnx"} & set(sys.modules)))
"""


def test_reading_imports_no_training_library(saved: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(saved)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_report_sets_the_first_stage_beside_it(report: Report) -> None:
    rows = [row for row in report.rows if row.split == "search"]
    metrics = {row.metric for row in rows if row.system == "corank/unread"}
    assert {"ndcg@10", "mrr@10", "recall@100"} <= metrics
    assert any("corank/unread" in row.metric for row in rows if row.system == "corank")


def test_none_of_the_queries_that_rankers_learn_from_has_been_read(few: Split) -> None:
    fit, validation = few.train.carve()
    seen, held = fit.carve().train, fit.rehearse().test
    queries = [set(part.judged_queries()[0]) for part in (seen, held, validation, few.test)]
    assert all(queries)
    assert sum(map(len, queries)) == len(set().union(*queries))


def test_distillation_changes_the_encoder_and_resumes_where_it_was(
    few: Split, tiny_encoder: str, engine: Engine, read_fit: FitConfig, tmp_path: Path
) -> None:
    assert read_fit.reranker is not None
    config = replace(read_fit, reranker=replace(read_fit.reranker, distil=True, patience=1))
    runs = [corank.Run(tmp_path / "run", resume=resume) for resume in (False, True)]
    distilled, again = (start(tiny_encoder).fit(few.train, config, run=run) for run in runs)
    assert {path.name for path in (tmp_path / "run").iterdir() if "step" not in path.name} == {
        "reranker", "distilled",
    }  # fmt: skip
    vectors = distilled.signals.text_vectors
    assert np.array_equal(vectors, again.signals.text_vectors)
    assert np.abs(vectors - engine.signals.text_vectors).max() > 1e-4


def test_without_judged_queries_there_is_nothing_to_read(
    few: Split, tiny_encoder: str, read_fit: FitConfig
) -> None:
    unjudged = replace(few.train, queries=few.train.queries.clear())
    with pytest.raises(DataError, match="Bring judged queries, or leave out what learns"):
        start(tiny_encoder).fit(unjudged, read_fit)


def test_to_order_what_is_given_is_learned_among_what_was_judged(
    few: Split, tiny_encoder: str, read_fit: FitConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, float]] = []

    def watched(features: object, train: Examples, check: Examples, *a: Any, **kw: Any) -> Ranker:
        for each in (train, check):
            graded = np.diff(each.indptr)
            seen.extend((int(n), float(each.grades.min())) for n in graded)
        return fit_ranker(features, train, check, *a, **kw)  # type: ignore[arg-type]

    monkeypatch.setattr("corank.searching.fit_ranker", watched)
    start(tiny_encoder).fit(few.train, replace(read_fit, among_judged=True, objective="judgements"))
    held = few.train.carve().train.carve().test
    _, judged = held.judged_queries()
    asked = judged.lengths.tolist()
    assert [n for n, _ in seen[: len(asked)]] == asked  # the first stage's, in their order
    assert max(n for n, _ in seen) < read_fit.ranker.per_retriever


def test_an_update_trains_no_reranker() -> None:
    with pytest.raises(ConfigError, match="An update trains no reranker"):
        UpdateConfig(reranker=RerankerConfig())


def test_a_config_file_may_name_the_reranker_or_null() -> None:
    given = json.loads('{"reranker": {"depth": 20, "distil": true}}')
    assert from_mapping(FitConfig, given).reranker == RerankerConfig(depth=20, distil=True)
    assert from_mapping(FitConfig, {"reranker": None}).reranker is None
    with pytest.raises(ConfigError, match=r"Unknown option 'reranker\.dept'.* mean 'depth'"):
        from_mapping(FitConfig, {"reranker": {"dept": 20}})
    with pytest.raises(ConfigError, match="expected options of RerankerConfig or null"):
        from_mapping(FitConfig, {"reranker": 20})


def test_of_many_queries_some_are_read_with_all_that_was_judged_of_them(few: Split) -> None:
    train = few.train
    some, again = some_queries(train, 7, seed=1), some_queries(train, 7, seed=1)
    assert some.queries["query"].n_unique() == 7 and some.queries.equals(again.queries)
    chosen = some.queries["query"].unique()
    assert (
        some.queries.height == train.queries.filter(pl.col("query").is_in(chosen.implode())).height
    )
    assert not some.queries.equals(some_queries(train, 7, seed=2).queries)
    assert some_queries(train, 10_000, seed=1) is train


def test_who_reads_titles_is_told_titles_alone_saved_and_loaded_too(
    few: Split, tiny_encoder: str, read_fit: FitConfig, tmp_path: Path
) -> None:
    assert read_fit.reranker
    titles = replace(read_fit, reranker=replace(read_fit.reranker, reads="title", distil=True))
    pipeline = start(tiny_encoder)
    pipeline.fit(few.train, titles)
    pipeline.save(tmp_path / "shop")
    for engine in (pipeline.engine, corank.load(tmp_path / "shop")):
        assert engine.reader and engine.reader.reads == "title"
        query = engine.query(QUERIES[0])
        found = query.candidates(20)
        assert query.reading
        read = query.reading.features(found.items, found)[:, -1]
        said = [engine.titles[item] for item in found.items]
        alone = engine.reader.scorer.score([QUERIES[0]] * len(said), said)
        assert read == pytest.approx(alone, abs=1e-5)
        whole = engine.reader.scorer.score([QUERIES[0]] * len(said), engine.texts(found.items))
        assert np.abs(read - whole).max() > 1e-3
    assert len(pipeline.engine.search(QUERIES[0], k=5)) == 5


def test_what_reads_is_compressed_with_the_encoder(
    reading: Pipeline, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "TABLE", 100)
    smaller = copy(reading)
    done = smaller.compress(max_drop=0.9)
    assert done.reader_mb and done.reader_mb[1] < 0.6 * done.reader_mb[0]
    assert f"reader: {done.reader_mb[0]:.1f} MB before" in str(done)
    smaller.save(tmp_path / "shop")
    loaded = corank.load(tmp_path / "shop")
    assert loaded.reader and engine.reader
    assert len(loaded.reader.scorer.graph) / 1e6 == done.reader_mb[1]
    texts = engine.items["title"].head(40).to_list()
    before, after = (
        each.scorer.score([QUERIES[0]] * len(texts), texts)
        for each in (engine.reader, loaded.reader)
    )
    assert np.corrcoef(before, after)[0, 1] > 0.99 and not np.array_equal(before, after)
    alone = [loaded.reader.scorer.score([QUERIES[0]], [text])[0] for text in texts[:5]]
    assert alone == pytest.approx(after[:5], abs=1e-5)  # a score hangs on no batch
    found = rank_queries(smaller.engine, [*QUERIES])
    assert [loaded.search(query).to_dict() for query in QUERIES] == [
        smaller.engine.search(query).to_dict() for query in QUERIES
    ]
    assert found.shape == rank_queries(engine, [*QUERIES]).shape


def test_what_reads_stays_whole_where_too_much_would_be_lost(
    reading: Pipeline, engine: Engine, few: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "TABLE", 100)
    done = copy(reading).compress(max_drop=0.9)
    known, validation = few.train.carve()
    assert engine.reader
    before = compressing._measured(engine, validation, 0)
    for allowed in (0.9, -1.0):
        strict = replace(done, max_drop=allowed)
        reader, found = compressing._smaller_reader(
            engine, engine.reader, known, validation, before, strict, 0
        )
        assert (reader is engine.reader) == (allowed < 0)
        assert found.reader_mb and (found.reader_mb[0] == found.reader_mb[1]) == (allowed < 0)
        assert found.reader and found.reader.cases > 0
        assert ("it stays: with it in 8 bits" in str(found)) == (allowed < 0)
    nothing = replace(done, reader=None, reader_mb=(1.0, 1.0))
    assert "it stays, as validation asks no search" in str(nothing)
