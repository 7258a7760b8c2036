"""Where ours stands beside the others in each stored result: ahead, level or behind.

Three kinds of evidence. A difference with its 95% interval (``ndcg@10_over/ease``) is clear where
that leaves out zero; a ratio of speeds (``speedup_over/openvino``), where it is above 1 in every
round. Where each system has but an interval of its own, or the lowest and the highest of several
seeds, it is clear where the two lie apart, and what is said names no interval. Seeds know nothing
of how the test was drawn. Published figures are other people's: shown, and never weighed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.reporting.metrics import SPEED, sense
from benchmarks.reporting.results import Result
from benchmarks.reporting.tables import shown
from corank.evaluate.report import OURS, Row

Verdict = Literal["ahead", "level", "behind"]

SPEAKS = {
    "cold-items": (f"{OURS}/as-new", f"{OURS}/text-alone", OURS),
    "latency": (f"{OURS}/int8",),
}
"""Protocols in which another of ours than the plain one is meant to be used, the first that is
there: the ranker of new arrivals where all answers are new, the encoder as it ships."""
FULL = "The full ranker where every answer is new; `recommend(as_new=True)` is made for that."
REASONS = {
    ("amazon-beauty, cold-items", "all", "ndcg@10"): (
        f"{FULL} It was taught that one in five is, as in the catalogue."
    ),
    ("amazon-beauty, cold-items", "all", "recall@20"): FULL,
    ("amazon-beauty, cold-items", "cold items", "ndcg@10"): FULL,
    ("amazon-beauty, cold-items", "short history", "ndcg@10"): FULL,
    ("amazon-beauty, leave-one-out", "cold items", "ndcg@10"): (
        "138 answers that nobody had chosen before. The ranker learned from cases that had hardly "
        "any; `recommend(as_new=True)` is made for such shelves."
    ),
    ("amazon-beauty, latency", "all", "texts_per_second"): (
        "Ours in full precision beside 8 bits; what ships is ours in 8, which is ahead of it."
    ),
    ("amazon-beauty, latency", "all", "ndcg@10_lost"): (
        "Of vectors alone, where a history is the mean of a few and nothing else speaks: 8 bits "
        "move each by a cosine of .9987. What the ranker loses stands under compression."
    ),
    ("banking77, latency", "all", "texts_per_second"): (
        "Ours in full precision multiplies in 32 bits. OpenVINO takes 16 where the processor has "
        "them (its vectors differ by 1e-5). What ships is ours in 8 bits, which is ahead of it."
    ),
    ("crowdflower, latency", "all", "texts_per_second"): (
        "Full precision in 32 bits beside OpenVINO's 16; what ships is ours in 8."
    ),
    ("ml-100k, time", "cold items", "ndcg@10"): (
        "Films that nobody had rated: as in Beauty, `recommend(as_new=True)` is made for them."
    ),
    ("ml-100k, time", "all", "recall@20"): (
        "192 of the 301 people asked have no history. One list of what is popular lately is nearly "
        "all that can be known of them; NDCG@10 is level."
    ),
}
"""Why ours is behind: what was measured, part of the test, metric -> reason."""
OVER, FASTER, PUBLISHED = "_over/", "speedup_over/", "published/"
RATE = "texts_per_second"


@dataclass(frozen=True)
class Standing:
    """Ours beside one other system, on one part of a test."""

    result: Result
    split: str
    metric: str
    ours: Row
    other: Row
    gap: Row | None  # ours less the other's, or ours divided by it, with its interval

    @property
    def verdict(self) -> Verdict:
        """What the evidence says."""
        if self.gap:
            even, low, high = float(self.times), self.gap.low, self.gap.high
        else:
            even, low, high = 0.0, *_reach(self.ours, self.other)
        if low is None or high is None:
            return "level"
        if sense(self.metric) < 0:
            low, high = -high, -low
        return "ahead" if low > even else "behind" if high < even else "level"

    @property
    def reason(self) -> str:
        """Why ours is behind, where somebody knows."""
        return REASONS.get((self.result.name, self.split, self.metric), "")

    @property
    def published(self) -> Row | None:
        """The best figure that was published for the same protocol."""
        place = self.split, self.metric
        there = [
            row
            for row in self.result.rows
            if row.system.startswith(PUBLISHED) and (row.split, row.metric) == place
        ]
        return max(there, key=lambda row: row.value, default=None)

    @property
    def times(self) -> bool:
        """Whether the gap is a ratio."""
        return bool(self.gap and self.gap.metric.startswith(FASTER))

    def __str__(self) -> str:
        """What the gap is, with its interval."""
        if self.gap is None:
            apart = "" if self.verdict == "level" else ", apart"
            return f"{self.ours.value - self.other.value:+.4f}{apart}"
        low, high = self.gap.low or 0.0, self.gap.high or 0.0
        if self.times:
            return f"{self.gap.value:.2f} times ({low:.2f} .. {high:.2f} in each round)"
        return f"{self.gap.value:+.4f} ({low:+.4f} .. {high:+.4f})"


def summary(results: Iterable[Result]) -> list[Standing]:
    """Return one standing for each result that names others: by its main metric, beside the best.

    With `latency` it is the fastest other engine. Ablations, which set ours beside ours, have none.
    """
    return [found for result in results if (found := _main(result))]


def losses(results: Iterable[Result]) -> list[Standing]:
    """Return every standing that is clearly behind, by a metric that is shown.

    Of the systems that are ahead of ours on one part of a test by one metric, the best is named.
    The plain system is weighed where another of ours speaks, too.
    """
    found: list[Standing] = []
    for result in results:
        behind = [each for each in _standings(result) if each.verdict == "behind"]
        best: dict[tuple[str, str, str], Standing] = {}
        for each in sorted(behind, key=_worth):
            best[each.split, each.metric, each.ours.system] = each
        found += best.values()
    return found


def _worth(standing: Standing) -> float:
    return (sense(standing.metric) or 1) * standing.other.value


def _main(result: Result) -> Standing | None:
    metric, own = RATE if result.protocol == "latency" else shown(result)[-1], speaker(result)
    beside = [
        each
        for each in _standings(result)
        if (each.split, each.metric, each.ours.system) == ("all", metric, own)
    ]
    return max(beside, key=_worth, default=None)


def speaker(result: Result) -> str:
    """Return which of ours is meant to be used in what a result measures."""
    there = {row.system for row in result.rows}
    return next((one for one in SPEAKS.get(result.protocol, (OURS,)) if one in there), OURS)


def _standings(result: Result) -> Iterator[Standing]:
    """Every comparison of ours with another system, by what is shown and says how good it is."""
    own = {speaker(result), OURS}
    metrics = {name for name in shown(result) if sense(name) or name in SPEED}
    for row in result.rows:
        if not row.system.startswith(OURS):
            continue
        before, over, other = row.metric.partition(OVER)
        if over and not other.startswith(OURS):
            metric = RATE if before == "speedup" else before
            if metric in metrics and (row.system in own or metric == RATE):
                yield from _standing(result, row, metric, other, row)
        elif row.system in own and row.metric in metrics and row.split == "all":
            for name in _unweighed(result, row):
                yield from _standing(result, row, row.metric, name, None)


def _unweighed(result: Result, row: Row) -> Iterator[str]:
    """Name the others with the same metric that no difference was stored for."""
    for other in result.rows:
        same = (other.metric, other.split) == (row.metric, row.split)
        if not same or other.system.startswith((OURS, PUBLISHED)):
            continue
        over = FASTER if row.metric == RATE else f"{row.metric}{OVER}"
        if result.row(row.system, f"{over}{other.system}", row.split) is None:
            yield other.system


def _standing(
    result: Result, row: Row, metric: str, other: str, gap: Row | None
) -> Iterator[Standing]:
    ours, theirs = (result.row(name, metric, row.split) for name in (row.system, other))
    if ours and theirs:
        yield Standing(result, row.split, metric, ours, theirs, gap)


def _reach(ours: Row, other: Row) -> tuple[float | None, float | None]:
    """The least and the most that ours is better by; nothing where one seed is all there was."""
    if ours.low is None or ours.high is None or other.low is None or other.high is None:
        return None, None
    if ours.low == ours.high and ours.seeds == 1:
        return None, None
    return ours.low - other.high, ours.high - other.low
