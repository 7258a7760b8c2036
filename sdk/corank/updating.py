"""What an update of a fitted pipeline is made of: what is replayed, and what it has to show.

Knows datasets, signals and engines; knows nothing of where they are kept.
"""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import NamedTuple, cast

import numpy as np
import polars as pl

from corank.compress.runtime import TextEncoder
from corank.config import check_ranges
from corank.data.context import SESSION, Moments
from corank.data.dataset import Cases, Dataset, Split
from corank.data.grow import Grown
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.engine import Engine
from corank.errors import ConfigError, DataError
from corank.evaluate.gate import Gate, Judgement, Slice
from corank.evaluate.metrics import compute
from corank.evaluate.task import Task
from corank.fitting import Fading, FitConfig, learn_signals, shared_of, shared_signals
from corank.runs import rank_histories


@dataclass(frozen=True, kw_only=True)
class UpdateConfig(FitConfig):
    """How a fitted pipeline learns what happened since; see `FitConfig`.

    Args:
        test: share of the new events, the last ones, that the update is tested on.
        replay: the encoder reads so many old histories for each new one.
        keep: weight of the current encoder in the one that comes out.
        gate: what the update has to show, in the vertical's first metric.
        index: ``auto`` is what the engine has.
    """

    test: float = 0.2
    replay: float = 1.0
    keep: float = 0.5
    gate: Gate = field(default_factory=Gate)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, above_0=("test",), at_least_0=("replay",), share=("test", "keep"))
        if self.reranker:
            raise ConfigError(
                "An update trains no reranker: what reads the answers of a search stays as it is. "
                "Leave reranker out, or fit again."
            )


class Update(NamedTuple):
    """What came of an update: whether it was published and why, and the data as it is now."""

    judgement: Judgement
    split: Split


def replayed(seen: Dataset, since: dt.datetime, replay: float, seed: int) -> Ragged:
    """Return the histories with something new in them, and a random choice of the others.

    Args:
        seen: what may be learned from.
        since: events from this moment on are new.
        replay: old histories for each new one.
        seed: of the choice.
    """
    users, histories = seen.sequences()
    fresh = seen.positives.filter(pl.col("timestamp") >= since)["user_id"].unique()
    new = users.is_in(fresh.implode()).to_numpy()
    n = round(replay * int(new.sum()))
    old = np.random.default_rng(seed).permutation(np.flatnonzero(~new))[:n]
    return histories.take(np.sort(np.concatenate([np.flatnonzero(new), old])))


def refitted(draft: Engine, train: Dataset, encoder: TextEncoder, config: FitConfig) -> Engine:
    """Return an engine whose signals have seen every event.

    Args:
        draft: whose rankers are kept, and for how long the user model is trained.
        train: what to learn from, validation included.
        encoder: what the texts are read with; perhaps another than the draft's.
        config: how.
    """
    if encoder is draft.encoder:
        shared = shared_of(draft.signals)
    else:
        texts = render(draft.vertical.item_text, train.items)
        shared = shared_signals(draft.vertical, train.items, texts, encoder, config.index)
    share = cast(float, draft.about["user model share"])
    fading = Fading.of(draft.signals)
    signals, _ = learn_signals(train, shared, config, share=share, fading=fading)
    return replace(draft, encoder=encoder, signals=signals, about={**draft.about, "refit": True})


class Slices(NamedTuple):
    """What was tested before, and what is new."""

    old: Cases
    new: Cases


def slices_of(grown: Grown) -> Slices:
    """Return what an update will be asked.

    Raises:
        DataError: one of the two asks nothing.
    """
    old, new = grown.old_test.cases(), grown.split.test.cases()
    for name, cases in (("old", old), ("new", new)):
        if not len(cases.users):
            raise DataError(f"The {name} test holds nothing relevant: an update proves nothing.")
    return Slices(old, new)


def judge(updated: Engine, current: Engine, slices: Slices, gate: Gate, seed: int) -> Judgement:
    """Ask both engines what was tested before, and what is new.

    Raises:
        DataError: a test asks nothing that could be answered.
    """
    metric = updated.vertical.metrics[0]

    def compared(cases: Cases) -> Slice:
        task = Task.of(cases, updated.signals.repeatable)
        known = known_part(task.histories, task.moments, current.items.height)
        return Slice(
            compute(metric, task.judge(rank_histories(updated, task.histories, task.moments))),
            compute(metric, task.judge(rank_histories(current, *known))),
            task.users.to_physical().rank("dense").to_numpy(),
        )

    return gate.judge(metric, new=compared(slices.new), old=compared(slices.old), seed=seed)


def known_part(histories: Ragged, moments: Moments, n_items: int) -> tuple[Ragged, Moments]:
    """Leave out what an engine of so many items has never heard of; sessions hold as much less."""
    kept, row = histories.items < n_items, histories.rows()
    left = np.bincount(row[kept], minlength=len(histories))
    indptr = np.concatenate([[0], np.cumsum(left)]).astype(np.int64)
    session = moments[SESSION].to_numpy()
    newest = histories.indptr[1:][row] - np.arange(len(row)) <= session[row]
    held = np.bincount(row[kept & newest], minlength=len(histories)).astype(session.dtype)
    shorter = moments.with_columns(pl.Series(SESSION, held, moments.schema[SESSION]))
    return Ragged(indptr, histories.items[kept], histories.values[kept]), shorter
