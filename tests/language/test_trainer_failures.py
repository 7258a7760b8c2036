"""The loop when it cannot go on, and when it goes on from where another stopped."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from corank.errors import ConfigError, TrainingError
from corank.language.encoder import Encoder
from corank.language.objectives import Classification
from corank.language.trainer import Run, train
from tests.language.toy import STEPS, TOPIC, Headed, Watched, digest, fit, scripted, topics, toy_ids


@pytest.fixture
def model(encoder: Encoder) -> Headed:
    return Headed(encoder)


def spoil(at: int, with_: Callable[[Tensor], Tensor]) -> Callable[[int, Tensor], Tensor]:
    """Change the loss of one step."""
    return lambda number, loss: with_(loss) if number == at else loss


class _Cliff(torch.autograd.Function):
    """A finite value whose gradient is not."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: object, *outer: Tensor) -> Tensor:
        return outer[0] * float("inf")


def _cliff(loss: Tensor) -> Tensor:
    changed: Tensor = _Cliff.apply(loss)  # type: ignore[no-untyped-call]
    return changed


@pytest.mark.parametrize(
    "change",
    [lambda loss: loss * float("nan"), _cliff],
    ids=["loss", "gradient"],
)
def test_nan_stops_the_run_before_the_step_and_keeps_the_last_checkpoint(
    encoder: Encoder, model: Headed, change: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    config = replace(STEPS, save_every=2)
    objective = Watched(topics(encoder), change=spoil(6, change))
    model.head.bias.requires_grad_(False)
    with pytest.raises(TrainingError, match=r"step 6 .*learning_rate"):
        train(model, objective, config, seed=0, run=Run(tmp_path))
    assert all(p.isfinite().all() for p in model.parameters())
    assert {n for n, p in model.named_parameters() if not p.requires_grad} == {"head.bias"}
    assert not model.training and all(p.grad is None for p in model.parameters())
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000004"]

    never, resumed = Headed(encoder), Headed(encoder)
    for one in (never, resumed):
        one.head.bias.requires_grad_(False)
    whole = train(never, topics(encoder), config, seed=0)
    history = train(resumed, topics(encoder), config, seed=0, run=Run(tmp_path, resume=True))
    assert history == whole and digest(resumed) == digest(never)


def test_memory_that_runs_out_is_told_with_its_cure(encoder: Encoder, model: Headed) -> None:
    def exhaust(number: int) -> None:
        torch.empty(10**15)

    with pytest.raises(TrainingError, match=r"batch of 4 .*chunk.*batch_size"):
        train(model, Watched(topics(encoder), exhaust), STEPS, seed=0)


def test_another_error_stays_what_it_is(encoder: Encoder, model: Headed) -> None:
    def fail(number: int) -> None:
        torch.zeros(2, 3) @ torch.zeros(2, 3)

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train(model, Watched(topics(encoder), fail), STEPS, seed=0)


def never(number: int) -> None:
    raise AssertionError("a step was taken")


def test_resuming_a_run_that_ended_gives_what_it_gave(encoder: Encoder, tmp_path: Path) -> None:
    config = replace(STEPS, average=0.5, patience=1)
    first, second = Headed(encoder), Headed(encoder)
    values = [0.2, 0.1]
    whole = train(
        first, topics(encoder), config, seed=0, metric=scripted(values), run=Run(tmp_path)
    )
    assert whole.metrics == [(3, 0.2), (6, 0.1)]
    idle = Watched(topics(encoder), never)
    again = train(second, idle, config, seed=0, metric=scripted([]), run=Run(tmp_path, resume=True))
    assert again == whole and digest(second) == digest(first)


def test_without_resuming_a_run_starts_over(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a checkpoint")
    (tmp_path / "corank").mkdir()  # such as a tracker's logs
    train(Headed(encoder), topics(encoder), STEPS, seed=1, run=Run(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "corank", "step-00000009"}
    with pytest.raises(AssertionError):
        train(Headed(encoder), Watched(topics(encoder), never), STEPS, seed=1, run=Run(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "corank"}


def test_nothing_to_resume_from_is_a_start(encoder: Encoder, tmp_path: Path) -> None:
    model = Headed(encoder)
    folder = tmp_path / "new"
    train(model, topics(encoder), STEPS, seed=0, run=Run(folder, resume=True))
    assert digest(model) == digest(fit(encoder, STEPS)[0])
    assert [path.name for path in folder.iterdir()] == ["step-00000009"]


@pytest.fixture
def ended(encoder: Encoder, tmp_path: Path) -> Iterator[Run]:
    """A run that took a single step."""
    config = replace(STEPS, epochs=1, batch_size=12)
    train(Headed(encoder), topics(encoder), config, seed=0, run=Run(tmp_path))
    yield Run(tmp_path, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]  # it is kept


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"learning_rate": 1e-3}, "learning_rate = 0.002, and this run has 0.001"),
        ({"epochs": 2}, "epochs"),
        ({"average": 0.5}, "average"),
        ({"frozen_layers": 1}, "frozen_layers"),
        ({}, "seed"),
    ],
)
def test_other_settings_are_named(
    encoder: Encoder, ended: Run, changed: dict[str, float], named: str
) -> None:
    config = replace(STEPS, **{"epochs": 1, "batch_size": 12, **changed})  # type: ignore[arg-type]
    seed = 0 if changed else 1
    model = Headed(encoder)
    with pytest.raises(ConfigError, match=named):
        train(model, topics(encoder), config, seed=seed, run=ended)
    assert digest(model) == digest(Headed(encoder)) and all(
        p.requires_grad for p in model.parameters()
    )


def test_other_data_and_another_model_are_told_apart(encoder: Encoder, ended: Run) -> None:
    config = replace(STEPS, epochs=1, batch_size=12)
    with pytest.raises(ConfigError, match="data"):
        flipped = Classification(toy_ids(encoder), 1 - TOPIC)
        train(Headed(encoder), flipped, config, seed=0, run=ended)
    with pytest.raises(ConfigError, match="model"):
        train(Headed(encoder, classes=3), topics(encoder), config, seed=0, run=ended)


def test_a_checkpoint_holds_what_changes_and_nothing_else(encoder: Encoder, tmp_path: Path) -> None:
    config = replace(STEPS, frozen_layers=1, average=0.5)
    train(Headed(encoder), topics(encoder), config, seed=0, run=Run(tmp_path))
    [path] = tmp_path.iterdir()
    assert {file.name for file in path.iterdir()} == {"state.safetensors", "run.json"}
    trained = sum(
        p.nbytes for name, p in encoder.named_parameters() if "layer.1" in name or "pooler" in name
    )
    assert (path / "state.safetensors").stat().st_size < 4.5 * trained
