"""What people say, as it comes in: windows for each topic, and an alert where opinion turns.

Nobody reads a text for certain. So each counts for every topic by the chance that it is about it,
and as negative by the chance that it is meant so: where a reader is right seven times in ten, sums
of chances tell far more than counts of guesses, and texts of one topic that are half taken for
another do not add up to an alarm there.

In windows that follow one another, the *share* of a topic is how much of all that was said was
negative about it. An alert is raised where the share is so many times what is usual,
with so much certainty (a Wilson interval, JASA 1927), and what is said of the topic is more
negative than usual too: much talk alone is no alarm. It is over only once the share has come near
the usual for some windows: two thresholds, so that it does not flicker. What is usual is a sum over
past windows that fades; while any alert is on nothing is learned, as one outbreak makes every other
share small.

Knows chances and times; knows no model and no network.
"""

import datetime as dt
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from scipy.special import ndtri

from corank.config import check_ranges
from corank.errors import ConfigError

NEGATIVE = "negative"
SILENCE = 1_000
"""Windows without any text after which the next begins with what comes, and none tells of them."""


class Opinion(NamedTuple):
    """One text, as far as it was understood."""

    at: dt.datetime
    topics: Mapping[str, float]  # topic -> chance that the text is about it; they add up to 1
    negative: float  # chance that it is meant so
    text: str


class Window(NamedTuple):
    """What was said of a topic in one window, once it is over."""

    topic: str
    begins: dt.datetime
    texts: float  # about it, as expected from the chances
    share: float  # of all that was said, negative about it; nan where nothing was said
    usual: float  # share; nan where nothing is known yet
    alarmed: bool


class Alert(NamedTuple):
    """Opinion of a topic has turned, or has come back."""

    kind: Literal["raised", "over"]
    topic: str
    at: dt.datetime  # the end of the window that told
    share: float  # of all that was said in that window, negative about the topic
    usual: float
    texts: int  # about the topic in that window, as expected from the chances
    negative: float  # share of those
    examples: tuple[str, ...]  # the clearest negative texts of the window


@dataclass(frozen=True, kw_only=True)
class MonitorConfig:
    """When to raise an alert, and when it is over.

    Args:
        window: how long a window is.
        times: an alert is raised where the share is surely so many times the usual. Chances of 0
            and 1 scatter more than others; a reader that gives only those needs about 2.
        certainty: how surely, one-sided.
        least: fewer negative texts on a topic raise nothing.
        near: the share has come back once it is no more than so many times the usual.
        patience: for so many windows in which something was said.
        warm_up: windows in which something was said before anything is raised.
        memory: windows after which what was said counts half.
        examples: texts shown with an alert.
    """

    window: dt.timedelta = dt.timedelta(hours=1)
    times: float = 1.4
    certainty: float = 0.995
    least: float = 5.0
    near: float = 1.25
    patience: int = 2
    warm_up: int = 6
    memory: float = 24.0
    examples: int = 3

    def __post_init__(self) -> None:
        check_ranges(
            self,
            at_least_1=("times", "near", "patience", "warm_up"),
            above_0=("memory", "least", "certainty"),
            share=("certainty",),
        )
        if self.window <= dt.timedelta() or self.near > self.times:
            raise ConfigError(
                f"Expected a window longer than nothing and near <= times; got {self.window}, "
                f"near={self.near}, times={self.times}."
            )


@dataclass
class _Sums:
    """What was said: in all, about a topic, and negative about it."""

    said: float = 0.0
    about: float = 0.0
    bad: float = 0.0

    @property
    def share(self) -> float:
        return self.bad / self.said if self.said else math.nan

    @property
    def negative(self) -> float:
        return self.bad / self.about if self.about else math.nan

    def take(self, other: "_Sums", kept: float) -> None:
        self.said = kept * self.said + other.said
        self.about = kept * self.about + other.about
        self.bad = kept * self.bad + other.bad


@dataclass
class _Topic:
    """What is known of one topic, and its window that is still open."""

    usual: _Sums = field(default_factory=_Sums)
    open: _Sums = field(default_factory=_Sums)
    clear: dict[str, float] = field(default_factory=dict)  # text -> how surely it is bad about it
    windows: int = 0  # in which something was said
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
        self._said = 0
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
        self._said += 1
        for name, chance in opinion.topics.items():
            topic = self._topics.setdefault(name, _Topic())
            bad = chance * opinion.negative
            topic.open.about += chance
            topic.open.bad += bad
            _remember(topic.clear, opinion.text, bad, self.config.examples)

    def close(self) -> Iterator[Window | Alert]:
        """Close the open window and begin the next; yield what it tells, topic by topic."""
        if self._begins is None:
            return
        begins, self._begins = self._begins, self._begins + self.config.window
        said, self._said = self._said, 0
        before = {name: topic.alarmed for name, topic in self._topics.items()}
        for topic in self._topics.values():
            topic.open.said = said
            self._decide(topic)
        quiet = not any(topic.alarmed for topic in self._topics.values())
        for name, topic in self._topics.items():
            yield from self._told(name, topic, before[name], begins)
            if said and quiet:
                topic.usual.take(topic.open, 0.5 ** (1 / self.config.memory))
            topic.windows += said > 0
            topic.open, topic.clear = _Sums(), {}

    def _decide(self, topic: _Topic) -> None:
        """Raise the alarm of a topic by its window that is over, or end it."""
        config, now, usual = self.config, topic.open, topic.usual.share
        if topic.alarmed and now.said:
            topic.calm = topic.calm + 1 if now.share <= config.near * usual else 0
            topic.alarmed = topic.calm < config.patience
        elif now.bad >= config.least and topic.windows >= config.warm_up:
            sure = wilson(now.bad, now.said, config.certainty)
            worse = not now.negative <= topic.usual.negative  # also where that is not known
            topic.alarmed, topic.calm = worse and sure > config.times * usual, 0

    def _told(
        self, name: str, topic: _Topic, was: bool, begins: dt.datetime
    ) -> Iterator[Window | Alert]:
        config, now, usual, clear = self.config, topic.open, topic.usual.share, topic.clear
        yield Window(name, begins, now.about, now.share, usual, topic.alarmed)
        if topic.alarmed != was:
            yield Alert(
                "raised" if topic.alarmed else "over",
                name,
                begins + config.window,
                now.share,
                usual,
                round(now.about),
                now.negative,
                tuple(sorted(clear, key=lambda text: -clear[text])),
            )


def wilson(successes: float, n: float, certainty: float) -> float:
    """Return the one-sided lower Wilson bound of a share, ``n`` above 0.

    Of a sum of chances it is a careful one: that varies less than as many coins.
    """
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


def _remember(clear: dict[str, float], text: str, bad: float, n: int) -> None:
    """Keep the ``n`` texts that are bad most surely, each once."""
    if len(clear) == n and text not in clear:
        least = min(clear, key=clear.__getitem__)
        if bad <= clear[least]:
            return
        del clear[least]
    if n:
        clear[text] = max(bad, clear.get(text, 0.0))


def _floor(at: dt.datetime, window: dt.timedelta) -> dt.datetime:
    """The start of the window that a time lies in, counted from midnight."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + window * ((at - midnight) // window)
