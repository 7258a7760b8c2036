"""Classes that arrive a few at a time: what is forgotten, by updates and by plain fine-tuning.

Forgetting of a step's classes is the best accuracy that was ever reached on their test texts
minus the accuracy at the end, the answer being any class seen so far; the mean over all steps but
the last (Chaudhry et al., "Riemannian Walk for Incremental Learning", ECCV 2018). Part of it is
no forgetting at all: a question has more wrong answers among 77 classes than among 11. How much,
the frozen encoder tells, whose head is fitted anew on everything at each step.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.reporting.results import Kept, store
from benchmarks.sets.labelled import Fold, LabelledSet
from corank.classify.classifier import Classifier
from corank.classify.heads import Calibration, Headed, fit_head
from corank.classify.material import Labelled, Material
from corank.classify.training import ClassifierConfig, finished, fit_classifier
from corank.classify.updating import ClassifierUpdate, learn_more
from corank.compress.export import torch_encoder
from corank.evaluate.report import Row
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.objectives import Classification
from corank.language.trainer import train
from corank.progress import track

STEPS = 7
Best = list[str | None]  # the most probable class of every test text


class Part(NamedTuple):
    """One step's classes: texts to learn, and texts to test on."""

    learn: Labelled
    test: Labelled


def steps(fold: Fold, seed: int) -> list[Part]:
    """Divide the classes at random into `STEPS` parts."""
    names = np.array(sorted({label for label in fold.labels if label is not None}))
    groups = np.array_split(np.random.default_rng(seed).permutation(names), STEPS)

    def only(texts: Sequence[str], labels: Sequence[str | None], group: set[str]) -> Labelled:
        rows = [row for row, label in enumerate(labels) if label in group]
        return Labelled([texts[row] for row in rows], [labels[row] for row in rows])

    return [
        Part(
            only(fold.texts, fold.labels, set(group.tolist())),
            only(fold.test_texts, fold.test_labels, set(group.tolist())),
        )
        for group in groups
    ]


def updates(parts: list[Part], seed: int) -> Iterator[Classifier]:
    """`corank.update_classifier` without its gate; all old texts are kept."""
    current = fit_classifier(*parts[0].learn, ClassifierConfig(mode="full"), seed=seed)
    yield current
    for number, part in enumerate(parts[1:], 1):
        seen = [each.learn for each in parts[:number]]
        memory = Labelled(
            [text for part in seen for text in part.texts],
            [label for part in seen for label in part.labels],
        )
        current = learn_more(current, part.learn, memory, ClassifierUpdate(), seed=seed)
        yield current


def plain(parts: list[Part], seed: int) -> Iterator[Classifier]:
    """Go on training encoder and head on the new texts alone, the old classes' head kept."""
    config = ClassifierConfig(mode="full", holdout=0.0, epochs=ClassifierUpdate().epochs)
    current = fit_classifier(*parts[0].learn, config, seed=seed)
    yield current
    for part in parts[1:]:
        encoder = torch_encoder(current.encoder, EncoderConfig())
        material = Material(*part.learn, encoder, config.max_tokens, current.classes)
        rows = np.arange(len(material))
        head = fit_head(
            material.vectors(rows), material.y, len(material.classes), config.inverse_l2
        )
        with torch.no_grad():
            known = len(current.classes)
            head.weight[:known] = torch.from_numpy(current.weights.T)
            head.bias[:known] = torch.from_numpy(current.bias)
        objective = Classification(material.ids, material.y, smoothing=config.smoothing)
        train(Headed(encoder, head), objective, config, seed=seed)
        current = finished(material, head, Calibration(), config, seed=seed, about={})
        yield current


def frozen(parts: list[Part], seed: int) -> Iterator[Best]:
    """The encoder as it came, a head fitted on all texts so far: nothing can be forgotten."""
    encoder = Encoder.load()
    vectors = [encoder.encode(part.learn.texts) for part in parts]
    asked = encoder.encode(_asked(parts))
    for number in range(1, len(parts) + 1):
        labels = [label for part in parts[:number] for label in part.learn.labels]
        head = LogisticRegression(C=ClassifierConfig().inverse_l2, max_iter=1_000)
        head.fit(np.concatenate(vectors[:number]), labels)
        yield [str(each) for each in head.predict(asked)]


def run(dataset: LabelledSet, protocol: str, seeds: Sequence[int]) -> tuple[list[Row], Path]:
    """Train, measure and store; resumable by system and seed."""
    kept = Kept(dataset.name, protocol, None)
    systems: dict[str, Callable[[list[Part], int], Iterator[Best]]] = {
        "frozen-encoder, all texts": frozen,
        "plain fine-tuning": lambda parts, seed: _asking(plain(parts, seed), parts),
        "corank": lambda parts, seed: _asking(updates(parts, seed), parts),
    }
    found: dict[tuple[str, str], list[float]] = {}
    for seed in seeds:
        (fold,) = dataset.folds(dataset.source(), protocol, seed)
        parts = steps(fold, seed)
        for system, answers in systems.items():
            key = f"{system}/{seed}"
            if key not in kept.folds:
                start = time.perf_counter()
                best = [*track(answers(parts, seed), f"{system}, seed {seed}", STEPS)]
                kept.add(key, {"best": best, "seconds": time.perf_counter() - start})
            measured = measure(accuracies(kept.folds[key]["best"], parts))
            measured["minutes"] = kept.folds[key]["seconds"] / 60
            for metric, value in measured.items():
                found.setdefault((system, metric), []).append(value)
    rows = [
        Row(system, "all", metric, float(np.mean(v)), min(v), max(v), len(seeds))
        for (system, metric), v in found.items()
    ]
    about = {"fit": vars(ClassifierConfig()), "update": repr(ClassifierUpdate())}
    path = store(
        dataset,
        protocol,
        f"mean over {len(seeds)} seeds, lowest .. highest",
        rows,
        about=about,
    )
    kept.path.unlink(missing_ok=True)
    return rows, path


def accuracies(answers: Sequence[Best], parts: list[Part]) -> NDArray[np.float64]:
    """Accuracy after each step (rows) on each part's test (columns), (steps, steps)."""
    truth = np.array([label for part in parts for label in part.test.labels])
    part_of = np.repeat(np.arange(len(parts)), [len(part.test.labels) for part in parts])
    sizes = np.bincount(part_of)
    return np.array([np.bincount(part_of, np.array(best) == truth) / sizes for best in answers])


def measure(accuracy: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean accuracy at the end, and the average forgetting.

    Args:
        accuracy: as `accuracies` returns.
    """
    before = np.tril(accuracy)[:-1]  # a part is asked from its own step on
    return {
        "accuracy": float(accuracy[-1].mean()),
        "forgetting": float((before.max(0) - accuracy[-1])[:-1].mean()),
    }


def _asked(parts: list[Part]) -> list[str]:
    return [text for part in parts for text in part.test.texts]


def _asking(classifiers: Iterator[Classifier], parts: list[Part]) -> Iterator[Best]:
    for classifier in classifiers:
        yield [said.best for said in classifier.predict(_asked(parts))]
