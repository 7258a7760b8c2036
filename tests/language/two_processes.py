"""Trains the toy in as many processes as it is launched in, case by case; the last one dies.

``torchrun --nproc-per-node 2 -m tests.language.two_processes ENCODER FOLDER``
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from accelerate import PartialState
from safetensors.torch import save_file
from torch import nn

from corank.language.encoder import Encoder
from corank.language.objectives import Objective
from corank.language.options import TrainerConfig
from corank.language.processes import gather
from corank.language.trainer import History, Run, train
from tests.language.toy import (
    STEPS,
    Headed,
    Watched,
    chosen,
    contrast,
    digest,
    load,
    others,
    topics,
    weights,
)


class Case(NamedTuple):
    """A model to train, with ``config.batch_size`` examples in all processes together."""

    model: Callable[[Encoder], nn.Module]
    objective: Callable[[Encoder], Objective]
    config: TrainerConfig
    times: int = 1  # one after another


PAIRS = replace(STEPS, epochs=1, batch_size=12)
CASES = {
    "contrast": Case(lambda e: e, contrast, PAIRS),
    "chunk": Case(lambda e: e, contrast, replace(PAIRS, chunk=3)),
    "accumulate": Case(lambda e: e, contrast, replace(PAIRS, accumulate=2)),
    "mined": Case(lambda e: e, lambda e: contrast(e, others(2)), PAIRS),
    # With room for every item, whose process a user falls to changes nothing.
    "users": Case(lambda e: e, chosen, PAIRS, times=2),
    "users and queries": Case(
        lambda e: e,
        lambda e: chosen(e, queries=True),
        replace(PAIRS, chunk=5, accumulate=2, batch_size=6),
    ),
    "everything": Case(
        lambda e: e,
        lambda e: contrast(e, others()),
        replace(
            PAIRS,
            chunk=8,
            accumulate=2,
            adversarial=0.1,
            gradient_checkpointing=True,
        ),
    ),
    "classes": Case(Headed, topics, STEPS, times=2),
    "lora": Case(
        Headed, topics, replace(STEPS, adapter="lora", rank=2, average=0.4, patience=2), times=2
    ),
    "8-bit": Case(Headed, topics, replace(STEPS, adapter="lora", base_8bit=True)),
    "frozen": Case(Headed, topics, replace(STEPS, frozen_layers=1, average=0.4, patience=2)),
}
RANDOM = replace(STEPS, dropout=0.2, drop_tokens=0.3, batch_size=2, save_every=2)


def trained(case: Case, encoder_folder: str, processes: int) -> tuple[nn.Module, History]:
    """Train a fresh model; return what happened the last time."""
    encoder = load(encoder_folder)
    model, objective = case.model(encoder), case.objective(encoder)
    config = replace(case.config, batch_size=case.config.batch_size // processes)
    for seed in range(case.times):
        values = iter([0.1, 0.4, 0.2, 0.3])  # asked of one process only
        history = train(model, objective, config, seed=seed, metric=lambda: next(values))  # noqa: B023
    return model, history


class StoppedError(Exception):
    """Whatever ends a run between two checkpoints."""


def interrupt(number: int) -> None:
    if number == 6:
        raise StoppedError


def main(encoder_folder: str, folder: Path) -> None:
    state = PartialState(cpu=True)
    rank = state.process_index
    found: dict[str, Any] = {}
    for name, case in CASES.items():
        model, history = trained(case, encoder_folder, state.num_processes)
        found[name] = {"losses": history.losses, "metrics": history.metrics, "of": digests(model)}
        if rank == 0:
            save_file(weights(model), folder / f"{name}.safetensors")

    # Dropout differs from process to process, and a resumed run repeats each one's.
    encoder = load(encoder_folder)
    runs = []
    for run, objective in (
        (Run(folder / "never"), topics(encoder)),
        (Run(folder / "run"), Watched(topics(encoder), interrupt)),
        (Run(folder / "run", resume=True), watched := Watched(topics(encoder))),
    ):
        model = Headed(encoder)
        try:
            history = train(model, objective, RANDOM, seed=3, run=run)
        except StoppedError:
            continue
        runs.append({"losses": history.losses, "of": digests(model)})
    found["runs"], found["resumed passes"] = runs, watched.number

    part = torch.tensor([[1.0, 2.0], [3.0, 4.0]]) + 10 * rank
    part.requires_grad_()
    whole = gather(part)
    (whole * torch.arange(1.0, 9.0).view(4, 2) * (rank + 1)).sum().backward()
    assert part.grad is not None
    found["gathered"] = whole.tolist()
    found["asked of a part"] = everyone(part.grad.tolist())

    if rank == 0:
        (folder / "found.json").write_text(json.dumps(found))
        (folder / "pid").write_text(str(os.getpid()))

    def die(number: int) -> None:
        if number == 3 and rank == 1:
            (folder / "died").write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)

    train(Headed(encoder), Watched(topics(encoder), die), RANDOM, seed=0)
    (folder / "survived").touch()


def everyone(value: Any) -> list[Any]:
    """The value of every process."""
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def digests(model: nn.Module) -> list[str]:
    """A hash of each process's weights."""
    return everyone(digest(model))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
