"""What people say, as it comes in: windows for each topic, and an alert where opinion turns.

Each text has a topic and a sentiment. For every topic, texts are counted in windows that follow one
another; the share of negative ones is compared with what is usual for the topic, a mean over past
windows that fades. An alert is raised where the share is above what is usual by so much, with so
much certainty (a Wilson interval, JASA 1927, of the window's share); it is over only once the share
has come back near the usual for some windows: two thresholds, so that it does not flicker. While it
is on, nothing is learned of what is usual.

Knows topics, sentiments and times; knows no model and no network.
"""

import datetime as dt
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from scipy.special import ndtri

from corank.config import check_ranges
from corank.errors import ConfigError

NEGATIVE = "negative"
SILENCE = 1_000
"""Windows without any text after which the next begins with what comes, and none tells of them."""


class Opinion(NamedTuple):
    """One text, as it was understood."""

    at: dt.datetime
    topic: str
    sentiment: str
    text: str
    chance: float = 1.0  # of the sentiment


class Window(NamedTuple):
    """What was said of a topic in one window, once it is over."""

    topic: str
    begins: dt.datetime
    texts: int
    negative: float  # share of them; nan where there are none
    usual: float  # share
    alarmed: bool


class Alert(NamedTuple):
    """Opinion of a topic has turned, or has come back."""

    kind: Literal["raised", "over"]
    topic: str
    at: dt.datetime  # the end of the window that told
    negative: float
    usual: float
    texts: int
    examples: tuple[str, ...]  # the clearest negative texts of the window


@dataclass(frozen=True, kw_only=True)
class MonitorConfig:
    """When to raise an alert, and when it is over.

    Args:
        window: how long a window is.
        least: fewer texts of a topic raise nothing.
        above: how far above the usual the share has to be, of 1.
        certainty: with which it is, one-sided.
        near: the share has come back once it is no further than this above the usual.
        patience: for so many windows that have texts.
        usual: share of negative texts before anything is known of a topic.
        memory: windows after which what was said counts half.
        examples: texts shown with an alert.
    """

    window: dt.timedelta = dt.timedelta(hours=1)
    least: int = 10
    above: float = 0.15
    certainty: float = 0.99
    near: float = 0.1
    patience: int = 2
    usual: float = 0.35
    memory: float = 24.0
    examples: int = 3

    def __post_init__(self) -> None:
        check_ranges(
            self,
            at_least_1=("least", "patience"),
            above_0=("memory",),
            share=("above", "certainty", "near", "usual"),
        )
        if self.window <= dt.timedelta() or self.near > self.above:
            raise ConfigError(
                f"Expected a window longer than nothing and near <= above; got {self.window}, "
                f"near={self.near}, above={self.above}."
            )


@dataclass
class _Topic:
    """What is known of one topic, and its window that is still open."""

    usual: float
    weight: float = 0.0  # windows that count, faded
    texts: list[Opinion] = field(default_factory=list)
    alarmed: bool = False
    calm: int = 0


class Monitor:
    """Takes opinions in the order of time; tells windows as they close, and alerts.

    Args:
        config: when to raise.
    """

    def __init__(self, config: MonitorConfig | None = None) -> None:
        self.config = config or MonitorConfig()
        self._topics: dict[str, _Topic] = {}
        self._begins: dt.datetime | None = None

    def watch(self, opinions: Iterable[Opinion]) -> Iterator[Window | Alert]:
        """Yield what is told by opinions as they come, and by the last window once they end."""
        for opinion in opinions:
            yield from self.add(opinion)
        yield from self.close()

    def add(self, opinion: Opinion) -> Iterator[Window | Alert]:
        """Take one opinion; yield what the windows tell that it closes.

        A text older than the open window counts to that window: it comes late, and is not lost.
        """
        if self._begins is None:
            self._begins = _floor(opinion.at, self.config.window)
        while opinion.at >= self._begins + self.config.window:
            yield from self.close()
            if opinion.at - self._begins > SILENCE * self.config.window:
                self._begins = _floor(opinion.at, self.config.window)
        topic = self._topics.setdefault(opinion.topic, _Topic(self.config.usual))
        topic.texts.append(opinion)

    def close(self) -> Iterator[Window | Alert]:
        """Close the open window and begin the next; yield what it tells, topic by topic."""
        if self._begins is None:
            return
        begins, self._begins = self._begins, self._begins + self.config.window
        for name, topic in self._topics.items():
            texts, topic.texts = topic.texts, []
            yield from self._told(name, topic, texts, begins)

    def _told(
        self, name: str, topic: _Topic, texts: list[Opinion], begins: dt.datetime
    ) -> Iterator[Window | Alert]:
        config, usual, was = self.config, topic.usual, topic.alarmed
        n = len(texts)
        bad = sum(each.sentiment == NEGATIVE for each in texts)
        share = bad / n if n else math.nan
        if n >= config.least and not topic.alarmed:
            topic.alarmed = wilson(bad, n, config.certainty) > usual + config.above
            topic.calm = 0
        elif n and topic.alarmed:
            topic.calm = topic.calm + 1 if share <= usual + config.near else 0
            topic.alarmed = topic.calm < config.patience
        if n and not topic.alarmed:
            _learn(topic, share, n / (n + config.least), config.memory)
        yield Window(name, begins, n, share, usual, topic.alarmed)
        if topic.alarmed != was:
            clear = sorted(
                (each for each in texts if each.sentiment == NEGATIVE), key=lambda o: -o.chance
            )
            yield Alert(
                "raised" if topic.alarmed else "over",
                name,
                begins + config.window,
                share,
                usual,
                n,
                tuple(dict.fromkeys(each.text for each in clear))[: config.examples],
            )


def wilson(successes: int, n: int, certainty: float) -> float:
    """Return the one-sided lower Wilson bound of a share, ``n`` above 0."""
    z = float(ndtri(certainty))
    share, spread = successes / n, z * z / n
    middle = share + spread / 2
    reach = z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return (middle - reach) / (1 + spread)


def latest(told: Iterable[Window | Alert], n: int) -> dict[str, deque[Window]]:
    """Return the last ``n`` windows of each topic, for a chart."""
    found: dict[str, deque[Window]] = {}
    for each in told:
        if isinstance(each, Window):
            found.setdefault(each.topic, deque(maxlen=n)).append(each)
    return found


def _learn(topic: _Topic, share: float, weight: float, memory: float) -> None:
    """Let a window change what is usual: a mean whose windows fade by half in ``memory``."""
    kept = topic.weight * 0.5 ** (1 / memory)
    before = kept + 1.0  # what is believed at first counts as one window
    topic.usual = (before * topic.usual + weight * share) / (before + weight)
    topic.weight = kept + weight


def _floor(at: dt.datetime, window: dt.timedelta) -> dt.datetime:
    """The start of the window that a time lies in, counted from midnight."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + window * ((at - midnight) // window)
