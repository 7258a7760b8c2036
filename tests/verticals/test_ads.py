"""Ads: nobody is shown what may not be shown to them; what became of impressions is graded."""

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank import load_vertical
from corank.data.labels import combine, exposed
from corank.rank.rules import Ranked, Shelf, apply_rules
from corank_ads.rules import RESTRICTED
from corank_ads.schema import Event

VERTICAL = load_vertical("ads")
TODAY = dt.datetime(2026, 3, 10, 12)


def catalogue(random: np.random.Generator, n: int) -> pl.DataFrame:
    """Creatives at random, nulls among them."""

    def column(*values: Any) -> list[Any]:
        return [values[i] for i in random.integers(0, len(values), n)]

    day = dt.timedelta(days=1)
    frame = pl.DataFrame(
        {
            "item_id": [f"i{row}" for row in range(n)],
            "title": ["t"] * n,
            "campaign": [f"c{row}" for row in range(n)],
            "category": column("betting", "books", "lending", "pets", "politics", None),
            "bid": column(0.1, 2.0, None),
            "daily_budget": column(10.0, 100.0, None),
            "spent_today": column(0.0, 10.0, 50.0, None),
            "frequency_cap": column(1, 2, None),
            "countries": column("GB", "GB|IE", None),
            "devices": column("phone", "desktop|tablet", None),
            "segments": column("runners", "cat-people|runners", None, None),
            "min_age": column(None, 18, 55),
            "max_age": column(None, 30),
            "starts": column(None, TODAY.date(), TODAY.date() + day),
            "ends": column(None, TODAY.date(), TODAY.date() - day),
        },
        schema_overrides={"min_age": pl.Int64, "max_age": pl.Int64, "frequency_cap": pl.Int64},
    )
    return VERTICAL.items.cast(
        pl.concat([VERTICAL.items.create_empty(), frame], how="diagonal_relaxed")
    )


def may_be_shown(item: dict[str, Any], now: dict[str, Any]) -> bool:
    """What the rules promise, said once more in plain words."""
    if item["daily_budget"] and (item["spent_today"] or 0) >= item["daily_budget"]:
        return False
    if item["starts"] and item["starts"] > TODAY.date():
        return False
    if item["ends"] and item["ends"] < TODAY.date():
        return False
    for column, said in (("countries", "country"), ("devices", "device"), ("segments", "segments")):
        theirs = set(now.get(said, "").split("|"))
        if item[column] and not set(item[column].split("|")) & theirs:
            return False
    age = now.get("age")
    if item["min_age"] is not None and (age is None or age < item["min_age"]):
        return False
    if item["max_age"] is not None and (age is None or age > item["max_age"]):
        return False
    if item["category"] in (None, *RESTRICTED) and (age or 0) < 18:
        return False
    if item["category"] and item["category"] in now.get("blocked", "").split("|"):
        return False
    shown = now.get("shown_today", "").split("|").count(item["item_id"])
    return item["frequency_cap"] is None or shown < item["frequency_cap"]


@given(
    seed=st.integers(0, 10_000),
    age=st.none() | st.sampled_from([15, 18, 29, 30, 31, 60]),
    country=st.none() | st.sampled_from(["GB", "IE", "FR"]),
    device=st.none() | st.sampled_from(["phone", "tablet"]),
    segments=st.none() | st.sampled_from(["runners", "cat-people", "renters|runners"]),
    blocked=st.none() | st.sampled_from(["pets", "politics|betting"]),
    shown=st.lists(st.sampled_from(["i0", "i1", "i2"]), max_size=4),
)
@settings(max_examples=1_000, deadline=None)
def test_nobody_is_shown_what_may_not_be_shown_to_them(
    seed: int,
    age: int | None,
    country: str | None,
    device: str | None,
    segments: str | None,
    blocked: str | None,
    shown: list[str],
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 30))
    items, vectors = catalogue(random, n), np.eye(n, dtype=np.float32)
    given = {
        "age": age, "country": country, "device": device, "segments": segments,
        "blocked": blocked, "shown_today": "|".join(shown) or None,
    }  # fmt: skip
    now = {name: value for name, value in given.items() if value is not None}
    before = Ranked(random.permutation(n).astype(np.int32), np.sort(random.normal(size=n))[::-1])

    shelf = Shelf(items, vectors, VERTICAL.nobody).asked_by(
        VERTICAL.moment({"timestamp": TODAY, **now})
    )
    answer = apply_rules(VERTICAL.rules, before, shelf)

    allowed = {row for row in range(n) if may_be_shown(items.row(row, named=True), now)}
    assert set(answer.items.tolist()) == allowed
    assert len(answer.items) + sum(answer.removed.values()) == n
    assert set(answer.removed) <= {rule.name for rule in VERTICAL.rules if rule.hard}


def shop(*rows: dict[str, Any]) -> tuple[pl.DataFrame, Shelf]:
    frame = pl.DataFrame([{"item_id": f"i{n}", "title": "t", **row} for n, row in enumerate(rows)])
    items = VERTICAL.items.cast(
        pl.concat([VERTICAL.items.create_empty(), frame], how="diagonal_relaxed")
    )
    return items, Shelf(items, np.eye(len(rows), dtype=np.float32), VERTICAL.nobody)


