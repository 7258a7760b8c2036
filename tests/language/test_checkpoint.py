"""A run can be killed anywhere, and a checkpoint is whole or an error."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from corank.errors import ConfigError, TrainingError
from corank.language.checkpoint import Checkpoint, Checkpoints
from tests.language.killed import CONFIG, POINTS

ROOT = Path(__file__).parents[2]
SETTINGS = {"rate": 0.1, "layers": [1, 2]}


def state(step: int, size: int = 3) -> Checkpoint:
    parts = {"model": {"a/b": torch.full((size,), float(step))}, "best": {}}
    return Checkpoint(step, parts, {"losses": [0.1, 1 / 3]})


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    """One checkpoint, of step 2."""
    checkpoints = Checkpoints(tmp_path / "run", SETTINGS)
    checkpoints.save(state(2))
    return checkpoints


def names(checkpoints: Checkpoints) -> set[str]:
    return {path.name for path in checkpoints.folder.iterdir()}


def test_what_was_saved_comes_back(kept: Checkpoints) -> None:
    found = kept.latest()
    assert found is not None and found.step == 2
    assert found.run == {"losses": [0.1, 1 / 3]}
    assert found.parts["model"]["a/b"].tolist() == [2, 2, 2]
    assert found.parts["best"] == found.parts["average"] == {}


def test_scalars_and_views_come_back(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, {})
    matrix = torch.arange(6.0).view(2, 3)
    parts = {"model": {"step": torch.tensor(7.0), "turned": matrix.T, "row": matrix[1].clone()}}
    checkpoints.save(Checkpoint(1, parts, {}))
    found = checkpoints.latest()
    assert found is not None and found.parts["model"]["step"].item() == 7
    assert torch.equal(found.parts["model"]["turned"], matrix.T)


def test_only_the_newest_is_kept_and_nothing_but_checkpoints_is_removed(kept: Checkpoints) -> None:
    (kept.folder / "notes").mkdir()
    (kept.folder / "step-1.txt").touch()
    (kept.folder / ".part-0a1b-step-00000003").mkdir()
    kept.save(state(10))
    assert names(kept) == {"notes", "step-1.txt", "step-00000010"}
    kept.clear()
    assert names(kept) == {"notes", "step-1.txt"}
    assert kept.latest() is None


def test_no_folder_is_no_checkpoint(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "none", {})
    checkpoints.clear()
    assert checkpoints.latest() is None and not (tmp_path / "none").exists()


def test_of_two_whole_ones_the_newest_counts(kept: Checkpoints, tmp_path: Path) -> None:
    (kept.folder / "step-00000002").rename(tmp_path / "aside")
    kept.save(state(10))
    (tmp_path / "aside").rename(kept.folder / "step-00000002")
    found = kept.latest()
    assert found is not None and found.step == 10


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rate": 0.2, "layers": [1, 2]}, "rate = 0.1, and this run has 0.2"),
        ({"rate": 0.1, "layers": [1]}, r"layers = \[1, 2\]"),
        ({"rate": 0.1}, "layers"),
        ({"rate": 0.1, "layers": [1, 2], "new": 1}, "new = None, and this run has 1"),
    ],
)
def test_other_settings_are_named(kept: Checkpoints, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Checkpoints(kept.folder, settings).latest()


def test_settings_are_compared_as_json(kept: Checkpoints) -> None:
    assert Checkpoints(kept.folder, {"rate": 0.1, "layers": (1, 2)}).latest() is not None


def about(kept: Checkpoints, change: dict[str, Any]) -> None:
    file = kept.folder / "step-00000002" / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


def test_another_format_is_refused_before_anything_is_read(kept: Checkpoints) -> None:
    about(kept, {"format": 99})
    (kept.folder / "step-00000002" / "state.safetensors").unlink()
    with pytest.raises(ConfigError, match="format 99; this version of corank reads 1"):
        kept.latest()


@pytest.mark.parametrize("file", ["run.json", "state.safetensors"])
@pytest.mark.parametrize("harm", ["missing", "cut", "garbled", "flipped", "empty"])
def test_a_damaged_checkpoint_is_an_error(kept: Checkpoints, file: str, harm: str) -> None:
    path = kept.folder / "step-00000002" / file
    whole = path.read_bytes()
    path.unlink()
    if harm == "cut":
        path.write_bytes(whole[:-5])
    elif harm == "garbled":
        path.write_bytes(b"\xff" * len(whole))
    elif harm == "flipped":  # one bit, near the end: in a value, or in a key
        path.write_bytes(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])
    elif harm == "empty":
        path.touch()
    with pytest.raises(TrainingError, match=r"step-00000002 is no whole checkpoint .*start over"):
        kept.latest()


@pytest.mark.parametrize("key", ["format", "step", "settings", "run", "crc32"])
def test_what_is_missing_from_the_description_is_an_error(kept: Checkpoints, key: str) -> None:
    file = kept.folder / "step-00000002" / "run.json"
    told = json.loads(file.read_text())
    del told[key]
    file.write_text(json.dumps(told))
    with pytest.raises(TrainingError, match="no whole checkpoint"):
        kept.latest()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow over 100 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_leaves_the_one_before(kept: Checkpoints, full_disk: None) -> None:
    with pytest.raises(TrainingError, match=r"step 4 cannot be written .*resume"):
        kept.save(state(4, size=100_000))
    assert names(kept) == {"step-00000002"}
    found = kept.latest()
    assert found is not None and found.step == 2
    kept.save(state(6))  # there is room again
    assert names(kept) == {"step-00000006"}


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="step 1 cannot be written"):
        Checkpoints(tmp_path / "file" / "run", {}).save(state(1))


@pytest.fixture(scope="module")
def killed(tiny_encoder: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of the runs of `killed`."""
    folder = tmp_path_factory.mktemp("killed")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TOKENIZERS_PARALLELISM": "false",  # its threads do not survive a fork
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.language.killed", tiny_encoder, str(folder)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)
    found: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return found


def test_the_run_never_killed_has_seen_everything(killed: dict[str, Any]) -> None:
    ended, never = killed["never"]
    assert ended == 0
    values = [value for _, value in never["metrics"]]
    steps = len(never["losses"])
    assert steps >= 7 and never["passes"] == steps
    assert np.argmax(values) not in (0, len(values) - 1)  # the best weights are neither's
    assert CONFIG.average and CONFIG.dropout and CONFIG.drop_tokens and CONFIG.patience
    assert never["left"] == [f"step-{steps:08d}"]


@pytest.mark.parametrize("point", [point.__name__ for point in POINTS])
def test_a_killed_run_goes_on_as_if_nothing_had_been(killed: dict[str, Any], point: str) -> None:
    never = killed["never"][1]
    [went_on_from] = [step for harm, step in POINTS.items() if harm.__name__ == point]
    ended, resumed = killed[point]
    assert ended == signal.SIGKILL
    assert resumed["passes"] == never["passes"] - went_on_from
    for what in ("weights", "losses", "metrics", "left"):
        assert resumed[what] == never[what], what
