"""Two results of the same thing: what got worse, beyond the noise.

Figures of quality are compared wherever they were measured. Times are another matter: only those of
one machine are. A ratio between two systems of one run comes nearest to leaving the machine out,
and does not: what a processor has for 8 bits decides it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.reporting.results import Result
from benchmarks.reporting.standing import FASTER, LEAST, OVER
from corank.errors import ConfigError
from corank.evaluate.report import OURS

QUALITY = ("ndcg@", "hr@", "recall@", "mrr@", "accuracy", "pair_accuracy", "macro_f1")
"""How names of metrics begin that say how good a system is."""
NOISE = 0.02
"""Quality that may be lost: threads and processors add numbers up in another order, and a few of a
sample's cases turn by that."""
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

    @property
    def worse(self) -> bool:
        """Whether it got worse by more than the noise."""
        lost = self.before - self.after
        return (-lost if self.metric in LEAST else lost) > self.allowed


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
    """Return what both measured of ours that hangs on no machine."""
    return [*_changes(before, after, speeds=False)]


def _changes(before: Result, after: Result, *, speeds: bool) -> Iterator[Change]:
    for row in before.rows:
        new = after.row(row.system, row.metric, row.split)
        fast, good = row.metric.startswith(FASTER), row.metric.startswith((*QUALITY, *LEAST))
        if new is None or not row.system.startswith(OURS) or (OVER in row.metric and not fast):
            continue
        if good or (fast and speeds):
            noise = SLOWER * row.value if fast else NOISE
            yield Change(row.system, row.split, row.metric, row.value, new.value, noise)
