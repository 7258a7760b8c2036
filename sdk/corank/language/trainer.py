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

from corank.config import check_ranges
from corank.errors import TrainingError
from corank.language.checkpoint import Checkpoint, Checkpoints
from corank.language.objectives import Objective, Rows
from corank.language.parameters import (
    Average,
    fingerprint,
    moments,
    parameter_groups,
    perturbed_embeddings,
    prepared,
    restore,
    set_moments,
    snapshot,
)
from corank.language.passes import Passes
from corank.language.processes import Precision, Tracker, accelerator, leave, memory_explained
from corank.language.schedule import Shape, check_steps, plan_steps, set_rate
from corank.progress import bar


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """How a model is trained, whatever the objective.

    Args:
        epochs: passes over the examples; 0 leaves the model as it is.
        batch_size: examples per process and pass, or fewer where there are not so many.
        accumulate: passes in one optimizer step.
        chunk: texts that are run at a time; 0 for a few groups of like length. Set,
            gradients are cached, and memory depends on the chunk instead of the batch.
        max_tokens: texts are cut to this while training.
        learning_rate: the peak.
        schedule, warm_up: its shape after a linear rise over this share of the steps.
        layer_decay: the rate falls by this factor with each layer down; 1 for all alike.
        frozen_layers: so many of the lowest layers, and the embeddings, stay as they are: a
            third faster, and less is forgotten. 0 trains everything; the last layer always
            learns.
        weight_decay: of AdamW, on matrices only.
        clip: gradients are scaled down to this norm.
        dropout: in every layer; 0 is a quarter faster, and one pass rarely overfits.
        drop_tokens: share of each text's tokens left out at random.
        adversarial: length of a step along the embeddings' gradient (FGM); costs a second
            pass. 0 for none.
        average: decay of a moving average of the weights, which is what comes out; 0 for none.
        precision: of the forward pass; ``bf16`` is autocast, weights stay fp32. ``fp16`` is
            for GPUs: a CPU takes it for ``no``.
        gradient_checkpointing: compute activations twice to hold fewer of them.
        checks: how often the metric is asked in each epoch, where there is one.
        patience: stop after so many checks without a gain; the best weights come out. 0 runs
            to the end and keeps the last.
        save_every: steps between checkpoints, where there is a folder for them.
        tracker: where losses and metrics are also sent, by accelerate.
    """

    epochs: int = 1
    batch_size: int = 64
    accumulate: int = 1
    chunk: int = 0
    max_tokens: int = 48
    learning_rate: float = 5e-5
    schedule: Shape = "cosine"
    warm_up: float = 0.1
    layer_decay: float = 1.0
    frozen_layers: int = 0
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.0
    drop_tokens: float = 0.0
    adversarial: float = 0.0
    average: float = 0.0
    precision: Precision = "bf16"
    gradient_checkpointing: bool = False
    checks: int = 1
    patience: int = 0
    save_every: int = 200
    tracker: Tracker = "none"

    def __post_init__(self) -> None:
        check_ranges(
            self,
            at_least_1=("batch_size", "accumulate", "max_tokens", "checks", "save_every"),
            at_least_0=("epochs", "chunk", "frozen_layers", "patience", "learning_rate"),
            above_0=("clip", "layer_decay"),
            share=("warm_up", "dropout", "drop_tokens", "average"),
        )


@dataclass
class History:
    """What happened: the loss of every step over all processes, and the metric at each check."""

    losses: list[float] = field(default_factory=list)
    metrics: list[tuple[int, float]] = field(default_factory=list)  # (step, value)

    @property
    def best(self) -> tuple[int, float]:
        """The step and value of the best check; (0, -inf) where none was made."""
        return max(self.metrics, key=lambda check: check[1], default=(0, -math.inf))


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
        model: maps ids (b, t) and mask (b, t), and labels (b, t) where the objective has them,
            to one row of output per text. Is left in evaluation mode.
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
    """
    joined = accelerator(config.precision, config.tracker, run and run.folder)
    try:
        with (
            memory_explained(config.batch_size, config.max_tokens),
            prepared(model, config.frozen_layers, config.dropout, config.gradient_checkpointing),
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
        self.accelerator, self.bare, self.objective = joined, model, objective
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
            model,
            learning_rate=config.learning_rate,
            layer_decay=config.layer_decay,
            weight_decay=config.weight_decay,
        )
        optimizer = torch.optim.AdamW(groups, fused=True)
        self.model, self.optimizer = joined.prepare(model, optimizer)
        self.passes = Passes(
            joined, self.model, objective, seed=seed, chunk=config.chunk, drop=config.drop_tokens
        )
        self.average = Average(model, config.average) if config.average else None
        self.best: dict[str, Tensor] = {}
        self.history = History()
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
        norm = float(self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip))
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
        self.model.eval()
        with self.average.applied(self.bare) if self.average else nullcontext():
            asked = metric() if self.accelerator.is_main_process else 0.0
            value = float(broadcast_object_list([asked])[0])
            if self.config.patience and value > self.history.best[1]:
                self.best = snapshot(self.bare)
        self.history.metrics.append((self.step, value))
        self.accelerator.log({"metric": value}, self.step)

    def _done(self) -> bool:
        """Whether the last checks brought nothing."""
        since = sum(step > self.history.best[0] for step, _ in self.history.metrics)
        return bool(self.config.patience) and since >= self.config.patience

    def _settings(self) -> dict[str, Any]:
        return {
            **asdict(self.config),
            "seed": self.seed,
            "processes": self.accelerator.num_processes,
            "the model's fingerprint": fingerprint(self.bare),
            "the data's fingerprint": self.objective.fingerprint,
        }

    def _save(self, checkpoints: Checkpoints) -> None:
        if self.accelerator.is_main_process:
            parts = {
                "model": snapshot(self.bare),
                "moments": moments(self.bare, self.optimizer),
                "average": self.average.weights if self.average else {},
                "best": self.best,
            }
            scaler = self.accelerator.scaler
            measured = asdict(self.history) | {"scaler": scaler.state_dict() if scaler else {}}
            checkpoints.save(Checkpoint(self.step, parts, measured))
        self.accelerator.wait_for_everyone()

    def _resume(self, found: Checkpoint) -> None:
        restore(self.bare, found.parts["model"])
        set_moments(self.bare, self.optimizer, found.parts["moments"])
        if self.average:
            for name, value in found.parts["average"].items():
                self.average.weights[name].copy_(value)  # where they are
        self.best = found.parts["best"]
        self.history = History(found.run["losses"], [(s, v) for s, v in found.run["metrics"]])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(found.run["scaler"])
        self.step = found.step
