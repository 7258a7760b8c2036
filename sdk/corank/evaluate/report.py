"""An honest report: every system on the same cases, with intervals, and a verdict that comes first.

Knows rows of numbers; knows neither models nor data. Written as ``report.json`` for machines,
``report.md`` for people, and ``report.png`` where matplotlib is installed.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.files import atomic
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Floats, Judged
from corank.evaluate.significance import Interval, bootstrap_mean, paired_difference

OURS = "corank"
TABLES = {
    "labels": "Labelling functions",
    "providers": "Exposure over share of the catalogue, most and least",
    "waits": "Milliseconds for ten answers to one history, the median",
}
"""What of ``about`` is a table: a list of rows with the same keys."""


@dataclass(frozen=True)
class Row:
    """One number: a system's metric on a slice of the test, with its 95% interval."""

    system: str
    split: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    seeds: int = 1


@dataclass(frozen=True)
class Report:
    """What was measured, how, and what it means."""

    verdict: str
    rows: tuple[Row, ...]
    about: dict[str, Any] = field(default_factory=dict)  # protocol, seed, counts, settings
    leaks: tuple[str, ...] = ()

    @property
    def frame(self) -> pl.DataFrame:
        """The rows as a tidy table: system, split, metric, value, low, high, seeds."""
        return pl.DataFrame([asdict(row) for row in self.rows], infer_schema_length=None)

    def value(self, system: str, metric: str, split: str = "all") -> float:
        """Return one number.

        Raises:
            KeyError: it was not measured.
        """
        for row in self.rows:
            if (row.system, row.metric, row.split) == (system, metric, split):
                return row.value
        raise KeyError((system, metric, split))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> "Report":
        """Read what `to_dict` made."""
        rows = tuple(Row(**row) for row in given["rows"])
        return cls(given["verdict"], rows, given["about"], tuple(given["leaks"]))

    def markdown(self) -> str:
        """Return the report as Markdown: the verdict, the leaks, a table per slice."""
        lines = [f"**{self.verdict}**", ""]
        lines += [f"> Leak: {leak}." for leak in self.leaks] + ([""] if self.leaks else [])
        plain = [row for row in self.rows if "_over/" not in row.metric]
        for split in dict.fromkeys(row.split for row in plain):
            rows = [row for row in plain if row.split == split]
            metrics = list(dict.fromkeys(row.metric for row in rows))
            counted = self.about.get("cases", {}).get(split)
            lines += [f"### {split}" + (f" ({counted:,} cases)" if counted else ""), ""]
            lines += ["| system | " + " | ".join(metrics) + " |"]
            lines += ["|---|" + "---:|" * len(metrics)]
            for system in dict.fromkeys(row.system for row in rows):
                cells = {row.metric: _cell(row) for row in rows if row.system == system}
                lines += [f"| {system} | " + " | ".join(cells.get(m, "") for m in metrics) + " |"]
            lines += [""]
        over = [row for row in self.rows if "_over/" in row.metric]
        if over:
            lines += ["### Differences (paired bootstrap, 95%)", ""]
            lines += ["| slice | difference | value | interval |", "|---|---|---:|---|"]
            lines += [
                f"| {row.split} | {row.metric} | {row.value:+.4f} | {_interval(row)} |"
                for row in over
            ]
            lines += [""]
        for name, value in self.about.items():
            if name not in ("cases", "settings", *TABLES):
                lines += [f"- {name}: {value}"]
        lines += [
            f"- {system}: {how}" for system, how in self.about.get("settings", {}).items() if how
        ]
        for name, title in TABLES.items():
            if table := self.about.get(name):
                lines += ["", f"### {title}", "", *_table(table)]
        return "\n".join(lines) + "\n"

    def save(self, folder: Path) -> None:
        """Write ``report.json``, ``report.md`` and perhaps ``report.png`` into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / "report.json") as part:
            part.write_text(json.dumps(self.to_dict(), indent=1), "utf-8")
        with atomic(folder / "report.md") as part:
            part.write_text(self.markdown(), "utf-8")
        if find_spec("matplotlib"):
            with atomic(folder / "report.png") as part:
                self.plot(part)

    def plot(self, path: Path) -> None:
        """Draw the leading metric of every system with its interval, the best on top."""
        from matplotlib.figure import Figure

        lead = self.rows[0].metric
        rows = [row for row in self.rows if row.metric == lead and row.split == self.rows[0].split]
        rows.sort(key=lambda row: row.value)
        figure = Figure(figsize=(7, 0.42 * len(rows) + 1.1), layout="constrained")
        axes = figure.subplots()
        for place, row in enumerate(rows):
            colour = "#c2410c" if row.system.startswith(OURS) else "#475569"
            low, high = (row.value if end is None else end for end in (row.low, row.high))
            axes.plot(
                [low, high], [place, place], color=colour, linewidth=2, solid_capstyle="round"
            )
            axes.plot(row.value, place, "o", color=colour, markersize=7)
            axes.annotate(
                f"{row.value:.4f}", (high, place), (6, -3), textcoords="offset points", fontsize=8
            )
        axes.set_yticks(range(len(rows)), [row.system for row in rows])
        axes.set_xlabel(f"{lead}, {rows[0].split} cases, 95% interval")
        axes.margins(x=0.12, y=0.08)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25)
        figure.savefig(path, format="png", dpi=150)


def measured(
    system: str,
    split: str,
    metrics: tuple[str, ...],
    judged: Sequence[Judged],
    groups: NDArray[np.generic],
    seed: int,
) -> list[Row]:
    """Return a row per metric with its bootstrap interval; groups (n,) are drawn whole.

    What was fitted with several seeds was judged as often: a case's value is the mean over them.
    """
    found = {
        metric: bootstrap_mean(_values(metric, judged), groups=groups, seed=seed)
        for metric in metrics
    }
    return [_row(system, split, metric, each, len(judged)) for metric, each in found.items()]


def compared(
    split: str,
    metric: str,
    ours: Sequence[Judged],
    theirs: Mapping[str, Sequence[Judged]],
    groups: NDArray[np.generic],
    seed: int,
) -> list[Row]:
    """Return a row per other system: how far ours is ahead, on the same cases; as `measured`."""
    mine = _values(metric, ours)
    found = {
        name: paired_difference(mine, _values(metric, other), groups=groups, seed=seed)
        for name, other in theirs.items()
    }
    return [
        _row(OURS, split, f"{metric}_over/{name}", each, len(ours)) for name, each in found.items()
    ]


def verdict(rows: list[Row], metric: str) -> str:
    """Say in one line whether fusing was worth it: ours against the best of the others.

    It wins where it is clearly ahead of each of them, on the first slice.
    """
    best = best_baseline(rows, metric)
    ours = next(row for row in rows if (row.system, row.metric) == (OURS, metric))
    gap = next(row for row in rows if row.metric == f"{metric}_over/{best.system}")
    numbers = (
        f"{metric} {ours.value:.4f} against {best.value:.4f} for {best.system}, the best baseline"
    )
    interval = f"difference {gap.value:+.4f}, 95% interval {_interval(gap)}"
    over = (
        row
        for row in rows
        if row.metric.startswith(f"{metric}_over/")
        and row.split == rows[0].split
        and not row.metric.startswith(f"{metric}_over/{OURS}")
    )
    if all(row.low is not None and row.low > 0 for row in over):
        return f"corank wins: {numbers} ({interval})"
    if gap.high is not None and gap.high < 0:
        return f"A baseline wins: {numbers} ({interval})"
    return f"No clear winner: {numbers} ({interval})"


def best_baseline(rows: list[Row], metric: str) -> Row:
    """The best of the systems that are not ours, on the first slice."""
    here = [row for row in rows if row.metric == metric and row.split == rows[0].split]
    return max((row for row in here if not row.system.startswith(OURS)), key=lambda row: row.value)


def _values(metric: str, judged: Sequence[Judged]) -> Floats:
    return np.asarray(np.mean([compute(metric, each) for each in judged], axis=0))


def _row(system: str, split: str, metric: str, found: Interval, seeds: int) -> Row:
    low, high = (None if math.isnan(end) else end for end in (found.low, found.high))
    return Row(system, split, metric, found.value, low, high, seeds)


def _cell(row: Row) -> str:
    if row.low is None or row.high is None:
        return f"{row.value:.4f}"
    return f"{row.value:.4f} ±{(row.high - row.low) / 2:.4f}"


def _interval(row: Row) -> str:
    if row.low is None or row.high is None:
        return "unknown"
    return f"{row.low:+.4f} .. {row.high:+.4f}"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    head = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return head + ["| " + " | ".join(map(_plain, row.values())) + " |" for row in rows]


def _plain(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value if value is not None else "")
