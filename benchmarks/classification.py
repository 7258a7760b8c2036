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
from sklearn.metrics import f1_score

from benchmarks.clock import Clock
from benchmarks.labelled import Fold, LabelledSet
from benchmarks.results import RESULTS, current_commit, store
from corank.classify.training import ClassifierConfig, fit_classifier
from corank.data.files import atomic
from corank.evaluate.probability import auc, expected_calibration_error
from corank.evaluate.report import Row
from corank.language.encoder import Encoder
from corank.progress import track

Predicted = list[tuple[str, float, bool]]  # best class, its probability, whether it is answered


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
                answers += [(best, p, sure) for best, p, sure in kept.folds[key]]
            truth = [label for fold in folds for label in fold.test_labels]
            for metric, value in measure(answers, truth).items():
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
        return [(str(head.classes_[row.argmax()]), float(row.max()), True) for row in p]
    classifier = fit_classifier(fold.texts, fold.labels, config, seed=seed)
    said = classifier.predict(fold.test_texts)
    return [(each.best, each.probability, each.label is not None) for each in said]


def measure(answers: Predicted, truth: Sequence[str | None]) -> dict[str, float]:
    """Return the metrics of these answers; those about scope where some truth is None.

    In-scope accuracy counts a withheld answer as an error.
    """
    best = np.array([answer[0] for answer in answers])
    sure = np.array([answer[1] for answer in answers])
    answered = np.array([answer[2] for answer in answers])
    inside = np.array([label is not None for label in truth])
    right = np.array([b == label for b, label in zip(best, truth, strict=True)])
    names = [label for label in truth if label is not None]
    metrics = {
        "accuracy": float(right[inside].mean()),
        "macro_f1": float(f1_score(names, best[inside], average="macro")),
        "calibration_error": expected_calibration_error(right[inside], sure[inside]),
        "answered": float(answered.mean()),
        "precision_of_answers": float(right[answered].mean()) if answered.any() else float("nan"),
    }
    if not inside.all():
        metrics["in_scope_accuracy"] = float((right & answered)[inside].mean())
        metrics["oos_recall"] = float((~answered)[~inside].mean())
        metrics["oos_auroc"] = auc(inside, sure)
    return metrics


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
