"""The report of a fitted shop: every system, on the same cases, by full ranking."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from corank import Dataset, Pipeline, Report
from corank.bundle import read_report
from corank.data.dataset import Split
from corank.data.ragged import Ragged
from corank.evaluate.baselines import Baseline
from corank.evaluate.task import Task
from corank.measure import MIN_CASES, measure
from corank.runs import rank_histories, rank_promised, rank_ruled

OTHERS = (
    "corank/rules",
    "corank/as-new",
    "corank/tuned-encoder",
    "popularity",
    "popularity/recency",
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
SLICES = ("cold items", "long tail", "short history", "new users", "stated interests")


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
def strangers(split: Split, pipeline: Pipeline) -> tuple[int, int]:
    """How many answerable cases are of people without training events, and of people who have
    chosen three things at most and said what they like."""
    cases = split.test.cases()
    repeatable = pipeline.engine.signals.repeatable
    known = set(split.train.positives["user_id"])
    said = dict(split.test.users.select("user_id", "interests").iter_rows())
    new = stated = 0
    for row, user in enumerate(cases.users):
        history = cases.histories[row].tolist()
        if any(i not in history or repeatable[i] for i in cases.relevant[row].tolist()):
            new += user not in known
            stated += len(history) <= 3 and bool(said[user])
    return new, stated


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


def test_what_an_answer_costs_stands_beside_what_it_is_worth(report: Report) -> None:
    waits = {row["system"]: row["answer_ms"] for row in report.about["waits"]}
    theirs = {name for name in OTHERS if not name.startswith("corank/")}
    assert set(waits) == {"corank", *theirs} and min(waits.values()) > 0
    assert waits["popularity"] < waits["corank"]  # which explains, and asks many
    assert "Milliseconds for ten answers" in report.markdown()


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
    strangers: tuple[int, int],
) -> None:
    warm = sorted(counts.values())
    tail = warm[int(0.8 * (len(warm) - 1))]
    queries = split.test.queries.filter(pl.col("grade") > 0)["query"].n_unique()
    new, stated = strangers
    found = {
        "all": len(answerable),
        "cold items": sum(any(counts[i] == 0 for i in new) for _, new in answerable),
        "long tail": sum(any(0 < counts[i] <= tail for i in new) for _, new in answerable),
        "short history": sum(len(history) <= 3 for history, _ in answerable),
        "new users": new,
        "stated interests": stated,
        "search": queries,
    }
    assert min(found.values()) >= MIN_CASES
    assert report.about["cases"] == found


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


def test_chances_are_compared_with_what_was_chosen(
    report: Report, split: Split, pipeline: Pipeline, answerable: list[tuple[list[int], list[int]]]
) -> None:
    chances = dict(of(report, "chances").select("metric", "value").iter_rows())
    assert set(chances) == {"chance_error@10", "chance_log_loss@10"}
    engine = pipeline.engine
    histories = Ragged.of([history for history, _ in answerable])
    moments = Task.of(split.test.cases(), engine.signals.repeatable).moments
    run, promised = rank_promised(engine, histories, moments)
    chosen = np.array([np.isin(run[row], new) for row, (_, new) in enumerate(answerable)])
    chosen, promised = chosen[run >= 0], promised[run >= 0]
    assert promised.min() > 0 and promised.max() < 1
    costs = -np.log(np.where(chosen, promised, 1 - promised))
    assert chances["chance_log_loss@10"] == pytest.approx(costs.mean(), abs=1e-3)
    share = chosen.mean()  # to promise just that of all costs its entropy; little was learned here
    same = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert 0 < chances["chance_error@10"] < 0.05
    assert 0.1 < chances["chance_log_loss@10"] < same + 0.02


def test_lists_are_measured_beyond_accuracy(report: Report) -> None:
    rows = of(report, "beyond accuracy")
    assert set(rows["system"]) == {"corank", *OTHERS}
    measured = {"coverage", "gini", "novelty", "diversity", "provider_gini", "calibration"}
    assert set(rows["metric"]) == {f"{name}@10" for name in measured}
    assert (rows.filter(metric="calibration@10")["value"] > 0).all()
    gini = {
        row["system"]: row["value"] for row in rows.filter(metric="provider_gini@10").to_dicts()
    }
    assert gini["corank/rules"] < gini["corank"] < gini["popularity"]  # the brand cap at work
    assert report.value("popularity", "coverage@10", "beyond accuracy") < 0.2
    assert report.value("bm25", "coverage@10", "beyond accuracy") > 0.5


def test_the_cost_of_rules_is_that_of_what_they_leave(
    report: Report, split: Split, pipeline: Pipeline, answerable: list[tuple[list[int], list[int]]]
) -> None:
    engine = pipeline.engine
    histories = Ragged.of([history for history, _ in answerable])
    moments = Task.of(split.test.cases(), engine.signals.repeatable).moments
    before, after = rank_ruled(engine, histories, moments)
    hits = [bool(set(after[row, :10]) & set(new)) for row, (_, new) in enumerate(answerable)]
    assert report.value("corank/rules", "hr@10") == pytest.approx(np.mean(hits))
    assert (rank_histories(engine, histories, moments) == before).all()
    shown = engine.items[after[after >= 0].tolist()]
    assert (shown["stock"] > 0).all()
    brands = engine.items["brand"].to_list()
    capped = [Counter(brands[i] for i in row[:10] if i >= 0) for row in after]
    assert max(count for each in capped for count in each.values()) == 3
    assert "every business rule" in report.about["settings"]["corank/rules"]


def test_a_peer_is_asked_the_same_and_may_win(pipeline: Pipeline, split: Split) -> None:
    few = replace(split.test, interactions=split.test.interactions.head(400))
    task = Task.of(few.cases(), pipeline.engine.signals.repeatable)
    asked = {task.histories[row].tobytes() for row in range(len(task))}

    def cheat(histories: Ragged) -> NDArray[np.float32]:
        assert {histories[row].tobytes() for row in range(len(histories))} <= asked
        scores = np.zeros((len(histories), task.n_items), np.float32)
        scores[task.qrels.rows(), task.qrels.items] = 1 + task.qrels.grades
        return scores

    report = pipeline.evaluate(few, peers=[Baseline("cheat", cheat, "has seen the answers")])
    assert report.value("cheat", "ndcg@10") == pytest.approx(1.0)
    assert report.verdict.startswith("A baseline wins: ")
    assert "for cheat, the best baseline" in report.verdict
    assert report.about["settings"]["cheat"] == "has seen the answers"


def test_rules_that_only_remove_cost_no_row(pipeline: Pipeline, split: Split) -> None:
    engine = pipeline.engine
    hard = tuple(rule for rule in engine.vertical.rules if rule.hard)
    bare = replace(engine.vertical, rules=hard, provider=None, genre=None)
    few = replace(split.test, interactions=split.test.interactions.head(400))
    report = measure([replace(engine, vertical=bare)], split.train, few, frozen=engine.encoder)
    assert "corank/rules" not in set(report.frame["system"])
    assert set(of(report, "beyond accuracy")["metric"]) == {
        "coverage@10", "gini@10", "novelty@10", "diversity@10"
    }  # fmt: skip
    assert "providers" not in report.about
    assert "corank/rules" not in report.about["settings"]


def test_the_most_and_the_least_exposed_brands_are_named(
    report: Report, pipeline: Pipeline
) -> None:
    named = report.about["providers"]
    (best,) = set(named[0]) - {"provider", "items", "corank"}
    assert f"for {best}, the best baseline" in report.verdict
    counts = Counter(pipeline.engine.items["brand"].drop_nulls())
    assert {row["provider"]: row["items"] for row in named}.items() <= counts.items()
    assert len({row["provider"] for row in named}) == len(named) == 10
    ratios = [row["corank"] for row in named]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 1 > ratios[-1]
    assert f"| {named[0]['provider']} | " in report.markdown()


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
    assert set(report.frame["split"]) == {*cases, "beyond accuracy", "chances"}
    assert len(cases) < 1 + len(SLICES)
