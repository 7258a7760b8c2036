"""Groups, freezing, averages and perturbed embeddings, against numbers done by hand."""

import copy

import pytest
import torch
from torch import nn

from corank.errors import ConfigError
from corank.language.encoder import Encoder
from corank.language.parameters import (
    Average,
    checkpoint_gradients,
    count_layers,
    depth,
    fingerprint,
    freeze,
    moments,
    parameter_groups,
    perturbed_embeddings,
    prepared,
    restore,
    set_dropout,
    set_moments,
    snapshot,
    trained,
)
from tests.language.toy import Headed, digest, weights

EMBEDDINGS = ("word_embeddings", "position_embeddings", "token_type_embeddings")


@pytest.fixture
def model(encoder: Encoder) -> Headed:
    return Headed(encoder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.embeddings.word_embeddings.weight", 0),
        ("model.embeddings.LayerNorm.bias", 0),
        ("encoder.model.encoder.layer.0.output.dense.weight", 1),
        ("model.layers.11.mlp.Wi.weight", 12),
        ("model.embed_tokens.weight", 0),
        ("model.pooler.dense.weight", 13),
        ("head.weight", 13),
    ],
)
def test_depth_counts_from_the_embeddings_up(name: str, expected: int) -> None:
    assert depth(name, 12) == expected


def test_layers_are_counted(model: Headed) -> None:
    assert count_layers(model) == 2
    assert count_layers(nn.Linear(2, 2)) == 0


@pytest.mark.parametrize(("layers", "lowest"), [(0, 0), (1, 2), (2, 2), (9, 2)])
def test_freezing_takes_the_embeddings_too_and_leaves_the_last_layer(
    model: Headed, layers: int, lowest: int
) -> None:
    freeze(model, layers)
    assert {depth(name, 2) for name in trained(model)} == {*range(lowest, 4)}


def test_the_rate_falls_with_each_layer_down_and_only_matrices_decay(model: Headed) -> None:
    groups = parameter_groups(model, learning_rate=1.0, layer_decay=0.5, weight_decay=0.01)
    of = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}  # type: ignore[attr-defined]
    assert len(of) == len([*model.parameters()])
    rates = {0: 0.125, 1: 0.25, 2: 0.5, 3: 1.0}
    for name, parameter in model.named_parameters():
        vector = "bias" in name or "LayerNorm" in name
        assert of[id(parameter)] == (rates[depth(name, 2)], 0.0 if vector else 0.01), name


def test_a_head_has_its_own_rate(model: Headed) -> None:
    groups = parameter_groups(
        model, learning_rate=1.0, layer_decay=0.5, weight_decay=0.01, head_factor=20.0
    )
    rate = {id(p): g["lr"] for g in groups for p in g["params"]}  # type: ignore[attr-defined]
    assert rate[id(model.head.weight)] == 20.0
    assert {rate[id(p)] for name, p in model.named_parameters() if depth(name, 2) == 2} == {0.5}


def test_what_is_frozen_is_in_no_group(model: Headed) -> None:
    freeze(model, 1)
    groups = parameter_groups(model, learning_rate=1.0, layer_decay=0.5, weight_decay=0.01)
    assert {group["lr"] for group in groups} == {0.5, 1.0}


def test_for_a_while_it_learns_otherwise_and_then_is_as_it_came(model: Headed) -> None:
    model.head.bias.requires_grad_(False)
    drops = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    assert {m.p for m in drops} == {0.1}
    with pytest.raises(KeyError), prepared(model.train(), 1, 0.4, False):
        assert {m.p for m in drops} == {0.4}
        assert {depth(name, 2) for name in trained(model)} == {2, 3}
        assert "head.bias" not in trained(model)
        model(torch.tensor([[2, 5, 3]]), torch.ones(1, 3)).sum().backward()
        raise KeyError
    assert {m.p for m in drops} == {0.1} and not model.training
    assert {n for n, p in model.named_parameters() if not p.requires_grad} == {"head.bias"}
    assert all(p.grad is None for p in model.parameters())  # the next run starts from nothing


def test_dropout_is_set_everywhere(model: Headed) -> None:
    ids, mask = torch.tensor([[2, 5, 3]]), torch.ones(1, 3)
    set_dropout(model.train(), 0.0)
    assert torch.equal(model(ids, mask), model(ids, mask))
    set_dropout(model, 0.5)
    assert not torch.equal(model(ids, mask), model(ids, mask))


