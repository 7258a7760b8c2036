"""Four ways to hold out a test, and the leaks each may have.

Only "time" is free of future knowledge by construction; the others are the field's customs and
are stamped where training sees the future (Ji et al., "A Critical Study on Data Leakage in
Recommender System Offline Evaluation", TOIS 2023). The module knows tables, not models.
"""

import hashlib
import warnings
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import polars as pl

from corank.errors import ConfigError, DataError, LeakageWarning, nearest

ProtocolName = Literal["time", "leave-one-out", "cold-items", "cold-users"]


@dataclass(frozen=True)
class Protocol:
    """How a test was held out; enough to do it again."""

    name: ProtocolName
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        names = get_args(ProtocolName)
        if self.name not in names:
            raise ConfigError(
                f"Unknown split {self.name!r}; expected one of {', '.join(names)}."
                + nearest(self.name, names)
            )
        if not 0 < self.test < 1:
            raise ConfigError(f"test={self.test} must lie between 0 and 1: it is a share.")


class Tables(NamedTuple):
    """What a split divides."""

    events: pl.DataFrame
    queries: pl.DataFrame


class _Events(NamedTuple):
    train: pl.DataFrame
    test: pl.DataFrame
    history: pl.DataFrame  # shown when the test is answered


def split_tables(
    data: Tables, positives: pl.DataFrame, protocol: Protocol
) -> tuple[Tables, Tables, pl.DataFrame]:
    """Return (train, test, the events shown when the test is answered).

    Args:
        data: what to divide.
        positives: one row per (user, item) graded above 0, by user and time.
        protocol: how to divide it.

    Raises:
        DataError: one side would hold nothing.
    """
    divide = {
        "time": _by_time,
        "leave-one-out": _leave_one_out,
        "cold-items": _cold_items,
        "cold-users": _cold_users,
    }[protocol.name]
    only_queries = data.events.is_empty() and not data.queries.is_empty()
    if only_queries:
        train = test = history = data.events
    else:
        train, test, history = divide(data.events, positives, protocol)
        _check(protocol, "events", data.events, train, test)
    judged = data.queries["query"].is_in(sample(data.queries["query"], protocol).implode())
    seen, asked = data.queries.filter(~judged), data.queries.filter(judged)
    if only_queries:
        _check(protocol, "judgements", data.queries, seen, asked)
    return Tables(train, seen), Tables(test, asked), history


def _check(
    protocol: Protocol, what: str, rows: pl.DataFrame, train: pl.DataFrame, test: pl.DataFrame
) -> None:
    if train.is_empty() or test.is_empty():
        raise DataError(
            f"The {protocol.name} split of {rows.height:,} {what} leaves {train.height:,} for "
            f"training and {test.height:,} for the test. Bring more {what} or another split."
        )


def _by_time(events: pl.DataFrame, _: pl.DataFrame, protocol: Protocol) -> _Events:
    held = max(1, round(events.height * protocol.test))
    cut = pl.col("timestamp").top_k(held).min()
    train = events.filter(pl.col("timestamp") < cut)
    return _Events(train, events.filter(pl.col("timestamp") >= cut), train)


def _leave_one_out(events: pl.DataFrame, positives: pl.DataFrame, _: Protocol) -> _Events:
    """Hold out each user's last relevant item; what they did after it belongs to neither side."""
    pair = ["user_id", "item_id"]
    last = positives.filter(pl.len().over("user_id") > 1).unique("user_id", keep="last")
    until = last.select("user_id", _until="timestamp")
    train = (
        events.join(last, on=pair, how="anti", maintain_order="left")
        .join(until, on="user_id", how="left", maintain_order="left")
        .filter(pl.col("_until").is_null() | (pl.col("timestamp") <= pl.col("_until")))
        .drop("_until")
    )
    return _Events(train, events.join(last, on=pair, how="semi", maintain_order="left"), train)


def _cold_items(events: pl.DataFrame, positives: pl.DataFrame, protocol: Protocol) -> _Events:
    """Hold out all events on some items, but for users who had done nothing else before."""
    cold = pl.col("item_id").is_in(sample(positives["item_id"], protocol).implode())
    train = events.filter(~cold)
    first = train.group_by("user_id").agg(_first=pl.col("timestamp").min())
    test = (
        events.filter(cold)
        .join(first, on="user_id", maintain_order="left")
        .filter(pl.col("_first") <= pl.col("timestamp"))
        .drop("_first")
    )
    return _Events(train, test, train)


def _cold_users(events: pl.DataFrame, positives: pl.DataFrame, protocol: Protocol) -> _Events:
    """Hold out all events of some users: the last relevant item is asked for, the rest shown."""
    cold = pl.col("user_id").is_in(sample(positives["user_id"], protocol).implode())
    shown, test, _ = _leave_one_out(events.filter(cold), positives.filter(cold), protocol)
    return _Events(events.filter(~cold), test, shown)


def sample(ids: pl.Series, protocol: Protocol) -> pl.Series:
    """Return a share of the distinct ids, the same on every machine for one seed."""

    def key(name: str) -> bytes:
        return hashlib.sha256(f"{protocol.seed}:{name}".encode()).digest()

    ranked = sorted(ids.unique().drop_nulls().to_list(), key=key)
    return pl.Series(ids.name, ranked[: round(len(ranked) * protocol.test)], dtype=pl.String)


def find_leaks(train: Tables, test: Tables, protocol: Protocol) -> tuple[str, ...]:
    """Say in plain sentences what training sees of the test; empty when it sees nothing."""
    leaks = []
    keys = ["user_id", "item_id", "event", "timestamp"]
    both = test.events.join(train.events, on=keys, how="semi").height
    if both:
        leaks.append(f"{both:,} events are in training and in the test")
    if protocol.name in ("cold-items", "cold-users"):
        column = "item_id" if protocol.name == "cold-items" else "user_id"
        shared = test.events.join(train.events, on=column, how="semi")[column].n_unique()
        if shared:
            leaks.append(f"{shared:,} {column[:-3]}s held out as cold are in training")
    asked = test.queries.join(train.queries, on="query", how="semi")["query"].n_unique()
    if asked:
        leaks.append(f"{asked:,} queries are judged in training and in the test")
    if test.events.height:
        first = test.events["timestamp"].min()
        later = train.events.filter(pl.col("timestamp") > first).height
        if later:
            share = later / train.events.height
            leaks.append(
                f"{later:,} training events ({share:.0%}) are later than the first test event"
            )
    return tuple(leaks)


def warn_leaks(leaks: tuple[str, ...]) -> None:
    """Warn once about every leak."""
    if leaks:
        warnings.warn(
            "This split leaks: " + "; ".join(leaks) + ". Reports made from it say so.",
            LeakageWarning,
            stacklevel=3,
        )
