"""One year in the shop: shoppers and events, drawn from the items and the personas.

``python -m corank_ecommerce.sample.generate`` rewrites users.csv and interactions.csv.

How people live is said in `corank.people`. What a shop adds to how an item fits:

    price      cheap or dear for its shelf, against the shopper's level
  + season     presents before Christmas, sun cream in summer, wool in winter
  + need       bought consumables run out; other things are not bought twice

How well the item fits decides how far down the funnel it goes: view, click, add_to_cart, purchase,
and back again (return). A poor fit may end the visit (bounce). Stock is not modelled.
"""

import datetime as dt
from collections.abc import Generator
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.people import (
    DAYS,
    NEW_YEAR,
    Event,
    Person,
    Scores,
    World,
    in_order,
    populate,
    sigmoid,
    terms_of,
    write_csv,
)
from corank_ecommerce.sample import folder
from corank_ecommerce.sample.personas import GOES_WITH, PERSONAS, THEMES, Buyer

SHOPPERS = 400
COUNTRIES = ("GB", "IE", "DE", "FR", "NL", "SE", "US")
SEASONS = (("gift", 310, 358, 1.0), ("sun", 120, 240, 0.8), ("warmth", 290, 425, 0.6))


class Shop(World):
    """The catalogue with its shelves and prices."""

    def __init__(self, items: pl.DataFrame) -> None:
        super().__init__(
            items,
            columns=("title", "category", "description"),
            appears="released",
            themes=THEMES,
            terms={*terms_of(PERSONAS), *chain(*GOES_WITH)},
        )
        self.consumable: list[bool] = items["consumable"].to_list()

    @cached_property
    def dearness(self) -> Scores:
        """Log price against the item's own shelf, in rough standard deviations."""
        price = pl.col("price").log()
        dearness = (price - price.mean().over("category")) / 0.5
        return self.items.select(dearness).to_series().to_numpy()

    @cached_property
    def related(self) -> Scores:
        """(items, items) shelf, brand, variants, themes, and what goes with what."""
        top = self.items["category"].str.split(" > ").list.first()
        shelf, brand = self.items["category"].to_numpy(), self.items["brand"].to_numpy()
        parent = self.items["parent_id"].fill_null(self.items["item_id"]).to_numpy()
        links = 1.0 * _same(top.to_numpy()) + 1.2 * _same(shelf) + 0.5 * _same(brand)
        links += 1.0 * _same(parent) + 0.9 * np.minimum(self.themes.T @ self.themes, 2)
        for before, after in GOES_WITH:
            links += 2.0 * np.outer(self.hits[before], self.hits[after])
        np.fill_diagonal(links, -4.0)
        return links


class Shopper(Person[Buyer, Shop]):
    """One person's year in the shop."""

    def __init__(
        self, number: int, shop: Shop, crowd: Scores, appeal: Scores, rng: np.random.Generator
    ) -> None:
        super().__init__(number, shop, PERSONAS, crowd, appeal, rng)
        self.country = COUNTRIES[rng.integers(len(COUNTRIES))]
        self.empty_on: dict[int, float] = {}  # item bought -> day it runs out (never: infinity)

    def settle(self) -> None:
        """Cheap or dear."""
        self.level = self.persona.price + 0.3 * self.rng.standard_normal()

    def row(self) -> tuple[str, str, str, str]:
        """The shopper as the shop knows them."""
        band = "value" if self.level < -0.2 else "premium" if self.level > 0.45 else "middle"
        return self.user_id, self.joined.isoformat(), self.country, band

    def fit(self, day: float) -> Scores:
        """Taste, price, season and need."""
        fit = super().fit(day)
        fit += 0.4 * self.level * self.world.dearness
        for term, begins, ends, weight in SEASONS:
            if begins <= day < ends or day < ends - DAYS:
                fit += weight * self.world.hits[term]
        for item, runs_out in self.empty_on.items():
            fit[item] += 3.0 if day >= runs_out else -5.0
        return fit

    def look(
        self, item: int, liked: float, day: float, clock: dt.datetime
    ) -> Generator[Event, None, tuple[dt.datetime, bool]]:
        """Down the funnel, and perhaps back."""
        events = self._funnel(item, liked, day)
        for event in events:
            yield self.event(item, event, clock)
            clock += dt.timedelta(seconds=int(self.rng.integers(8, 150)))
        regret = self.persona.returns * (3 if liked < 2 else 1)
        if events[-1] == "purchase" and self.rng.random() < regret:
            back = clock + dt.timedelta(days=self.rng.uniform(3, 20))
            if back < NEW_YEAR + dt.timedelta(days=DAYS):
                yield self.event(item, "return", back)
        return clock, events[-1] != "bounce"

    def _funnel(self, item: int, liked: float, day: float) -> list[str]:
        """How far one look goes."""
        click, cart, buy, leave = self.rng.random(4)
        if click > sigmoid(-1.3 + 0.9 * liked):
            return ["view", "bounce"] if leave < 0.35 else ["view"]
        if cart > sigmoid(-1.8 + 0.5 * liked):
            return ["view", "click"]
        if buy > 0.55:
            return ["view", "click", "add_to_cart"]
        lasts = self.persona.restock_days if self.world.consumable[item] else np.inf
        self.empty_on[item] = day + lasts
        return ["view", "click", "add_to_cart", "purchase"]


def _same(labels: NDArray[np.object_]) -> Scores:
    """(items, items) 1 where two items carry the same label."""
    return np.equal.outer(labels, labels).astype(np.float64)


def write(to: Path, seed: int = 7) -> None:
    """Write users.csv and interactions.csv into the folder ``to``."""
    shop = Shop(pl.read_csv(folder() / "items.csv"))

    def make(number: int, crowd: Scores, appeal: Scores, rng: np.random.Generator) -> Shopper:
        return Shopper(number, shop, crowd, appeal, rng)

    size = shop.items.height
    shoppers = populate(make, SHOPPERS, personas=len(PERSONAS), items=size, seed=seed)
    events = in_order(shoppers)
    asked = np.random.default_rng(seed + 1)  # what they say of themselves changes no event
    people = [(*shopper.row(), shopper.says(asked)) for shopper in shoppers]
    columns = ("user_id", "signup", "country", "price_band", "interests")
    write_csv(to / "users.csv", columns, people)
    write_csv(to / "interactions.csv", ("user_id", "item_id", "event", "timestamp"), events)


if __name__ == "__main__":
    write(folder())
