"""One year in the shop: shoppers and events, drawn from the items and the personas.

``python -m corank_ecommerce.sample.generate`` rewrites users.csv and interactions.csv.

The model of behaviour. A shopper is mostly one persona and partly another, lives the persona's
chapters at their own pace, and comes by for a number of visits. In a visit, the next item looked
at is drawn from a softmax over what has been released, of

    taste      the words of the present chapter (personas.py), reweighted by the shopper
  + crowd      what this kind of people happens to like for reasons that no text gives
  + appeal     what everybody likes (popularity's long tail), and the newness of a new release
  + price      cheap or dear for its shelf, against the shopper's level
  + season     presents before Christmas, sun cream in summer, wool in winter
  + momentum   shelf, theme, brand and goes-with relations to the last items looked at
  + need       bought consumables run out; other things are not bought twice

A few looks wander: they follow appeal alone. How well the item fits (all but appeal, newness
and momentum) decides how far down the funnel it goes: view, click, add_to_cart, purchase, and
back again (return). A poor fit may end the visit (bounce). Nothing here knows an embedding, and
stock is not modelled.
"""

import csv
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank_ecommerce.sample import folder
from corank_ecommerce.sample.personas import GOES_WITH, PERSONAS, THEMES, Persona, Tastes

SHOPPERS = 400
NEW_YEAR = dt.datetime(2025, 1, 1)
DAYS = 365
COUNTRIES = ("GB", "IE", "DE", "FR", "NL", "SE", "US")
TERMS = sorted({term for persona in PERSONAS for chapter in persona.chapters for term in chapter})
SEASONS = (("gift", 310, 358, 1.0), ("sun", 120, 240, 0.8), ("warmth", 290, 425, 0.6))

Scores = NDArray[np.float64]  # (items,) unless said otherwise
Event = tuple[str, str, str, str]  # user, item, event, timestamp


@dataclass(frozen=True)
class Shop:
    """The catalogue as the generator sees it: words, shelves, prices, release days."""

    items: pl.DataFrame

    @cached_property
    def ids(self) -> list[str]:
        """Item ids, in catalogue order."""
        return self.items["item_id"].to_list()

    @cached_property
    def consumable(self) -> list[bool]:
        """Whether each item is used up."""
        return self.items["consumable"].to_list()

    @cached_property
    def hits(self) -> dict[str, Scores]:
        """Term -> (items,) 1 where one of the term's words begins a word of the text."""
        rows = self.items.select("title", "category", "description").rows()
        texts, found = [". ".join(row).lower() for row in rows], {}
        for term in sorted({*THEMES, *TERMS, *chain(*GOES_WITH)}):
            words = re.compile(rf"\b(?:{'|'.join(map(re.escape, THEMES.get(term, (term,))))})")
            found[term] = np.array([float(bool(words.search(text))) for text in texts])
        return found

    @cached_property
    def themes(self) -> Scores:
        """(themes, items) 1 where the theme is in the text."""
        return np.array([self.hits[theme] for theme in THEMES])

    @cached_property
    def dearness(self) -> Scores:
        """Log price against the item's own shelf, in rough standard deviations."""
        price = pl.col("price").log()
        dearness = (price - price.mean().over("category")) / 0.5
        return self.items.select(dearness).to_series().to_numpy()

    @cached_property
    def release(self) -> Scores:
        """Day of release, counted from New Year; negative before it."""
        days = (pl.col("released").str.to_date() - NEW_YEAR.date()).dt.total_days()
        return self.items.select(days.cast(pl.Float64)).to_series().to_numpy()

    @cached_property
    def related(self) -> Scores:
        """(items, items) how strongly a look at the row leads on to the column."""
        top = self.items["category"].str.split(" > ").list.first()
        shelf, brand = self.items["category"].to_numpy(), self.items["brand"].to_numpy()
        parent = self.items["parent_id"].fill_null(self.items["item_id"]).to_numpy()
        links = 1.0 * _same(top.to_numpy()) + 1.2 * _same(shelf) + 0.5 * _same(brand)
        links += 1.0 * _same(parent) + 0.9 * np.minimum(self.themes.T @ self.themes, 2)
        for before, after in GOES_WITH:
            links += 2.0 * np.outer(self.hits[before], self.hits[after])
        np.fill_diagonal(links, -4.0)
        return links

    def taste(self, tastes: Tastes, mood: dict[str, float]) -> Scores:
        """How much a chapter likes each item, before word of mouth."""
        words = [weight * mood[term] * self.hits[term] for term, weight in tastes.items()]
        return np.asarray(np.sum(words, axis=0))


