"""The user model as it serves, with a graph that can be done in the head."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import corank.rank.history as module
from corank.compress.export import export
from corank.data.ragged import Ragged
from corank.errors import BundleError
from corank.rank.history import UserModel

STATES = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
PROJECTION = np.array([[2, 0], [0, 2], [1, 1]], np.float32)  # the last row is the constant


class Last(nn.Module):
    """The user is the state of the newest item."""

    def forward(self, history: Tensor, mask: Tensor) -> Tensor:
        return (history * mask[..., None])[:, -1]


@pytest.fixture(scope="module")
def graph() -> bytes:
    inputs = [("history", torch.rand(2, 3, 2)), ("mask", torch.ones(2, 3))]
    return export(Last(), inputs, dynamic=("batch", "items"))


@pytest.fixture(scope="module")
def model(graph: bytes) -> UserModel:
    return UserModel(graph, STATES, PROJECTION, history_length=2)


def test_a_user_is_what_the_graph_makes_of_the_states(model: UserModel) -> None:
    users = model.users(Ragged.of([[0, 1], [0, 1, 2], [0]]))
    assert users.tolist() == STATES[[1, 2, 0]].tolist()


def test_an_empty_history_gives_zeros(model: UserModel) -> None:
    assert model.users(Ragged.of([[], [1], []])).tolist() == [[0, 0], [0, 1], [0, 0]]
    assert model.users(Ragged.of([[], []])).tolist() == [[0, 0], [0, 0]]
    assert model.users(Ragged.of([])).shape == (0, 2)


def test_many_histories_are_read_in_blocks(
    model: UserModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = Ragged.of([[i % 3] for i in range(7)])
    whole = model.users(histories)
    monkeypatch.setattr(module, "BLOCK", 2)
    assert model.users(histories).tolist() == whole.tolist()


def test_scores_are_products_with_every_state(model: UserModel) -> None:
    scores = model.score(Ragged.of([[2], []]))
    assert scores == pytest.approx(np.array([[0.6, 0.8, 1], [0, 0, 0]]), abs=1e-6)


def test_as_new_candidates_are_their_text_and_histories_are_read_as_ever(model: UserModel) -> None:
    as_new = model.as_new(np.array([[1, 0], [-0.5, -0.5], [0, 0]], np.float32))
    assert as_new.candidates[0] == pytest.approx(np.array([3, 1]) / np.sqrt(10), abs=1e-6)
    assert as_new.candidates[1].tolist() == [0, 0]  # a projection to nothing stays nothing
    assert as_new.states is model.states is model.candidates
    histories = Ragged.of([[0], [1]])
    assert as_new.users(histories).tolist() == model.users(histories).tolist()
    assert as_new.score(histories) == pytest.approx(STATES[:2] @ as_new.candidates.T, abs=1e-6)


def test_a_damaged_graph_is_a_bundle_error() -> None:
    with pytest.raises(BundleError, match="The user model graph cannot be loaded"):
        UserModel(b"garbage", STATES, PROJECTION, 2).users(Ragged.of([[0]]))


def test_an_interest_is_read_as_the_oldest_item(graph: bytes) -> None:
    """The toy reader gives the newest state, so an interest speaks where there is nothing else."""
    model = UserModel(graph, STATES, PROJECTION, history_length=50)
    interests = np.array([[-1, 1], [-1, 1], [0, 0]], np.float32)
    users = model.users(Ragged.of([[], [0, 1], []]), interests)
    state = np.array([-2 + 1, 2 + 1]) / np.hypot(1, 3)
    assert users == pytest.approx(np.array([state, [0, 1], [0, 0]]), abs=1e-6)


def test_an_interest_older_than_what_is_read_is_left_out(graph: bytes) -> None:
    model = UserModel(graph, STATES, PROJECTION, history_length=1)
    histories = Ragged.of([[1, 0], [2]])
    told = model.users(histories, np.ones((2, 2), np.float32))
    assert told.tolist() == model.users(histories).tolist()
