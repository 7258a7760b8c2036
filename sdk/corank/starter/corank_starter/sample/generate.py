"""A year of visits, drawn from the items and the personas.

``python -m corank_starter.sample.generate`` rewrites users.csv and interactions.csv; run it after
changing items.csv or personas.py. How people live is said in `corank.people`. What a library adds:
whoever opens a document reads the longer the better it fits, and takes home or keeps what helps.
"""

import datetime as dt
from collections.abc import Generator
from pathlib import Path

import numpy as np
import polars as pl

from corank.people import (
    Event,
    Person,
    Persona,
    Scores,
    World,
    in_order,
    populate,
    sigmoid,
    terms_of,
    write_csv,
)

from . import folder
from .personas import PERSONAS, THEMES

VISITORS = 200


class Visitor(Person[Persona, World]):
    """One person's year in the library."""

    def look(
        self, item: int, liked: float, day: float, clock: dt.datetime
    ) -> Generator[Event, None, tuple[dt.datetime, bool]]:
        """A title is seen, opened, read, kept, or sent away."""
        yield self.event(item, "view", clock, "")
        clock += dt.timedelta(seconds=int(self.rng.integers(3, 20)))
        if self.rng.random() > sigmoid(0.2 + 0.9 * liked):
            if liked < -0.3 and self.rng.random() < 0.15:
                yield self.event(item, "dismiss", clock, "")
            return clock, True
        seconds = int(self.rng.gamma(2.0, 20 * np.exp(0.6 * liked)))
        yield self.event(item, "open", clock, str(seconds))
        clock += dt.timedelta(seconds=seconds)
        take, keep = self.rng.random(2)
        if take < sigmoid(-1.2 + 0.8 * liked):
            yield self.event(item, "download", clock, "")
        if keep < sigmoid(-2.0 + 0.8 * liked):
            yield self.event(item, "save", clock, "")
        return clock, True


def write(to: Path, seed: int = 7) -> None:
    """Write users.csv and interactions.csv into the folder ``to``."""
    world = World(
        pl.read_csv(folder() / "items.csv"),
        columns=("title", "description"),
        appears="published",
        themes=THEMES,
        terms=terms_of(PERSONAS),
    )

    def make(number: int, crowd: Scores, appeal: Scores, rng: np.random.Generator) -> Visitor:
        return Visitor(number, world, PERSONAS, crowd, appeal, rng)

    size = len(world.ids)
    visitors = populate(make, VISITORS, personas=len(PERSONAS), items=size, seed=seed)
    events = in_order(visitors)
    asked = np.random.default_rng(seed + 1)  # what they say of themselves changes no event
    people = [(visitor.user_id, visitor.says(asked)) for visitor in visitors]
    write_csv(to / "users.csv", ("user_id", "interests"), people)
    header = ("user_id", "item_id", "event", "timestamp", "seconds")
    write_csv(to / "interactions.csv", header, events)


if __name__ == "__main__":
    write(folder())
