"""One year on the ad server: the audience and what became of each impression.

``python -m corank_ads.sample.generate`` rewrites users.csv and interactions.csv.

How people live is said in `corank.people`. Somebody is shown what the rules allow: flights,
targeting, age, blocked categories and the frequency cap. What is shown follows their taste, the
hour's chance and what everybody likes, as it would from a server that knows a little. How well it
suits decides whether it is clicked, how long they stay, and whether they buy; now and then somebody
buys days later, without a click, or too late to count. Who has little patience hides what bores.
"""

import datetime as dt
from collections.abc import Generator
from pathlib import Path

import numpy as np
import polars as pl

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
from corank_ads.rules import RESTRICTED
from corank_ads.sample import folder
from corank_ads.sample.personas import PERSONAS, THEMES, Viewer

AUDIENCE = 440
BLOCKED = ("betting", "alcohol", "politics", "dating", "lending")
COLUMNS = ("user_id", "item_id", "event", "timestamp", "device", "slot", "paid", "dwell_seconds")


class Inventory(World):
    """The creatives with whom they are for."""

    def __init__(self, items: pl.DataFrame) -> None:
        super().__init__(
            items,
            columns=("title", "description"),
            appears="starts",
            leaves="ends",
            themes=THEMES,
            terms=terms_of(PERSONAS),
        )
        self.categories: list[str] = items["category"].to_list()
        self.countries = _sets(items["countries"])
        self.devices = _sets(items["devices"])
        self.segments = _sets(items["segments"])
        adult = pl.col("category").is_in(RESTRICTED)
        least = pl.max_horizontal(pl.col("min_age").fill_null(0), pl.when(adult).then(18))
        ages = items.select(least=least, most=pl.col("max_age").cast(pl.Float64))
        self.least, self.most = ages["least"].to_numpy(), ages["most"].fill_null(200).to_numpy()
        self.asks_age = (self.least > 0) | (self.most < 200)
        self.cap = items["frequency_cap"].to_numpy()
        self.bid = items["bid"].to_numpy()


def _sets(column: pl.Series) -> list[set[str]]:
    return [set((each or "").split("|")) - {""} for each in column]


class Audience(Person[Viewer, Inventory]):
    """One person's year before the screens."""

    often = 5.0

    def settle(self) -> None:
        """What the server may show them, and on which device they mostly are."""
        who, stock = self.persona, self.world
        age = int(np.clip(2025 - who.born + self.rng.integers(-3, 4), 13, 95))
        self.age = age if self.rng.random() < 0.8 else None
        known = min(len(who.segments), int(self.rng.integers(1, 4)))
        self.segments = sorted(self.rng.choice(who.segments, size=known, replace=False).tolist())
        blocks = self.rng.random() < 0.12
        self.blocked = sorted(self.rng.choice(BLOCKED, 2, replace=False).tolist()) if blocks else []
        theirs = set(self.segments)
        here = np.array([not each or who.country in each for each in stock.countries])
        mine = np.array([not each or bool(each & theirs) for each in stock.segments])
        wanted = np.array([each not in self.blocked for each in stock.categories])
        fit = ~stock.asks_age
        if self.age is not None:
            fit = (stock.least <= self.age) & (self.age <= stock.most)
        self.allowed = here & mine & wanted & fit
        self.may_see = self.allowed.copy()
        self.day = -1
        self.today = np.zeros(len(here))

    def row(self, rng: np.random.Generator) -> tuple[str, ...]:
        """The person as the server knows them."""
        age = "" if self.age is None else str(self.age)
        joined, country = self.joined.isoformat(), self.persona.country
        said = "|".join(self.segments), self.says(rng), "|".join(self.blocked)
        return self.user_id, joined, country, age, *said

    def look(
        self, item: int, liked: float, day: float, clock: dt.datetime
    ) -> Generator[Event, None, tuple[dt.datetime, bool]]:
        """An impression, and what becomes of it."""
        device = self._device(item)
        slot = str(self.rng.integers(1, 5))
        self._count(item, day)
        yield self.event(item, "impression", clock, device, slot, "", "")
        clock += dt.timedelta(seconds=int(self.rng.integers(4, 40)))
        click, stay, buy, late, hide = self.rng.random(5)
        if click > sigmoid(-3.9 + 0.95 * liked - 0.25 * int(slot)):
            if hide < 0.02 * (1 - self.persona.patience) * (liked < 1):
                yield self.event(item, "hide", clock, device, slot, "", "")
                self.allowed[item] = self.may_see[item] = False
            elif late < 0.002:
                yield from self._buy(item, clock + dt.timedelta(hours=float(stay) * 20), device)
            return clock, True
        dwell = 2 + 150 * stay * sigmoid(liked - 1.5) if stay > 0.15 else 20 * stay
        paid = 0.6 + 0.4 * self.rng.random()
        said = f"{paid * self.world.bid[item]:.2f}", f"{dwell:.0f}"
        yield self.event(item, "click", clock, device, slot, *said)
        clock += dt.timedelta(seconds=int(dwell) + 5)
        if dwell > 20 and buy < sigmoid(-3.4 + 0.6 * liked):
            wait = (
                dt.timedelta(days=float(self.rng.exponential(1.5)))
                if late < 0.6
                else dt.timedelta()
            )
            yield from self._buy(item, clock + wait, device)
        return clock, self.rng.random() < 0.85

    def _buy(self, item: int, when: dt.datetime, device: str) -> Generator[Event, None, None]:
        if when < NEW_YEAR + dt.timedelta(days=DAYS):
            yield self.event(item, "conversion", when, device, "", "", "")

    def _count(self, item: int, day: float) -> None:
        """Mind the frequency cap, which is of a day."""
        if int(day) != self.day:
            self.day, self.today = int(day), np.zeros(len(self.today))
            self.may_see = self.allowed.copy()
        self.today[item] += 1
        if self.today[item] >= self.world.cap[item]:
            self.may_see[item] = False

    def _device(self, item: int) -> str:
        mine: list[str] = list(self.persona.devices)
        if fits := [each for each in mine if each in self.world.devices[item]]:
            return fits[0]
        weights = 0.5 ** np.arange(len(mine))
        return str(self.rng.choice(mine, p=weights / weights.sum()))


def write(to: Path, seed: int = 7) -> None:
    """Write users.csv and interactions.csv into the folder ``to``."""
    stock = Inventory(pl.read_csv(folder() / "items.csv"))

    def make(number: int, crowd: Scores, appeal: Scores, rng: np.random.Generator) -> Audience:
        return Audience(number, stock, PERSONAS, crowd, 0.6 * appeal, rng)

    size = stock.items.height
    people = populate(make, AUDIENCE, personas=len(PERSONAS), items=size, seed=seed)
    events = in_order(people)
    asked = np.random.default_rng(seed + 1)  # what they say of themselves changes no event
    columns = ("user_id", "joined", "country", "age", "segments", "interests", "blocked")
    write_csv(to / "users.csv", columns, [person.row(asked) for person in people])
    write_csv(to / "interactions.csv", COLUMNS, events)


if __name__ == "__main__":
    write(folder())