class Shopper:
    """One person's year: ``year()`` yields the events, visit by visit."""

    def __init__(
        self, number: int, shop: Shop, crowd: Scores, appeal: Scores, rng: np.random.Generator
    ) -> None:
        self.user_id, self.shop, self.appeal, self.rng = f"u{number:04d}", shop, appeal, rng
        first, second = rng.choice(len(PERSONAS), size=2, replace=False)
        self.persona: Persona = PERSONAS[first]
        moods = {t: float(np.exp(0.5 * rng.standard_normal())) for t in TERMS}
        self.chapters = [shop.taste(c, moods) for c in self.persona.chapters]
        self.aside = 0.5 * shop.taste(PERSONAS[second].chapters[0], moods)
        self.private = crowd[first] + 0.3 * rng.standard_normal(len(appeal))
        self.level = self.persona.price + 0.3 * rng.standard_normal()
        self.signup = int(rng.integers(-500, 300))
        self.start = rng.uniform(-0.3, 0.5)  # where in the persona's story the year finds them
        self.country = COUNTRIES[rng.integers(len(COUNTRIES))]
        self.seen = np.zeros(len(appeal))
        self.empty_on: dict[int, float] = {}  # item bought -> day it runs out (never: infinity)

    def row(self) -> tuple[str, str, str, str]:
        """The shopper as the shop knows them."""
        band = "value" if self.level < -0.2 else "premium" if self.level > 0.45 else "middle"
        joined = NEW_YEAR.date() + dt.timedelta(days=self.signup)
        return self.user_id, joined.isoformat(), self.country, band

    def says(self, rng: np.random.Generator) -> str:
        """What one in three writes under "my interests": what they came for at first."""
        if rng.random() > 1 / 3:
            return ""
        wanted = sorted(self.persona.chapters[0].items(), key=lambda tasted: -tasted[1])[:4]
        liked = [term.rstrip(" >").replace("-", " ") for term, weight in wanted if weight > 0]
        said = rng.permutation(liked)
        return ", ".join(said[: rng.integers(2, 4)])

    def year(self) -> Iterator[Event]:
        """Every event of the year, in the order of the visits."""
        first_day = max(0, self.signup)
        visits = 2 + int(self.rng.gamma(1.3, 2.7) * (DAYS - first_day) / DAYS)
        days = np.sort(first_day + (DAYS - first_day) * self.rng.random(visits) ** 0.8)
        trail: list[int] = []
        for day in days:
            hour = np.clip(self.rng.normal(17, 3.5), 6, 23)
            yield from self._visit(int(day) + hour / 24, trail)

    def _visit(self, day: float, trail: list[int]) -> Iterator[Event]:
        clock = NEW_YEAR + dt.timedelta(days=day)
        newness = 1.2 * (self.shop.release > day - 30)
        for step in range(1 + self.rng.poisson(self.persona.session - 1)):
            fit = self._fit(day)
            wander = self.rng.random() < 0.12
            pull = 1.2 * self.appeal if wander else fit + self.appeal + newness - 0.8 * self.seen
            if trail and not wander:
                pull = pull + (0.8 if step else 0.5) * self._momentum(trail)
            item = self._draw(np.where(self.shop.release <= day, pull, -np.inf))
            trail.append(item)
            self.seen[item] += 1
            liked = (fit[item] - fit.mean()) / fit.std()
            events = self._funnel(item, liked, day)
            for event in events:
                yield self._event(item, event, clock)
                clock += dt.timedelta(seconds=int(self.rng.integers(8, 150)))
            regret = self.persona.returns * (3 if liked < 2 else 1)
            if events[-1] == "purchase" and self.rng.random() < regret:
                back = clock + dt.timedelta(days=self.rng.uniform(3, 20))
                if back < NEW_YEAR + dt.timedelta(days=DAYS):
                    yield self._event(item, "return", back)
            if events[-1] == "bounce":
                return

    def _fit(self, day: float) -> Scores:
        """(items,) how well each item suits this person on this day."""
        story = float(np.clip(self.start + day / DAYS, 0, 1)) * (len(self.chapters) - 1)
        page = int(story)
        turn = story - page
        after = self.chapters[min(page + 1, len(self.chapters) - 1)]
        fit: Scores = self.aside + self.private
        fit += (1 - turn) * self.chapters[page] + turn * after
        fit += 0.4 * self.level * self.shop.dearness
        for term, begins, ends, weight in SEASONS:
            if begins <= day < ends or day < ends - DAYS:
                fit += weight * self.shop.hits[term]
        for item, runs_out in self.empty_on.items():
            fit[item] += 3.0 if day >= runs_out else -5.0
        return fit

    def _momentum(self, trail: Sequence[int]) -> Scores:
        """(items,) pull of the last three looks, the newest most."""
        looks = [0.5**n * self.shop.related[item] for n, item in enumerate(reversed(trail[-3:]))]
        return np.asarray(np.sum(looks, axis=0))

    def _draw(self, pull: Scores) -> int:
        weights = np.exp(pull - pull.max()).cumsum()
        return int(np.searchsorted(weights, self.rng.random() * weights[-1]))

    def _funnel(self, item: int, liked: float, day: float) -> list[str]:
        """How far one look goes."""
        click, cart, buy, leave = self.rng.random(4)
        if click > _sigmoid(-1.3 + 0.9 * liked):
            return ["view", "bounce"] if leave < 0.35 else ["view"]
        if cart > _sigmoid(-1.8 + 0.5 * liked):
            return ["view", "click"]
        if buy > 0.55:
            return ["view", "click", "add_to_cart"]
        lasts = self.persona.restock_days if self.shop.consumable[item] else np.inf
        self.empty_on[item] = day + lasts
        return ["view", "click", "add_to_cart", "purchase"]

    def _event(self, item: int, event: str, when: dt.datetime) -> Event:
        return self.user_id, self.shop.ids[item], event, when.isoformat(timespec="seconds")


def _same(labels: NDArray[np.object_]) -> Scores:
    """(items, items) 1 where two items carry the same label."""
    return np.equal.outer(labels, labels).astype(np.float64)


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def write(to: Path, seed: int = 7) -> None:
    """Write users.csv and interactions.csv into the folder ``to``."""
    shop = Shop(pl.read_csv(folder() / "items.csv"))
    rng = np.random.default_rng(seed)
    size = shop.items.height
    appeal = 1.1 * rng.standard_normal(size)
    crowd = 0.3 * rng.standard_normal((len(PERSONAS), size))
    shoppers = [Shopper(n, shop, crowd, appeal, rng) for n in range(1, SHOPPERS + 1)]
    events = chain.from_iterable(shopper.year() for shopper in shoppers)
    in_order = sorted(events, key=lambda event: (event[3], event[0]))
    asked = np.random.default_rng(seed + 1)  # what they say of themselves changes no event
    people = [(*shopper.row(), shopper.says(asked)) for shopper in shoppers]
    columns = ("user_id", "signup", "country", "price_band", "interests")
    _csv(to / "users.csv", columns, people)
    _csv(to / "interactions.csv", ("user_id", "item_id", "event", "timestamp"), in_order)


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    write(folder())
