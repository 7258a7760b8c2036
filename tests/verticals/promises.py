"""What each vertical's hard rules promise, said once more in plain words, with random cases."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from corank import Vertical
from corank_ads.rules import RESTRICTED

Row = dict[str, Any]
TODAY = dt.datetime.now(dt.UTC).replace(hour=12, minute=0, second=0, microsecond=0, tzinfo=None)
"""The app asks at this moment, whatever moment it is."""
LATER, EARLIER = TODAY.date() + dt.timedelta(2), TODAY.date() - dt.timedelta(2)


@dataclass(frozen=True)
class Promise:
    """What one vertical keeps.

    Args:
        columns: what rules read of an item -> the values that it may have.
        keeps: whether an item may be shown: the item, what is known of whoever asks, whether their
            history holds it.
        askers: what is known of whoever asks, None where it is not.
    """

    columns: Mapping[str, tuple[Any, ...]]
    keeps: Callable[[Row, Row, bool], bool]
    askers: st.SearchStrategy[Row]


def catalogue(
    vertical: Vertical, columns: Mapping[str, tuple[Any, ...]], random: np.random.Generator, n: int
) -> pl.DataFrame:
    """Return items at random, nulls among them; all else about them is unknown."""
    drawn = {name: [each[i] for i in random.integers(0, len(each), n)]
             for name, each in columns.items()}  # fmt: skip
    frame = pl.DataFrame(
        {"item_id": [f"i{row}" for row in range(n)], "title": ["t"] * n, **drawn},
        schema_overrides={name: vertical.items.columns()[name].dtype for name in columns},
        strict=False,
    )
    return vertical.items.cast(
        pl.concat([vertical.items.create_empty(), frame], how="diagonal_relaxed")
    )


def _some(*values: str) -> st.SearchStrategy[str | None]:
    """Nothing, or a few of these with | between them."""
    some = st.lists(st.sampled_from(values), unique=True, min_size=1, max_size=3)
    return st.none() | some.map("|".join)


def _said(now: Row, column: str) -> set[str]:
    return set((now.get(column) or "").split("|")) - {""}


def _shop(item: Row, now: Row, seen: bool) -> bool:
    return item["stock"] != 0 and (bool(item["consumable"]) or not seen)


def _magazine(item: Row, now: Row, seen: bool) -> bool:
    age = 12 if now.get("age") is None else now["age"]
    if (18 if item["age_rating"] is None else item["age_rating"]) > age:
        return False
    if now.get("languages") is not None and item["language"] not in _said(now, "languages"):
        return False
    return not seen and not (item["published"] and item["published"] > TODAY.date())


def _ad_server(item: Row, now: Row, seen: bool) -> bool:
    if item["daily_budget"] and (item["spent_today"] or 0) >= item["daily_budget"]:
        return False
    if item["starts"] and item["starts"] > TODAY.date():
        return False
    if item["ends"] and item["ends"] < TODAY.date():
        return False
    for column, said in (("countries", "country"), ("devices", "device"), ("segments", "segments")):
        if item[column] and not set(item[column].split("|")) & _said(now, said):
            return False
    age = now.get("age")
    if item["min_age"] is not None and (age is None or age < item["min_age"]):
        return False
    if item["max_age"] is not None and (age is None or age > item["max_age"]):
        return False
    if item["category"] in (None, *RESTRICTED) and (age or 0) < 18:
        return False
    if item["category"] and item["category"] in _said(now, "blocked"):
        return False
    shown = (now.get("shown_today") or "").split("|").count(item["item_id"])
    return item["frequency_cap"] is None or shown < item["frequency_cap"]


def _bank(item: Row, now: Row, seen: bool) -> bool:
    tolerance = 1 if now.get("risk_tolerance") is None else now["risk_tolerance"]
    if item["risk_class"] is None or item["risk_class"] > tolerance:
        return False
    if (item["min_age"] or 0) > (now.get("age") or 0):
        return False
    if item["jurisdictions"] and now.get("jurisdiction") not in item["jurisdictions"].split("|"):
        return False
    needs = set((item["eligibility"] or "").split("|")) - {""}
    return not seen and needs <= _said(now, "statuses")


def _clinic(item: Row, now: Row, seen: bool) -> bool:
    if seen and item["kind"] != "product":
        return False
    if item["kind"] in ("article", "answer"):
        return True
    for column, said in (
        ("allergens", "allergies"), ("avoid_conditions", "conditions"),
        ("avoid_medicines", "medicines"),
    ):  # fmt: skip
        theirs = _said(now, said) - {"none"}
        if theirs and (item[column] is None or theirs & set(item[column].split("|"))):
            return False
    expecting = now.get("pregnant") or "pregnancy" in _said(now, "conditions")
    if expecting and item["pregnancy"] != "safe":
        return False
    age = now.get("age")
    if item["min_age"] is not None and (age or 0) < item["min_age"]:
        return False
    return item["max_age"] is None or (age is not None and age <= item["max_age"])


PROMISES = {
    "ecommerce": Promise(
        {"stock": (0, 0, 1, 40, None), "consumable": (True, False, None)},
        _shop,
        st.just({}),
    ),
    "content": Promise(
        {
            "kind": ("article", "video", "film", None),
            "language": ("en", "de", "zh", None),
            "age_rating": (0, 6, 12, 16, 18, None),
            "published": (TODAY.date(), LATER, EARLIER, None),
        },
        _magazine,
        st.fixed_dictionaries(
            {"age": st.none() | st.integers(0, 90), "languages": _some("en", "de", "zh", "fr")}
        ),
    ),
    "ads": Promise(
        {
            "category": ("betting", "books", "lending", "pets", "politics", None),
            "bid": (0.1, 2.0, None),
            "daily_budget": (10.0, 100.0, None),
            "spent_today": (0.0, 10.0, 50.0, None),
            "frequency_cap": (1, 2, None),
            "countries": ("GB", "GB|IE", None),
            "devices": ("phone", "desktop|tablet", None),
            "segments": ("runners", "cat-people|runners", None, None),
            "min_age": (None, 18, 55),
            "max_age": (None, 30),
            "starts": (None, TODAY.date(), LATER),
            "ends": (None, TODAY.date(), EARLIER),
        },
        _ad_server,
        st.fixed_dictionaries(
            {
                "age": st.sampled_from([None, 15, 18, 29, 30, 31, 60]),
                "country": st.sampled_from([None, "GB", "IE", "FR"]),
                "device": st.sampled_from([None, "phone", "tablet"]),
                "segments": _some("runners", "cat-people", "renters"),
                "blocked": _some("pets", "politics", "betting"),
                "shown_today": st.none()
                | st.lists(st.sampled_from(["i0", "i1", "i2"]), min_size=1, max_size=4).map(
                    "|".join
                ),
            }
        ),
    ),
    "finance": Promise(
        {
            "risk_class": (1, 2, 4, 7, None),
            "jurisdictions": ("GB", "GB|IE", "US", None),
            "eligibility": ("resident", "resident|student", "business", None),
            "min_age": (0, 18, 55, None),
        },
        _bank,
        st.fixed_dictionaries(
            {
                "risk_tolerance": st.none() | st.integers(1, 7),
                "age": st.none() | st.integers(0, 90),
                "jurisdiction": st.sampled_from([None, "GB", "IE", "FR"]),
                "statuses": _some("resident", "student", "business"),
            }
        ),
    ),
    "health": Promise(
        {
            "kind": ("article", "answer", "product", "product", "product", None),
            "allergens": ("none", "milk", "milk|soya", None),
            "avoid_conditions": ("none", "asthma", "asthma|gout", "migraine|pregnancy", None),
            "avoid_medicines": ("none", "warfarin", "digoxin|warfarin", None),
            "pregnancy": ("safe", "ask", "avoid", None),
            "min_age": (None, 2, 18),
            "max_age": (None, 12),
        },
        _clinic,
        st.fixed_dictionaries(
            {
                "allergies": st.just("none") | _some("milk", "egg", "soya"),
                "conditions": st.just("none") | _some("asthma", "gout", "migraine", "pregnancy"),
                "medicines": st.just("none") | _some("warfarin", "digoxin"),
                "pregnant": st.none() | st.booleans(),
                "age": st.sampled_from([None, 1, 2, 12, 13, 18, 90]),
            }
        ),
    ),
}
