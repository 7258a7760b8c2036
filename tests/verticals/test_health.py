"""Health: nothing that harms is shown, no emergency is ranked, no log holds what is told."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank import load_vertical
from corank.data.labels import combine
from corank.errors import RequestError
from corank.rank.explain import Answer, Answers
from corank.rank.rules import Ranked, Shelf, apply_rules
from corank.serve.journal import Journal
from corank_health.sample import folder
from corank_health.schema import Event

VERTICAL = load_vertical("health")


def catalogue(random: np.random.Generator, n: int) -> pl.DataFrame:
    """Items at random, nulls among them."""

    def column(*values: Any) -> list[Any]:
        return [values[i] for i in random.integers(0, len(values), n)]

    frame = pl.DataFrame(
        {
            "item_id": [f"i{row}" for row in range(n)],
            "title": ["t"] * n,
            "kind": column("article", "answer", "product", "product", "product", None),
            "allergens": column("none", "milk", "milk|soya", None),
            "avoid_conditions": column("none", "asthma", "asthma|gout", None),
            "avoid_medicines": column("none", "warfarin", None),
            "pregnancy": column("safe", "ask", "avoid", None),
            "min_age": column(None, 2, 18),
            "max_age": column(None, 12),
        },
        schema_overrides={"min_age": pl.Int64, "max_age": pl.Int64},
    )
    return VERTICAL.items.cast(
        pl.concat([VERTICAL.items.create_empty(), frame], how="diagonal_relaxed")
    )


def may_be_shown(item: dict[str, Any], now: dict[str, Any]) -> bool:
    """What the rules promise, said once more in plain words."""
    if item["kind"] in ("article", "answer"):
        return True
    for column, said in (
        ("allergens", "allergies"), ("avoid_conditions", "conditions"),
        ("avoid_medicines", "medicines"),
    ):  # fmt: skip
        theirs = set(now.get(said, "none").split("|")) - {"none"}
        if theirs and (item[column] is None or theirs & set(item[column].split("|"))):
            return False
    if now.get("pregnant") and item["pregnancy"] != "safe":
        return False
    age = now.get("age")
    if item["min_age"] is not None and (age or 0) < item["min_age"]:
        return False
    return item["max_age"] is None or (age is not None and age <= item["max_age"])


@given(
    seed=st.integers(0, 10_000),
    allergies=st.sampled_from([None, "none", "milk", "egg|soya"]),
    conditions=st.sampled_from([None, "none", "asthma", "gout|migraine"]),
    medicines=st.sampled_from([None, "none", "warfarin", "digoxin"]),
    pregnant=st.none() | st.booleans(),
    age=st.none() | st.sampled_from([1, 2, 12, 13, 18, 90]),
)
@settings(max_examples=1_000, deadline=None)
def test_nobody_is_shown_what_would_harm_them(
    seed: int,
    allergies: str | None,
    conditions: str | None,
    medicines: str | None,
    pregnant: bool | None,
    age: int | None,
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 30))
    items, vectors = catalogue(random, n), np.eye(n, dtype=np.float32)
    given = {
        "allergies": allergies, "conditions": conditions, "medicines": medicines,
        "pregnant": pregnant, "age": age,
    }  # fmt: skip
    now = {name: value for name, value in given.items() if value is not None}
    before = Ranked(random.permutation(n).astype(np.int32), np.sort(random.normal(size=n))[::-1])

    shelf = Shelf(items, vectors, VERTICAL.nobody).asked_by(VERTICAL.moment(now))
    answer = apply_rules(VERTICAL.rules, before, shelf)

    allowed = {row for row in range(n) if may_be_shown(items.row(row, named=True), now)}
    assert set(answer.items.tolist()) == allowed
    assert len(answer.items) + sum(answer.removed.values()) == n
    assert set(answer.removed) <= {rule.name for rule in VERTICAL.rules if rule.hard}


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
