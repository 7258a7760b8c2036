"""The loop: what each option does, what comes out, and what it says when it cannot go on."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from corank.errors import ConfigError
from corank.language.encoder import Encoder
from corank.language.trainer import History, train
from tests.language.toy import (
    STEPS,
    TOPIC,
    Headed,
    Watched,
    digest,
    distance,
    fit,
    scripted,
    topics,
    toy_ids,
    weights,
)


@pytest.fixture
def model(encoder: Encoder) -> Headed:
    return Headed(encoder)


def followed(model: nn.Module, encoder: Encoder) -> tuple[Watched, list[dict[str, Tensor]]]:
    """The topics, and the weights before each step."""
    found: list[dict[str, Tensor]] = []
    return Watched(topics(encoder), lambda _: found.append(weights(model))), found


def test_the_history_holds_every_loss_and_check_and_which_was_best(
    encoder: Encoder, model: Headed
) -> None:
    metric = scripted([0.1, 0.5, 0.5, 0.2, 0.3, 0.4])
    config = replace(STEPS, checks=2)
    history = train(model, topics(encoder), config, seed=0, metric=metric)
    assert len(history.losses) == 9 and all(math.isfinite(loss) for loss in history.losses)
    values = zip((2, 3, 4, 6, 8, 9), (0.1, 0.5, 0.5, 0.2, 0.3, 0.4), strict=True)
    assert history.metrics == [*values]
    assert history.best == (3, 0.5) and History().best == (0, -math.inf)
    assert History([], [(1, math.nan), (2, 0.1)]).best == (2, 0.1)  # no number is never the best


def test_the_first_loss_is_that_of_the_model_as_it_came(encoder: Encoder) -> None:
    _, history = fit(encoder, replace(STEPS, batch_size=12, epochs=1))
    logits = torch.cat(
        [Headed(encoder)(torch.tensor([r]), torch.ones(1, len(r))) for r in toy_ids(encoder)]
    )
    expected = nn.functional.cross_entropy(logits, torch.from_numpy(TOPIC))
    assert history.losses == pytest.approx([expected.item()], rel=1e-4)


def test_it_is_asked_in_evaluation_mode_and_without_patience_the_last_weights_come_out(
    encoder: Encoder, model: Headed
) -> None:
    modes: list[bool] = []

    def metric() -> float:
        modes.append(model.training)
        return -float(len(modes))

    config = replace(STEPS, dropout=0.2)
    train(model.train(), topics(encoder), config, seed=0, metric=metric)
    assert modes == [False] * 3 and not model.training
    assert digest(model) == digest(fit(encoder, config)[0])


def test_patience_stops_after_checks_without_a_gain_and_the_best_weights_come_out(
    encoder: Encoder, model: Headed
) -> None:
    objective, before = followed(model, encoder)
    metric = scripted([0.1, 0.4, 0.4, 0.3])
    config = replace(STEPS, checks=3, patience=2)
    history = train(model, objective, config, seed=0, metric=metric)
    assert [step for step, _ in history.metrics] == [1, 2, 3, 4] and len(history.losses) == 4
    assert distance(weights(model), before[2]) == 0 < distance(weights(model), before[3])


def test_patience_that_is_not_used_up_gives_the_best_weights_all_the_same(
    encoder: Encoder, model: Headed
) -> None:
    objective, before = followed(model, encoder)
    config = replace(STEPS, patience=9)
    history = train(model, objective, config, seed=0, metric=scripted([0.1, 0.4, 0.3]))
    assert len(history.losses) == 9 and history.best == (6, 0.4)
    assert distance(weights(model), before[6]) == 0


def averaged(before: list[dict[str, Tensor]], name: str, decay: float) -> Tensor:
    """By hand, from the weights before the first step and after each."""
    average = before[0][name]
    for step, after in enumerate(before[1:], 1):
        now = min(decay, step / (step + 9))
        average = now * average + (1 - now) * after[name]
    return average


def test_the_average_is_what_comes_out_and_what_is_asked_about(
    encoder: Encoder, model: Headed
) -> None:
    asked: list[dict[str, Tensor]] = []

    def metric() -> float:
        asked.append(weights(model))
        return 0.0

    objective, before = followed(model, encoder)
    config = replace(STEPS, schedule="constant")
    train(model, objective, replace(config, average=0.3), seed=0, metric=metric)
    last, _ = fit(encoder, config)  # an average changes no step
    before.append(weights(last))
    for name in ("head.weight", "encoder.model.encoder.layer.1.output.dense.weight"):
        for moment, found in ((4, asked[0]), (7, asked[1]), (10, weights(model))):
            expected = averaged(before[:moment], name, 0.3)
            assert torch.allclose(found[name], expected, atol=1e-6)
        assert not torch.allclose(weights(model)[name], before[-1][name], atol=1e-4)


def test_the_best_of_an_average_is_an_average(encoder: Encoder, model: Headed) -> None:
    objective, before = followed(model, encoder)
    config = replace(STEPS, average=0.3, patience=3)
    train(model, objective, config, seed=0, metric=scripted([0.1, 0.4, 0.3]))
    expected = averaged(before[:7], "head.weight", 0.3)
    assert torch.allclose(model.head.weight, expected, atol=1e-6)


def test_the_first_step_moves_each_layer_at_its_own_rate(encoder: Encoder, model: Headed) -> None:
    before = weights(model)
    config = replace(STEPS, epochs=1, batch_size=12, layer_decay=0.1, schedule="constant")
    train(model, topics(encoder), config, seed=0)
    rates = {  # AdamW's first step is the rate long, whatever the gradient
        "head.weight": 2e-3,
        "encoder.model.encoder.layer.1.output.dense.weight": 2e-4,
        "encoder.model.encoder.layer.0.output.dense.weight": 2e-5,
        "encoder.model.embeddings.position_embeddings.weight": 2e-6,
    }
    for name, rate in rates.items():
        step = (model.get_parameter(name).detach() - before[name]).abs().max().item()
        assert step == pytest.approx(rate, rel=0.05), name


def test_weight_decay_shrinks_matrices_that_get_no_gradient(encoder: Encoder) -> None:
    model = Headed(encoder)
    words = model.get_parameter("encoder.model.embeddings.word_embeddings.weight")
    nn.init.ones_(words[500])  # in no text of the toy
    config = replace(STEPS, epochs=1, weight_decay=0.5, schedule="constant")
    train(model, topics(encoder), config, seed=0)
    left = (1 - 2e-3 * 0.5) ** 3
    assert words[500].detach().numpy() == pytest.approx(np.full(32, left), rel=1e-5)


def test_frozen_layers_stay_and_learn_again_afterwards(encoder: Encoder) -> None:
    model, _ = fit(encoder, replace(STEPS, frozen_layers=1))
    before = weights(Headed(encoder))
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed and all(".layer.1." in name or "head" in name for name in changed)
    assert all(p.requires_grad for p in model.parameters())


def test_dropout_is_on_in_training_only(encoder: Encoder) -> None:
    plain = fit(encoder, STEPS)[0]
    model = fit(encoder, replace(STEPS, dropout=0.3))[0]
    again = fit(encoder, replace(STEPS, dropout=0.3))[0]
    assert digest(model) == digest(again) != digest(plain)
    ids, mask = torch.tensor([[2, 5, 3]]), torch.ones(1, 3)
    assert torch.equal(model(ids, mask), model(ids, mask))


def test_dropped_tokens_are_not_read(encoder: Encoder, model: Headed) -> None:
    read = 0

    def count(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal read
        read += int(inputs[1].sum())

    model.register_forward_pre_hook(count)
    train(model, topics(encoder), replace(STEPS, drop_tokens=0.5), seed=0)
    inner = 3 * sum(len(row) - 2 for row in toy_ids(encoder))
    assert read - 3 * 24 == pytest.approx(inner / 2, abs=4 * math.sqrt(inner / 4))


def test_an_adversarial_pass_reads_moved_embeddings_which_are_back_for_the_step(
    encoder: Encoder, model: Headed
) -> None:
    objective, before = followed(model, encoder)
    name = "encoder.model.embeddings.word_embeddings.weight"
    config = replace(STEPS, epochs=1, learning_rate=0.0, adversarial=0.7)
    history = train(model, objective, config, seed=0)
    assert len(history.losses) == 3 and len(before) == 6
    for clean, moved in zip(before[::2], before[1::2], strict=True):
        assert float((moved[name] - clean[name]).norm()) == pytest.approx(0.7, rel=1e-4)
    assert digest(model) == digest(Headed(encoder))  # at a rate of zero, nothing else moves


def test_an_adversarial_pass_costs_more_than_the_clean_one(encoder: Encoder) -> None:
    losses: list[float] = []

    def note(_: int, loss: Tensor) -> Tensor:
        losses.append(loss.item())
        return loss

    config = replace(STEPS, adversarial=0.5)
    history = train(Headed(encoder), Watched(topics(encoder), change=note), config, seed=0)
    assert (np.array(losses[1::2]) > np.array(losses[::2])).all()
    assert history.losses == pytest.approx(losses[::2])
    assert digest(fit(encoder, config)[0]) != digest(fit(encoder, STEPS)[0])


def test_without_embeddings_that_learn_there_is_no_adversarial_pass(encoder: Encoder) -> None:
    with pytest.raises(ConfigError, match="frozen_layers=0"):
        fit(encoder, replace(STEPS, adversarial=0.5, frozen_layers=1))


def test_gradients_are_clipped_before_each_step(encoder: Encoder, model: Headed) -> None:
    norms: list[float] = []

    def note(*_: object) -> None:
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        norms.append(float(torch.stack([grad.norm() for grad in grads]).norm()))

    hook = register_optimizer_step_pre_hook(note)
    train(model, topics(encoder), replace(STEPS, epochs=1, clip=1e-3), seed=0)
    hook.remove()
    assert norms == pytest.approx([1e-3] * 3, rel=1e-3)


@pytest.mark.parametrize("frozen", [0, 1])
@pytest.mark.parametrize("chunk", [0, 2])
def test_computing_activations_twice_changes_no_weight(
    encoder: Encoder, frozen: int, chunk: int
) -> None:
    config = replace(STEPS, epochs=1, dropout=0.2, chunk=chunk, frozen_layers=frozen)
    plain, history = fit(encoder, config)
    model, again = fit(encoder, replace(config, gradient_checkpointing=True))
    assert digest(model) == digest(plain) and again.losses == history.losses
    assert not any(getattr(m, "gradient_checkpointing", False) for m in model.modules())


def test_bf16_is_of_the_forward_pass_alone(encoder: Encoder, model: Headed) -> None:
    seen: set[torch.dtype] = set()
    inner = model.get_submodule("encoder.model.encoder.layer.0.intermediate.dense")
    hook = inner.register_forward_hook(lambda *given: seen.add(given[2].dtype))
    history = train(model, topics(encoder), replace(STEPS, precision="bf16"), seed=0)
    assert seen == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    exact, expected = fit(encoder, STEPS)
    assert history.losses == pytest.approx(expected.losses, rel=0.05)
    assert distance(weights(model), weights(exact)) > 0
    seen.clear()
    model(torch.tensor([[2, 5, 3]]), torch.ones(1, 3))
    hook.remove()
    assert seen == {torch.float32}


def test_a_cpu_takes_fp16_for_no(encoder: Encoder) -> None:
    assert digest(fit(encoder, replace(STEPS, precision="fp16"))[0]) == digest(
        fit(encoder, STEPS)[0]
    )


def test_a_model_is_trained_again_as_if_for_the_first_time(encoder: Encoder) -> None:
    model, _ = fit(encoder, replace(STEPS, precision="bf16", epochs=1))
    fresh = Headed(encoder)
    fresh.load_state_dict(model.state_dict())
    for one in (model, fresh):
        train(one, topics(encoder), replace(STEPS, precision="bf16", epochs=1), seed=1)
    assert digest(model) == digest(fresh)
