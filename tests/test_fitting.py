"""Steps of fitting that stand by themselves."""

import datetime as dt
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from corank import labeling_function
from corank.data.dataset import Dataset
from corank.data.ragged import Ragged
from corank.fitting import DECAY, Fading, learn_fading
from corank.rank.signals import Signals
from corank.retrieve.cooccurrence import ease, item_knn

GROUPS = 3
EACH = 6  # items of a group
N = GROUPS * EACH
START = dt.datetime(2026, 1, 1)


@labeling_function
def liked() -> pl.Expr:
    """Every event counts."""
    return pl.lit(3)


def events(rows: list[tuple[str, int, int]]) -> pl.DataFrame:
    """Rows of (user, item, hour)."""
    return pl.DataFrame(
        [(u, f"i{item}", "view", START + dt.timedelta(hours=hour)) for u, item, hour in rows],
        schema=["user_id", "item_id", "event", "timestamp"],
        orient="row",
    )


def asked(newest_decides: bool) -> Dataset:
    """Four items of one group and then one of the next; what follows is of the one or the other."""
    shown, test = [], []
    for user in range(40):
        old, new = user % GROUPS, (user + 1) % GROUPS
        for hour, item in enumerate([old * EACH + n for n in range(4)] + [new * EACH]):
            shown.append((f"u{user}", item, hour))
        wanted = new * EACH + 1 if newest_decides else old * EACH + 4
        test.append((f"u{user}", wanted, 100))
    return Dataset(
        items=pl.DataFrame({"item_id": [f"i{n}" for n in range(N)]}),
        users=pl.DataFrame({"user_id": [f"u{n}" for n in range(40)]}),
        interactions=events(test),
        queries=pl.DataFrame(),
        labeling_functions=(liked,),
        history=events(shown),
    )


@pytest.fixture(scope="module")
def signals() -> Signals:
    """Items of a group are chosen together, and their texts are alike."""
    rng = np.random.default_rng(0)
    groups = np.arange(N) // EACH
    histories = Ragged.of(
        [rng.permutation(np.flatnonzero(groups == group))[:4].tolist()
         for group in range(GROUPS) for _ in range(30)]
    )  # fmt: skip
    vectors = np.eye(GROUPS)[groups] + 0.1 * rng.standard_normal((N, GROUPS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Any = SimpleNamespace(
        together=ease(histories, N, decay=DECAY),
        neighbours=item_knn(histories, N, decay=DECAY),
        text_vectors=vectors.astype(np.float32),
        repeatable=np.zeros(N, np.bool_),
    )
    return cast(Signals, found)


def test_histories_fade_as_fast_as_validation_says(signals: Signals) -> None:
    fast = learn_fading(signals, asked(newest_decides=True), 0)
    slow = learn_fading(signals, asked(newest_decides=False), 0)
    assert set(fast) == {0.5}  # there four old items weigh less than the newest
    assert min(slow) >= 0.65


def test_nothing_asked_leaves_the_usual(signals: Signals) -> None:
    nothing = asked(newest_decides=True)
    seen = nothing.history
    assert seen is not None
    nobody = Dataset(
        items=nothing.items, users=nothing.users, interactions=seen, queries=nothing.queries,
        labeling_functions=(liked,), history=seen,
    )  # fmt: skip
    assert learn_fading(signals, nobody, 0) == Fading(DECAY, DECAY, DECAY)
