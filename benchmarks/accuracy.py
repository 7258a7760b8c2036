"""Fit a vertical's ranker on a public data set, measure it, and store every number.

With several seeds a case's value is the mean over them, and the intervals come from drawing users
with those means; what each seed gave stands beside. The split stays the same. What was fitted lies
in ``benchmarks/runs``, a bundle a seed, and is not fitted again while the commit is the same: a
run can be stopped and started again.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import corank
from benchmarks.answering import recommending
from benchmarks.clock import Clock, forget_peak
from benchmarks.peers.run import Fitted, fit_peers
from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.datasets import RankingSet
from corank import Dataset, EncoderConfig, FitConfig, Pipeline
from corank.data.text import render
from corank.evaluate.report import OURS, Report, Row

RUNS = Path(__file__).parent / "runs"
ANSWERS = 500
"""Histories of the test that answers are timed on."""


def run(
    dataset: RankingSet,
    protocol: str,
    seeds: Sequence[int],
    config: FitConfig,
    *,
    encoder: EncoderConfig | None = None,
    peers: float | None = None,
    refit: bool = False,
    variant: str | None = None,
) -> tuple[Report, Path]:
    """Fit, measure and store one protocol of a data set; return the report and the file.

    Args:
        dataset: what to fit on.
        protocol: how to split it.
        seeds: of the fits; the first is that of the split, and of the peers.
        config: how to fit.
        encoder: what to start from, if not from the default.
        peers: seconds that each peer may take; None leaves them out.
        refit: whether to measure as well what it gives to learn from the validation events in the
            end. Baselines do the same there, peers do not and are left out, so it stands apart,
            under "refit".
        variant: what the settings are called, if they are not the set's own.
    """
    clock, split = Clock(), dataset.split(protocol, seeds[0])
    place = folder(dataset, protocol, config, seeds[0], encoder)
    configs = [replace(config, seed=seed) for seed in seeds]
    for each in configs:
        fit(dataset, split.train, each, place, encoder)
    pipelines = [resumed(dataset, split.train, each, place) for each in configs]
    first, others = pipelines[0], [pipeline.engine for pipeline in pipelines[1:]]
    times = _times(place / f"seed-{seeds[0]}", split.test)  # first: the rest takes long
    asked = Fitted()
    if peers:
        repeatable = first.engine.signals.repeatable
        texts = render(dataset.vertical.item_text, split.train.items).to_list()
        asked = fit_peers(split, repeatable, texts, place, seed=seeds[0], limit=peers)
    with clock("evaluate_seconds"):
        report = first.evaluate(split.test, peers=asked.scorers, alike=others, timed=True)
    rows = [*report.rows, *_cost(pipelines, clock.seconds | times)]
    rows += [Row(name, "cost", "fit_seconds", value) for name, value in asked.seconds.items()]
    about = report.about | {"peers that failed": asked.failed}
    if refit:
        alike = [pipeline.refit() for pipeline in pipelines]
        again = first.evaluate(split.test, alike=alike[1:])
        rows += [replace(row, split="refit") for row in again.rows if row.split == "all"]
        about["refit"] = again.verdict
    said = report.verdict + "".join(f"; {name} failed" for name in asked.failed)
    report = replace(report, verdict=said, rows=tuple(rows), about=about)
    name = f"{protocol}-{variant}" if variant else protocol
    path = store(dataset, name, said, rows, leaks=list(report.leaks), about=report.about)
    return report, path


def folder(
    dataset: RankingSet,
    protocol: str,
    config: FitConfig,
    seed: int,
    encoder: EncoderConfig | None = None,
) -> Path:
    """Where what is fitted lies; emptied first where nobody can say what code it came from.

    Args:
        dataset, protocol, config, encoder: see `run`; the config's seed is of no account.
        seed: of the split.
    """
    what = repr((replace(config, seed=0), seed, encoder))
    how = hashlib.sha256(what.encode()).hexdigest()[:6]
    place = RUNS / f"{dataset.name}-{protocol}-{how}-{current_commit()}"
    if place.name.endswith("-dirty"):
        shutil.rmtree(place, ignore_errors=True)
    return place


def fit(
    dataset: RankingSet,
    train: Dataset,
    config: FitConfig,
    place: Path,
    encoder: EncoderConfig | None = None,
) -> None:
    """Fit and save, unless that was done; ``about`` holds what it took."""
    bundle = place / f"seed-{config.seed}"
    if bundle.exists():
        return
    forget_peak()
    clock, pipeline = Clock(), Pipeline(dataset.vertical, encoder)
    with clock("fit_seconds"):
        pipeline.fit(train, config)
    pipeline.engine.about.update(clock.figures())
    place.mkdir(parents=True, exist_ok=True)
    pipeline.save(bundle)


def resumed(dataset: RankingSet, train: Dataset, config: FitConfig, place: Path) -> Pipeline:
    """Return what `fit` saved."""
    return Pipeline.resume(corank.load(place / f"seed-{config.seed}", dataset.vertical), train)


def _cost(pipelines: list[Pipeline], figures: dict[str, float]) -> list[Row]:
    rows = []
    for name in ("fit_seconds", "peak_memory_mb"):
        each = [float(str(pipeline.engine.about[name])) for pipeline in pipelines]
        rows.append(
            Row(OURS, "cost", name, float(np.mean(each)), min(each), max(each), len(each))
            if len(each) > 1
            else Row(OURS, "cost", name, each[0])
        )
    return rows + [Row(OURS, "cost", name, value) for name, value in figures.items()]


def _times(bundle: Path, test: Dataset) -> dict[str, float]:
    """How long answers to some histories of the test take."""
    histories, ids = test.cases().histories, test.items["item_id"]
    asked = [ids.gather(histories[row]).to_list() for row in range(min(ANSWERS, len(histories)))]
    return recommending(bundle, asked)
