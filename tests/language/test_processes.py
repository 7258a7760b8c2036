"""One process, and two: randomness, memory, trackers, and that their number changes nothing."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.utils import is_tensorboard_available, is_wandb_available
from safetensors.torch import load_file
from torch import nn

from corank.errors import ConfigError, TrainingError
from corank.language.encoder import Encoder
from corank.language.processes import (
    Precision,
    Tracker,
    accelerator,
    alone,
    generators,
    leave,
    memory_explained,
    seed_step,
    set_generators,
)
from corank.language.trainer import Run, train
from tests.language.toy import STEPS, Headed, digest, distance, topics, weights
from tests.language.toy import launched as launch
from tests.language.two_processes import CASES, RANDOM, trained

CPU = torch.device("cpu")


def test_a_draw_is_of_the_seed_the_step_and_the_process() -> None:
    def draws(*key: int) -> tuple[float, float]:
        rng = seed_step(*key)
        return float(torch.rand(1, dtype=torch.float64)), rng.random()

    keys = [(0, 1, 0), (1, 1, 0), (0, 2, 0), (0, 1, 1), (2**40, 1, 0)]
    assert [draws(*key) for key in keys] == [draws(*key) for key in keys]
    assert len({draw for key in keys for draw in draws(*key)}) == 2 * len(keys)


def test_generators_are_put_back() -> None:
    state = generators(CPU)
    first = torch.rand(3)
    set_generators(CPU, state)
    assert torch.equal(torch.rand(3), first)


def test_each_run_has_its_own_precision() -> None:
    precisions: tuple[Precision, ...] = ("bf16", "no", "bf16")
    for precision in precisions:
        joined = accelerator(precision, "none", None)
        assert joined.mixed_precision == precision
        with joined.autocast():
            assert torch.is_autocast_enabled("cpu") == (precision == "bf16")


def test_processes_that_would_each_train_alone_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # as torchrun sets it
    with pytest.raises(ConfigError, match="2 processes were launched, and accelerate sees 1"):
        accelerator("no", "none", None)


def test_leaving_undoes_what_preparing_did() -> None:
    model = nn.Linear(2, 2)
    joined = accelerator("bf16", "none", None)
    layer = joined.prepare(model)
    seen = []
    layer.register_forward_hook(lambda *given: seen.append(given[1][0].dtype))
    assert hasattr(model, "_original_forward")
    leave(joined, model)
    assert not hasattr(model, "_original_forward")
    again = accelerator("bf16", "none", None)
    again.prepare(model)
    assert hasattr(model, "_original_forward")  # it is prepared again
    leave(again, model)


def test_alone_a_part_is_the_whole() -> None:
    part = torch.rand(2, 3)
    assert alone(part) is part


def test_memory_errors_are_told_with_their_cure() -> None:
    for fail in (lambda: torch.empty(10**15), lambda: np.empty(2**62, np.uint8)):
        with (
            pytest.raises(TrainingError, match=r"batch of 64 examples of up to 48 .*chunk"),
            memory_explained(64, 48),
        ):
            fail()
    other = r"refers to a single memory location"  # is no allocation
    with pytest.raises(RuntimeError, match=other), memory_explained(64, 48):
        torch.zeros(1).expand(3).add_(torch.ones(3))


INSTALLED = {"tensorboard": is_tensorboard_available(), "wandb": is_wandb_available()}


@pytest.mark.parametrize("tracker", INSTALLED)
def test_a_tracker_that_is_not_installed_is_told_before_training(
    encoder: Encoder, tracker: Tracker, tmp_path: Path
) -> None:
    if INSTALLED[tracker]:
        pytest.skip(f"{tracker} is installed")
    model = Headed(encoder).train()
    config = replace(STEPS, tracker=tracker)
    with pytest.raises(ConfigError, match=f"pip install {tracker}"):
        train(model, topics(encoder), config, seed=0, run=Run(tmp_path / "run"))
    assert digest(model) == digest(Headed(encoder)) and not (tmp_path / "run").exists()


def test_a_tracker_writes_beside_the_checkpoints(encoder: Encoder, tmp_path: Path) -> None:
    if not INSTALLED["tensorboard"]:
        pytest.skip("tensorboard is not installed")
    config = replace(STEPS, tracker="tensorboard", save_every=2)
    train(Headed(encoder), topics(encoder), config, seed=0, run=Run(tmp_path))
    events = [path for path in tmp_path.rglob("events.*") if path.stat().st_size > 200]
    assert events and (tmp_path / "step-00000009").is_dir()


@pytest.fixture(scope="module")
def launched(tiny_encoder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left; one of them was killed in the end."""
    folder = tmp_path_factory.mktemp("launched")
    done = launch("tests.language.two_processes", tiny_encoder, str(folder))
    ended = time.time()
    assert (folder / "found.json").exists(), done.stderr
    (folder / "ended.json").write_text(json.dumps([done.returncode, ended, done.stderr]))
    return folder


def found(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return told


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_what_one_of_twice_the_batch_trains(
    launched: Path, tiny_encoder: str, name: str
) -> None:
    model, history = trained(CASES[name], tiny_encoder, 1)
    told = found(launched)[name]
    assert told["losses"] == pytest.approx(history.losses, rel=1e-4)
    assert told["metrics"] == [[*check] for check in history.metrics]
    assert len({*told["of"]}) == 1  # both hold the same weights
    assert distance(load_file(launched / f"{name}.safetensors"), weights(model)) < 1e-4


@pytest.mark.slow
def test_two_processes_go_on_from_their_checkpoint(launched: Path) -> None:
    never, resumed = found(launched)["runs"]
    assert resumed == never and len({*never["of"]}) == 1
    assert found(launched)["resumed passes"] == 9 - 4
    assert {path.name for path in (launched / "run").iterdir()} == {"step-00000009"}


@pytest.mark.slow
def test_checkpoints_are_of_their_number_of_processes(launched: Path, encoder: Encoder) -> None:
    with pytest.raises(ConfigError, match="processes = 2, and this run has 1"):
        train(
            Headed(encoder), topics(encoder), RANDOM, seed=3, run=Run(launched / "run", resume=True)
        )


@pytest.mark.slow
def test_gathering_sends_back_the_sum_of_what_each_asks(launched: Path) -> None:
    told = found(launched)
    assert told["gathered"] == [[1, 2], [3, 4], [11, 12], [13, 14]]
    assert told["asked of a part"] == [[[3, 6], [9, 12]], [[15, 18], [21, 24]]]


@pytest.mark.slow
def test_when_one_process_dies_the_launch_ends_and_says_so(launched: Path) -> None:
    code, ended, said = json.loads((launched / "ended.json").read_text())
    assert code != 0 and "SIGKILL" in said
    assert ended - float((launched / "died").read_text()) < 60
    assert not (launched / "survived").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((launched / "pid").read_text()), 0)  # nothing is left running
