"""Splits: what each protocol promises, on any log; and the leaks it owns up to."""

import datetime as dt
import warnings
from collections.abc import Sequence
from typing import get_args

import polars as pl
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from corank.data.dataset import Dataset, Split
from corank.data.labels import LabelingFunction, combine
from corank.data.split import Protocol, ProtocolName, Tables, find_leaks
from corank.errors import ConfigError, DataError, LeakageWarning

PROTOCOLS = get_args(ProtocolName)
GRADES = {"bounce": 0, "view": 1, "purchase": 3}
Event = tuple[str, str, str, int]  # user, item, event, minute

GRADED = LabelingFunction(
    "graded", pl.col("event").replace_strict(GRADES, return_dtype=pl.Int8), 1.0, ""
)


def dataset(events: Sequence[Event], queries: Sequence[str] = ()) -> Dataset:
    """Make a dataset whose events know their place in the log."""
    log = (
        pl.DataFrame(
            list(events),
            schema={"user_id": pl.String, "item_id": pl.String, "event": pl.String, "at": pl.Int64},
            orient="row",
        )
        .with_columns(timestamp=dt.datetime(2026, 1, 1) + pl.duration(minutes="at"))
        .with_row_index("place")
    )
    items = pl.DataFrame({"item_id": list("abcdefgh"), "title": list("ABCDEFGH")})
    judged = {"query": list(queries), "item_id": ["a"] * len(queries), "grade": [1] * len(queries)}
    return Dataset(
        items=items,
        users=log.select("user_id").unique(),
        interactions=log,
        queries=pl.DataFrame(
            judged, schema={"query": pl.String, "item_id": pl.String, "grade": pl.Int64}
        ),
        labeling_functions=(GRADED,),
    )


