"""People who were written down, living by what texts say: the events of a sample.

A *term* is a theme (a name with the word beginnings that carry it) or a plain word; it hits an
item where one of its words begins a word of the item's text. A persona is weights over terms, in
chapters that are lived one after the other, so a taste follows meaning through a whole catalogue.
Nobody here knows an embedding.

A person is mostly one persona and partly another, and comes by for a number of visits. In a visit
the next item looked at is drawn from a softmax over what has appeared, of

    fit        the words of the present chapter, reweighted by the person; what this kind of people
               happens to like for reasons that no text gives; and what a domain adds
  + appeal     what everybody likes (popularity's long tail), and the newness of what is new
  + momentum   what is related to the last items looked at

A few looks wander: they follow appeal alone. What comes of a look is the domain's to say.
"""

import csv
import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

NEW_YEAR = dt.datetime(2025, 1, 1)
DAYS = 365
NEW = 30  # days
FIRST_CHINESE = "\u2e80"
WANDERS = 0.12
"""Share of looks that follow appeal alone."""

Scores = NDArray[np.float64]  # (items,) unless said otherwise
Tastes = Mapping[str, float]
"""Term -> weight."""
Themes = Mapping[str, tuple[str, ...]]
"""Theme -> the word beginnings that carry it, lower case."""
Event = tuple[str, ...]
"""user, item, event, timestamp, and what a domain adds."""


@dataclass(frozen=True, kw_only=True)
class Persona:
    """Somebody: ``chapters`` are tastes in the order in which they are lived."""

    name: str
    who: str
    chapters: tuple[Tastes, ...]
    session: float  # items looked at in one visit, on average


class World:
    """The catalogue as people see it: words, and the days on which things appear.

    Args:
        items: the catalogue.
        columns: whose text can be hit.
        appears: the column of the date from which an item is there.
        leaves: the column of the last date on which it is, if there is one; null: no last.
        themes: by name.
        terms: what personas like, and whatever else is to be looked up.
    """

    def __init__(
        self,
        items: pl.DataFrame,
        *,
        columns: Sequence[str],
        appears: str,
        leaves: str | None = None,
        themes: Themes,
        terms: Collection[str],
    ) -> None:
        self.items = items
        self.ids: list[str] = items["item_id"].to_list()
        rows = items.select(pl.col(columns).fill_null("")).rows()
        texts, self.hits = [". ".join(row).lower() for row in rows], dict[str, Scores]()
        for term in sorted({*themes, *terms}):
            words = re.compile("|".join(map(_begins, themes.get(term, (term,)))))
            self.hits[term] = np.array([float(bool(words.search(text))) for text in texts])
        self.themes = np.array([self.hits[theme] for theme in themes])  # (themes, items)
        self.release = _days(items[appears])
        self.last = np.full(items.height, np.inf) if leaves is None else _days(items[leaves])

    @cached_property
    def related(self) -> Scores:
        """(items, items) how strongly a look at the row leads on to the column: shared themes."""
        links: Scores = 0.9 * np.minimum(self.themes.T @ self.themes, 2)
        np.fill_diagonal(links, -4.0)
        return links

    def taste(self, tastes: Tastes, mood: Mapping[str, float]) -> Scores:
        """How much a chapter likes each item."""
        words = [weight * mood[term] * self.hits[term] for term, weight in tastes.items()]
        return np.asarray(np.sum(words, axis=0))


P = TypeVar("P", bound=Persona)
W = TypeVar("W", bound=World)


