"""What a smaller encoder loses where it counts: in 8 bits, and with three layers in 8 bits.

The gate decides on validation data; what is told here is of the test, before and after, case by
case. Beauty is the whole ranker, refitted by nobody: the catalogue is encoded again and all that
was learned from events stays. Banking77 is a classifier, whose gate is a tenth of the training
texts that it has not seen. What an encoder by itself loses, `latency` tells.
"""

import time
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from benchmarks.accuracy import fit, folder, resumed
from benchmarks.reporting.results import store
from benchmarks.sets.amazon_beauty import AMAZON_BEAUTY
from benchmarks.sets.datasets import PublicSet
from benchmarks.sets.labelled import BANKING77
from corank import FitConfig
from corank.classify.compressing import compress_classifier
from corank.classify.material import Labelled
from corank.classify.training import ClassifierConfig, fit_classifier
from corank.compress.runtime import TextEncoder
from corank.errors import CompressionError
from corank.evaluate.metrics import compute
from corank.evaluate.report import OURS, Row
from corank.evaluate.significance import paired_difference
from corank.evaluate.task import Task
from corank.language.shrink import ShrinkConfig
from corank.runs import rank_histories

SYSTEMS: dict[str, tuple[int | None, float]] = {
    "int8": (None, 0.005),
    "int8, 3 layers": (3, 0.02),
}
"""What is made -> how many layers stay, and the share of the metric that the gate lets go."""
HELD = 0.1


@dataclass(frozen=True)
class Made:
    """A metric's values on the test, and the encoder that they were reached with."""

    values: NDArray[np.float64]
    encoder: TextEncoder
    seconds: float = 0.0  # that it took to make


Make = Callable[[int | None, float], Made]
"""How many layers stay, None for all, and how much may be lost, 0 for nothing -> what comes."""
Start = Callable[[int], tuple[Made, NDArray[np.generic] | None, Make]]
"""A seed -> what it is before, which cases belong together, and what makes it smaller."""


def run(name: str, *, seed: int) -> tuple[list[Row], Path]:
    """Measure before and after, and store what is lost.

    Args:
        name: of the data set, a key of `SETS`.
        seed: of the fit, and of all that is sampled.
    """
    dataset, metric, start = SETS[name]
    before, groups, make = start(seed)
    rows = [*_rows(OURS, metric, before)]
    refused: dict[str, str] = {}
    for system, how in SYSTEMS.items():
        try:
            after = make(*how)
        except CompressionError as error:
            refused[system] = str(error)
            continue
        gap = paired_difference(before.values, after.values, groups=groups, seed=seed)
        mean = float(before.values.mean())
        rows += [*_rows(f"{OURS}/{system}", metric, after)]
        lost = gap.value / mean, gap.low / mean, gap.high / mean
        rows.append(Row(f"{OURS}/{system}", "all", f"{metric}_lost", *lost))
    verdict = f"{len(before.values):,} cases of the test, one seed; what is lost, as a share"
    return rows, store(dataset, "compression", verdict, rows, about={"refused": refused})


def _rows(system: str, metric: str, made: Made) -> Iterator[Row]:
    yield Row(system, "all", metric, float(made.values.mean()))
    yield Row(system, "all", "encoder_mb", len(made.encoder.graph) / 1e6)
    if made.seconds:
        yield Row(system, "all", "minutes", made.seconds / 60)


def _beauty(seed: int) -> tuple[Made, NDArray[np.generic], Make]:
    config, protocol = FitConfig(seed=seed), "leave-one-out"
    split = AMAZON_BEAUTY.split(protocol)
    place = folder(AMAZON_BEAUTY, protocol, config, 0)
    fit(AMAZON_BEAUTY, split.train, config, place)
    pipeline = resumed(AMAZON_BEAUTY, split.train, config, place)
    task = Task.of(split.test.cases(), pipeline.engine.signals.repeatable)

    def make(layers: int | None, max_drop: float) -> Made:
        smaller, start = copy(pipeline), time.perf_counter()
        if max_drop:
            smaller.compress(layers=layers, max_drop=max_drop, seed=seed)
        seconds = time.perf_counter() - start
        run = rank_histories(smaller.engine, task.histories, task.moments)
        values = compute("ndcg@10", task.judge(run))
        return Made(values, smaller.engine.encoder, seconds if max_drop else 0.0)

    return make(None, 0), task.users.to_physical().rank("dense").to_numpy(), make


def _banking77(seed: int) -> tuple[Made, None, Make]:
    fold = next(BANKING77.folds(BANKING77.source(), "full", seed))
    texts, held, labels, true = train_test_split(
        fold.texts, fold.labels, test_size=HELD, stratify=fold.labels, random_state=seed
    )
    options = BANKING77.options.get("full", {})
    classifier = fit_classifier(texts, labels, ClassifierConfig(**options), seed=seed)

    def make(layers: int | None, max_drop: float) -> Made:
        smaller, start = classifier, time.perf_counter()
        if max_drop:
            shrink = ShrinkConfig(layers=layers) if layers else None
            smaller, _ = compress_classifier(
                classifier,
                Labelled(held, true),
                shrink=shrink,
                texts=texts,
                max_drop=max_drop,
                seed=seed,
            )
        seconds = time.perf_counter() - start
        said = smaller.predict(fold.test_texts)
        right = [one.best == label for one, label in zip(said, fold.test_labels, strict=True)]
        return Made(np.array(right, float), smaller.encoder, seconds if max_drop else 0.0)

    return make(None, 0), None, make


SETS: dict[str, tuple[PublicSet, str, Start]] = {
    AMAZON_BEAUTY.name: (AMAZON_BEAUTY, "ndcg@10", _beauty),
    BANKING77.name: (BANKING77, "accuracy", _banking77),
}
"""Name -> the set, the metric, and what measures it first."""
