"""The blocked softmax against plain autograd."""

import pytest
import torch
from torch import Tensor

import corank.rank.softmax as module
from corank.rank.softmax import FullSoftmax

ROWS, ITEMS, DIM = 7, 11, 4
NOTHING = torch.zeros(0, dtype=torch.int64)
SEEN_ROWS = torch.tensor([0, 0, 2, 3, 3, 3, 6])
SEEN_ITEMS = torch.tensor([1, 2, 5, 0, 9, 10, 4])


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Small whole numbers, so that bf16 products are exact."""
    torch.manual_seed(0)
    users = torch.randint(-2, 3, (ROWS, DIM)).float().requires_grad_()
    states = torch.randint(-2, 3, (ITEMS, DIM)).float().requires_grad_()
    return users, states, torch.tensor([3, 10, 0, 1, 7, 3, 5])


def plainly(
    users: Tensor,
    states: Tensor,
    target: Tensor,
    seen_rows: Tensor,
    seen_items: Tensor,
    smoothing: float,
) -> Tensor:
    shown = torch.ones(len(users), len(states), dtype=torch.bool)
    shown[seen_rows, seen_items] = False
    log_p = (users @ states.T).masked_fill(~shown, float("-inf")).log_softmax(1)
    right = log_p[torch.arange(len(users)), target]
    mean = log_p.masked_fill(~shown, 0).sum(1) / shown.sum(1)
    return (-(1 - smoothing) * right - smoothing * mean).mean()


@pytest.mark.parametrize("block", [1, 3, 7, 512])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("seen", [(NOTHING, NOTHING), (SEEN_ROWS, SEEN_ITEMS)])
def test_value_and_gradients_are_autograds(
    inputs: tuple[Tensor, Tensor, Tensor],
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    smoothing: float,
    seen: tuple[Tensor, Tensor],
) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    users, states, target = inputs
    expected = plainly(users, states, target, *seen, smoothing)
    wanted = torch.autograd.grad(expected, [users, states])
    loss = FullSoftmax.apply(users, states, target, *seen, smoothing)  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    found = torch.autograd.grad(3 * loss, [users, states])  # and the chain rule holds
    for got, want in zip(found, wanted, strict=True):
        assert got / 3 == pytest.approx(want, abs=0.01 * float(want.abs().max()))


def test_a_seen_item_gets_no_gradient(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    users, states, target = inputs
    everywhere = torch.arange(ROWS), torch.full((ROWS,), 8)  # no target is item 8
    loss = FullSoftmax.apply(users, states, target, *everywhere, 0.1)  # type: ignore[no-untyped-call]
    (gradient,) = torch.autograd.grad(loss, [states])
    assert not gradient[8].any() and gradient[:8].any(1).all()


def test_one_item_left_is_a_certainty() -> None:
    users, states = torch.ones(1, 2, requires_grad=True), torch.ones(3, 2, requires_grad=True)
    seen = torch.tensor([0, 0]), torch.tensor([0, 2])
    loss = FullSoftmax.apply(users, states, torch.tensor([1]), *seen, 0.0)  # type: ignore[no-untyped-call]
    gradients = torch.autograd.grad(loss, [users, states])
    assert loss.item() == 0 and not any(gradient.any() for gradient in gradients)
