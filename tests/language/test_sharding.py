"""Weights in parts: what two processes that share them train, and what is told when they cannot."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from corank.errors import ConfigError
from corank.language.processes import accelerator, check_sharding
from corank.language.sharding import placed, trainee, whole, whole_all
from tests.language.toy import distance, launched, weights
from tests.language.two_processes import trained
from tests.language.two_shards import SHARDED


def test_what_is_whole_stays_as_it_is() -> None:
    model, tensor = nn.Linear(2, 2), torch.rand(3)
    assert trainee(accelerator("no", "none", None), model) is model
    assert whole(tensor) is tensor and whole_all({"a": tensor})["a"] is tensor
    assert torch.equal(placed(tensor, torch.zeros(3)), tensor)


def test_weights_in_eight_bits_are_not_shared_out() -> None:
    coarse = nn.Linear(2, 2)
    coarse.weight = nn.Parameter(torch.zeros(2, 2, dtype=torch.int8), requires_grad=False)
    with pytest.raises(ConfigError, match="base_8bit=False"):
        trainee(SimpleNamespace(is_fsdp2=True), coarse)


RIGHT = {"fsdp_version": 2, "cpu_ram_efficient_loading": False, "activation_checkpointing": False}
WRONG = [("fsdp_version", 1), *((name, True) for name in [*RIGHT][1:])]


@pytest.mark.parametrize(("option", "value"), WRONG)
def test_a_way_to_share_that_training_does_not_know_is_told(option: str, value: object) -> None:
    def joined(**plugin: Any) -> Any:  # as on GPUs
        state = SimpleNamespace(fsdp_plugin=SimpleNamespace(**plugin))
        return SimpleNamespace(distributed_type="FSDP", state=state)

    check_sharding(joined(**RIGHT))
    with pytest.raises(ConfigError, match=r"eight-gpus-sharded\.yaml"):
        check_sharding(joined(**RIGHT | {option: value}))


@pytest.fixture(scope="module")
def shared(tiny_encoder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left that shared weights."""
    folder = tmp_path_factory.mktemp("shared")
    done = launched("tests.language.two_shards", tiny_encoder, str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def found(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return told


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARDED)
def test_processes_that_share_weights_train_what_one_trains(
    shared: Path, tiny_encoder: str, name: str
) -> None:
    model, history = trained(SHARDED[name], tiny_encoder, 1)
    told = found(shared)[name]
    assert told["losses"] == pytest.approx(history.losses, rel=1e-4)
    assert told["metrics"] == [[*check] for check in history.metrics]
    assert len({*told["of"]}) == 1  # both hold the same weights, whole
    assert distance(load_file(shared / f"{name}.safetensors"), weights(model)) < 1e-4


@pytest.mark.slow
def test_shared_embeddings_that_the_head_reads_too_train_as_whole_ones(shared: Path) -> None:
    assert found(shared)["masked"] < 1e-5


@pytest.mark.slow
def test_processes_that_share_weights_go_on_from_their_checkpoint(shared: Path) -> None:
    told = found(shared)
    never, resumed = told["runs"]
    assert resumed == never and len({*never["of"]}) == 1 and told["passes"] == 9 - 4
    assert told["kinds"] == [["FSDPLooking"]] * 2  # torch did share them out
    kept = load_file(shared / "run" / "step-00000009" / "state.safetensors")
    assert {*kept} == {*load_file(shared / "never" / "step-00000009" / "state.safetensors")}
    assert kept["model/head.weight"].shape == kept["moments/exp_avg/head.weight"].shape == (2, 32)
