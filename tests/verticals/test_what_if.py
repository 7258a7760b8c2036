"""The ad desk's what-if: more for a better bid, less ahead of the clock, and rules hold."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from corank import EncoderConfig, Engine, FitConfig, Pipeline, load_vertical
from corank.serve.panel import load_panels
from corank.serve.words import words_for
from corank_ads.what_if import PANEL, TIMES, show, stand

KNOWN = {"age": 36, "country": "GB", "device": "phone", "segments": "gardeners|home-owners"}
EN, ZH = (
    replace(words_for(tag), strings={**words_for(tag).strings, **PANEL.words[key]})
    for tag, key in (("en", "en"), ("zh-CN", "zh"))
)


@pytest.fixture(scope="module")
def engine(tiny_encoder: str, tiny_fit: FitConfig) -> Engine:
    vertical = load_vertical("ads")
    data = vertical.read_sample()
    users = data.users["user_id"].head(250)
    kept = data.interactions.filter(pl.col("user_id").is_in(users.implode()))
    train = replace(data, interactions=kept).split("time").train
    return Pipeline(vertical, EncoderConfig(name=tiny_encoder, max_tokens=32)).fit(train, tiny_fit)


@pytest.fixture(scope="module")
def shown(engine: Engine) -> str:
    """A creative that is shown to whoever asks."""
    answers = engine.recommend([], k=10, now={**KNOWN, "timestamp": "2025-12-01 12:00:00"})
    return str(answers[4].item_id)


def test_a_better_bid_stands_no_lower_and_earns_more(engine: Engine, shown: str) -> None:
    found = [stand(engine, shown, times, 0.4, 12, KNOWN, []) for times in TIMES]
    places = [each.place or 999 for each in found]
    assert places == sorted(places, reverse=True) and places[-1] < 999
    earns = [each.earns for each in found if each.earns is not None]
    assert len(earns) == len(found) and earns == sorted(earns)
    assert found[-1].bid == pytest.approx(3 * found[TIMES.index(1.0)].bid)


def test_ahead_of_the_clock_it_earns_less_and_a_spent_budget_shows_nothing(
    engine: Engine, shown: str
) -> None:
    paced, ahead = (stand(engine, shown, 3, spent, 6, KNOWN, []) for spent in (0.2, 0.7))
    assert paced.earns is not None and ahead.earns is not None
    assert paced.earns > ahead.earns and paced.paced > ahead.paced
    over = stand(engine, shown, 3, 1.0, 6, KNOWN, [])
    assert (over.place, over.earns, over.kept_back) == (None, 0.0, "in_budget")


def test_what_it_earns_is_its_own_wherever_a_cap_puts_it(engine: Engine, shown: str) -> None:
    bids = dict(engine.items.select("item_id", "bid").iter_rows())
    on_pace = {**KNOWN, "timestamp": dt.datetime(2025, 12, 1, 23)}
    answers = engine.recommend([], k=50, now=on_pace)
    lifted = [answer.item_id for answer in answers if "category_cap" in answer.rules]
    assert lifted
    for item in lifted[:3]:
        found = stand(engine, item, 1, 0.0, 23, KNOWN, [])
        assert found.chance is not None and found.earns == pytest.approx(found.chance * bids[item])


def test_where_nobody_knows_chances_there_is_a_place_and_no_money(
    engine: Engine, shown: str
) -> None:
    unsure = replace(engine, chances=None)
    found = stand(unsure, shown, 3, 0.2, 12, KNOWN, [])
    assert found.place and found.chance is None and found.earns is None and found.paced > 0
    for words, said in ((EN, "nobody knows the chance"), (ZH, "点击概率未知")):
        page = show(unsure, shown, 3, 0.2, 12, KNOWN, [], words)
        assert said in page and ">–</td>" in page


def test_nothing_is_changed_but_for_the_question(engine: Engine, shown: str) -> None:
    before = engine.items.clone()
    stand(engine, shown, 5, 0.9, 23, KNOWN, [])
    assert engine.items.equals(before)


def test_the_panel_says_what_it_found_or_why_it_cannot(engine: Engine, shown: str) -> None:
    for words in (EN, ZH):
        assert show(engine, None, 1, 0.4, 12, KNOWN, [], words).count("cr-empty") >= 1
        found = show(engine, shown, 3, 0.4, 12, KNOWN, [], words)
        assert found.count("<tr") == 1 + len(TIMES) and 'role="status"' in found
    refused = show(engine, shown, 1, 0.4, 12, {"age": 400}, [], EN)
    assert "age=400 is too large" in refused
    unknown = show(engine, "nix", 1, 0.4, 12, KNOWN, [], EN)
    assert "not among the 281 items" in unknown
    over = show(engine, shown, 1, 1.0, 12, KNOWN, [], EN)
    assert "Not shown: in_budget" in over


def test_the_chance_of_an_answer_is_that_of_a_click(engine: Engine) -> None:
    answers = engine.recommend([], k=10, now={**KNOWN, "timestamp": "2025-12-01 12:00:00"})
    bids = dict(engine.items.select("item_id", "bid").iter_rows())
    for answer in answers:
        if not {"category_cap"} & set(answer.rules):
            assert answer.chance is not None and 0 < answer.chance < 0.6
            assert answer.score <= answer.chance * bids[answer.item_id] + 1e-9


def test_the_panel_is_the_one_that_the_vertical_names() -> None:
    assert load_panels(load_vertical("ads").panels) == (PANEL,)
