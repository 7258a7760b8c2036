"""Moments: what an event, a user and a running session say about when something is asked."""

import datetime as dt
from dataclasses import replace

import dataframely as dy
import polars as pl
import pytest

from corank.data.context import (
    DAYPART,
    Context,
    circumstances,
    in_session,
    moment,
    nothing_known,
)
from corank.data.dataset import Dataset
from corank.data.labels import labeling_function
from corank.errors import DeclarationError, RequestError

START = dt.datetime(2026, 3, 1, 8)
DEVICE = Context("device", pl.col("device"))
DAYTIME = Context("daytime", pl.col("timestamp").dt.hour().is_between(6, 17))
BAND = Context("band", pl.col("price_band"))
COLUMNS = {
    "timestamp": dy.Datetime(time_unit="us"), "device": dy.String(nullable=True),
    "price_band": dy.String(nullable=True),
    "age": dy.Int64(nullable=True, max=130, description="in years"),
    "allergies": dy.String(nullable=True, regex="^(milk|egg)$"),
}  # fmt: skip


@labeling_function
def liked() -> pl.Expr:
    """Every event counts."""
    return pl.lit(3)


def events(*rows: tuple[str, str, float, str | None]) -> pl.DataFrame:
    """Rows of (user, item, minutes after the start, device)."""
    return pl.DataFrame(
        [(u, i, "view", START + dt.timedelta(minutes=m), d) for u, i, m, d in rows],
        schema={
            "user_id": pl.String,
            "item_id": pl.String,
            "event": pl.String,
            "timestamp": pl.Datetime("us"),
            "device": pl.String,
        },
        orient="row",
    )


USERS = pl.DataFrame({"user_id": ["u", "v"], "price_band": ["premium", None]})


def test_a_context_reads_the_event_and_its_user() -> None:
    asked = events(("u", "a", 0, "phone"), ("v", "b", 600, None), ("w", "c", 0, "tv"))
    found = circumstances((DEVICE, DAYTIME, BAND), asked, USERS)
    assert found["context:device"].to_list() == ["phone", None, "tv"]
    assert found["context:daytime"].to_list() == ["true", "false", "true"]
    assert found["context:band"].to_list() == ["premium", None, None]


def test_a_session_ends_after_half_an_hour_of_silence() -> None:
    seen = events(*[("u", "a", m, None) for m in (0, 10, 40, 71, 72)], ("v", "a", 72, None))
    assert in_session(seen)["session"].to_list() == [1, 2, 3, 1, 2, 1]


def test_a_case_knows_its_session_and_the_context_of_its_first_answer() -> None:
    shown = events(("u", "a", 0, "tv"), ("u", "b", 100, "tv"), ("u", "c", 110, "tv"))
    asked = events(
        ("u", "d", 111, "phone"), ("u", "e", 112, "tv"), ("v", "a", 5, None)
    )  # d and e follow the same history: one case
    data = Dataset(
        items=pl.DataFrame({"item_id": list("abcde")}),
        users=USERS,
        interactions=asked,
        queries=pl.DataFrame(),
        labeling_functions=(liked,),
        contexts=(DEVICE, BAND),
        history=shown,
    )
    moments = data.cases().moments
    assert moments["session"].to_list() == [2, 0]
    assert moments["context:device"].to_list() == ["phone", None]
    assert moments["context:band"].to_list() == ["premium", None]


def test_a_case_knows_what_rules_ask_of_its_user() -> None:
    data = Dataset(
        items=pl.DataFrame({"item_id": list("ab")}),
        users=pl.DataFrame({"user_id": ["u", "v"], "age": [17, 40]}),
        interactions=events(("u", "b", 31, "tv"), ("v", "b", 1, None), ("w", "b", 1, None)),
        queries=pl.DataFrame(),
        labeling_functions=(liked,),
        contexts=(DEVICE,),
        asked=("age", "device"),
        history=events(("u", "a", 0, None)),
    )
    cases = data.cases()
    assert dict(zip(cases.users, cases.moments["asker:age"], strict=True)) == {
        "u": 17, "v": 40, "w": None,
    }  # fmt: skip
    assert cases.moments["asker:device"].to_list() == ["tv", None, None]
    assert "asker:age" not in replace(data, asked=()).cases().moments.columns


