"""Fit and measure on a public data set; store every number with the commit it came from."""

import json
import os
import platform
import subprocess
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import corank
from benchmarks.clock import Clock
from benchmarks.datasets import BenchmarkDataset
from corank.data.files import atomic
from corank.data.split import ProtocolName
from corank.errors import LeakageWarning
from corank.evaluate.report import Report, Row

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("corank", "torch", "transformers", "onnxruntime", "lightgbm", "numpy", "polars")


def run(dataset: BenchmarkDataset, protocol: ProtocolName, *, seed: int = 0) -> tuple[Report, Path]:
    """Fit, measure and store one protocol of a data set; return the report and the file."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        dataset.prepare(dataset.source(), Path(folder))
        data = corank.load_vertical(dataset.vertical).read(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)  # the report is stamped with it
        train, test = data.split(protocol, seed=seed)
    pipeline = corank.Pipeline(corank.load_vertical(dataset.vertical))
    with clock("fit_seconds"):
        pipeline.fit(train, corank.FitConfig(seed=seed))
    with clock("evaluate_seconds"):
        report = pipeline.evaluate(test)
    return report, _store(dataset, protocol, report, clock)


def _store(dataset: BenchmarkDataset, protocol: ProtocolName, report: Report, clock: Clock) -> Path:
    published = [
        Row(f"published/{figure.system}", "all", metric, value)
        for figure in dataset.published
        if protocol == "leave-one-out"
        for metric, value in figure.metrics.items()
    ]
    cost = [Row("corank", "cost", name, value) for name, value in clock.figures().items()]
    commit = _commit()
    result: dict[str, Any] = {
        "dataset": dataset.name,
        "protocol": protocol,
        "commit": commit,
        "machine": _machine(),
        "versions": {package: version(package) for package in PACKAGES},
        "data_sha256": dataset.sha256(),
        "verdict": report.verdict,
        "leaks": list(report.leaks),
        "about": report.about,
        "rows": [vars(row) for row in (*report.rows, *published, *cost)],
    }
    path = RESULTS / f"{dataset.name}-{protocol}-{commit[:12]}.json"
    with atomic(path) as part:
        part.write_text(json.dumps(result, indent=1), "utf-8")
    return path


def _commit() -> str:
    """Return the checked-out commit, marked where the working tree differs from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    found = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", "../sdk", "../verticals", "."],
        capture_output=True,
        text=True,
        check=True,
    )
    commit = found.stdout.strip()
    return f"{commit[:12]}-dirty" if changed.stdout.strip() else commit


def _machine() -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
    }