def split(data: Dataset, protocol: ProtocolName, test: float = 0.3, seed: int = 0) -> Split:
    """Split without a word about leaks; logs that cannot be split are not the test's concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)
        try:
            return data.split(protocol, test=test, seed=seed)
        except DataError:
            reject()


def places(data: pl.DataFrame | None) -> set[int]:
    assert data is not None
    return set(data["place"].to_list())


def events_of(data: Dataset) -> list[Event]:
    return sorted(data.interactions.select("user_id", "item_id", "event", "at").iter_rows())


event = st.tuples(
    st.sampled_from("uvwxyz"),
    st.sampled_from("abcdefgh"),
    st.sampled_from(list(GRADES)),
    st.integers(0, 30),
)
logs = st.lists(event, min_size=4, max_size=40)
distinct = st.lists(event, min_size=4, max_size=30, unique_by=lambda e: e[3])
protocols = st.sampled_from(PROTOCOLS)
shares = st.sampled_from([0.1, 0.3, 0.5, 0.9])


# Every protocol


@given(log=logs, protocol=protocols, test=shares, seed=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_no_event_is_on_both_sides(
    log: list[Event], protocol: ProtocolName, test: float, seed: int
) -> None:
    train, held = split(dataset(log), protocol, test, seed)
    assert places(train.interactions)
    assert places(held.interactions)
    assert not places(train.interactions) & places(held.interactions)
    assert not places(held.history) & places(held.interactions)
    assert train.history is None
    assert not any("are in training and in the test" in leak for leak in held.leaks)


@given(log=distinct, protocol=protocols, data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_rows_does_not_matter_and_the_seed_is_all_the_chance_there_is(
    log: list[Event], protocol: ProtocolName, data: st.DataObject
) -> None:
    first = split(dataset(log), protocol, seed=1)
    again = split(dataset(data.draw(st.permutations(log))), protocol, seed=1)
    assert events_of(first.train) == events_of(again.train)
    assert events_of(first.test) == events_of(again.test)


@pytest.mark.parametrize("protocol", ["cold-items", "cold-users"])
def test_another_seed_makes_another_choice(protocol: ProtocolName) -> None:
    log = [
        (u, i, "view", minute)
        for minute, (u, i) in enumerate(zip("uvwxyz" * 4, "abcdefgh" * 3, strict=True))
    ]
    splits = [split(dataset(log), protocol, seed=seed) for seed in range(6)]
    assert len({tuple(events_of(s.test)) for s in splits}) > 1


@given(names=st.lists(st.sampled_from("pqrstuvwxyz"), min_size=1), protocol=protocols)
@settings(max_examples=40, deadline=None)
def test_a_query_and_all_its_judgements_are_on_one_side(
    names: list[str], protocol: ProtocolName
) -> None:
    log = [(u, i, "view", n) for n, (u, i) in enumerate((u, i) for i in "abcdef" for u in "uvwx")]
    train, held = split(dataset(log, queries=names), protocol, test=0.4)
    asked, held_out = train.queries["query"].to_list(), held.queries["query"].to_list()
    assert not set(asked) & set(held_out)
    assert sorted(asked + held_out) == sorted(names)
    assert len(set(held_out)) == round(0.4 * len(set(names)))


# By time


@given(log=logs, test=shares)
@settings(max_examples=30, deadline=None)
def test_by_time_nothing_is_lost_and_nothing_leaks(log: list[Event], test: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        try:
            train, held = dataset(log).split("time", test=test)
        except DataError:
            reject()
    assert places(train.interactions) | places(held.interactions) == set(range(len(log)))
    assert train.interactions["at"].to_numpy().max() < held.interactions["at"].to_numpy().min()
    assert places(held.history) == places(train.interactions)
    assert train.leaks == held.leaks == ()


@pytest.mark.parametrize(("test", "held"), [(0.2, 2), (0.25, 2), (0.9, 9), (0.01, 1)])
def test_by_time_the_test_is_the_last_share_of_the_events(test: float, held: int) -> None:
    data = dataset([("u", "a", "view", minute) for minute in range(10)])
    split = data.split("time", test=test)
    assert split.test.interactions["at"].to_list() == list(range(10 - held, 10))


def test_by_time_events_of_one_moment_stay_together() -> None:
    data = dataset([("u", "a", "view", minute) for minute in (0, 1, 5, 5, 5)])
    assert data.split("time", test=0.2).test.interactions["at"].to_list() == [5, 5, 5]


# Leave one out


@given(log=logs)
@settings(max_examples=30, deadline=None)
def test_leave_one_out_holds_out_the_last_relevant_item_of_who_has_two(log: list[Event]) -> None:
    data = dataset(log)
    train, held = split(data, "leave-one-out")
    relevant: dict[str, list[tuple[str, dt.datetime]]] = {}
    for user, item, time, grade, _ in combine([GRADED], data.interactions).iter_rows():
        if grade > 0:
            relevant.setdefault(user, []).append((item, time))
    last = {user: found[-1] for user, found in relevant.items() if len(found) > 1}
    assert dict(held.positives.select("user_id", "item_id").iter_rows()) == {
        user: item for user, (item, _) in last.items()
    }
    assert held.positives.height == len(last)
    for user, item, time in train.interactions.select("user_id", "item_id", "timestamp").rows():
        assert user not in last or (item != last[user][0] and time <= last[user][1])
    untouched = data.interactions.filter(~pl.col("user_id").is_in(list(last)))
    assert places(untouched) <= places(train.interactions)


def test_leave_one_out_by_hand() -> None:
    data = dataset(
        [
            ("u", "a", "view", 0),
            ("u", "b", "view", 1),  # an early look at what is held out goes with it
            ("u", "b", "purchase", 2),
            ("u", "c", "bounce", 3),  # after it, so on neither side
            ("v", "a", "view", 4),  # only one relevant item: all of it is training
            ("v", "c", "bounce", 5),
        ]
    )
    with pytest.warns(LeakageWarning, match="2 training events .67%. are later"):
        train, held = data.split("leave-one-out")
    assert train.interactions["at"].to_list() == [0, 4, 5]
    assert held.interactions["at"].to_list() == [1, 2]
    assert places(held.history) == places(train.interactions)
    assert train.leaks == held.leaks != ()


def test_leave_one_out_without_later_training_events_leaks_nothing() -> None:
    data = dataset([("u", "a", "view", 0), ("v", "a", "view", 1), ("u", "b", "view", 2)])
    assert data.split("leave-one-out").test.leaks == ()


# Cold items and users


@given(log=logs, seed=st.integers(0, 3), test=shares)
@settings(max_examples=30, deadline=None)
def test_cold_items_are_never_trained_on(log: list[Event], seed: int, test: float) -> None:
    data = dataset(log)
    train, held = split(data, "cold-items", test, seed)
    cold = set(held.interactions["item_id"])
    assert not cold & set(train.interactions["item_id"])
    assert len(cold) <= round(test * data.positives["item_id"].n_unique())
    warm = data.interactions.filter(
        ~pl.col("item_id").is_in(train.interactions["item_id"].implode())
    )
    for user, time in warm.select("user_id", "timestamp").rows():  # nobody is asked out of nothing
        before = train.interactions.filter(
            (pl.col("user_id") == user) & (pl.col("timestamp") <= time)
        )
        asked = held.interactions.filter(
            (pl.col("user_id") == user) & (pl.col("timestamp") == time)
        )
        assert asked.is_empty() == before.is_empty()


@given(log=logs, seed=st.integers(0, 3), test=shares)
@settings(max_examples=30, deadline=None)
def test_cold_users_are_never_trained_on(log: list[Event], seed: int, test: float) -> None:
    data = dataset(log)
    train, held = split(data, "cold-users", test, seed)
    assert held.history is not None
    cold = set(held.interactions["user_id"]) | set(held.history["user_id"])
    assert not cold & set(train.interactions["user_id"])
    assert set(held.interactions["user_id"]) <= set(held.history["user_id"])
    others = data.interactions.filter(~pl.col("user_id").is_in(list(cold)))
    assert places(others) >= places(train.interactions)
    assert held.positives["user_id"].is_unique().all()


# What cannot be split


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("events", [[], [("u", "a", "view", 0)]])
def test_a_log_too_small_to_split_is_refused(protocol: ProtocolName, events: list[Event]) -> None:
    message = f"The {protocol} split of {len(events)} events leaves . for training and . for"
    with pytest.raises(DataError, match=message):
        dataset(events).split(protocol)


@pytest.mark.parametrize(
    ("protocol", "events"),
    [
        ("time", [("u", "a", "view", 0), ("v", "b", "view", 0)]),
        ("leave-one-out", [("u", "a", "view", 0), ("v", "b", "view", 1)]),
        ("leave-one-out", [("u", "a", "bounce", 0), ("u", "b", "bounce", 1)]),
        ("cold-items", [("u", "a", "view", 0), ("v", "a", "view", 1)]),
        ("cold-users", [("u", "a", "view", 0), ("u", "b", "view", 1)]),
    ],
)
def test_a_log_with_nothing_to_hold_out_is_refused(
    protocol: ProtocolName, events: list[Event]
) -> None:
    with pytest.raises(DataError, match="Bring more events or another split"):
        dataset(events).split(protocol)


def test_a_user_with_one_event_does_no_harm() -> None:
    log = [("u", "a", "view", 0), ("u", "b", "view", 2), ("once", "a", "view", 1)]
    train, held = split(dataset(log), "leave-one-out")
    assert train.interactions["user_id"].to_list() == ["u", "once"]
    assert held.interactions["user_id"].to_list() == ["u"]


def test_a_misspelled_protocol_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'leave-one-out'"):
        Protocol("leave-1-out")  # type: ignore[arg-type]


@pytest.mark.parametrize("test", [0, 1, 20, -0.1, float("nan")])
def test_a_share_lies_between_0_and_1(test: float) -> None:
    with pytest.raises(ConfigError, match="it is a share"):
        Protocol("time", test)


# Leaks


def tables(events: Sequence[Event], queries: Sequence[str] = ()) -> Tables:
    data = dataset(events, queries)
    return Tables(data.interactions, data.queries)


def test_every_leak_is_found_in_tables_made_to_leak() -> None:
    train = tables([("u", "a", "view", 0), ("v", "b", "view", 5), ("w", "c", "view", 2)], "pq")
    held = tables([("u", "a", "view", 0), ("x", "b", "view", 1)], "qr")
    common = (
        "1 events are in training and in the test",
        "1 queries are judged in training and in the test",
        "2 training events (67%) are later than the first test event",
    )
    assert find_leaks(train, held, Protocol("time")) == common
    cold_items = find_leaks(train, held, Protocol("cold-items"))
    assert cold_items == (common[0], "2 items held out as cold are in training", *common[1:])
    cold_users = find_leaks(train, held, Protocol("cold-users"))
    assert cold_users == (common[0], "1 users held out as cold are in training", *common[1:])


def test_the_same_event_at_another_time_is_another_event() -> None:
    train, held = tables([("u", "a", "view", 0)]), tables([("u", "a", "view", 1)])
    assert find_leaks(train, held, Protocol("time")) == ()