class Person(ABC, Generic[P, W]):
    """One person's year: ``year()`` yields the events, visit by visit.

    Args:
        number: from 1.
        world: what there is.
        personas: who there may be.
        crowd: what each kind of people happens to like, (personas, items).
        appeal: what everybody likes.
        rng: of all that is drawn.
    """

    aside = 0.5
    """How much of a second persona there is in everybody."""
    often = 2.7
    """Scale of the gamma distribution, of shape 1.3, that visits in a year follow, beside two."""

    def __init__(
        self,
        number: int,
        world: W,
        personas: Sequence[P],
        crowd: Scores,
        appeal: Scores,
        rng: np.random.Generator,
    ) -> None:
        self.user_id, self.world, self.appeal, self.rng = f"u{number:04d}", world, appeal, rng
        first, second = rng.choice(len(personas), size=2, replace=False)
        self.persona = personas[first]
        moods = {t: float(np.exp(0.5 * rng.standard_normal())) for t in terms_of(personas)}
        self.chapters = [world.taste(c, moods) for c in self.persona.chapters]
        self.other = self.aside * world.taste(personas[second].chapters[0], moods)
        self.private = crowd[first] + 0.3 * rng.standard_normal(len(appeal))
        self.may_see = np.ones(len(appeal), np.bool_)
        self.settle()
        self.signup = int(rng.integers(-500, 300))
        self.start = rng.uniform(-0.3, 0.5)  # where in the persona's story the year finds them
        self.seen = np.zeros(len(appeal))

    def settle(self) -> None:
        """Draw what else a domain knows of somebody, and say what they may never see."""

    @property
    def joined(self) -> dt.date:
        """The day from which the person is known."""
        return NEW_YEAR.date() + dt.timedelta(days=self.signup)

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
        visits = 2 + int(self.rng.gamma(1.3, self.often) * (DAYS - first_day) / DAYS)
        days = np.sort(first_day + (DAYS - first_day) * self.rng.random(visits) ** 0.8)
        trail: list[int] = []
        for day in days:
            hour = np.clip(self.rng.normal(17, 3.5), 6, 23)
            yield from self._visit(int(day) + hour / 24, trail)

    def _visit(self, day: float, trail: list[int]) -> Iterator[Event]:
        clock = NEW_YEAR + dt.timedelta(days=day)
        newness = 1.2 * (self.world.release > day - NEW)
        for step in range(1 + self.rng.poisson(self.persona.session - 1)):
            fit = self.fit(day)
            wander = self.rng.random() < WANDERS
            pull = 1.2 * self.appeal if wander else fit + self.appeal + newness - 0.8 * self.seen
            if trail and not wander:
                pull = pull + (0.8 if step else 0.5) * self._momentum(trail)
            there = self.may_see & (self.world.release <= day) & (day < self.world.last + 1)
            if not there.any():
                return
            item = self._draw(np.where(there, pull, -np.inf))
            trail.append(item)
            self.seen[item] += 1
            liked = float((fit[item] - fit.mean()) / fit.std())
            clock, goes_on = yield from self.look(item, liked, day, clock)
            if not goes_on:
                return

    def fit(self, day: float) -> Scores:
        """(items,) how well each item suits this person on this day."""
        story = float(np.clip(self.start + day / DAYS, 0, 1)) * (len(self.chapters) - 1)
        page = int(story)
        turn = story - page
        after = self.chapters[min(page + 1, len(self.chapters) - 1)]
        fit: Scores = self.other + self.private
        fit += (1 - turn) * self.chapters[page] + turn * after
        return fit

    @abstractmethod
    def look(
        self, item: int, liked: float, day: float, clock: dt.datetime
    ) -> Generator[Event, None, tuple[dt.datetime, bool]]:
        """Yield what comes of a look; return when that ends, and whether the visit goes on.

        Args:
            item: what is looked at.
            liked: how well it suits, in standard deviations above the mean of all.
            day: counted from New Year.
            clock: when.
        """

    def event(self, item: int, event: str, when: dt.datetime, *more: str) -> Event:
        """Return one row of the interactions."""
        return self.user_id, self.world.ids[item], event, when.isoformat(timespec="seconds"), *more

    def _momentum(self, trail: Sequence[int]) -> Scores:
        """(items,) pull of the last three looks, the newest most."""
        looks = [0.5**n * self.world.related[item] for n, item in enumerate(reversed(trail[-3:]))]
        return np.asarray(np.sum(looks, axis=0))

    def _draw(self, pull: Scores) -> int:
        weights = np.exp(pull - pull.max()).cumsum()
        return int(np.searchsorted(weights, self.rng.random() * weights[-1]))


def _days(dates: pl.Series) -> Scores:
    """Dates as days from New Year, (n,); one that is not given never comes."""
    days = (dates.str.to_date() - NEW_YEAR.date()).dt.total_days().cast(pl.Float64)
    return days.fill_null(np.inf).to_numpy()


def _begins(word: str) -> str:
    """A pattern of where a word begins; in Chinese, without spaces, it may stand anywhere."""
    return re.escape(word) if word >= FIRST_CHINESE else rf"\b{re.escape(word)}"


def terms_of(personas: Sequence[Persona]) -> list[str]:
    """Return every term that a persona has a taste for."""
    return sorted(
        {term for persona in personas for chapter in persona.chapters for term in chapter}
    )


A = TypeVar("A")
"""A domain's person."""


def populate(
    make: Callable[[int, Scores, Scores, np.random.Generator], A],
    n: int,
    *,
    personas: int,
    items: int,
    seed: int,
) -> list[A]:
    """Return so many people: number, crowd, appeal and what draws -> a person."""
    rng = np.random.default_rng(seed)
    appeal = 1.1 * rng.standard_normal(items)
    crowd = 0.3 * rng.standard_normal((personas, items))
    return [make(number, crowd, appeal, rng) for number in range(1, n + 1)]


def in_order(people: Iterable["Person[P, W]"]) -> list[Event]:
    """Return everything that happens in everybody's year, by time."""
    events = chain.from_iterable(person.year() for person in people)
    return sorted(events, key=lambda event: (event[3], event[0]))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table, the same bytes everywhere."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def sigmoid(x: float) -> float:
    """Return the chance that goes with log odds."""
    return float(1 / (1 + np.exp(-x)))
