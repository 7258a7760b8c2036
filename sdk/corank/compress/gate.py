"""Whether an encoder that was made smaller still does its work: the metric before and after.

What loses more than it may is not kept: first the layers that suffer most stay in full precision,
then there is nothing. Knows encoders and figures; knows nothing of what they are figures of.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corank.compress.quantize import Layer, Quantizer, cosines, vectors
from corank.compress.runtime import TextEncoder
from corank.errors import CompressionError
from corank.evaluate.significance import paired_difference

CALIBRATION = 300
"""Texts whose activations decide how to round, and as many others that vectors are compared on."""
KEPT = (0, 1, 2, 4, 8)
"""So many of the layers that suffer most stay in full precision, as few as will do."""


class Values(NamedTuple):
    """A metric's value for each case, and which cases belong together."""

    values: NDArray[np.float64]  # (n,)
    groups: NDArray[np.generic] | None = None  # (n,) such as users


@dataclass(frozen=True)
class Change:
    """The metric before and after on the same cases; the interval is of the difference."""

    cases: int
    before: float
    after: float
    low: float
    high: float

    @classmethod
    def of(cls, before: Values, after: Values, seed: int) -> "Change":
        """Compare case by case."""
        gap = paired_difference(after.values, before.values, groups=before.groups, seed=seed)
        mean = float(np.nanmean(before.values))
        return cls(len(before.values), mean, mean + gap.value, gap.low, gap.high)

    @property
    def lost(self) -> float:
        """Share of the metric that is gone; below 0 where something was gained."""
        return (self.before - self.after) / self.before if self.before else 0.0

    @property
    def perhaps_lost(self) -> float:
        """Share that may be gone: what the interval of the difference does not rule out."""
        return -self.low / self.before if self.before else 0.0


@dataclass(frozen=True)
class Compression:
    """What was made, and what it is worth."""

    metric: str
    max_drop: float  # share of the metric that was allowed to go
    changes: dict[str, Change]  # what was asked -> its metric
    layers: tuple[Layer, ...]  # those that suffer most first
    cosine: float  # of texts' vectors to what they were, mean
    least_cosine: float
    graph_mb: tuple[float, float]  # of the encoder, before and after
    reader_mb: tuple[float, float] | None = None  # of the cross-encoder, where there is one
    reader: Change | None = None  # of searches, with both rounded; None where none was asked

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [
            f"encoder: {self.graph_mb[0]:.1f} MB before, {self.graph_mb[1]:.1f} MB after; cosine "
            f"of vectors to what they were {self.cosine:.4f} (least {self.least_cosine:.4f})"
        ]
        if self.reader_mb:
            was, became = self.reader_mb
            told = f"reader: {was:.1f} MB before, {became:.1f} MB after"
            if self.reader is None:
                told += "; it stays, as validation asks no search"
            elif became == was:
                told += f"; it stays: with it in 8 bits {self.reader.lost:.2%} would be lost"
            lines.append(told)
        for name, change in self.changes.items():
            lines.append(
                f"{name}: {self.metric} {change.before:.4f} before, {change.after:.4f} after, "
                f"{-change.lost:+.2%} of it (difference {change.low:+.4f} .. {change.high:+.4f}, "
                f"{change.cases:,} cases)"
            )
            if change.lost <= self.max_drop < change.perhaps_lost:
                lines.append(
                    f"  so few cases do not rule out a loss of {change.perhaps_lost:.2%}; more of "
                    "them would"
                )
        lines.append("layers that suffer most, by the cosine that each alone would leave:")
        lines += [
            f"  {layer.cosine:.5f}  {layer.name}{', kept as it was' if layer.kept else ''}"
            for layer in self.layers[:8]
        ]
        return "\n".join(lines)


def smallest(
    encoder: TextEncoder,
    texts: Sequence[str],
    others: Sequence[str],
    measure: Callable[[TextEncoder], dict[str, Values]],
    *,
    original: TextEncoder | None = None,
    metric: str,
    max_drop: float,
    seed: int,
) -> tuple[TextEncoder, Compression]:
    """Round an encoder to 8 bits, keeping as few layers in full precision as will do.

    Args:
        encoder: in full precision.
        texts: that decide how to round, prompts included.
        others: that vectors are compared on.
        measure: says what an encoder is worth; asked of what was before first.
        original: what it stands beside, where it is itself a smaller one.
        metric: what that is.
        max_drop: the share of it that may be lost.
        seed: of what is sampled.

    Raises:
        CompressionError: whatever is kept, more is lost.
    """
    quantizer = Quantizer(encoder, texts, seed=seed)
    layers = quantizer.layers(others[: CALIBRATION // 4])
    original = original or encoder
    before, exact = measure(original), vectors(original, others)
    for n in sorted({min(n, len(layers) - 1) for n in KEPT}):
        keep = {layer.name for layer in layers[:n]}
        smaller = quantizer.encoder(keep)
        after, similar = measure(smaller), cosines(vectors(smaller, others), exact)
        found = Compression(
            metric=metric,
            max_drop=max_drop,
            changes={name: Change.of(was, after[name], seed) for name, was in before.items()},
            layers=tuple(replace(layer, kept=layer.name in keep) for layer in layers),
            cosine=float(similar.mean()),
            least_cosine=float(similar.min()),
            graph_mb=(len(original.graph) / 1e6, len(smaller.graph) / 1e6),
        )
        if max(change.lost for change in found.changes.values()) <= max_drop:
            return smaller, found
    raise CompressionError(
        f"In 8 bits more than {max_drop:.2%} of {metric} is lost, and nothing was changed.\n"
        f"{found}\nAllow more by max_drop, or give more to measure on: on few cases chance alone "
        "moves a metric by this much."
    )


def refuse_twice(about: dict[str, Any]) -> None:
    """Refuse to compress what was compressed.

    Raises:
        CompressionError: it was.
    """
    if "compressed" in about:
        raise CompressionError("This is compressed already. Compress what it was made from.")
