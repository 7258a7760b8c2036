"""The report of a fitted shop: every system, on the same cases, by full ranking."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from corank import Dataset, Pipeline, Report
from corank.bundle import read_report
from corank.data.dataset import Split
from corank.measure import MIN_CASES

OTHERS = (
    "corank/text-alone",
    "popularity",
    "bm25",
    "item-knn",
    "item-knn/recency",
    "ease",
    "ease/recency",
    "frozen-encoder",
    "ease+frozen-encoder",
)
SEARCHERS = ("bm25", "frozen-encoder", "bm25+frozen-encoder")
METRICS = ("ndcg@10", "recall@100", "hr@10", "recall@20")
SLICES = ("cold items", "long tail", "short history")


@pytest.fixture(scope="module")
def report(bundle: Path) -> Report:
    return read_report(bundle)


@pytest.fixture(scope="module")
def answerable(split: Split, pipeline: Pipeline) -> list[tuple[list[int], list[int]]]:
    """(history, relevant items not seen before) of each case that has any."""
    cases = split.test.cases()
    repeatable = pipeline.engine.signals.repeatable
    found = []
    for row in range(len(cases.users)):
        history = cases.histories[row].tolist()
        new = [i for i in cases.relevant[row].tolist() if i not in history or repeatable[i]]
        if new:
            found.append((history, new))
    return found


@pytest.fixture(scope="module")
def counts(split: Split) -> Counter[int]:
    """How many people chose each item in what the baselines are fitted on."""
    return Counter(split.train.carve().train.positives["item"])


def of(report: Report, split: str) -> pl.DataFrame:
    return report.frame.filter(pl.col("split") == split)


def test_every_system_is_measured_on_every_case(report: Report) -> None:
    rows = of(report, "all").filter(~pl.col("metric").str.contains("_over/"))
    expected = {(system, metric) for system in ("corank", *OTHERS) for metric in METRICS}
    assert set(rows.select("system", "metric").iter_rows()) == expected
    assert rows.height == len(expected)
    assert (rows["low"] <= rows["value"]).all()
    assert (rows["value"] <= rows["high"]).all()


def test_each_difference_is_the_difference_of_the_means(report: Report) -> None:
    over = report.frame.filter(pl.col("metric").str.contains("_over/"))
    assert set(over["system"]) == {"corank"}
    expected = {("all", f"{metric}_over/{other}") for metric in METRICS for other in OTHERS}
    expected |= {(split, f"ndcg@10_over/{other}") for split in SLICES for other in OTHERS}
    expected |= {("search", f"ndcg@10_over/{other}") for other in SEARCHERS}
    assert set(over.select("split", "metric").iter_rows()) == expected
    for row in over.iter_rows(named=True):
        metric, _, other = row["metric"].partition("_over/")
        ours = report.value("corank", metric, row["split"])
        theirs = report.value(other, metric, row["split"])
        assert row["value"] == pytest.approx(ours - theirs, abs=1e-9)
        assert row["low"] <= row["value"] <= row["high"]


def test_the_verdict_names_the_best_baseline(report: Report) -> None:
    baselines = [other for other in OTHERS if not other.startswith("corank")]
    best = max(baselines, key=lambda name: report.value(name, "ndcg@10"))
    assert f"for {best}, the best baseline" in report.verdict
    assert report.verdict.split(":")[0] in {"corank wins", "A baseline wins", "No clear winner"}


def test_cases_are_counted_slice_by_slice(
    report: Report,
    split: Split,
    answerable: list[tuple[list[int], list[int]]],
    counts: Counter[int],
) -> None:
    warm = sorted(counts.values())
    tail = warm[int(0.8 * (len(warm) - 1))]
    queries = split.test.queries.filter(pl.col("grade") > 0)["query"].n_unique()
    assert report.about["cases"] == {
        "all": len(answerable),
        "cold items": sum(any(counts[i] == 0 for i in new) for _, new in answerable),
        "long tail": sum(any(0 < counts[i] <= tail for i in new) for _, new in answerable),
        "short history": sum(len(history) <= 3 for history, _ in answerable),
        "search": queries,
    }


def test_popularity_is_what_sorting_the_catalogue_by_hand_gives(
    report: Report,
    pipeline: Pipeline,
    answerable: list[tuple[list[int], list[int]]],
    counts: Counter[int],
) -> None:
    repeatable = pipeline.engine.signals.repeatable
    ranked = sorted(range(len(repeatable)), key=lambda item: (-counts[item], item))
    hits = []
    for history, new in answerable:
        shown = [i for i in ranked if repeatable[i] or i not in history][:10]
        hits.append(bool(set(shown) & set(new)))
    assert report.value("popularity", "hr@10") == pytest.approx(np.mean(hits))


def test_search_stands_beside_bm25_the_frozen_encoder_and_both(report: Report) -> None:
    rows = of(report, "search").filter(~pl.col("metric").str.contains("_over/"))
    assert set(rows["system"]) == {"corank", *SEARCHERS}
    assert set(rows["metric"]) == {"ndcg@10", "mrr@10", "recall@100"}


def test_lists_are_measured_beyond_accuracy(report: Report) -> None:
    rows = of(report, "beyond accuracy")
    assert set(rows["system"]) == {"corank", *OTHERS}
    assert set(rows["metric"]) == {"coverage@10", "gini@10", "novelty@10", "diversity@10"}
    assert report.value("popularity", "coverage@10", "beyond accuracy") < 0.2
    assert report.value("bm25", "coverage@10", "beyond accuracy") > 0.5


def test_the_report_says_how_it_was_made(report: Report, pipeline: Pipeline) -> None:
    about = report.about
    assert about["items"] == 415
    assert about["encoder"]["name"] == pipeline.encoder.name
    assert about["fit"]["seed"] == about["seed"] == 0
    assert about["protocol"]["name"] == "time"
    assert {label["function"] for label in about["labels"]} >= {"purchased", "returned"}
    assert about["settings"]["bm25"] == "query: the last item's text"


def test_the_stored_report_is_strict_json(bundle: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = (bundle / "report.json").read_text("utf-8")
    assert json.loads(text, parse_constant=refuse)["rows"]


def test_leaks_are_stamped_and_what_is_too_small_is_left_out(
    pipeline: Pipeline, split: Split
) -> None:
    few = split.test.interactions.head(400)
    nothing_relevant = split.test.queries.with_columns(grade=pl.lit(0, pl.Int64))
    test: Dataset = replace(
        split.test, interactions=few, queries=nothing_relevant, leaks=("it was seen before",)
    )
    report = pipeline.evaluate(test)
    assert report.leaks == ("it was seen before",)
    assert "> Leak: it was seen before." in report.markdown()
    cases = report.about["cases"]
    assert set(of(report, "all")["system"]) == {"corank", *OTHERS}
    assert "search" not in cases
    assert all(cases[name] >= MIN_CASES for name in cases if name != "all")
    assert set(report.frame["split"]) == {*cases, "beyond accuracy"}
    assert len(cases) < 1 + len(SLICES)
