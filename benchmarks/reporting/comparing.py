"""Two results of the same thing: what got worse, beyond the noise.

Figures of quality are compared wherever they were measured. Times are another matter: only those of
one machine are. A ratio between two systems of one run comes nearest to leaving the machine out,
and does not: what a processor has for 8 bits decides it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.reporting.metrics import sense
from benchmarks.reporting.results import Result
from benchmarks.reporting.standing import FASTER, OVER
from corank.errors import ConfigError
from corank.evaluate.report import OURS, Row

NOISE = 0.02
"""Of a sample's few cases, quality that may be lost where no interval says: threads and processors
add numbers up in another order, and a case turns by that."""
MARGIN = 0.25
"""Share of the half of an interval that may be lost: both runs are asked the same cases, so what is
left between them is far less than what another test would move."""
SLOWER = 0.25
"""Share of a ratio of speeds that may be lost: two runs on one shared machine differ by so much."""
MACHINE = ("processor", "model", "cores", "system")


@dataclass(frozen=True)
class Change:
    """One figure, before and after."""

    system: str
    split: str
    metric: str
    before: float
    after: float
    allowed: float  # that it may be worse by
    drawn: bool = False  # it has an interval, which says by how much

    @property
    def worse(self) -> bool:
        """Whether it got worse by more than the noise, or is no number any more."""
        lost = (sense(self.metric) or 1) * (self.before - self.after)
        return not lost <= self.allowed


def same_machine(one: Result, other: Result) -> bool:
    """Whether two results come from machines that cannot be told apart."""
    return all(one.machine.get(name) == other.machine.get(name) for name in MACHINE)


def compare(before: Result, after: Result, *, force: bool = False) -> list[Change]:
    """Return what both measured of ours; speeds where the machine is the same.

    Args:
        before: what stands.
        after: what is new.
        force: compare speeds of different machines, too.

    Raises:
        ConfigError: they are of different data or protocols, or machines without ``force``.
    """
    if (before.dataset, before.protocol) != (after.dataset, after.protocol):
        raise ConfigError(f"{before.name} and {after.name} are not the same measurement.")
    if before.data_sha256 != after.data_sha256:
        raise ConfigError(f"{before.name} was measured on other data than {after.name}.")
    if not force and not same_machine(before, after):
        told = (
            ", ".join(f"{n} {each.machine.get(n)}" for n in MACHINE) for each in (before, after)
        )
        raise ConfigError(
            f"{before.name} was measured on another machine ({' and '.join(told)}), so times say "
            "nothing. Compare all the same with --force."
        )
    return [*_changes(before, after, speeds=True)]


def quality(before: Result, after: Result) -> list[Change]:
    """Return what both measured of ours that hangs on no machine, or hardly.

    Training in 16 bits ends elsewhere on another processor, so half of an interval may be lost.
    """
    return [
        replace(each, allowed=max(each.allowed, each.allowed / MARGIN if each.drawn else NOISE))
        for each in _changes(before, after, speeds=False)
    ]


def _changes(before: Result, after: Result, *, speeds: bool) -> Iterator[Change]:
    """Compare what ours did; what is no longer measured counts as lost.

    Raises:
        ConfigError: there is nothing to compare.
    """
    found = False
    for row in before.rows:
        fast, good = row.metric.startswith(FASTER), sense(row.metric) and OVER not in row.metric
        if not row.system.startswith(OURS) or not (good or (fast and speeds)):
            continue
        found = True
        new = after.row(row.system, row.metric, row.split)
        yield Change(
            row.system, row.split, row.metric, row.value,
            float("nan") if new is None else new.value, _allowed(row, fast),
            not fast and _drawn(row),
        )  # fmt: skip
    if not found:
        raise ConfigError(f"{before.name} holds nothing of ours that could have got worse.")


def _allowed(row: Row, fast: bool) -> float:
    if fast:
        return SLOWER * row.value
    if row.low is None or row.high is None or not _drawn(row):
        return NOISE
    return MARGIN * (row.high - row.low) / 2


def _drawn(row: Row) -> bool:
    return row.low is not None and row.high is not None and row.low < row.high
