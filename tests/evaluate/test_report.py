"""A report says what was measured, and its first line says who won."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corank.evaluate.relevance import Qrels, judge
from corank.evaluate.report import Report, Row, compared, measured, verdict

ABOUT = {
    "cases": {"all": 1_234, "cold items": 30},
    "settings": {"ease": "l2 100", "popularity": ""},
    "labels": [{"function": "bought", "coverage": 0.25, "accuracy": None}],
    "providers": [{"provider": "Acme", "items": 3.0, "corank": 1.5, "ease": 0.0}],
    "seed": 7,
}


def rows(low: float | None, high: float | None) -> list[Row]:
    return [
        Row("corank", "all", "ndcg@10", 0.30, 0.25, 0.35),
        Row("corank", "all", "hr@10", 0.50, 0.40, 0.60),
        Row("corank/as-new", "all", "ndcg@10", 0.90),  # ours: no baseline, however good
        Row("popularity", "all", "ndcg@10", 0.10, 0.05, 0.15),
        Row("ease", "all", "ndcg@10", 0.20, 0.15, 0.25),
        Row("ease", "cold items", "ndcg@10", 0.80, 0.7, 0.9),
        Row("corank", "all", "ndcg@10_over/popularity", 0.20, 0.1, 0.3),
        Row("corank", "all", "ndcg@10_over/ease", 0.10, low, high),
        Row("corank", "cold items", "ndcg@10_over/ease", -0.5, -0.6, -0.4),
    ]


def report(leaks: tuple[str, ...] = ()) -> Report:
    given = rows(0.01, 0.19)
    return Report(verdict(given, "ndcg@10"), tuple(given), ABOUT, leaks)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.19, "corank wins"),
        (-0.19, -0.01, "A baseline wins"),
        (-0.01, 0.21, "No clear winner"),
        (0.0, 0.2, "No clear winner"),
        (-0.2, 0.0, "No clear winner"),
        (None, None, "No clear winner"),
    ],
)
def test_the_verdict_goes_by_the_interval_of_the_difference_to_the_best_baseline(
    low: float | None, high: float | None, said: str
) -> None:
    interval = "unknown" if low is None else f"{low:+.4f} .. {high:+.4f}"
    line = verdict(rows(low, high), "ndcg@10")
    assert line.startswith(f"{said}: ")
    assert line.endswith(f"95% interval {interval})")
    assert "ndcg@10 0.3000 against 0.2000 for ease, the best baseline" in line


def test_markdown_leads_with_the_verdict_then_the_leaks() -> None:
    lines = report(leaks=("7 events are in training and in the test",)).markdown().splitlines()
    assert lines[0].startswith("**corank wins: ")
    assert lines[2] == "> Leak: 7 events are in training and in the test."
    assert "Leak" not in report().markdown()


def test_markdown_has_a_table_for_each_slice() -> None:
    text = report().markdown()
    assert "### all (1,234 cases)\n\n| system | ndcg@10 | hr@10 |\n|---|---:|---:|\n" in text
    assert "| corank | 0.3000 ±0.0500 | 0.5000 ±0.1000 |\n" in text
    assert "| corank/as-new | 0.9000 |  |\n" in text
    assert "### cold items (30 cases)\n\n| system | ndcg@10 |\n" in text
    assert "| all | ndcg@10_over/ease | +0.1000 | +0.0100 .. +0.1900 |\n" in text
    assert "| cold items | ndcg@10_over/ease | -0.5000 | -0.6000 .. -0.4000 |\n" in text
    assert "- seed: 7\n- ease: l2 100\n" in text
    assert "popularity: " not in text
    assert "| function | coverage | accuracy |\n|---|---|---|\n| bought | 0.250 |  |\n" in text
    assert "| provider | items | corank | ease |\n|---|---|---|---|\n| Acme | 3.000 |" in text


def test_a_number_is_found_by_system_metric_and_slice() -> None:
    assert report().value("ease", "ndcg@10") == 0.2
    assert report().value("ease", "ndcg@10", "cold items") == 0.8
    with pytest.raises(KeyError, match="cold items"):
        report().value("popularity", "ndcg@10", "cold items")


def test_the_frame_is_tidy() -> None:
    frame = report().frame
    assert frame.columns == ["system", "split", "metric", "value", "low", "high", "seeds"]
    assert frame.row(2) == ("corank/as-new", "all", "ndcg@10", 0.9, None, None, 1)


def test_a_report_comes_back_from_json_as_it_was() -> None:
    given = report(leaks=("a leak",))
    assert Report.from_dict(json.loads(json.dumps(given.to_dict(), allow_nan=False))) == given


def test_saving_writes_for_machines_people_and_eyes(tmp_path: Path) -> None:
    report().save(tmp_path / "new")
    written = tmp_path / "new"
    assert Report.from_dict(json.loads((written / "report.json").read_text())) == report()
    assert (written / "report.md").read_text("utf-8") == report().markdown()
    picture = (written / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) > 5_000
    assert sorted(path.name for path in written.iterdir()) == [
        "report.json",
        "report.md",
        "report.png",
    ]


def test_an_interval_that_starts_at_zero_is_drawn_to_zero(tmp_path: Path) -> None:
    pictures = []
    for low in (0.0, None):
        row = Row("corank", "all", "ndcg@10", 0.3, low, 0.4)
        Report("", (row,)).plot(tmp_path / "plot.png")
        pictures.append((tmp_path / "plot.png").read_bytes())
    assert pictures[0] != pictures[1]


WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Hide(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.startswith("matplotlib") else super().find_spec(name, path, target)

sys.meta_path = [f for f in sys.meta_path if f is not PathFinder] + [Hide]
from pathlib import Path
from corank.evaluate.report import Report
Report("no picture", ()).save(Path(sys.argv[1]))
"""


