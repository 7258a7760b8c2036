"""Search for the settings of a whole fit: text encoder, user model and ranker.

A trial is the fit that `Pipeline.fit` does on the same training data, so the best settings give
the same model there. It is measured on the validation data that fitting carves out and never
trains on. Validation also says when training is done, so the value flatters a little; what is
honest is the report on the test side of the split, which a search never sees.
"""

import hashlib
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from corank.data.dataset import Dataset
from corank.evaluate.metrics import compute
from corank.evaluate.task import Task
from corank.fitting import FitConfig
from corank.language.parameters import fingerprint
from corank.pipeline import Pipeline
from corank.runs import rank_histories
from corank.tune.study import Found, Report, search

DEFAULT_SPACE: dict[str, Any] = {
    "learning_rate": {"low": 1e-5, "high": 2e-4, "log": True},
    "temperature": {"low": 0.02, "high": 0.1, "log": True},
    "window": {"low": 1, "high": 4},
    "hard_negatives": {"low": 0, "high": 4},
    "user_model.learning_rate": {"low": 3e-4, "high": 3e-3, "log": True},
    "user_model.id_learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
    "user_model.dropout": [None, 0.0, 0.1, 0.2, 0.3, 0.5],
    "user_model.item_dropout": {"low": 0.0, "high": 0.5},
    "user_model.label_smoothing": {"low": 0.0, "high": 0.2},
}
"""What is tried where no space is given; of a frozen encoder (0 epochs) the user model's alone."""

CONTRASTIVE = ("temperature", "window", "hard_negatives")
"""Of these, what the objective ``interactions`` does not read."""

_PIECE = 100_000  # rows hashed at a time


def tune(
    pipeline: Pipeline,
    train: Dataset,
    config: FitConfig | None = None,
    space: Mapping[str, Any] | None = None,
    *,
    folder: Path,
    trials: int = 20,
    seed: int = 0,
) -> Found[FitConfig]:
    """Try settings of a fit; the value is NDCG@10 of recommendation on validation.

    A trial is cut short where it is worse than the median of those before it, by what the text
    alone says after each check of the encoder's tuning (`TrainerConfig.checks`; each encodes the
    catalogue), or by the user model at each of its own.

    Args:
        pipeline: what is fitted in every trial; it stays as it is.
        train: what to learn from; the training side of a split.
        config: the base, tried first.
        space: what may be changed (see `corank.tune.space`); by default `DEFAULT_SPACE`.
        folder, trials, seed: see `corank.tune.study.search`.

    Raises:
        DataError: the data is too small to carve validation data from, or nothing is asked there.
        ConfigError, TrainingError: see `corank.tune.study.search`.
    """
    config = config or FitConfig()
    _, validation = train.carve()
    weights = fingerprint(pipeline._start().requires_grad_(False))  # the values of all
    cases = validation.cases()

    def objective(tried: FitConfig, report: Report) -> float:
        def watch(done: float, value: float) -> None:
            report(round(100 * done), value)

        engine = copy(pipeline).fit(train, tried, watch=watch)
        task = Task.of(cases, engine.signals.repeatable)
        judged = task.judge(rank_histories(engine, task.histories, task.moments))
        return float(np.nanmean(compute("ndcg@10", judged)))

    return search(
        objective,
        config,
        _default_space(config) if space is None else space,
        folder=folder,
        trials=trials,
        seed=seed,
        about={
            "vertical": pipeline.vertical.name,
            "encoder": asdict(pipeline.encoder) | {"weights": weights},
            "split": asdict(train.protocol) if train.protocol else None,
            "data": _fingerprint(train),
        },
    )


def _default_space(config: FitConfig) -> dict[str, Any]:
    """Leave out what this config does not read."""
    unread = () if config.objective == "contrastive" else CONTRASTIVE
    return {
        name: given
        for name, given in DEFAULT_SPACE.items()
        if name.startswith("user_model.") or (config.epochs and name not in unread)
    }


def _fingerprint(data: Dataset) -> str:
    """SHA-256 of what fitting reads: the tables, and the grades that the labels gave."""
    digest = hashlib.sha256()
    for table in (data.items, data.interactions, data.queries, data.positives):
        for piece in table.iter_slices(_PIECE):
            digest.update(piece.write_ndjson().encode())
    return digest.hexdigest()
