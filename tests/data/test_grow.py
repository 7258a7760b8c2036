"""New data in an old split: nothing is lost, nothing is tested that was learned."""

import datetime as dt
from dataclasses import replace
from typing import cast

import polars as pl
import pytest

from corank import Dataset
from corank.data.dataset import Split
from corank.data.grow import Grown, grow
from corank.data.split import ProtocolName
from corank.errors import DataError

KEY = ["user_id", "item_id", "event", "timestamp"]


@pytest.fixture(scope="module")
def cut(sample: Dataset) -> dt.datetime:
    when = sample.interactions["timestamp"].sort()
    return cast(dt.datetime, when[int(len(when) * 0.7)])


@pytest.fixture(scope="module")
def split(sample: Dataset, cut: dt.datetime) -> Split:
    """What there was: the first 70% of the sample's events, and the items they touch."""
    events = sample.interactions.filter(pl.col("timestamp") < cut)
    known = sample.items.filter(pl.col("item_id").is_in(events["item_id"].implode()))
    known = known.head(known.height - 5)
    events = events.filter(pl.col("item_id").is_in(known["item_id"].implode()))
    return replace(sample, items=known, interactions=events).split("time")


@pytest.fixture(scope="module")
def grown(split: Split, sample: Dataset) -> Grown:
    return grow(split, sample, 0.2)  # the whole export again, the old events in it


PAIR = ["user_id", "item_id"]


def test_what_is_later_is_new_and_is_learned_or_tested(
    split: Split, sample: Dataset, grown: Grown
) -> None:
    train, test = grown.split
    last = split.test.interactions["timestamp"].max()
    later = sample.interactions.filter(pl.col("timestamp") > last)
    new = pl.concat([d.interactions.filter(pl.col("timestamp") > last) for d in (train, test)])
    left = later.join(new, on=KEY, how="anti")
    assert left.join(split.test.interactions, on=PAIR, how="anti").is_empty()  # the test's pairs
    assert grown.since == later["timestamp"].min()
    assert train.interactions.join(test.interactions, on=KEY, how="semi").is_empty()


@pytest.mark.parametrize("protocol", ["time", "leave-one-out", "cold-items", "cold-users"])
@pytest.mark.filterwarnings("ignore::corank.errors.LeakageWarning")
def test_no_answer_of_the_old_test_is_learned(
    sample: Dataset, cut: dt.datetime, protocol: ProtocolName
) -> None:
    old = replace(sample, interactions=sample.interactions.filter(pl.col("timestamp") < cut))
    train, test = old.split(protocol)
    found = grow(Split(train, test), sample, 0.2)
    learned = found.split.train.interactions
    assert learned.join(test.interactions, on=PAIR, how="semi").is_empty()
    assert learned.filter(pl.col("timestamp") >= cut).height > 500
    assert found.since >= cut


def test_the_next_time_the_old_test_is_learned(split: Split, sample: Dataset) -> None:
    when = sample.interactions["timestamp"].sort()
    until = when[int(len(when) * 0.85)]
    march = replace(sample, interactions=sample.interactions.filter(pl.col("timestamp") < until))
    first = grow(split, march, 0.2)
    second = grow(first.split, sample, 0.2)
    old = split.test.interactions.join(first.split.test.interactions, on=PAIR, how="anti")
    assert old.join(second.split.train.interactions, on=KEY, how="anti").is_empty()
    assert second.since >= until


def test_the_last_new_events_are_tested_from_all_that_came_before(grown: Grown) -> None:
    train, new = grown.split
    assert new.history is not None
    first = new.interactions["timestamp"].min()
    assert (new.history["timestamp"] < first).all()
    for shown in (train, grown.old_test):
        assert shown.interactions.join(new.history, on=KEY, how="anti").is_empty()
    assert new.cases().histories.lengths.max() > 0


def test_known_items_keep_their_places(split: Split, sample: Dataset, grown: Grown) -> None:
    ids, before = grown.split.train.items["item_id"], split.train.items["item_id"]
    assert ids.head(len(before)).equals(before) and ids.n_unique() == sample.items.height
    for data in (grown.old_test, grown.split.test):
        assert data.items.equals(grown.split.train.items)


def test_what_was_asked_before_is_asked_as_before(split: Split, grown: Grown) -> None:
    before, after = split.test.cases(), grown.old_test.cases()
    assert before.users.equals(after.users)
    assert (before.histories.items == after.histories.items).all()
    assert (before.relevant.items == after.relevant.items).all()


def test_the_newest_description_of_an_item_counts(split: Split, sample: Dataset) -> None:
    renamed = sample.items.with_columns(title="new " + pl.col("title"))
    found = grow(split, replace(sample, items=renamed), 0.2).split.train.items
    assert found["title"].str.starts_with("new ").all()
    only = grow(split, replace(sample, items=renamed.tail(5)), 0.2).split.train.items
    assert only["title"].str.starts_with("new ").sum() == 5


def test_queries_of_a_test_are_not_learned(split: Split, sample: Dataset, grown: Grown) -> None:
    learned = grown.split.train.queries["query"]
    assert not set(learned) & set(split.test.queries["query"])


def test_nothing_new_is_refused(split: Split, sample: Dataset, cut: dt.datetime) -> None:
    old = replace(sample, interactions=split.train.interactions)
    with pytest.raises(DataError, match=r"None of the .* events is new"):
        grow(split, old, 0.2)
