"""One year at the bank: customers and events, drawn from the products and the personas.

``python -m corank_finance.sample.generate`` rewrites users.csv and interactions.csv.

How people live is said in `corank.people`. What a bank adds to how a product fits:

    kind       what somebody came to look at
  + fees       dear or cheap for its kind
  + held       nobody takes the same thing twice

Customers are shown what the rules allow them: where they live, what they are, how old, how much
risk. How well a product fits decides how far it goes: view, details, compare, apply, open. One
application in ten is declined; what fits poorly is closed again within weeks, or complained about.
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
from corank_finance.sample import folder
from corank_finance.sample.personas import PERSONAS, THEMES, Banked

CUSTOMERS = 420
DEVICES = ("phone", "desktop", "branch")
DECLINED = 0.1


class Counter(World):
    """The products with what they ask of a customer."""

    def __init__(self, items: pl.DataFrame) -> None:
        dated = items.with_columns(offered=pl.lit("2020-01-01"))  # all year
        super().__init__(
            dated,
            columns=("title", "kind", "description"),
            appears="offered",
            themes=THEMES,
            terms=terms_of(PERSONAS),
        )
        self.kinds: list[str] = items["kind"].to_list()
        self.risk = items["risk_class"].to_numpy()
        self.min_age = items["min_age"].to_numpy()
        self.countries = [set(each.split("|")) for each in items["jurisdictions"]]
        self.needs = [set((each or "").split("|")) - {""} for each in items["eligibility"]]
        fee = pl.col("fee_percent")
        dear = (fee - fee.mean().over("kind")) / (fee.std().over("kind").fill_null(0) + 0.3)
        self.dearness: Scores = items.select(dear).to_series().to_numpy()


class Client(Person[Banked, Counter]):
    """One person's year at the bank."""

    often = 3.4

    def settle(self) -> None:
        """What they may be offered, and what they came for."""
        who, counter = self.persona, self.world
        self.age = int(np.clip(2025 - who.born + self.rng.integers(-3, 4), 12, 95))
        self.risk = int(np.clip(who.risk + self.rng.integers(-1, 2), 1, 7))
        here = np.array([who.jurisdiction in each for each in counter.countries])
        fits = np.array([each <= set(who.statuses) for each in counter.needs])
        self.may_see = here & fits & (counter.risk <= self.risk) & (counter.min_age <= self.age)
        wanted = np.array([float(kind in who.kinds) for kind in counter.kinds])
        self.fits = 1.2 * wanted - 0.3 * counter.dearness
        self.held = np.zeros(len(wanted))

    def row(self, rng: np.random.Generator) -> tuple[str, ...]:
        """The customer as the bank knows them: one in six has not said how much risk they bear."""
        who = self.persona
        tolerance = "" if rng.random() < 1 / 6 else str(self.risk)
        return (
            self.user_id, self.joined.isoformat(), who.jurisdiction, str(self.age), tolerance,
            "|".join(who.statuses), who.horizon, self.says(rng),
        )  # fmt: skip

    def fit(self, day: float) -> Scores:
        """Taste, kind and fees; what is held is held."""
        fit: Scores = super().fit(day) + self.fits - 6 * self.held
        return fit

    def look(
        self, item: int, liked: float, day: float, clock: dt.datetime
    ) -> Generator[Event, None, tuple[dt.datetime, bool]]:
        """Down the counter, and perhaps back."""
        device = str(self.rng.choice(DEVICES, p=[0.55, 0.35, 0.1]))
        read, compare, apply, decline, regret = self.rng.random(5)
        yield self.event(item, "view", clock, device)
        clock += dt.timedelta(seconds=int(self.rng.integers(10, 120)))
        if read > sigmoid(-0.9 + 0.8 * liked):
            return clock, True
        yield self.event(item, "details", clock, device)
        clock += dt.timedelta(seconds=int(self.rng.integers(40, 400)))
        if compare < 0.3:
            yield self.event(item, "compare", clock, device)
            clock += dt.timedelta(seconds=int(self.rng.integers(20, 200)))
        if apply > sigmoid(-2.6 + 0.7 * liked):
            return clock, True
        yield self.event(item, "apply", clock, device)
        clock += dt.timedelta(minutes=int(self.rng.integers(5, 40)))
        answered = clock + dt.timedelta(days=int(self.rng.integers(0, 6)))
        end = NEW_YEAR + dt.timedelta(days=DAYS)
        if answered >= end:
            return clock, False
        if decline < DECLINED:
            yield self.event(item, "decline", answered, device)
            return clock, False
        yield self.event(item, "open", answered, device)
        self.held[item] = 1
        if regret < (0.18 if liked < 1.2 else 0.04):
            later = answered + dt.timedelta(days=self.rng.uniform(6, 55))
            if later < end:
                what = "close" if self.rng.random() < 0.7 else "complain"
                yield self.event(item, what, later, device)
        return clock, self.rng.random() < 0.5


def write(to: Path, seed: int = 7) -> None:
    """Write users.csv and interactions.csv into the folder ``to``."""
    counter = Counter(pl.read_csv(folder() / "items.csv"))

    def make(number: int, crowd: Scores, appeal: Scores, rng: np.random.Generator) -> Client:
        return Client(number, counter, PERSONAS, crowd, appeal, rng)

    size = counter.items.height
    clients = populate(make, CUSTOMERS, personas=len(PERSONAS), items=size, seed=seed)
    events = in_order(clients)
    asked = np.random.default_rng(seed + 1)  # what they say of themselves changes no event
    columns = (
        "user_id", "joined", "jurisdiction", "age", "risk_tolerance", "statuses", "horizon",
        "interests",
    )  # fmt: skip
    write_csv(to / "users.csv", columns, [client.row(asked) for client in clients])
    write_csv(
        to / "interactions.csv", ("user_id", "item_id", "event", "timestamp", "device"), events
    )


if __name__ == "__main__":
    write(folder())
