"""Who is ahead: by intervals of differences, by seeds, by ratios; and why ours is behind."""

from pathlib import Path

import pytest

from benchmarks.reporting import results as stored_in
from benchmarks.reporting.picture import MARKS, Panel, Point, marks, panel
from benchmarks.reporting.report import short
from benchmarks.reporting.results import Result, stored
from benchmarks.reporting.standing import REASONS, losses, summary
from corank.errors import DataError
from corank.evaluate.report import Row


def result(protocol: str, *rows: Row, **about: object) -> Result:
    return Result("shop", protocol, "0123456789ab", {"cores": 2}, {}, "", "so", rows, about)


def ranked(low: float, high: float, *more: Row) -> Result:
    """Ours beside one other and a published figure, with the interval of the difference."""
    return result(
        "time",
        Row("corank", "all", "ndcg@10", 0.5, 0.4, 0.6),
        Row("ease", "all", "ndcg@10", 0.45, 0.35, 0.55),
        Row("corank", "all", "ndcg@10_over/ease", 0.05, low, high),
        Row("published/Paper", "all", "ndcg@10", 0.9),
        *more,
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.01, 0.09, "ahead"), (-0.01, 0.11, "level"), (-0.2, -0.01, "behind"), (0.0, 0.1, "level")],
)
def test_an_interval_of_the_difference_decides(low: float, high: float, verdict: str) -> None:
    (found,) = summary([ranked(low, high)])
    assert (found.verdict, found.other.system) == (verdict, "ease")
    assert found.published is not None and found.published.value == 0.9
    assert len(losses([ranked(low, high)])) == (verdict == "behind")


def test_the_best_other_is_named_and_one_of_ours_is_no_other() -> None:
    more = (
        Row("knn", "all", "ndcg@10", 0.48, 0.4, 0.5),
        Row("corank", "all", "ndcg@10_over/knn", 0.02, 0.01, 0.03),
        Row("corank/rules", "all", "ndcg@10", 0.7, 0.6, 0.8),
        Row("corank", "all", "ndcg@10_over/corank/rules", -0.2, -0.3, -0.1),
    )
    (found,) = summary([ranked(0.01, 0.09, *more)])
    assert found.other.system == "knn" and str(found) == "+0.0200 (+0.0100 .. +0.0300)"
    assert not losses([ranked(0.01, 0.09, *more)])


def test_a_part_of_the_test_where_ours_is_behind_is_a_loss() -> None:
    part = (
        Row("corank", "cold items", "ndcg@10", 0.1),
        Row("ease", "cold items", "ndcg@10", 0.2),
        Row("corank", "cold items", "ndcg@10_over/ease", -0.1, -0.2, -0.05),
    )
    (found,) = losses([ranked(0.01, 0.09, *part)])
    assert (found.split, found.metric, found.reason) == ("cold items", "ndcg@10", "")
    said = "- shop, time, cold items: ndcg@10 of corank 0.1000, ease 0.2000; -0.1000 (-0.2000 .. "
    assert said in short([ranked(0.01, 0.09, *part)])


@pytest.mark.parametrize(
    ("ours", "seeds", "verdict"),
    [
        ((0.80, 0.79, 0.81), 3, "ahead"),
        ((0.77, 0.74, 0.80), 3, "level"),
        ((0.70, 0.69, 0.71), 3, "behind"),
        ((0.80, 0.80, 0.80), 1, "level"),
    ],
)
def test_seeds_decide_where_no_difference_was_stored(
    ours: tuple[float, float, float], seeds: int, verdict: str
) -> None:
    rows = (
        Row("corank", "all", "accuracy", *ours, seeds),
        Row("frozen-encoder", "all", "accuracy", 0.75, 0.74, 0.76, 3),
    )
    (found,) = summary([result("full", *rows)])
    assert found.verdict == verdict


def test_of_a_loss_less_is_better() -> None:
    rows = (
        Row("corank", "all", "pair_accuracy", 0.7),
        Row("corank", "all", "minutes", 2.0, 1.9, 2.1, 3),
        Row("frozen", "all", "minutes", 20.0, 19.0, 21.0, 3),
        Row("corank", "all", "log_loss", 0.6, 0.58, 0.62),
        Row("frozen", "all", "log_loss", 0.5, 0.49, 0.51),
    )
    (found,) = losses([result("pairs", *rows)])
    assert (found.metric, found.verdict) == ("log_loss", "behind")


def test_of_encoders_the_one_that_ships_is_set_beside_the_fastest() -> None:
    def timed(system: str, speed: float, *over: Row) -> list[Row]:
        return [
            Row(system, "all", "texts_per_second", speed),
            Row(system, "all", "query_p50_ms", 1e3 / speed),
            Row(system, "all", "accuracy", 0.9, 0.8, 1.0),
            Row(system, "all", "accuracy_lost", 0.0, -0.01, 0.02),
            *over,
        ]

    found = result(
        "latency",
        *timed("openvino", 300),
        *timed("torch", 100),
        *timed("corank", 200, Row("corank", "all", "speedup_over/openvino", 0.66, 0.6, 0.7)),
        *timed(
            "corank/int8", 450,
            Row("corank/int8", "all", "speedup_over/openvino", 1.5, 1.4, 1.6),
            Row("corank/int8", "all", "speedup_over/torch", 4.5, 4.4, 4.6),
        ),
    )  # fmt: skip
    (main,) = summary([found])
    assert (main.ours.system, main.other.system, main.verdict) == (
        "corank/int8", "openvino", "ahead"
    )  # fmt: skip
    assert str(main) == "1.50 times (1.40 .. 1.60 in each round)"
    (lost,) = losses([found])
    assert (lost.ours.system, lost.metric) == ("corank", "texts_per_second")
    drawn = panel(found)
    assert drawn and {point.system for point in drawn.points} == {
        "openvino", "torch", "corank", "corank/int8"
    }  # fmt: skip


def test_a_recommender_is_drawn_by_what_its_answers_take() -> None:
    waits = [{"system": "corank", "answer_ms": 5.0}, {"system": "ease", "answer_ms": 1.0}]
    drawn = panel(result("time", *ranked(0, 1).rows, waits=waits))
    assert drawn and [(p.system, p.ms, p.low) for p in drawn.points] == [
        ("corank", 5.0, 0.4), ("ease", 1.0, 0.35)
    ]  # fmt: skip
    assert panel(ranked(0, 1)) is None


def test_every_loss_that_is_stored_has_a_reason_and_every_reason_a_loss() -> None:
    found = {(each.result.name, each.split, each.metric) for each in losses(stored())}
    assert found == {*REASONS}


@pytest.mark.parametrize(
    "content", ["", '{"dataset": "shop"', "[]", '{"dataset": "shop", "rows": []}', '{"rows": 3}']
)
def test_a_damaged_result_is_named(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_in, "RESULTS", tmp_path)
    (tmp_path / "shop-time-0123.json").write_text(content)
    with pytest.raises(DataError, match=r"shop-time-0123\.json is no whole result"):
        stored()


def test_a_system_has_one_mark_in_every_panel() -> None:
    points = [[Point(name, 1, 1, 1, 1) for name in names] for names in (
        ("theirs", "corank"), ("new", "theirs", "corank/int8", "corank"),
    )]  # fmt: skip
    known = marks([Panel("set", "ndcg@10", "a query", tuple(each)) for each in points])
    assert known == {
        "theirs": MARKS[0], "new": MARKS[1], "corank": MARKS[0], "corank/int8": MARKS[1]
    }  # fmt: skip
