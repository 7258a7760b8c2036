"""One year at the health service: people and events, drawn from the items and the personas.

``python -m corank_health.sample.generate`` rewrites users.csv and interactions.csv.

How people live is said in `corank.people`. What a health service adds: articles and answers are
read, products are bought, and nobody is shown a product that the rules keep from them: because of
an allergy, a condition, a medicine, a pregnancy or their age. How well an item suits decides
whether it is read to the end, found helpful, kept or bought; what is bought and suits poorly is
sent back.
"""

import datetime as dt
from collections.abc import Generator
from pathlib import Path

import numpy as np
import polars as pl

from corank.data.graph import join
from corank.people import (
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
from corank_health.rules import JOINS
from corank_health.sample import folder
from corank_health.sample.personas import PERSONAS, THEMES, Patient

PEOPLE = 420
COLUMNS = ("user_id", "item_id", "event", "timestamp", "dwell_seconds", "device")


class Service(World):
    """The items with whom they would harm."""

    def __init__(self, items: pl.DataFrame) -> None:
        dated = items.with_columns(offered=pl.lit("2020-01-01"))  # all year
        super().__init__(
            dated,
            columns=("title", "topics", "description"),
            appears="offered",
            themes=THEMES,
            terms=terms_of(PERSONAS),
        )
        joined = join(items, pl.read_csv(folder() / "edges.csv"), JOINS)
        self.kinds: list[str] = items["kind"].to_list()
        self.is_product = np.array([kind == "product" for kind in self.kinds])
        self.allergens, self.conditions, self.medicines = (
            [set(each.split("|")) - {"none"} if each else None for each in joined[column]]
            for column in ("allergens", "avoid_conditions", "avoid_medicines")
        )
        self.safe = (items["pregnancy"] == "safe").fill_null(False).to_numpy()
        self.least = items["min_age"].cast(pl.Float64).fill_null(0).to_numpy()
        self.most = items["max_age"].cast(pl.Float64).fill_null(200).to_numpy()


class Visitor(Person[Patient, Service]):
    """One person's year of asking."""

    often = 3.6

    def settle(self) -> None:
        """What would harm them, and what they came for."""
        who, service = self.persona, self.world
        self.age = int(np.clip(2025 - who.born + self.rng.integers(-3, 4), 1, 95))
        self.pregnant = who.pregnant and 18 <= self.age <= 45
        harmless = np.ones(len(service.kinds), np.bool_)
        for theirs, listed in (
            (who.allergies, service.allergens),
            (who.conditions, service.conditions),
            (who.medicines, service.medicines),
        ):
            if theirs:
                mine = set(theirs)
                harmless &= np.array([each is not None and not each & mine for each in listed])
        if self.pregnant:
            harmless &= service.safe
        harmless &= (service.least <= self.age) & (self.age <= service.most)
        self.may_see = harmless | ~service.is_product
        self.fits = np.array([1.0 if kind in who.kinds else -0.4 for kind in service.kinds])
        self.done = np.zeros(len(self.fits))

    def row(self, rng: np.random.Generator) -> tuple[str, ...]:
        """The person as far as they have told."""
        who = self.persona
        said = (who.allergies, who.conditions, who.medicines)
        told = ["|".join(each) or "none" for each in said]
        pregnant = str(self.pregnant).lower()
        joined, age = self.joined.isoformat(), str(self.age)
        return self.user_id, joined, age, *told, pregnant, self.says(rng)

    def fit(self, day: float) -> Scores:
        """Taste and kind; what was read is read."""
        fit: Scores = super().fit(day) + self.fits - 3 * self.done
        return fit

    def look(
        self, item: int, liked: float, day: float, clock: dt.datetime
    ) -> Generator[Event, None, tuple[dt.datetime, bool]]:
        """Seen in a list, opened, read, and what comes of it."""
        device = "phone" if self.rng.random() < 0.65 else "desktop"
        opened, keep, judge, buy, regret = self.rng.random(5)
        yield self.event(item, "view", clock, "", device)
        clock += dt.timedelta(seconds=int(self.rng.integers(3, 25)))
        if opened > sigmoid(-0.5 + 0.8 * liked):
            return clock, True
        dwell = max(2.0, self.rng.gamma(2.0, 30.0) * sigmoid(liked - 0.8))
        yield self.event(item, "read", clock, f"{dwell:.0f}", device)
        clock += dt.timedelta(seconds=int(dwell) + 2)
        self.done[item] = 1
        if judge < 0.25:
            helped = self.rng.random() < sigmoid(1.2 * liked - 0.8)
            yield self.event(item, "helpful" if helped else "unhelpful", clock, "", device)
        if keep < 0.12 * sigmoid(liked):
            yield self.event(item, "save", clock, "", device)
        if self.world.is_product[item] and buy < sigmoid(-2.4 + 0.9 * liked):
            yield self.event(item, "buy", clock, "", device)
            if regret < (0.15 if liked < 1 else 0.03):
                later = clock + dt.timedelta(days=float(self.rng.uniform(2, 20)))
                what = "return" if self.rng.random() < 0.8 else "report"
                if later.year == clock.year:
                    yield self.event(item, what, later, "", device)
        return clock, self.rng.random() < 0.9


def write(to: Path, seed: int = 7) -> None:
    """Write users.csv and interactions.csv into the folder ``to``."""
    service = Service(pl.read_csv(folder() / "items.csv"))

    def make(number: int, crowd: Scores, appeal: Scores, rng: np.random.Generator) -> Visitor:
        return Visitor(number, service, PERSONAS, crowd, appeal, rng)

    size = service.items.height
    people = populate(make, PEOPLE, personas=len(PERSONAS), items=size, seed=seed)
    events = in_order(people)
    asked = np.random.default_rng(seed + 1)  # what they say of themselves changes no event
    columns = (
        "user_id", "joined", "age", "allergies", "conditions", "medicines", "pregnant", "interests",
    )  # fmt: skip
    write_csv(to / "users.csv", columns, [person.row(asked) for person in people])
    write_csv(to / "interactions.csv", COLUMNS, events)


if __name__ == "__main__":
    write(folder())
