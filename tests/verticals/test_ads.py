"""Ads: what brings most comes first, and what became of impressions is graded."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from corank import load_vertical
from corank.data.labels import combine, exposed
from corank.errors import DataError
from corank.rank.rules import Ranked, Shelf, apply_rules
from corank.recommending import Lessons, fit_chances_of
from corank_ads.schema import Event

VERTICAL = load_vertical("ads")
TODAY = dt.datetime(2026, 3, 10, 12)


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


def test_bids_in_another_currency_are_set_aside(tmp_path: Path) -> None:
    currencies = ["EUR", "JPY", "EUR", "", "EUR", "USD"]
    lines = [f"i{n},T{n},1.0,{currency}" for n, currency in enumerate(currencies)]
    (tmp_path / "items.csv").write_text("\n".join(["item_id,title,bid,currency", *lines, ""]))
    (tmp_path / "interactions.csv").write_text(
        "user_id,item_id,event,timestamp\nu,i0,click,2025-01-01\n"
    )
    data = VERTICAL.read(tmp_path)
    assert data.items["item_id"].to_list() == ["i0", "i2", "i3", "i4"]
    assert "2 x breaks the rule 'currency of the account'" in str(data.intake)


def test_a_catalogue_that_grows_into_two_currencies_is_refused() -> None:
    def creatives(currency: str, n: int) -> pl.DataFrame:
        ids = [f"{currency}{row}" for row in range(n)]
        frame = pl.DataFrame({"item_id": ids, "title": ids, "bid": 1.0, "currency": currency})
        whole = pl.concat([VERTICAL.items.create_empty(), frame], how="diagonal_relaxed")
        return VERTICAL.items.cast(whole)

    VERTICAL.check_items(creatives("GBP", 5))
    both = pl.concat([creatives("GBP", 5), creatives("EUR", 2)])
    with pytest.raises(DataError, match=r"break currency_of_the_account \(2 of 7\) of Creative"):
        VERTICAL.check_items(both)


@pytest.mark.filterwarnings("ignore::corank.errors.LeakageWarning")
def test_only_a_split_by_time_holds_out_what_was_shown_as_it_was_shown() -> None:
    """Others hold out what was chosen, whose chance is not that of what was shown."""
    data, shares = VERTICAL.read_sample(), {}
    for name in ("time", "leave-one-out"):
        held = data.split(name).train.carve().test
        shares[name] = float(held.exposures().chosen.mean())
        if name != "time":
            nothing: Any = None
            lessons = Lessons(nothing, nothing, nothing, nothing, held)
            assert fit_chances_of(nothing, nothing, lessons, nothing) is None
    assert shares["leave-one-out"] > 2 * shares["time"]
