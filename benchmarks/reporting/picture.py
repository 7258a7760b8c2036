"""What an answer is worth against the time that it takes: a panel for each set, ours filled.

Two kinds of systems wait in line here: encoders (a query to its vector; the bars say how much of
full precision may be lost, case by case) and recommenders (a history to ten items).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import BinaryIO

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from benchmarks.reporting.results import Result
from benchmarks.reporting.tables import shown
from corank.data.files import atomic
from corank.evaluate.report import OURS

WORTH = ("ndcg@10", "accuracy", "pair_accuracy")
TIME = "query_p50_ms"
COLOURS = {True: "#c2410c", False: "#475569"}  # ours, theirs
MARKS = "osD^vPX*<>hpd"


@dataclass(frozen=True)
class Point:
    """One system."""

    system: str
    value: float
    low: float
    high: float
    ms: float  # median


@dataclass(frozen=True)
class Panel:
    """One set."""

    title: str
    metric: str
    asked: str  # what the time is of
    points: tuple[Point, ...]


def panel(result: Result) -> Panel | None:
    """Return what can be drawn of a result; None where worth or time was not measured."""
    encoders = result.protocol == "latency"
    points = tuple(_encoders(result) if encoders else _recommenders(result))
    if len(points) < 2:
        return None
    metric = _worth(result) if encoders else shown(result)[-1]
    title = result.dataset if encoders else result.name
    return Panel(title, metric, "a query" if encoders else "ten answers", points)


def draw(panels: Sequence[Panel], place: Path | BinaryIO) -> None:
    """Draw panels, at least one, side by side into a PNG."""
    figure = Figure(figsize=(max(6.4, 4.2 * len(panels)), 4.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    known = marks(panels)
    for each, axis in zip(panels, axes, strict=True):
        _draw(axis, each, known)
    drawn = {label: mark for axis in axes for mark, label in zip(*_named(axis), strict=True)}
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=2, fontsize=8)
    if isinstance(place, Path):
        with atomic(place) as part:
            figure.savefig(part, format="png", dpi=110)
    else:
        figure.savefig(place, format="png", dpi=110)


def marks(panels: Sequence[Panel]) -> dict[str, str]:
    """Return a mark for each system, the same in every panel; ours differ, and theirs do."""
    systems = dict.fromkeys(point.system for panel in panels for point in panel.points)
    ours = [system for system in systems if system.startswith(OURS)]
    theirs = [system for system in systems if system not in ours]
    return {name: mark for group in (ours, theirs) for name, mark in zip(group, cycle(MARKS))}


def _worth(result: Result) -> str:
    return next(name for name in WORTH if result.row(OURS, name))


def _encoders(result: Result) -> Iterator[Point]:
    metric = _worth(result)
    for system in dict.fromkeys(row.system for row in result.rows if row.metric == metric):
        row, time = (result.row(system, name) for name in (metric, TIME))
        lost = result.row(system, f"{metric}_lost")
        if row and time and lost and lost.low is not None and lost.high is not None:
            whole = row.value / (1 - lost.value)  # in full precision
            ends = whole * (1 - lost.high), whole * (1 - lost.low)
            yield Point(system, row.value, *ends, time.value)


def _recommenders(result: Result) -> Iterator[Point]:
    metric = shown(result)[-1]
    for wait in result.about.get("waits", ()):
        row = result.row(wait["system"], metric)
        if row and row.low is not None and row.high is not None and wait["answer_ms"] > 0:
            yield Point(row.system, row.value, row.low, row.high, wait["answer_ms"])


def _draw(axis: Axes, panel: Panel, known: Mapping[str, str]) -> None:
    for point in panel.points:
        ours = point.system.startswith(OURS)
        reach = [[max(point.value - point.low, 0.0)], [max(point.high - point.value, 0.0)]]
        axis.errorbar(
            point.ms, point.value, yerr=reach, label=point.system,
            fmt=known[point.system], color=COLOURS[ours],
            mfc=COLOURS[ours] if ours else "white", capsize=3, ms=7,
        )  # fmt: skip
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_title(panel.title, fontsize=10)
    axis.set_xlabel(f"{panel.asked}, median ms (left is faster)")
    axis.set_ylabel(f"{panel.metric} (up is better)")
    axis.margins(x=0.15, y=0.4)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)


def _named(axis: Axes) -> tuple[list[Artist], list[str]]:
    handles, labels = axis.get_legend_handles_labels()
    return handles, labels