def test_a_case_knows_what_its_user_has_stated() -> None:
    data = Dataset(
        items=pl.DataFrame({"item_id": list("ab")}),
        users=pl.DataFrame({"user_id": ["u", "v"], "interests": ["loose  tea", None]}),
        interactions=events(("u", "b", 31, None), ("v", "b", 1, None), ("w", "b", 1, None)),
        queries=pl.DataFrame(),
        labeling_functions=(liked,),
        user_text="{interests}",
        history=events(("u", "a", 0, None)),
    )
    cases = data.cases()
    stated = dict(zip(cases.users, cases.moments["stated"], strict=True))
    assert stated == {"u": "loose tea", "v": "", "w": ""}


def test_a_visit_after_a_pause_is_a_new_session() -> None:
    data = Dataset(
        items=pl.DataFrame({"item_id": list("ab")}),
        users=USERS,
        interactions=events(("u", "b", 31, None)),
        queries=pl.DataFrame(),
        labeling_functions=(liked,),
        history=events(("u", "a", 0, None)),
    )
    assert data.cases().moments["session"].to_list() == [0]


def test_a_request_tells_what_it_knows() -> None:
    now = {"timestamp": "2026-03-01 21:00:00", "device": "phone"}
    told = moment((DEVICE, DAYTIME, BAND), COLUMNS, now, session=2, stated="tea")
    assert told.row(0) == (2, "tea", "phone", "false", None)
    assert moment((DEVICE,), COLUMNS, {}, session=0, stated="").row(0) == (0, "")
    asked = moment((), COLUMNS, now, 0, "", asked=("price_band", "timestamp"))
    assert asked["asker:price_band"].to_list() == [None]
    assert asked["asker:timestamp"].to_list() == [dt.datetime(2026, 3, 1, 21)]


@pytest.mark.parametrize(
    "when",
    [
        "2026-03-01T22:00:00+01:00",
        "2026-03-01T21:00:00Z",
        dt.datetime(2026, 3, 1, 22, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        dt.datetime(2026, 3, 1, 21),
    ],
)
def test_a_time_that_names_its_zone_becomes_utc(when: object) -> None:
    told = moment((DAYPART,), COLUMNS, {"timestamp": when}, 0, "", asked=("timestamp",))
    assert told["asker:timestamp"].to_list() == [dt.datetime(2026, 3, 1, 21)]
    assert told["context:daypart"].to_list() == ["evening"]


def test_nothing_known_is_no_session() -> None:
    assert nothing_known(2).rows() == [(0, ""), (0, "")]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"devise": "phone"}, "Did you mean 'device'"),
        ({"timestamp": "tomorrow"}, "cannot be read as Datetime"),
        ({"timestamp": object()}, "cannot be read as Datetime"),
        ({"timestamp": "\ud800"}, "cannot be read as Datetime"),
        ({"device": "\ud800"}, "cannot be read as String"),
        ({"device": {"a": 1}}, "cannot be read as String"),
        ({"age": 10**40}, "cannot be read as Int64"),
        ({"age": {"a": 1}}, "cannot be read as Int64"),
        ({"age": 17.9}, "cannot be read as Int64"),
        ({"age": True}, "cannot be read as Int64"),
        ({7: "phone"}, "names 7, which is no column"),
        ({"age": 400}, "age=400 is too large. The column holds: in years"),
        ({"allergies": "peanutz"}, "allergies='peanutz' is malformed"),
    ],
)
def test_a_moment_that_makes_no_sense_is_refused(now: dict[str, object], why: str) -> None:
    with pytest.raises(RequestError, match=why):
        moment((DEVICE, DAYTIME), COLUMNS, now, session=0, stated="")


@pytest.mark.parametrize("name", ["session", "stated", "time of day", ""])
def test_a_context_has_a_short_name_of_its_own(name: str) -> None:
    with pytest.raises(DeclarationError, match="cannot be called"):
        Context(name, pl.col("device"))


def test_a_context_over_a_missing_column_says_which() -> None:
    with pytest.raises(DeclarationError, match="Context 'where' cannot be read"):
        circumstances((Context("where", pl.col("place")),), events(("u", "a", 0, None)), USERS)
