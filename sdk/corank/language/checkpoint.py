"""Checkpoints of a training run: one folder each, written whole or not at all.

A checkpoint is ``step-00000123/`` with ``state.safetensors`` (weights that learn, optimizer
moments, averages, the best weights so far) and ``run.json`` (the step, the settings, what was
measured). Randomness needs no file: every draw of a step is seeded by (seed, step, process), so
the step number holds the position of the sampler and of every generator. Knows tensors and
numbers; knows nothing of what they mean to a model.
"""

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from corank.data.files import atomic
from corank.errors import ConfigError, TrainingError

FORMAT = 1
_NAME = re.compile(r"step-(\d{8})")


@dataclass
class Checkpoint:
    """Where a run stands after ``step`` optimizer steps."""

    step: int
    tensors: dict[str, Tensor]
    run: dict[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run in one folder; only the newest whole one is kept.

    Args:
        folder: made when the first checkpoint is written.
        settings: what must be the same for a run to be resumed; plain JSON values.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = json.loads(json.dumps(settings))

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove the older ones.

        Raises:
            TrainingError: it cannot be written; the one before it stays whole.
        """
        path = self.folder / f"step-{checkpoint.step:08d}"
        run = {"format": FORMAT, "step": checkpoint.step, "settings": self.settings}
        try:
            with atomic(path) as part:
                part.mkdir(parents=True)
                save_file(
                    {name: t.detach().cpu().contiguous() for name, t in checkpoint.tensors.items()},
                    part / "state.safetensors",
                )
                (part / "run.json").write_text(json.dumps(run | {"run": checkpoint.run}), "utf-8")
        except (OSError, SafetensorError) as error:
            raise TrainingError(
                f"The checkpoint of step {checkpoint.step} cannot be written to {self.folder}: "
                f"{error}. The one before it is whole: make room, then resume."
            ) from error
        for other in self.folder.iterdir():  # older ones, and what a kill left half-written
            if other != path:
                shutil.rmtree(other)

    def latest(self) -> Checkpoint | None:
        """Return the newest checkpoint; None where there is none.

        Raises:
            ConfigError: it was made with other settings (the message names which), or by a
                version of corank whose checkpoints are different.
            TrainingError: it is damaged.
        """
        whole = self._whole()
        if not whole:
            return None
        path = max(whole)
        try:
            about = json.loads((path / "run.json").read_text("utf-8"))
            if about["format"] != FORMAT:
                raise ConfigError(
                    f"{path} is a checkpoint of format {about['format']}; this version of corank "
                    f"reads {FORMAT}. Remove it to start over, or resume with the old version."
                )
            self._compare(about["settings"], path)
            tensors = load_file(path / "state.safetensors")
            return Checkpoint(about["step"], tensors, about["run"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            if isinstance(error, ConfigError):
                raise
            raise TrainingError(
                f"{path} is no whole checkpoint ({error}). Remove it to start over."
            ) from error

    def clear(self) -> None:
        """Remove every checkpoint, and what a killed run left half-written."""
        if self.folder.is_dir():
            shutil.rmtree(self.folder)

    def _whole(self) -> list[Path]:
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return [path for path in found if _NAME.fullmatch(path.name)]

    def _compare(self, theirs: dict[str, Any], path: Path) -> None:
        for key in sorted(self.settings.keys() | theirs.keys()):
            was, now = theirs.get(key), self.settings.get(key)
            if was != now:
                raise ConfigError(
                    f"{path} was made with {key} = {was!r}, and this run has {now!r}. "
                    f"Set it back to resume, or start over without resuming."
                )
