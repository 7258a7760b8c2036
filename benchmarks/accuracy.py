"""Fit a vertical's ranker on a public data set, measure it, and store every number."""

import tempfile
from pathlib import Path

import corank
from benchmarks.clock import Clock
from benchmarks.datasets import RankingSet
from benchmarks.latency import recommending
from benchmarks.results import current_commit, store
from corank.evaluate.report import Report, Row

ANSWERS = 500
"""Histories of the test that answers are timed on."""


def run(dataset: RankingSet, protocol: str, *, seed: int = 0) -> tuple[Report, Path]:
    """Fit, measure and store one protocol of a data set; return the report and the file."""
    clock = Clock()
    current_commit()  # as it is now; the run is long
    train, test = dataset.split(protocol, seed)
    pipeline = corank.Pipeline(dataset.vertical)
    with clock("fit_seconds"):
        pipeline.fit(train, corank.FitConfig(seed=seed))
    with clock("evaluate_seconds"):
        report = pipeline.evaluate(test)
    figures = clock.figures() | _answering(pipeline, test)
    cost = [Row("corank", "cost", name, value) for name, value in figures.items()]
    rows = (*report.rows, *cost)
    leaks = list(report.leaks)
    return report, store(dataset, protocol, report.verdict, rows, leaks=leaks, about=report.about)


def _answering(pipeline: corank.Pipeline, test: corank.Dataset) -> dict[str, float]:
    """Time answers to the test's histories, from a bundle where the vertical can be loaded."""
    histories = test.cases().histories
    ids = test.items["item_id"]
    asked = [ids.gather(histories[row]).to_list() for row in range(min(ANSWERS, len(histories)))]
    with tempfile.TemporaryDirectory() as folder:
        engine = pipeline.engine
        if engine.vertical.name in corank.verticals():
            pipeline.save(Path(folder) / "bundle")
            engine = corank.load(Path(folder) / "bundle")
        return recommending(engine, asked)
