"""Train classifiers on public labelled texts over several seeds, and store every number.

A run can be stopped and started again: what each fold predicted is kept beside the results until
the last one is in.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.peers.few_shot import LABELLED, SAID
from benchmarks.peers.run import SETFIT, Peer, PeerError, run_in, why
from benchmarks.reporting.results import Kept, store
from benchmarks.sets.labelled import Fold, LabelledSet
from corank.classify.evaluation import Prediction, evaluate
from corank.classify.training import ClassifierConfig, fit_classifier
from corank.evaluate.report import Row
from corank.language.encoder import Encoder, EncoderConfig
from corank.progress import track

FROZEN = "frozen-encoder"
System = ClassifierConfig | Peer | None
"""Ours by its options, a peer, or a head on the encoder as it came."""


def run(
    dataset: LabelledSet,
    protocol: str,
    seeds: Sequence[int],
    config: ClassifierConfig,
    *,
    peers: float | None = None,
    encoder: EncoderConfig | None = None,
) -> tuple[list[Row], Path]:
    """Train, measure and store one protocol of a data set; return the rows and the file.

    Args:
        dataset, protocol: what to learn, and from how much.
        seeds: of the folds and of training.
        config: how.
        peers: seconds that a peer may take for each fold; None leaves them out.
        encoder: what ours start from, if not the default.
    """
    kept, frozen = Kept(dataset.name, protocol, config), Frozen(encoder)
    systems: dict[str, System] = {FROZEN: None}
    failed: dict[str, str] = {}
    if peers and protocol in dataset.few:
        systems[SETFIT.name] = SETFIT
    if protocol not in dataset.frozen_only:
        systems["corank"] = config
        for system, options in dataset.variants.get(protocol, {}).items():
            systems[system] = replace(config, **options)
    c = 1.0 if protocol in dataset.frozen_only else config.inverse_l2  # MTEB's head has C=1
    found: dict[tuple[str, str], list[float]] = {}

    def said(how: System, fold: Fold, seed: int) -> dict[str, Any]:
        if isinstance(how, Peer):
            return _asked(how, fold, seed, peers or 0.0)
        return frozen.answer(fold, c) if how is None else _tuned(fold, how, seed, encoder)

    def predicted(system: str, how: System, folds: list[Fold], seed: int) -> list[Prediction]:
        for number, fold in enumerate(track(folds, f"{system}, seed {seed}", len(folds))):
            key = f"{system}/{seed}/{number}"
            if key not in kept.folds:
                start = time.perf_counter()
                given = said(how, fold, seed)
                kept.add(key, given | {"seconds": time.perf_counter() - start})
        parts = [kept.folds[f"{system}/{seed}/{number}"]["said"] for number in range(len(folds))]
        return [Prediction(*each) for part in parts for each in part]

    for seed in seeds:
        folds = list(dataset.folds(dataset.source(), protocol, seed))
        truth = [label for fold in folds for label in fold.test_labels]
        classes = sorted({label for fold in folds for label in fold.labels if label})
        for system, how in systems.items():
            try:
                answers = predicted(system, how, folds, seed)
            except PeerError as error:
                failed[system] = str(error)
                continue
            measured = evaluate(answers, truth, classes)
            if clear := [fold.clear for fold in folds if fold.clear is not None]:
                right = np.array([each.best for each in answers]) == np.array(truth)
                measured["clear_accuracy"] = float(right[np.concatenate(clear)].mean())
            of = [kept.folds[f"{system}/{seed}/{number}"] for number in range(len(folds))]
            if "trained" in of[0]:
                measured["weights_trained"] = of[0]["trained"]
            measured["minutes"] = sum(each["seconds"] for each in of) / 60
            for metric, value in measured.items():
                found.setdefault((system, metric), []).append(value)
    rows = [
        Row(system, "all", metric, float(np.mean(v)), min(v), max(v), len(seeds))
        for (system, metric), v in found.items()
        if system not in failed
    ]
    about: dict[str, Any] = {
        system: vars(how) for system, how in systems.items() if isinstance(how, ClassifierConfig)
    }
    about["peers that failed"] = failed
    verdict = f"mean over {len(seeds)} seeds, lowest .. highest"
    path = store(dataset, protocol, verdict, rows, about=about)
    kept.path.unlink(missing_ok=True)
    return rows, path


def _asked(peer: Peer, fold: Fold, seed: int, limit: float) -> dict[str, Any]:
    """Have a peer learn a fold in a process of its own."""
    inside = [row for row, label in enumerate(fold.labels) if label is not None]
    given = {
        "texts": [fold.texts[row] for row in inside],
        "labels": [fold.labels[row] for row in inside],
        "test_texts": fold.test_texts,
        "seed": seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / LABELLED).write_text(json.dumps(given), "utf-8")
        try:
            run_in(peer, place, limit)
            left = json.loads((place / SAID).read_text("utf-8"))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise PeerError(why(peer, place, error)) from error
    return {"said": [Prediction(name, name, chance) for name, chance in left["said"]]}


class Frozen:
    """Heads of scikit-learn's on the encoder as it came, which reads each text once."""

    def __init__(self, encoder: EncoderConfig | None = None) -> None:
        self._config = encoder
        self._known: dict[str, NDArray[np.float32]] = {}

    def answer(self, fold: Fold, c: float) -> dict[str, Any]:
        """Fit a head, whose ``C`` is given, and ask it."""
        inside = [row for row, label in enumerate(fold.labels) if label is not None]
        head = LogisticRegression(C=c, max_iter=1_000)
        vectors = self._encode([fold.texts[row] for row in inside])
        head.fit(vectors, [fold.labels[row] for row in inside])
        p = head.predict_proba(self._encode(fold.test_texts))
        best = [str(head.classes_[row.argmax()]) for row in p]
        said = [Prediction(name, name, float(row.max())) for name, row in zip(best, p, strict=True)]
        weights = sum(weight.numel() for weight in self._encoder.parameters())
        return {"said": said, "trained": head.coef_.size / weights}

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder.load(self._config)

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._encoder.encode(new), strict=True))
        return np.array([self._known[text] for text in texts])


def _tuned(
    fold: Fold, config: ClassifierConfig, seed: int, encoder: EncoderConfig | None
) -> dict[str, Any]:
    classifier = fit_classifier(
        fold.texts,
        fold.labels,
        config,
        encoder=encoder,
        targets=fold.targets,
        validation=fold.validation,
        seed=seed,
    )
    said = classifier.predict(fold.test_texts)
    return {"said": said, "trained": classifier.about["share of weights trained"]}
