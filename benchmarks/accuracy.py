"""Fit a vertical's ranker on a public data set, measure it, and store every number."""

import tempfile
import warnings
from pathlib import Path
from typing import cast

import corank
from benchmarks.clock import Clock
from benchmarks.datasets import RankingSet
from benchmarks.results import current_commit, store
from corank.data.split import ProtocolName
from corank.errors import LeakageWarning
from corank.evaluate.report import Report, Row


def run(dataset: RankingSet, protocol: str, *, seed: int = 0) -> tuple[Report, Path]:
    """Fit, measure and store one protocol of a data set; return the report and the file."""
    clock = Clock()
    current_commit()  # as it is now; the run is long
    with tempfile.TemporaryDirectory() as folder:
        dataset.prepare(dataset.source(), Path(folder))
        data = corank.load_vertical(dataset.vertical).read(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)  # the report is stamped with it
        train, test = data.split(cast(ProtocolName, protocol), seed=seed)
    pipeline = corank.Pipeline(corank.load_vertical(dataset.vertical))
    with clock("fit_seconds"):
        pipeline.fit(train, corank.FitConfig(seed=seed))
    with clock("evaluate_seconds"):
        report = pipeline.evaluate(test)
    cost = [Row("corank", "cost", name, value) for name, value in clock.figures().items()]
    rows = (*report.rows, *cost)
    leaks = list(report.leaks)
    return report, store(dataset, protocol, report.verdict, rows, leaks=leaks, about=report.about)
