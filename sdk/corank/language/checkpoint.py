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
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from corank.data.files import atomic
from corank.errors import ConfigError, TrainingError

FORMAT = 1
STATE, ABOUT = "state.safetensors", "run.json"
_WHOLE = re.compile(r"step-\d{8}")
_OURS = re.compile(r"(\.(part|old)-[0-9a-f]+-)?step-\d{8}")  # a kill may leave it half-written


@dataclass
class Checkpoint:
    """Where a run stands after ``step`` optimizer steps.

    Args:
        step: how many were taken.
        parts: tensors by part and name; a part that is not there reads as empty.
        run: what was measured; plain JSON values.
    """

    step: int
    parts: dict[str, dict[str, Tensor]]
    run: dict[str, Any]


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
        flat = {
            f"{part}/{name}": tensor.detach().cpu().contiguous()
            for part, tensors in checkpoint.parts.items()
            for name, tensor in tensors.items()
        }
        try:
            with atomic(path) as folder:
                folder.mkdir()
                save_file(flat, folder / STATE)
                about = {
                    "format": FORMAT,
                    "step": checkpoint.step,
                    "settings": self.settings,
                    "run": checkpoint.run,
                    "crc32": _crc32(folder / STATE),
                }
                (folder / ABOUT).write_text(json.dumps(about), "utf-8")
        except (OSError, SafetensorError) as error:
            raise TrainingError(
                f"The checkpoint of step {checkpoint.step} cannot be written to {self.folder}: "
                f"{error}. The one before it is whole: make room, then resume."
            ) from error
        self._remove(but=path)

    def latest(self) -> Checkpoint | None:
        """Return the newest checkpoint; None where there is none.

        Raises:
            ConfigError: it was made with other settings (the message names which), or by a
                version of corank whose checkpoints are different.
            TrainingError: it is damaged.
        """
        path = max(self._find(_WHOLE), default=None)
        if path is None:
            return None
        try:
            about = json.loads((path / ABOUT).read_text("utf-8"))
            if about["format"] != FORMAT:
                raise ConfigError(
                    f"{path} is a checkpoint of format {about['format']}; this version of corank "
                    f"reads {FORMAT}. Remove it to start over, or resume with the old version."
                )
            self._compare(about["settings"], path)
            if _crc32(path / STATE) != about["crc32"]:
                raise ValueError(f"{STATE} is not what was written")
            parts: dict[str, dict[str, Tensor]] = defaultdict(dict)
            for key, tensor in load_file(path / STATE).items():
                part, _, name = key.partition("/")
                parts[part][name] = tensor
            return Checkpoint(about["step"], parts, about["run"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            if isinstance(error, ConfigError):
                raise
            raise TrainingError(
                f"{path} is no whole checkpoint ({error}). Remove it to start over."
            ) from error

    def clear(self) -> None:
        """Remove every checkpoint, and what a killed run left half-written; nothing else."""
        self._remove(but=None)

    def _remove(self, *, but: Path | None) -> None:
        for path in self._find(_OURS):
            if path != but:
                shutil.rmtree(path)

    def _find(self, name: re.Pattern[str]) -> list[Path]:
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return [path for path in found if name.fullmatch(path.name)]

    def _compare(self, theirs: dict[str, Any], path: Path) -> None:
        for key in sorted(self.settings.keys() | theirs.keys()):
            was, now = theirs.get(key), self.settings.get(key)
            if was != now:
                raise ConfigError(
                    f"{path} was made with {key} = {was!r}, and this run has {now!r}. "
                    f"Set it back to resume, or start over without resuming."
                )


def _crc32(path: Path) -> int:
    return zlib.crc32(np.memmap(path, mode="r").data)
