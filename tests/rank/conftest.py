"""A world of six items, small enough to work out every signal by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from corank.compress.export import export
from corank.rank.history import UserModel
from corank.rank.signals import Signals
from corank.retrieve.cooccurrence import ItemItem
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import build_index

TITLES = ["red lamp", "blue lamp", "red chair", "green table", "blue table lamp", ""]


class Last(nn.Module):
    """The user is the state of the newest item."""

    def forward(self, history: Tensor, mask: Tensor) -> Tensor:
        return (history * mask[..., None])[:, -1]


def related(weights: dict[tuple[int, int], float]) -> ItemItem:
    rows, columns = np.array(list(weights)).T
    return ItemItem.of(rows, columns, np.array(list(weights.values())), len(TITLES), decay=0.5)


@pytest.fixture(scope="session")
def titles() -> list[str]:
    return TITLES


@pytest.fixture(scope="session")
def signals() -> Signals:
    """Item 1 may be recommended again; item 5 is new, without text or price."""
    inputs = [("history", torch.rand(2, 3, 2)), ("mask", torch.ones(2, 3))]
    states = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0], [0, -1], [0.8, 0.6]], np.float32)
    vectors = np.array(
        [[1, 0, 0], [0.8, 0.6, 0], [0, 1, 0], [0, 0, 1], [0.6, 0, 0.8], [0, -1, 0]], np.float32
    )
    price = np.array([10, 20, 15, np.nan, 12, np.nan], np.float32)
    return Signals(
        text_vectors=vectors,
        text_index=build_index(vectors),
        user_model=UserModel(
            export(Last(), inputs, dynamic=("batch", "items")),
            states,
            np.zeros((4, 2), np.float32),
            history_length=50,
        ),
        state_index=build_index(states),
        together=related({(0, 2): 0.5, (1, 2): 0.25, (1, 3): 0.1}),
        neighbours=related({(1, 4): 0.3}),
        bm25=BM25.build(TITLES),
        counts=np.array([10, 5, 3, 1, 1, 0]),
        recency=np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], np.float32),
        trend=np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1], np.float32),
        log_price=np.log1p(price),
        repeatable=np.array([False, True, False, False, False, False]),
        decay=0.5,
    )
