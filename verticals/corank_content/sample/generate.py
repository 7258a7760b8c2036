"""One year of reading and watching: readers and events, drawn from the items and the personas.

``python -m corank_content.sample.generate`` rewrites users.csv and interactions.csv.

How people live is said in `corank.people`. What a publisher adds to how an item fits:

    kind       whether somebody would rather read or watch, and how long they have
  + news       an article goes stale within weeks, a film hardly ever

Nobody is shown what they cannot read or are too young for. A title is opened for what it promises;
how long it stays open follows how well it fits, and a title that promised too much is left within
seconds. What was seen to the end may be liked or passed on; a poor fit may be hidden for good.
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
from corank_content.sample import folder
from corank_content.sample.personas import CLICKBAIT, PERSONAS, THEMES, Viewer

READERS = 400
STALE = {"article": 60.0, "video": 240.0, "film": 4_000.0}
"""Days after which an item of a kind has lost most of its news."""
DEVICES = ("phone", "tablet", "desktop", "television")


class Shelves(World):
    """The catalogue with its kinds, languages and ages."""

    def __init__(self, items: pl.DataFrame) -> None:
        super().__init__(
            items,
            columns=("title", "genre", "description"),
            appears="published",
            themes=THEMES,
            terms=terms_of(PERSONAS),
        )
        self.kinds: list[str] = items["kind"].to_list()
        self.languages: list[str] = items["language"].to_list()
        self.minutes = items["minutes"].cast(pl.Float64).to_numpy()
        self.from_age = items["age_rating"].to_numpy()
        self.bait = np.array([float(one in CLICKBAIT) for one in self.ids])
        self.stale = np.array([STALE[kind] for kind in self.kinds])


class Reader(Person[Viewer, Shelves]):
    """One person's year among them."""

    often = 3.4

    def settle(self) -> None:
        """What can be read, and what fits into an evening."""
        shelves, who = self.world, self.persona
        self.age = int(np.clip(2025 - who.born + self.rng.integers(-3, 4), 8, 95))
        reads = np.array([language in who.languages for language in shelves.languages])
        self.may_see = reads & (shelves.from_age <= self.age)
        self.fits = np.array([float(who.kinds.get(kind, 0)) for kind in shelves.kinds])
        self.fits -= 0.5 * np.maximum(np.log(shelves.minutes / who.minutes), 0)
        self.done = np.zeros(len(self.fits))

    def row(self, rng: np.random.Generator) -> tuple[str, ...]:
        """The reader as the publisher knows them: one in five does not say how old they are."""
        age = "" if rng.random() < 0.2 else str(self.age)
        joined, languages = self.joined.isoformat(), "|".join(self.persona.languages)
        return self.user_id, joined, age, languages, self.says(rng)

    def fit(self, day: float) -> Scores:
        """Taste, kind, language and news; what was seen is seen."""
        old = np.maximum(day - self.world.release, 0) / self.world.stale
        fit: Scores = super().fit(day) + self.fits - np.minimum(old, 2) - 6 * self.done
        return fit

    def look(
        self, item: int, liked: float, day: float, clock: dt.datetime
    ) -> Generator[Event, None, tuple[dt.datetime, bool]]:
        """A title is seen, opened, left or finished."""
        device = self._device(item, clock)
        yield self.event(item, "view", clock, "", "", device)
        clock += dt.timedelta(seconds=int(self.rng.integers(3, 20)))
        promised = liked + 1.5 * self.world.bait[item] * self.persona.patience
        if self.rng.random() > sigmoid(-0.4 + 0.8 * promised):
            if liked < -0.3 and self.rng.random() < 0.2:
                yield self.event(item, "hide", clock, "", "", device)
                self.done[item] = 1
            return clock, True
        seconds = 60 * float(self.world.minutes[item])
        share = self._share(item, liked)
        dwell = max(seconds * share, 2.0)
        yield self.event(item, "open", clock, f"{dwell:.0f}", f"{share:.2f}", device)
        clock += dt.timedelta(seconds=int(dwell) + int(self.rng.integers(2, 30)))
        if share >= 0.9:
            self.done[item] = 1
            yield self.event(item, "finish", clock, "", "1.00", device)
            like, pass_on = self.rng.random(2)
            if like < sigmoid(-2.2 + 0.7 * liked):
                yield self.event(item, "like", clock, "", "", device)
            if pass_on < sigmoid(-3.4 + 0.6 * liked):
                yield self.event(item, "share", clock, "", "", device)
        left = share < 0.1 and self.rng.random() < 0.4
        return clock, not left and clock < NEW_YEAR + dt.timedelta(days=DAYS)

    def _share(self, item: int, liked: float) -> float:
        """How much of an item is seen, 0 to 1."""
        if self.world.bait[item] and self.rng.random() < 0.75:
            return float(self.rng.uniform(0.01, 0.06))
        middle = sigmoid(-0.6 + 0.8 * liked)
        share = float(self.rng.beta(3 * middle, 3 * (1 - middle)))
        return 1.0 if share > 0.85 else max(share, 0.01)

    def _device(self, item: int, clock: dt.datetime) -> str:
        """Films of an evening are on television, mornings on the phone."""
        evening, film = clock.hour >= 18, self.world.kinds[item] != "article"
        weights = [3.0, 1.0, 2.0 * (9 <= clock.hour < 18), 4.0 * (evening and film)]
        return str(self.rng.choice(DEVICES, p=np.array(weights) / sum(weights)))


def write(to: Path, seed: int = 7) -> None:
    """Write users.csv and interactions.csv into the folder ``to``."""
    shelves = Shelves(pl.read_csv(folder() / "items.csv"))

    def make(number: int, crowd: Scores, appeal: Scores, rng: np.random.Generator) -> Reader:
        return Reader(number, shelves, PERSONAS, crowd, appeal, rng)

    size = shelves.items.height
    readers = populate(make, READERS, personas=len(PERSONAS), items=size, seed=seed)
    events = in_order(readers)
    asked = np.random.default_rng(seed + 1)  # what they say of themselves changes no event
    people = [reader.row(asked) for reader in readers]
    write_csv(to / "users.csv", ("user_id", "joined", "age", "languages", "interests"), people)
    write_csv(
        to / "interactions.csv",
        ("user_id", "item_id", "event", "timestamp", "dwell_seconds", "completion", "device"),
        events,
    )


if __name__ == "__main__":
    write(folder())
