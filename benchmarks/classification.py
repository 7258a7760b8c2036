"""Train classifiers on public labelled texts over several seeds, and store every number.

A run can be stopped and started again: what each fold predicted is kept beside the results until
the last one is in.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.clock import Clock
from benchmarks.labelled import Fold, LabelledSet
from benchmarks.results import RESULTS, current_commit, store
from corank.classify.evaluation import Prediction, evaluate
from corank.classify.training import ClassifierConfig, fit_classifier
from corank.data.files import atomic
from corank.evaluate.report import Row
from corank.language.encoder import Encoder
from corank.progress import track

Predicted = list[Prediction]


def run(
    dataset: LabelledSet, protocol: str, seeds: Sequence[int], config: ClassifierConfig
) -> tuple[list[Row], Path]:
    """Train, measure and store one protocol of a data set; return the rows and the file."""
    clock = Clock()
    kept = Kept(RESULTS / f".{dataset.name}-{protocol}-{current_commit()[:12]}.json")
    found: dict[tuple[str, str], list[float]] = {}
    for seed in seeds:
        folds = list(dataset.folds(dataset.source(), protocol, seed))
        systems = ["frozen-encoder"] + ["corank"] * (protocol not in dataset.frozen_only)
        for system in systems:
            answers: Predicted = []
            for number, fold in enumerate(track(folds, f"{system}, seed {seed}", len(folds))):
                key = f"{system}/{seed}/{number}"
                if key not in kept.folds:
                    with clock("fit_seconds"):
                        kept.add(key, _predict(system, fold, seed, config))
                answers += [Prediction(*said) for said in kept.folds[key]]
            truth = [label for fold in folds for label in fold.test_labels]
            classes = sorted({label for fold in folds for label in fold.labels if label})
            for metric, value in evaluate(answers, truth, classes).items():
                found.setdefault((system, metric), []).append(value)
    rows = [
        Row(system, "all", metric, float(np.mean(v)), min(v), max(v), len(seeds))
        for (system, metric), v in found.items()
    ]
    cost = [Row("corank", "cost", name, value) for name, value in clock.figures().items()]
    verdict = "mean over seeds, lowest .. highest"
    path = store(dataset, protocol, verdict, [*rows, *cost], about={"fit": vars(config)})
    kept.path.unlink(missing_ok=True)
    return rows, path


def _predict(system: str, fold: Fold, seed: int, config: ClassifierConfig) -> Predicted:
    if system == "frozen-encoder":
        encoder = Encoder.load()
        inside = [row for row, label in enumerate(fold.labels) if label is not None]
        vectors = encoder.encode([fold.texts[row] for row in inside])
        head = LogisticRegression(max_iter=1_000)
        head.fit(vectors, [fold.labels[row] for row in inside])
        p = head.predict_proba(encoder.encode(fold.test_texts))
        best = [str(head.classes_[row.argmax()]) for row in p]
        return [Prediction(name, name, float(row.max())) for name, row in zip(best, p, strict=True)]
    return fit_classifier(fold.texts, fold.labels, config, seed=seed).predict(fold.test_texts)


class Kept:
    """What each fold predicted, on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folds: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def add(self, key: str, predicted: Sequence[Any]) -> None:
        """Keep one fold's predictions."""
        self.folds[key] = predicted
        with atomic(self.path) as part:
            part.write_text(json.dumps(self.folds), "utf-8")