def test_activations_are_computed_twice_while_told_to(model: Headed) -> None:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    model.get_submodule("encoder.model.encoder.layer.0.intermediate").register_forward_hook(count)
    model.train()
    for on, expected in ((True, 2), (False, 1)):
        checkpoint_gradients(model, on=on)
        calls = 0
        model(torch.tensor([[2, 5, 3]]), torch.ones(1, 3)).sum().backward()
        assert calls == expected


def test_a_model_without_a_transformer_cannot_compute_twice() -> None:
    with pytest.raises(ConfigError, match="gradient_checkpointing"):
        checkpoint_gradients(nn.Linear(2, 2), on=True)


def test_embeddings_move_along_their_gradients_and_come_back_bit_for_bit(model: Headed) -> None:
    ids, mask = torch.tensor([[2, 5, 3]]), torch.ones(1, 3)
    model(ids, mask)[0, 0].backward()
    before, whole = weights(model), digest(model)
    for size in (0.1, 3.3e3):  # the second loses what was there to rounding
        with perturbed_embeddings(model, size):
            for name, parameter in model.named_parameters():
                step = parameter.detach() - before[name]
                if any(matrix in name for matrix in EMBEDDINGS):
                    gradient = parameter.grad
                    assert gradient is not None
                    assert float(step.norm()) == pytest.approx(size, rel=1e-4)
                    cosine = (step * gradient).sum() / step.norm() / gradient.norm()
                    assert float(cosine) == pytest.approx(1, abs=1e-4)
                else:
                    assert not step.any()
        assert digest(model) == whole


def test_embeddings_come_back_when_the_pass_fails(model: Headed) -> None:
    model(torch.tensor([[2, 5, 3]]), torch.ones(1, 3))[0, 0].backward()
    whole = digest(model)
    with pytest.raises(KeyError), perturbed_embeddings(model, 1.0):
        raise KeyError
    assert digest(model) == whole


def test_no_gradient_is_no_move(model: Headed) -> None:
    whole = digest(model)
    with perturbed_embeddings(model, 1.0):
        assert digest(model) == whole


def test_frozen_embeddings_cannot_be_moved(model: Headed) -> None:
    freeze(model, 1)
    with pytest.raises(ConfigError, match="frozen_layers"), perturbed_embeddings(model, 1.0):
        pass


def test_the_average_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    values = [4.0, 1.0, 2.0, 8.0]
    nn.init.constant_(model.weight, values[0])
    average, expected = Average(model, 0.25), values[0]
    for step, (value, decay) in enumerate(zip(values[1:], (0.1, 2 / 11, 0.25), strict=True), 1):
        nn.init.constant_(model.weight, value)
        average.update(model, step)
        expected = decay * expected + (1 - decay) * value
        assert average.weights["weight"].item() == pytest.approx(expected)
    with average.applied(model):
        assert model.weight.item() == pytest.approx(expected)
    assert model.weight.item() == 8


def test_weights_go_back_by_name(model: Headed) -> None:
    kept, whole = snapshot(model), digest(model)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    assert digest(model) != whole
    restore(model, kept)
    assert digest(model) == whole


def test_an_optimizer_goes_on_from_its_moments(model: Headed) -> None:
    def step(model: Headed, optimizer: torch.optim.Optimizer) -> None:
        model(torch.tensor([[2, 5, 3]]), torch.ones(1, 3))[0, 0].backward()
        optimizer.step()
        optimizer.zero_grad()

    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    step(model, optimizer)
    kept = {name: value.clone() for name, value in moments(model, optimizer).items()}
    assert {name.split("/")[0] for name in kept} == {"step", "exp_avg", "exp_avg_sq"}
    assert not [name for name in kept if "pooler" in name]  # it never had a gradient
    later = copy.deepcopy(model)
    step(model, optimizer)
    fresh = torch.optim.AdamW(later.parameters(), fused=True)
    set_moments(later, fresh, kept)
    step(later, fresh)
    assert digest(later) == digest(model)


def test_the_fingerprint_is_of_names_shapes_and_what_does_not_learn(encoder: Encoder) -> None:
    def changed(name: str, *, frozen: bool = False) -> int:
        model = Headed(encoder)
        if frozen:
            freeze(model, 1)
        with torch.no_grad():
            model.get_parameter(name).add_(1)
        return fingerprint(model)

    low, high = "encoder.model.embeddings.LayerNorm.bias", "head.bias"
    assert changed(low) == changed(high)  # all of it comes from the checkpoint
    assert changed(low, frozen=True) != changed(high, frozen=True)
    assert changed(high, frozen=True) != changed(high)
    assert fingerprint(Headed(encoder, classes=3)) != fingerprint(Headed(encoder, classes=2))
    assert changed(low, frozen=True) == changed(low, frozen=True)
