"""Plans and rates by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank.language.schedule import Shape, check_steps, plan_steps, set_rate


def rates(shape: Shape, warm_up: float, steps: int = 10, floor: float = 0.0) -> list[float]:
    """The rates of a run of two groups, with peaks 2 and 1; the second group's."""
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(parameters, (2.0, 1.0), strict=True)]
    optimizer = torch.optim.AdamW(groups)
    found = []
    for step in range(steps):
        share = set_rate(optimizer, step, steps, shape=shape, warm_up=warm_up, floor=floor)
        assert [group["lr"] for group in optimizer.param_groups] == [2 * share, share]
        found.append(share)
    return found


def test_a_linear_fall_after_a_linear_rise() -> None:
    expected = [0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    assert rates("linear", 0.4) == pytest.approx(expected)


def test_a_cosine_passes_its_middle_at_half() -> None:
    found = rates("cosine", 0.2)
    assert found[:3] == pytest.approx([0.5, 1, 1]) and found[6] == pytest.approx(0.5)
    assert found[4] == pytest.approx(0.5 + 0.5 * np.cos(np.pi / 4))
    assert found[2:] == sorted(found[2:], reverse=True)


def test_constant_stays_at_the_peak_and_no_warm_up_starts_there() -> None:
    assert rates("constant", 0.0) == [1] * 10
    assert rates("constant", 0.3) == pytest.approx([1 / 3, 2 / 3, *[1] * 8])


def test_the_floor_is_where_the_fall_would_end() -> None:
    assert rates("linear", 0.5, floor=0.1)[5:] == pytest.approx([1, 0.82, 0.64, 0.46, 0.28])


def test_rising_throughout_ends_at_the_peak() -> None:
    assert rates("cosine", 1.0, steps=4) == pytest.approx([0.25, 0.5, 0.75, 1])


def test_a_rate_depends_on_the_step_alone() -> None:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    jumped = set_rate(optimizer, 7, 10, shape="linear", warm_up=0.4)
    assert jumped == pytest.approx(rates("linear", 0.4)[7])


def plan(n: int, batch_size: int, accumulate: int = 1, processes: int = 1) -> NDArray[np.int64]:
    """Two epochs' steps."""
    return plan_steps(
        n,
        epochs=2,
        batch_size=batch_size,
        accumulate=accumulate,
        processes=processes,
        seed=3,
    )


@given(
    n=st.integers(0, 60),
    batch_size=st.integers(1, 20),
    accumulate=st.integers(1, 3),
    processes=st.integers(1, 3),
)
def test_each_epoch_takes_each_example_at_most_once(
    n: int, batch_size: int, accumulate: int, processes: int
) -> None:
    found = plan(n, batch_size, accumulate, processes)
    taken = found.reshape(2, -1)
    for epoch in taken:
        assert len({*epoch.tolist()}) == len(epoch) and {*epoch.tolist()} <= {*range(n)}
    whole = batch_size * accumulate * processes
    left = n - taken.shape[1]
    if n >= whole:  # less than a step is left out
        assert found.shape[1:] == (accumulate, batch_size * processes) and left < whole
    else:  # one step takes all but what cannot be dealt out evenly
        assert left < accumulate * processes
        assert len(found) == (2 if n >= accumulate * processes else 0)


def test_the_order_differs_between_epochs_and_seeds() -> None:
    found = plan(20, 20)
    assert found[0].tolist() != found[1].tolist()
    other = plan_steps(20, epochs=1, batch_size=20, accumulate=1, processes=1, seed=4)
    assert other[0].tolist() != found[0].tolist()


def test_two_processes_or_two_passes_share_out_one_large_batch() -> None:
    large = plan(50, 8)
    assert np.array_equal(plan(50, 4, processes=2), large)
    assert np.array_equal(plan(50, 4, accumulate=2).reshape(large.shape), large)


@pytest.mark.parametrize(
    ("steps", "epochs", "checks", "expected"),
    [
        (10, 1, 1, {10}),
        (10, 2, 1, {5, 10}),
        (12, 1, 4, {3, 6, 9, 12}),
        (10, 1, 3, {3, 7, 10}),
        (2, 1, 2, {1, 2}),
        (0, 0, 1, set()),
    ],
)
def test_checks_are_spread_evenly_and_end_with_the_run(
    steps: int, epochs: int, checks: int, expected: set[int]
) -> None:
    assert check_steps(steps, epochs=epochs, checks=checks) == expected
