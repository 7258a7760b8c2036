"""A sample that stands for the catalogue: probabilities, and a sum that is right in the mean."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from corank.rank.sampling import Sampler
from corank.rank.softmax import FullSoftmax

N, ROWS, DIM = 40, 12, 6
NOTHING = torch.zeros(0, dtype=torch.int64)
COUNTS = np.random.default_rng(1).integers(1, 30, N)
COUNTS[[3, 17]] = 0


def answers(rng: np.random.Generator) -> NDArray[np.int64]:
    """Predictions' answers, as probable as items were chosen."""
    return rng.choice(N, ROWS, p=COUNTS / COUNTS.sum())


def test_an_item_is_there_as_often_as_is_said() -> None:
    rng, sampler = np.random.default_rng(0), Sampler(COUNTS, 10)
    seen, said = np.zeros(N), np.zeros(N)
    for _ in range(6_000):
        drawn = sampler.draw(answers(rng), rng)
        seen[drawn.items] += 1
        said[drawn.items] = np.exp(drawn.log_p)
        assert np.all(np.diff(drawn.items) > 0)
    assert seen / 6_000 == pytest.approx(said, abs=0.025)
    assert seen[[3, 17]].tolist() == [0, 0]


def test_the_sum_over_a_sample_is_that_over_the_catalogue_in_the_mean() -> None:
    rng, sampler = np.random.default_rng(0), Sampler(COUNTS, 12)
    states = rng.normal(size=(N, DIM))
    user = rng.normal(size=DIM)
    whole = np.exp(states @ user)[COUNTS > 0].sum()
    sums = []
    for _ in range(6_000):
        drawn = sampler.draw(answers(rng), rng)
        sums.append(np.exp(states[drawn.items] @ user - drawn.log_p).sum())
    assert np.mean(sums) == pytest.approx(whole, rel=0.03)


def test_a_sample_of_everything_is_the_whole_softmax() -> None:
    torch.manual_seed(0)
    users = torch.randint(-2, 3, (5, DIM)).float()
    states = torch.randint(-2, 3, (9, DIM)).float()
    target = torch.tensor([0, 3, 8, 2, 2])
    whole = FullSoftmax.apply(users, states, target, NOTHING, NOTHING, 0.1)  # type: ignore[no-untyped-call]
    none = torch.zeros(9)
    sample = FullSoftmax.apply(users, states, target, NOTHING, NOTHING, 0.1, none)  # type: ignore[no-untyped-call]
    assert sample.item() == whole.item()


def test_a_rows_own_answer_counts_once_and_the_others_by_their_probability() -> None:
    torch.manual_seed(0)
    users = torch.randint(-2, 3, (3, DIM)).float().requires_grad_()
    states = torch.randint(-2, 3, (4, DIM)).float().requires_grad_()
    target, p = torch.tensor([0, 2, 1]), torch.tensor([0.5, 0.25, 1.0, 0.1])
    loss = FullSoftmax.apply(users, states, target, NOTHING, NOTHING, 0.0, p.log())  # type: ignore[no-untyped-call]
    logits = users @ states.T
    weights = (1 / p).repeat(3, 1)
    weights[torch.arange(3), target] = 1
    expected = ((weights * logits.exp()).sum(1).log() - logits[torch.arange(3), target]).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    wanted = torch.autograd.grad(expected, [users, states])
    for got, want in zip(torch.autograd.grad(loss, [users, states]), wanted, strict=True):
        assert got == pytest.approx(want, abs=0.01 * float(want.abs().max()))
