"""The one training loop, over accelerate: every objective, one process or many, killed or not.

`accelerate launch` sets the stage, and nothing here knows on how many devices it runs. Steps are
planned before the first, so no process waits for another because of its data. Every draw of a
step (order, dropout, masks) is seeded by (seed, step, process): a run resumed at a step goes on
as if it had never stopped.

Knows objectives; knows neither items nor users.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn

from corank.errors import TrainingError
from corank.language.adapters import adapted
from corank.language.checkpoint import Checkpoint, Checkpoints
from corank.language.objectives import Objective, Rows
from corank.language.options import TrainerConfig
from corank.language.parameters import (
    Average,
    fingerprint,
    moments,
    parameter_groups,
    perturbed_embeddings,
    prepared,
    restore,
    set_moments,
    share_trained,
    snapshot,
)
from corank.language.passes import Passes
from corank.language.processes import accelerator, leave, memory_explained
from corank.language.schedule import check_steps, plan_steps, set_rate
from corank.language.sharding import placed, trainee, whole, whole_all
from corank.progress import bar


@dataclass
class History:
    """What happened.

    Args:
        losses: of every step, over all processes.
        metrics: (step, value) at each check.
        trained: share of the model's numbers that learned, adapters counted among them.
    """

    losses: list[float] = field(default_factory=list)
    metrics: list[tuple[int, float]] = field(default_factory=list)
    trained: float = 0.0

    @property
    def best(self) -> tuple[int, float]:
        """The step and value of the best check; (0, -inf) where none was made."""
        numbers = [check for check in self.metrics if not math.isnan(check[1])]
        return max(numbers, key=lambda check: check[1], default=(0, -math.inf))


class Run(NamedTuple):
    """Where a run keeps its checkpoints, and whether it goes on from them.

    Args:
        folder: of this run alone. The last checkpoint stays there, so that resuming a run that
            ended gives what it gave; whoever made the folder removes it.
        resume: go on from the newest checkpoint, if there is one. Otherwise the run starts over
            and removes those it finds.
    """

    folder: Path
    resume: bool = False


def train(
    model: nn.Module,
    objective: Objective,
    config: TrainerConfig,
    *,
    seed: int,
    metric: Callable[[], float] | None = None,
    run: Run | None = None,
    name: str = "training",
) -> History:
    """Minimise an objective, in place; return what happened.

    Args:
        model: maps ids (b, t) and mask (b, t), and labels or segments (b, t) where the objective
            has them, to one row of output per text. Is left in evaluation mode.
        objective: what is minimised.
        config: how.
        seed: of the order of examples, dropout and masks.
        metric: how good the model is now, higher is better; asked ``config.checks`` times an
            epoch with the model in evaluation mode.
        run: where checkpoints go; without it nothing is written.
        name: on the progress bar.

    Raises:
        TrainingError: the loss is not finite, memory ran out, or a checkpoint cannot be written.
        ConfigError: the checkpoint to resume from was made with other settings, or an option
            needs what is not there.
        MissingExtraError: an option needs a package that is not installed.
    """
    joined = accelerator(config.precision, config.tracker, run and run.folder)
    try:
        with (
            memory_explained(config.batch_size, config.max_tokens),
            prepared(model, config.frozen_layers, config.dropout, config.gradient_checkpointing),
            adapted(model, config.adapter, rank=config.rank, base_8bit=config.base_8bit, seed=seed),
        ):
            return _Loop(joined, model, objective, config, seed, run).run(metric, name)
    finally:
        leave(joined, model)


class _Loop:
    """The state of one run."""

    def __init__(
        self,
        joined: Accelerator,
        model: nn.Module,
        objective: Objective,
        config: TrainerConfig,
        seed: int,
        run: Run | None,
    ) -> None:
        self.accelerator, self.objective = joined, objective
        self.given, self.bare = model, trainee(joined, model)
        self.config, self.seed = config, seed
        self.plan = plan_steps(
            len(objective),
            epochs=config.epochs,
            batch_size=config.batch_size,
            accumulate=config.accumulate,
            processes=joined.num_processes,
            seed=seed,
        )
        groups = parameter_groups(
            self.bare,
            learning_rate=config.learning_rate,
            layer_decay=config.layer_decay,
            head_factor=config.head_factor,
            weight_decay=config.weight_decay,
        )
        optimizer = torch.optim.AdamW(groups, fused=True)
        self.model, self.optimizer = joined.prepare(self.bare, optimizer)
        self.passes = Passes(
            joined, self.model, objective, seed=seed, chunk=config.chunk, drop=config.drop_tokens
        )
        self.average = Average(self.bare, config.average) if config.average else None
        self.best: dict[str, Tensor] = {}
        self.history = History(trained=share_trained(model))
        self.step = 0
        self.checkpoints = run and Checkpoints(run.folder, self._settings())
        if run and self.checkpoints:
            if not run.resume and joined.is_main_process:
                self.checkpoints.clear()
            joined.wait_for_everyone()
            if found := self.checkpoints.latest():
                self._resume(found)

    def run(self, metric: Callable[[], float] | None, name: str) -> History:
        """Take every step that is left; end with the best weights, or the last."""
        config = self.config
        asked = check_steps(len(self.plan), epochs=config.epochs, checks=config.checks)
        bars = bar()
        bars.disable |= not self.accelerator.is_main_process
        with bars:
            task = bars.add_task(name, total=len(self.plan), completed=self.step)
            while self.step < len(self.plan) and not self._done():
                self._take(self.plan[self.step])
                bars.advance(task)
                if metric and self.step in asked:
                    self._check(metric)
                last = self.step == len(self.plan) or self._done()
                if self.checkpoints and (last or self.step % config.save_every == 0):
                    self._save(self.checkpoints)
        if self.average:
            restore(self.bare, self.average.weights)
        if config.patience and self.best:
            restore(self.bare, self.best)
        self._hand_over()
        return self.history

    def _take(self, rows: Rows) -> None:
        """One optimizer step over ``rows``, (accumulate, B)."""
        self.step += 1
        self.model.train()
        loss = self.passes(rows, self.step)
        if self.config.adversarial:
            with perturbed_embeddings(self.bare, self.config.adversarial):
                self.passes(rows, self.step)
        total = float(self.accelerator.reduce(loss, "mean"))  # NaN anywhere is NaN everywhere
        clipped = self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip)
        norm = float(whole(clipped))
        scaled = self.accelerator.scaler is not None  # which leaves out steps that overflow
        if not math.isfinite(total) or not (scaled or math.isfinite(norm)):
            raise TrainingError(
                f"The loss of step {self.step} is {total}, its gradient's length {norm}; the step "
                "was not taken. Lower learning_rate or clip, or look at the examples: "
                f"{', '.join(map(str, rows.ravel()[:8]))}..."
            )
        shape, warm_up = self.config.schedule, self.config.warm_up
        share = set_rate(
            self.optimizer, self.step - 1, len(self.plan), shape=shape, warm_up=warm_up
        )
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average:
            self.average.update(self.bare, self.step)
        self.history.losses.append(total)
        self.accelerator.log({"loss": total, "share of the peak rate": share}, self.step)

    def _check(self, metric: Callable[[], float]) -> None:
        """Ask the metric on the first process; all go by its answer."""
        self.given.eval()
        with self.average.applied(self.bare) if self.average else nullcontext():
            self._hand_over()
            asked = metric() if self.accelerator.is_main_process else 0.0
            value = float(broadcast_object_list([asked])[0])
            if self.config.patience and value > self.history.best[1]:
                self.best = snapshot(self.bare)
        if self.given is not self.bare:
            self.given.cpu()
        self.history.metrics.append((self.step, value))
        self.accelerator.log({"metric": value}, self.step)

    def _hand_over(self) -> None:
        """Give the caller's model the weights, on the device, where another is trained."""
        if self.given is not self.bare:
            restore(self.given, whole_all(snapshot(self.bare)))
            self.given.to(self.accelerator.device)

    def _done(self) -> bool:
        """Whether the last checks brought nothing."""
        since = sum(step > self.history.best[0] for step, _ in self.history.metrics)
        return bool(self.config.patience) and since >= self.config.patience

    def _settings(self) -> dict[str, Any]:
        return {
            **asdict(self.config),
            "seed": self.seed,
            "processes": self.accelerator.num_processes,
            "the model's fingerprint": fingerprint(self.given),
            "the data's fingerprint": self.objective.fingerprint,
        }

    def _save(self, checkpoints: Checkpoints) -> None:
        main = self.accelerator.is_main_process
        if main or self.given is not self.bare:  # all have parts
            parts = {
                "model": whole_all(snapshot(self.bare)),
                "moments": whole_all(moments(self.bare, self.optimizer)),
                "average": whole_all(self.average.weights if self.average else {}),
                "best": whole_all(self.best),
            }
        if main:
            scaler = self.accelerator.scaler
            measured = asdict(self.history) | {"scaler": scaler.state_dict() if scaler else {}}
            checkpoints.save(Checkpoint(self.step, parts, measured))
        self.accelerator.wait_for_everyone()

    def _resume(self, found: Checkpoint) -> None:
        restore(self.bare, found.parts["model"])
        set_moments(self.bare, self.optimizer, found.parts["moments"])
        if self.average:
            for name, value in found.parts["average"].items():
                own = self.average.weights[name]
                own.copy_(placed(value, own))
        self.best = found.parts["best"]
        self.history.losses = found.run["losses"]
        self.history.metrics = [(step, value) for step, value in found.run["metrics"]]
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(found.run["scaler"])
        self.step = found.step
