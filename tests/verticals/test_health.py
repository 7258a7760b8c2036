"""Health: no emergency is ranked, no log holds what is told, events are graded as meant."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corank import load_vertical
from corank.data.labels import combine
from corank.errors import RequestError
from corank.rank.explain import Answer, Answers
from corank.serve.journal import Journal
from corank_health.sample import folder
from corank_health.schema import Event

VERTICAL = load_vertical("health")


@pytest.mark.parametrize(
    "now",
    [
        {"allergies": "peanutz"}, {"age": 400}, {"conditions": "Asthma!"}, {"age": -1},
        {"pregnant": "perhaps"}, {"alergies": "milk"},
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_before_anything_is_shown(now: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        VERTICAL.moment(now)


def heard(path: Path) -> pl.DataFrame:
    rows = pl.read_csv(path, schema_overrides={"emergency": pl.String})
    heard = [VERTICAL.policy.alarm(text) is not None for text in rows["text"]]
    return rows.with_columns(
        emergency=pl.col("emergency") == "true", heard=pl.Series(heard, dtype=pl.Boolean)
    )


def test_emergencies_are_heard_and_questions_about_them_are_not() -> None:
    rows = heard(folder() / "emergencies.csv")
    real, calm = rows.filter("emergency"), rows.filter(~pl.col("emergency"))
    assert real.height >= 70 and calm.height >= 50
    assert real["heard"].all(), real.filter(~pl.col("heard"))["text"].to_list()
    assert calm["heard"].sum() <= 0.05 * calm.height, calm.filter("heard")["text"].to_list()


def test_no_query_of_the_sample_is_taken_for_an_emergency() -> None:
    queries = pl.read_csv(folder() / "queries.csv")["query"].unique()
    assert [q for q in queries if VERTICAL.policy.alarm(q)] == []


@pytest.mark.parametrize(
    ("text", "name", "number"),
    [
        ("I want to die", "suicide", "116 123"),
        ("my son swallowed a button battery", "overdose", "poison"),
        ("his face is drooping on one side", "emergency", "112"),
        ("我不想活了", "suicide", "12356"),
        ("宝宝没有呼吸了", "emergency", "120"),
    ],
)
def test_each_alarm_has_its_message_in_the_language_of_the_question(
    text: str, name: str, number: str
) -> None:
    alarm = VERTICAL.policy.alarm(text)
    assert alarm and alarm.name == name
    from corank.policy import in_language, language_of

    assert number in in_language(alarm.message, language_of(text))


def test_a_journal_holds_nothing_that_somebody_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", VERTICAL.policy)
    answer = Answer("i1", "t", 1.0, {}, (), ())
    told = {"age": 41, "allergies": "milk", "conditions": "asthma", "pregnant": True}
    journal.note(
        "search", Answers((answer,), {"allergens": 2}), asked="rash after milk",
        history=["i7"], known=told, seconds=0.01,
    )  # fmt: skip
    written = (tmp_path / "journal.jsonl").read_text()
    line = json.loads(written)
    for secret in ("milk", "asthma", "41", "rash", "i7", "i1", "true"):
        assert secret not in json.dumps(line | {"known": 0, "at": 0, "withheld": 0})
    assert line["known"] == dict.fromkeys(told, "masked") and line["answers"] == "masked, 1"
    assert line["removed"] == 2
    path = tmp_path / "journal.jsonl"
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(0o644)
    Journal(path, VERTICAL.policy)  # what somebody made readable is not left so
    assert path.stat().st_mode & 0o077 == 0 and path.read_text() == written


def graded(*events: tuple[str, float, float | None]) -> float | None:
    """The grade of one item: event, days, seconds it was open."""
    rows = [
        ("u", "i", event, dt.datetime(2025, 1, 1) + dt.timedelta(days=at), dwell)
        for event, at, dwell in events
    ]
    columns = ["user_id", "item_id", "event", "timestamp", "dwell_seconds"]
    kinds = {name: Event.columns()[name].dtype for name in columns}
    frame = pl.DataFrame(rows, columns, orient="row").cast(kinds)  # type: ignore[arg-type]
    found = combine(VERTICAL.labeling_functions, frame)
    return float(found["grade"].item()) if found.height else None


@pytest.mark.parametrize(
    ("events", "grade"),
    [
        ([("view", 0, None)], None),
        ([("view", 0, None), ("view", 2, None)], 1),
        ([("view", 0, None), ("read", 0.1, 90)], 2),
        ([("view", 0, None), ("read", 0.1, 3)], 0),
        ([("read", 0, 40), ("helpful", 0.1, None)], 3),
        ([("read", 0, 40), ("save", 0.1, None)], 2),
        ([("read", 0, 40), ("unhelpful", 0.1, None)], 0),
        ([("read", 0, 40), ("buy", 0.1, None)], 3),
        ([("read", 0, 40), ("buy", 0.1, None), ("return", 5, None)], 0),
    ],
)
def test_what_people_did_is_graded_as_meant(
    events: list[tuple[str, float, float | None]], grade: float | None
) -> None:
    assert graded(*events) == grade


@pytest.mark.parametrize(
    ("table", "row", "rule"),
    [
        ("items", {"allergens": "peanutz"}, "allergens"),
        ("items", {"pregnancy": "maybe"}, "pregnancy"),
        ("items", {"min_age": -1}, "min_age"), ("items", {"url": "javascript:x"}, "url"),
        ("items", {"kind": "poem"}, "kind"), ("users", {"age": 400}, "age"),
        ("users", {"allergies": "Milk"}, "allergies"), ("users", {"conditions": "a b"}, "cond"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_set_aside(table: str, row: dict[str, Any], rule: str) -> None:
    schema = getattr(VERTICAL, table)
    key = {"items": {"item_id": "a", "title": "t"}, "users": {"user_id": "u"}}[table]
    frame = pl.DataFrame([{**key, **row}])
    whole = pl.concat([schema.create_empty(), frame], how="diagonal_relaxed")
    good, why = schema.filter(whole, cast=True)
    assert good.height == 0 and any(broken.startswith(rule) for broken in why.counts())
