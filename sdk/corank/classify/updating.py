"""Teach a classifier more, texts and classes, without its forgetting what it knew.

Three things hold on to the old: some old texts are learned again beside the new (replay), their
targets are partly what the current classifier says of them (distillation), and the encoder comes
out as an average of what it was and what it became. The head is then fitted anew on all texts.
The update is published only through a `Gate`.

Sources: replay and distillation, Rebuffi et al., "iCaRL: Incremental Classifier and
Representation Learning", CVPR 2017; averaging, see `corank.language.blend`. Knows classifiers
and texts; knows nothing of where they are kept.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from corank.classify.classifier import Classifier
from corank.classify.heads import logits_of
from corank.classify.material import Labelled, Material, Rows
from corank.classify.training import (
    ClassifierConfig,
    calibrated,
    finished,
    head_on,
    tune_whole,
)
from corank.compress.export import torch_encoder
from corank.config import check_ranges, from_mapping
from corank.errors import DataError
from corank.evaluate.gate import Gate, Judgement, Slice
from corank.language.blend import blended
from corank.language.encoder import EncoderConfig
from corank.language.trainer import Run


@dataclass(frozen=True, kw_only=True)
class ClassifierUpdate(ClassifierConfig):
    """How a classifier learns more; see `ClassifierConfig`. The mode is always ``full``.

    Args:
        replay: old texts that are learned again for each new one, every class alike.
        distil: weight of what the current classifier says in the targets of old texts.
        keep: weight of the current encoder in the one that comes out.
        gate: what the update has to show.
    """

    epochs: int = 2
    replay: float = 1.0
    distil: float = 0.5
    keep: float = 0.5
    gate: Gate = field(default_factory=Gate)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_0=("replay",), share=("keep", "distil"))


class Updated(NamedTuple):
    """The classifier to use from now on, which is the old one where the update failed."""

    classifier: Classifier
    judgement: Judgement


def update_classifier(
    current: Classifier,
    new: Labelled,
    memory: Labelled,
    *,
    new_test: Labelled,
    old_test: Labelled,
    config: ClassifierUpdate | None = None,
    seed: int = 0,
    run: Run | None = None,
) -> Updated:
    """Learn new texts, and perhaps new classes; keep the current classifier unless it helps.

    Args:
        current: in full precision; is not changed.
        new: what to learn.
        memory: texts it was trained on, as many as were kept: all are used for the head, a
            sample for the encoder. A class with no text here nor among the new ones is never
            said again.
        new_test, old_test: texts that neither classifier learned from. Accuracy on the first has
            to rise clearly, and may fall on the second within the gate's budget.
        config: how.
        seed: of everything that is random.
        run: where checkpoints go.

    Raises:
        DataError: see `fit_classifier`; or a test is empty.
        BundleError: the classifier's graph cannot be trained further.
        TrainingError, ConfigError: see `corank.language.trainer.train`.
    """
    config = config or ClassifierUpdate()
    for name, test in (("new_test", new_test), ("old_test", old_test)):
        if len(test.texts) != len(test.labels) or not len(test.texts):
            raise DataError(
                f"{name} holds {len(test.texts):,} texts and {len(test.labels):,} labels; it takes "
                "as many of both, and at least one."
            )
    updated = learn_more(current, new, memory, config, seed=seed, run=run)

    def compared(test: Labelled) -> Slice:
        return Slice(*(_right(each, test) for each in (updated, current)))

    judgement = config.gate.judge(
        "Accuracy", new=compared(new_test), old=compared(old_test), seed=seed
    )
    return Updated(updated if judgement.publish else current, judgement)


def learn_more(
    current: Classifier,
    new: Labelled,
    memory: Labelled,
    config: ClassifierUpdate,
    *,
    seed: int = 0,
    run: Run | None = None,
) -> Classifier:
    """Return an updated classifier, good or not; see `update_classifier`."""
    made_of = from_mapping(EncoderConfig, cast(dict[str, Any], current.about["encoder"]))
    encoder = torch_encoder(current.encoder, made_of)
    if config.adapter == "prompt":
        encoder.add_virtual_tokens(config.virtual_tokens, [*memory.texts, *new.texts])
    material = Material(
        [*memory.texts, *new.texts],
        [*memory.labels, *new.labels],
        encoder,
        config.max_tokens,
        current.classes,
    )
    n_old = len(memory.texts)
    learn, held = material.divide(config.holdout, seed)
    old, fresh = learn[learn < n_old], learn[learn >= n_old]
    replayed = _balanced(material.y, old, round(config.replay * len(fresh)), seed)
    targets = material.targets()
    if n_old:
        said = current.predict_proba(list(memory.texts))  # (n_old, classes before)
        targets[:n_old] *= 1 - config.distil
        targets[:n_old, : said.shape[1]] += config.distil * said
    rows = np.sort(np.concatenate([replayed, fresh]))
    head = head_on(material, learn, config)
    with blended(encoder, config.keep):
        tune_whole(material, head, rows, held, targets, config, seed=seed, run=run)
    head = head_on(material, learn, config)
    about = {"mode": "full", "texts before": n_old, "classes before": len(current.classes)}
    calibration = calibrated(logits_of(head, material.vectors(held)), material.y[held], config)
    return finished(material, head, calibration, config, seed=seed, about=about)


def _balanced(y: NDArray[np.int64], rows: Rows, n: int, seed: int) -> Rows:
    """Choose at most n of the rows at random, from every class as many where it has them."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(rows)
    order = np.argsort(y[shuffled], kind="stable")
    _, starts, sizes = np.unique(y[shuffled][order], return_index=True, return_counts=True)
    turn = np.arange(len(rows)) - np.repeat(starts, sizes)  # 0 for the first of each class
    return shuffled[order][np.lexsort((rng.random(len(rows)), turn))[:n]]


def _right(classifier: Classifier, test: Labelled) -> NDArray[np.float64]:
    """1 where the best class is the true one, or where it abstains and there is none, (n,)."""
    said = zip(classifier.predict(list(test.texts)), test.labels, strict=True)
    return np.array([p.label is None if c is None else p.best == c for p, c in said], np.float64)