def test_without_matplotlib_there_is_no_picture(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT, str(tmp_path / "out")], check=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.json",
        "report.md",
    ]


def test_rows_are_means_and_differences_over_the_same_cases() -> None:
    qrels = Qrels.from_lists([[0], [1], [2]])
    groups = np.array([0, 1, 2])
    ours = judge(np.array([[0, 1], [0, 1], [0, 2]], np.int32), qrels)  # ranks 1, 2, 2
    theirs = judge(np.array([[1, 0], [1, 0], [0, 1]], np.int32), qrels)  # ranks 2, 1, none
    found = measured("corank", "all", ("mrr@2", "hr@2"), [ours], groups, seed=0)
    assert [(row.system, row.split, row.metric) for row in found] == [
        ("corank", "all", "mrr@2"),
        ("corank", "all", "hr@2"),
    ]
    assert [row.value for row in found] == pytest.approx([2 / 3, 1.0])
    assert found[0].low == 0.5
    assert found[0].high == 1.0

    (row,) = compared("all", "mrr@2", [ours], {"them": [theirs]}, groups, seed=0)
    assert (row.system, row.metric) == ("corank", "mrr@2_over/them")
    assert row.value == pytest.approx((0.5 - 0.5 + 0.5) / 3)
    assert row.low == pytest.approx(-0.5)
    assert row.high == pytest.approx(0.5)


def test_a_case_of_several_seeds_counts_once_with_the_mean_of_their_values() -> None:
    qrels = Qrels.from_lists([[0], [1]])
    groups = np.array([0, 1])
    first = judge(np.array([[0, 1], [0, 1]], np.int32), qrels)  # ranks 1, 2
    second = judge(np.array([[1, 0], [1, 0]], np.int32), qrels)  # ranks 2, 1
    theirs = judge(np.array([[1, 0], [0, 1]], np.int32), qrels)  # ranks 2, 2
    (row,) = measured("corank", "all", ("mrr@2",), [first, second], groups, seed=0)
    assert (row.value, row.low, row.high, row.seeds) == (0.75, 0.75, 0.75, 2)
    (row,) = compared("all", "mrr@2", [first, second], {"them": [theirs]}, groups, seed=0)
    assert (row.value, row.low, row.high, row.seeds) == (0.25, 0.25, 0.25, 2)


def test_one_group_says_nothing_about_spread() -> None:
    judged = judge(np.array([[0], [1]], np.int32), Qrels.from_lists([[0], [0]]))
    one_user: dict[str, Any] = {"groups": np.array([5, 5]), "seed": 0}
    (row,) = measured("corank", "all", ("hr@1",), [judged], **one_user)
    assert (row.value, row.low, row.high) == (0.5, None, None)