def order(shelf: Shelf, scores: list[float], at: dt.datetime = TODAY) -> Ranked:
    ranked = Ranked(
        np.arange(len(scores), dtype=np.int32), np.array(scores), promise=lambda given: given
    )
    return apply_rules(VERTICAL.rules, ranked, shelf.asked_by(VERTICAL.moment({"timestamp": at})))


def test_who_bids_more_for_as_likely_a_click_comes_first() -> None:
    rows = [{"category": "books", "bid": 0.5}, {"category": "pets", "bid": 2.0}]
    assert order(shop(*rows)[1], [0.3, 0.2]).items.tolist() == [1, 0]
    assert order(shop(*rows)[1], [0.9, 0.2]).items.tolist() == [0, 1]


def test_who_spends_ahead_of_the_clock_bids_less() -> None:
    plain = {"bid": 1.0, "daily_budget": 100.0}
    fast = {**plain, "category": "books", "spent_today": 90.0}
    slow = {**plain, "category": "pets", "spent_today": 10.0}
    shelf = shop(fast, slow)[1]
    noon, night = order(shelf, [0.3, 0.2]), order(shelf, [0.3, 0.2], TODAY.replace(hour=23))
    assert noon.items.tolist() == [1, 0] and night.items.tolist() == [0, 1]
    assert noon.scores.tolist() == pytest.approx([0.2, 0.3 * np.exp(-4 * 0.4)])


def test_variants_of_a_campaign_count_once_and_competitors_stand_apart() -> None:
    pair = {"category": "books", "bid": 1.0}
    rows: list[dict[str, Any]] = [
        {**pair, "campaign": "a"}, {**pair, "campaign": "a"}, {**pair, "campaign": "b"},
        *({"category": c, "bid": 1.0, "campaign": c} for c in ("pets", "food", "toys")),
    ]  # fmt: skip
    answer = order(shop(*rows)[1], [0.9, 0.8, 0.7, 0.3, 0.2, 0.1])
    assert answer.items.tolist() == [0, 3, 4, 5, 2]
    assert answer.removed == {"campaign_cap": 1}


def events(*given: tuple[str, float, float | None]) -> pl.DataFrame:
    """Event, hours, seconds on the page: of one person and creative."""
    rows = [
        ("u", "i", event, dt.datetime(2025, 1, 1) + dt.timedelta(hours=at), dwell)
        for event, at, dwell in given
    ]
    columns = ["user_id", "item_id", "event", "timestamp", "dwell_seconds"]
    kinds = {name: Event.columns()[name].dtype for name in columns}
    return pl.DataFrame(rows, columns, orient="row").cast(kinds)  # type: ignore[arg-type]


SEEN = ("impression", 0.0, None)


@pytest.mark.parametrize(
    ("given_events", "grade"),
    [
        ([SEEN], None),
        ([SEEN, ("click", 0.1, 12)], 1),
        ([SEEN, ("click", 0.1, 60)], 2),
        ([SEEN, ("click", 0.1, 2)], 0),
        ([SEEN, ("click", 0.1, 60), ("conversion", 24 * 6, None)], 3),
        ([SEEN, ("click", 0.1, 60), ("conversion", 24 * 8, None)], 2),
        ([SEEN, ("conversion", 20, None)], 2),
        ([SEEN, ("conversion", 30, None)], None),
        ([SEEN] * 3, None),
        ([SEEN] * 4, 0),
        ([SEEN] * 4 + [("click", 1, 60)], 2),
        ([SEEN, ("click", 0.1, 60), ("hide", 1, None)], 0),
    ],
)
def test_what_became_of_an_impression_is_graded(
    given_events: list[tuple[str, float, float | None]], grade: float | None
) -> None:
    found = combine(VERTICAL.labeling_functions, events(*given_events))
    assert (float(found["grade"].item()) if found.height else None) == grade


def test_an_impression_is_chosen_where_a_click_comes_next() -> None:
    log = events(SEEN, ("click", 0.1, 9), SEEN, SEEN, ("click", 1, 9), ("conversion", 2, None))
    assert exposed(VERTICAL.exposure, log).to_list() == [True, None, False, True, None, None]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"bid": -0.1}, "bid|min_exclusive"), ({"bid": 0.0}, "bid|min_exclusive"),
        ({"daily_budget": 0.0}, "daily_budget|min_exclusive"),
        ({"spent_today": -1.0}, "spent_today"),
        ({"currency": "euro"}, "currency"), ({"category": "weapons"}, "category"),
        ({"countries": "GB,IE"}, "countries"), ({"min_age": 400}, "min_age"),
        ({"min_age": 30, "max_age": 20}, "ages_in_order"), ({"frequency_cap": 0}, "frequency_cap"),
        ({"starts": dt.date(2026, 2, 1), "ends": dt.date(2026, 1, 1)}, "ends_after_it_starts"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_set_aside(row: dict[str, Any], rule: str) -> None:
    frame = pl.DataFrame([{"item_id": "a", "title": "t", **row}])
    whole = pl.concat([VERTICAL.items.create_empty(), frame], how="diagonal_relaxed")
    good, why = VERTICAL.items.filter(whole, cast=True)
    assert good.height == 0 and any(broken.startswith(rule) for broken in why.counts())
