"""What an encoder's vectors are worth against the time that a query takes: a panel for each set.

The bars say how much of that may be lost against full precision, case by case; ours are filled.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from corank.data.files import atomic
from corank.evaluate.report import OURS

WORTH = ("ndcg@10", "accuracy")
TIME = "query_p50_ms"
COLOURS = {True: "#c2410c", False: "#475569"}  # ours, theirs
MARKS = "osD^vPX*"


def draw(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw stored results of `benchmarks latency`, at least one, into a PNG file."""
    figure = Figure(figsize=(max(6.4, 4.2 * len(results)), 4.6), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for panel, result in zip(panels, results, strict=True):
        _panel(panel, result)
    drawn = {label: mark for panel in panels for mark, label in zip(*_named(panel), strict=True)}
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=2, fontsize=8)
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=110)


def _panel(panel: Axes, result: dict[str, Any]) -> None:
    rows = {(row["system"], row["metric"]): row for row in result["rows"] if row["split"] == "all"}
    metric = next(name for name in WORTH if (OURS, name) in rows)
    seen: list[str] = []
    for system in dict.fromkeys(system for system, name in rows if name == metric):
        value, time = rows[system, metric]["value"], rows[system, TIME]["value"]
        lost, ours = rows[system, f"{metric}_lost"], system.startswith(OURS)
        whole = value / (1 - lost["value"])  # in full precision
        ends = [value - whole * (1 - lost["high"]), whole * (1 - lost["low"]) - value]
        panel.errorbar(
            time, value, yerr=[[max(end, 0.0)] for end in ends], label=system,
            fmt=MARKS[sum(1 for other in seen if other.startswith(OURS) == ours)],
            color=COLOURS[ours], mfc=COLOURS[ours] if ours else "white", capsize=3, ms=7,
        )  # fmt: skip
        seen.append(system)
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_title(result["dataset"], fontsize=10)
    panel.set_xlabel("a query, median ms (left is faster)")
    panel.set_ylabel(f"{metric} (up is better)")
    panel.margins(x=0.15, y=0.4)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)


def _named(panel: Axes) -> tuple[list[Any], list[Any]]:
    handles, labels = panel.get_legend_handles_labels()
    return handles, labels
