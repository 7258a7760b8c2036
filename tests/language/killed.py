"""Kills runs at many points; others go on from what is left. Says what came of it, as JSON.

``python -m tests.language.killed ENCODER FOLDER``: torch is imported once, each run is a fork.
"""

import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from corank.language import checkpoint
from corank.language.checkpoint import Checkpoints
from corank.language.objectives import Objective
from corank.language.options import TrainerConfig
from corank.language.trainer import Run, train
from tests.language.toy import STEPS, Headed, Watched, digest, load, topics

CONFIG: TrainerConfig = replace(
    STEPS, dropout=0.2, average=0.4, patience=3, drop_tokens=0.2, save_every=2, checks=3
)


def die(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def second(deed: Callable[..., Any], before: Callable[..., Any]) -> Callable[..., Any]:
    """Call ``before`` when it is called for the second time, then what it was."""
    calls = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            before(*args, **kwargs)
        return deed(*args, **kwargs)

    return counted


def write_half(tensors: dict[str, torch.Tensor], path: Path) -> None:
    whole = save(tensors)
    path.write_bytes(whole[: len(whole) // 2])
    die()


def in_the_first_steps(objective: Objective) -> Objective:
    return Watched(objective, change=lambda number, loss: die() if number == 2 else loss)


def in_a_step(objective: Objective) -> Objective:
    return Watched(objective, change=lambda number, loss: die() if number == 6 else loss)


def right_after_a_checkpoint(objective: Objective) -> Objective:
    return Watched(objective, lambda number: die() if number == 5 else None)


def while_the_state_is_written(objective: Objective) -> Objective:
    vars(checkpoint)["save_file"] = second(vars(checkpoint)["save_file"], write_half)
    return objective


def between_the_write_and_the_rename(objective: Objective) -> Objective:
    Path.replace = second(Path.replace, die)  # type: ignore[method-assign]
    return objective


def before_the_old_one_is_removed(objective: Objective) -> Objective:
    Checkpoints._remove = second(Checkpoints._remove, die)  # type: ignore[method-assign]
    return objective


# The point, and the step that the next run goes on from.
POINTS: dict[Callable[[Objective], Objective], int] = {
    in_the_first_steps: 0,
    in_a_step: 4,
    right_after_a_checkpoint: 4,
    while_the_state_is_written: 2,
    between_the_write_and_the_rename: 2,
    before_the_old_one_is_removed: 4,
}


def main(encoder_folder: str, folder: Path) -> None:
    encoder = load(encoder_folder)
    objective = topics(encoder)

    def trained(run: Run, harm: Callable[[Objective], Objective] = lambda same: same) -> Any:
        model = Headed(encoder)
        start = [weight.detach().clone() for weight in model.parameters()]

        def metric() -> float:  # best after four steps of nine, and of every bit of every weight
            weights = [
                (w.detach().double(), s) for w, s in zip(model.parameters(), start, strict=True)
            ]
            moved = math.sqrt(sum(float((w - s).square().sum()) for w, s in weights))
            bits = math.sin(1e4 * sum(float(w.sum()) for w, _ in weights))
            return -abs(moved - 0.49) + 1e-6 * bits

        watched = Watched(harm(objective))
        history = train(model, watched, CONFIG, seed=2, metric=metric, run=run)
        return {
            "weights": digest(model),
            "losses": history.losses,
            "metrics": history.metrics,
            "passes": watched.number,
            "left": sorted(path.name for path in run.folder.iterdir()),
        }

    def fork(work: Callable[[], Any]) -> tuple[int, Any]:
        """The signal that ended a child (0: none), and what its work gave."""
        answer = folder / "answer.json"
        answer.unlink(missing_ok=True)
        if not (child := os.fork()):
            try:
                answer.write_text(json.dumps(work()))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return ended, json.loads(answer.read_text()) if answer.exists() else None

    found = {"never": fork(partial(trained, Run(folder / "never")))}
    for harm in POINTS:
        run = Run(folder / harm.__name__, resume=True)
        ended, _ = fork(partial(trained, run, harm))
        found[harm.__name__] = ended, fork(partial(trained, run))[1]
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
