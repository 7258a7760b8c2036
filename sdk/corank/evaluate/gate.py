"""Whether an updated model may take the place of the one in use.

It has to gain on what is new, and may lose no more than a budget on what was there before. Both
are asked of the interval of a paired bootstrap, so luck publishes nothing: a gain clear of zero,
and a loss whose worse end stays within the budget. Knows two systems' figures on the same cases;
knows nothing of models.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corank.config import check_ranges
from corank.evaluate.significance import Interval, paired_difference

Floats = NDArray[np.float64]


class Slice(NamedTuple):
    """One metric of both models on the same cases."""

    updated: Floats  # (n,)
    current: Floats  # (n,)
    groups: NDArray[np.generic] | None = None  # (n,) such as users: drawn together


class Judgement(NamedTuple):
    """Whether to publish, and why; the intervals are of updated - current."""

    publish: bool
    why: str
    new: Interval
    old: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; the ends of an interval are None where they are unknown."""
        intervals = {
            name: {end: None if math.isnan(x) else x for end, x in vars(interval).items()}
            for name, interval in (("new", self.new), ("old", self.old))
        }
        return {"publish": self.publish, "why": self.why, **intervals}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What an update has to show.

    Args:
        budget: how much of the metric may be lost on the old slice, in the metric's own points.
        level: of the intervals.
    """

    budget: float = 0.02
    level: float = 0.95

    def __post_init__(self) -> None:
        check_ranges(self, share=("budget", "level"))

    def judge(self, metric: str, *, new: Slice, old: Slice, seed: int = 0) -> Judgement:
        """Compare on both slices.

        Raises:
            DataError: a slice holds no case.
        """
        gain, kept = (
            paired_difference(
                each.updated, each.current, groups=each.groups, level=self.level, seed=seed
            )
            for each in (new, old)
        )
        reasons = []
        if not gain.low > 0:
            reasons.append("it does not gain clearly on the new slice")
        if not kept.low > -self.budget:
            reasons.append(f"it may lose more than {self.budget:g} on the old one")
        verdict = "published" if not reasons else f"not published: {' and '.join(reasons)}"
        why = f"{verdict}. {metric}, updated - current: new {_shown(gain)}, old {_shown(kept)}."
        return Judgement(not reasons, why[0].upper() + why[1:], gain, kept)


def _shown(interval: Interval) -> str:
    return f"{interval.value:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"
