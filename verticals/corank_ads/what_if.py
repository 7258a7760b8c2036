"""What if it bid more, or had spent less by now? Where a creative would stand, and what it earns.

For whoever asks, after the history of the Recommend tab. Only the bid, what was spent and the clock
are changed; everything else is asked of the engine as it is, rules and all.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
import polars as pl

from corank.engine import Engine
from corank.errors import CorankError
from corank.rank.rules import Ranked
from corank.serve import views
from corank.serve.markup import Html, tag
from corank.serve.panel import QUIET, WAITED, Booth, Panel
from corank.serve.words import Words
from corank_ads.rules import PACED_BID

WORDS = {
    "en": {
        "what_if": "What if",
        "creative": "Creative",
        "creative_help": "Type to find one. It is shown to whoever asks, after their history.",
        "bid_times": "Bid, times what it is",
        "spent": "Spent of the day's budget, %",
        "hour": "Hour of the day (UTC)",
        "before_what_if": "No creative chosen yet",
        "before_what_if_help": "Choose one above, and move its bid, its spending and the clock.",
        "stands": "Place {place} of {count}: {chance} likely to be clicked, at {paced} a click",
        "stands_unknown": "Place {place} of {count}, at {paced} a click; nobody knows the chance",
        "kept_back": "Not shown: {rule}",
        "nowhere": "Not among the {count} that are shown first",
        "bids": "The same at other bids",
        "bids_help": "Expected revenue of a thousand showings, at the bid as it is paced.",
        "at_bid": "Bid",
        "at_place": "Place",
        "per_thousand": "Of 1,000 showings",
    },
    "zh": {
        "what_if": "假设分析",
        "creative": "广告创意",
        "creative_help": "输入文字查找。按当前提问者及其历史展示。",
        "bid_times": "出价(现价的倍数)",
        "spent": "当日预算已花费,%",
        "hour": "时刻(UTC)",
        "before_what_if": "尚未选择广告创意",
        "before_what_if_help": "请在上方选择,并调整出价、花费与时刻。",
        "stands": "第 {place} 位(共 {count} 位):点击概率 {chance},每次点击 {paced}",
        "stands_unknown": "第 {place} 位(共 {count} 位),每次点击 {paced};点击概率未知",
        "kept_back": "不展示:{rule}",
        "nowhere": "不在最先展示的 {count} 个之中",
        "bids": "其他出价之下",
        "bids_help": "按节奏调整后的出价,每千次展示的预期收入。",
        "at_bid": "出价",
        "at_place": "位次",
        "per_thousand": "每千次展示",
    },
}
SHOWN = 50
CHOICES = 2_000
TIMES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


class Stand(NamedTuple):
    """What becomes of a creative."""

    bid: float
    place: int | None  # None: not shown
    shown: int  # how many are shown
    chance: float | None  # of a click when shown; None: nobody knows, or it is not shown
    paced: float  # what a click would bring, at the bid as it is paced
    kept_back: str | None  # the rule that removes it

    @property
    def earns(self) -> float | None:
        """Expected revenue of one showing, 0 where there is none; None where nobody knows."""
        if self.place is None:
            return 0.0
        return None if self.chance is None else self.chance * self.paced


def stand(
    engine: Engine,
    item: str,
    times: float,
    spent: float,
    hour: int,
    known: Mapping[str, Any],
    history: Sequence[str],
) -> Stand:
    """Return where a creative stands if it bids so many times its bid.

    Args:
        engine: of the ad server.
        item: the creative's id.
        times: what its bid is multiplied by.
        spent: share of its campaign's daily budget.
        hour: of the day, UTC.
        known: of whoever asks.
        history: item ids, oldest first.

    Raises:
        CorankError: what `Engine.recommend` refuses.
    """
    (place,) = engine.positions([item])
    campaign = engine.items["campaign"][int(place)]
    alike = pl.col("item_id") == item
    if campaign is not None:
        alike = alike | (pl.col("campaign") == campaign)
    bid = pl.when(pl.col("item_id") == item).then(pl.col("bid") * times).otherwise(pl.col("bid"))
    paid = pl.when(alike).then(pl.col("daily_budget") * spent).otherwise(pl.col("spent_today"))
    items = engine.items.with_columns(bid=bid, spent_today=paid)
    changed = replace(engine, items=items)
    now = dt.datetime.now(dt.UTC).replace(hour=hour, minute=0, tzinfo=None)
    moment = {**known, "timestamp": now}
    k = min(SHOWN, items.height)
    answers = changed.recommend(history, k=k, now=moment)
    offered = items["bid"][int(place)] or 0.0
    shelf = changed.shelf.asked_by(changed.vertical.moment(moment))
    (paced,) = np.nan_to_num(shelf.amounts(PACED_BID, np.array([place], np.int32))).tolist()
    for number, answer in enumerate(answers, 1):
        if answer.item_id == item:
            return Stand(offered, number, len(answers), answer.chance, paced, None)
    alone = Ranked(np.array([place], np.int32), np.zeros(1))
    rules = (rule for rule in changed.vertical.rules if rule.hard)
    removes = next((rule.name for rule in rules if not len(rule.apply(alone, shelf).items)), None)
    places = changed.positions([answer.item_id for answer in answers])
    shown = items["campaign"].gather(places)
    if removes is None and campaign is not None and campaign in shown.to_list():
        removes = "campaign_cap"  # another creative of it stands there
    return Stand(offered, None, len(answers), None, paced, removes)


def show(
    engine: Engine,
    item: str | None,
    times: float,
    spent: float,
    hour: int,
    known: Mapping[str, Any],
    history: Sequence[str],
    words: Words,
) -> Html:
    """The whole panel; arguments as `stand`, which is asked for each of `TIMES` too."""
    if not item:
        return views.empty(words, "before_what_if")
    try:
        asked = spent, hour, known, history
        here = stand(engine, item, times, *asked)
        others = [stand(engine, item, each, *asked) for each in TIMES]
    except CorankError as error:
        return views.problem(str(error), words)
    best = max(each.earns or 0.0 for each in others) or 1.0
    rows = [
        tag(
            "tr",
            tag("th", f"{each.bid:.2f}", scope="row"),
            tag("td", _bar((each.earns or 0.0) / best), class_="cr-drawn"),
            tag("td", str(each.place or "–"), class_="cr-number"),
            tag("td", _per_thousand(each), class_="cr-number"),
            class_="cr-ours" if each.bid == here.bid else None,
        )
        for each in others
    ]
    heads = (words("at_bid"), "", words("at_place"), words("per_thousand"))
    return views.view(
        words,
        tag("h2", words("what_if")),
        tag("p", _verdict(here, words), class_="cr-verdict", role="status"),
        views.block(
            words("bids"),
            tag("p", words("bids_help"), class_="cr-note"),
            views.table(heads, rows),
        ),
        class_="cr-what-if",
    )


def _verdict(here: Stand, words: Words) -> str:
    if here.kept_back:
        return words("kept_back", rule=here.kept_back)
    if here.place is None:
        return words("nowhere", count=here.shown)
    said = {"place": here.place, "count": here.shown, "paced": f"{here.paced:.2f}"}
    if here.chance is None:
        return words("stands_unknown", **said)
    return words("stands", **said, chance=f"{here.chance:.1%}")


def _per_thousand(here: Stand) -> str:
    return "–" if here.earns is None else f"{1000 * here.earns:.2f}"


def _bar(share: float) -> Html:
    bar = tag("span", class_="cr-bar cr-plus", style=f"left:0;width:{share:.2%}")
    return tag("div", bar, class_="cr-track", aria_hidden="true")


def build(booth: Booth) -> None:
    """Lay out the tab."""
    engine, word = booth.engine, booth.word
    some = engine.items.head(CHOICES)
    choices = list(zip(some["title"].to_list(), some["item_id"].to_list(), strict=True))
    creative = gr.Dropdown(
        choices,
        value=None,
        label=word("creative"),
        info=word("creative_help"),
        elem_id="cr-creative",
    )
    with gr.Row(elem_classes="cr-options"):
        options: dict[str, Any] = {"buttons": [], "min_width": 160}
        times = gr.Slider(0.1, 5, 1, step=0.05, label=word("bid_times"), **options)
        spent = gr.Slider(0, 100, 40, step=1, label=word("spent"), **options)
        hour = gr.Slider(0, 23, 12, step=1, label=word("hour"), **options)
    found = booth.markup("what-if")

    def moved(
        item: str | None,
        times: float,
        spent: float,
        hour: float,
        known: dict[str, Any],
        history: list[str],
        request: gr.Request,
    ) -> Html:
        asked = engine, item, times, spent / 100, int(hour), known, history
        return show(*asked, booth.words(request))

    def opened(request: gr.Request) -> Html:
        return views.empty(booth.words(request), "before_what_if")

    given = [creative, times, spent, hour, booth.known, booth.history]
    for each in (creative.input, times.release, spent.release, hour.release):
        each(moved, given, found, show_progress_on=found, **WAITED)
    for state in (booth.known, booth.history):
        state.change(moved, given, found, **QUIET)
    booth.loaded(opened, [found])


PANEL = Panel("what_if", WORDS, build)
