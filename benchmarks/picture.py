"""What an encoder's vectors are worth against the time that a query takes: a panel for each set.

The bars say how much of that may be lost against full precision, case by case.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from corank.data.files import atomic
from corank.evaluate.report import OURS

WORTH = ("ndcg@10", "accuracy")
TIME = "query_p50_ms"
COLOURS = {True: "#c2410c", False: "#475569"}  # ours, theirs


def draw(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw stored results of `benchmarks latency`, at least one, into a PNG file."""
    figure = Figure(figsize=(4.6 * len(results), 4.2), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for panel, result in zip(panels, results, strict=True):
        _panel(panel, result)
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=110)


def _panel(panel: Axes, result: dict[str, Any]) -> None:
    rows = {(row["system"], row["metric"]): row for row in result["rows"] if row["split"] == "all"}
    metric = next(name for name in WORTH if (OURS, name) in rows)
    for system in dict.fromkeys(system for system, name in rows if name == metric):
        value, time = rows[system, metric]["value"], rows[system, TIME]["value"]
        lost, ours = rows[system, f"{metric}_lost"], system.startswith(OURS)
        whole = value / (1 - lost["value"])  # in full precision
        ends = [[value - whole * (1 - lost["high"])], [whole * (1 - lost["low"]) - value]]
        panel.errorbar(time, value, yerr=ends, fmt="o", color=COLOURS[ours], capsize=3, alpha=0.8)
        panel.annotate(
            system.removeprefix("sentence-transformers/"), (time, value), xytext=(3, 6),
            textcoords="offset points", fontsize=8, rotation=50, color=COLOURS[ours],
            weight="bold" if ours else "normal",
        )  # fmt: skip
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.set_title(result["dataset"], fontsize=10)
    panel.set_xlabel("a query, median ms (left is faster)")
    panel.set_ylabel(f"{metric} (up is better)")
    panel.margins(x=0.15, y=0.4)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)
