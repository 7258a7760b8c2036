"""What a catalogue of any size needs, by arithmetic from stored rates and the layout of a bundle.

Bytes are those of the arrays, as `corank.rank.signals` and the indexes hold them; hours are items
divided by a rate that was measured and stored. Nothing here was run at those sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.reporting.results import Result
from corank.rank.fusion import UserModelConfig
from corank.retrieve.cooccurrence import EASE_LIMIT

DIM = 384
LINKS = 2 * 32 * 4
"""Bytes of a node's links in the lowest layer of FAISS's graph: twice M, in 32 bits."""
TOKENS = 30
"""Distinct tokens of a product's text, about (CrowdFlower has 27 in the mean)."""
NEIGHBOURS = 200
SIZES = (100_000, 1_000_000, 10_000_000, 1_000_000_000)
CPU = ("crowdflower", "latency", "corank/int8", "all")
GPU = ("crowdflower", "8-bit-cuda", "fp32", "encoding")


@dataclass(frozen=True)
class Need:
    """One line: what it is, and what it takes of each item."""

    what: str
    each: float  # bytes, or seconds
    unit: str  # "B" or "s"

    def of(self, n: int) -> str:
        """Say what ``n`` items take."""
        total = self.each * n
        if self.unit == "B":
            return _with(total, (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)))
        return _with(total, (("days", 86_400), ("h", 3_600), ("min", 60), ("s", 1)))


def needs(results: Sequence[Result]) -> list[Need]:
    """Return what grows with the catalogue, one line each."""
    dim = UserModelConfig().dim
    rates = {name: _rate(results, *where) for name, where in (("cpu", CPU), ("gpu", GPU))}
    return [
        Need("text vectors, full, mapped from disk", 4 * DIM, "B"),
        Need("graph over them in 8 bits, in memory", DIM + LINKS, "B"),
        Need("the same in one bit a number, instead", DIM / 8, "B"),
        Need("user model's states, mapped from disk", 4 * dim, "B"),
        Need("graph over them in 8 bits, in memory", dim + LINKS, "B"),
        Need("words: BM25 and unit vectors, in memory", 3 * 8 * TOKENS, "B"),
        Need("item-kNN, at the most, in memory", 8 * NEIGHBOURS, "B"),
        Need(f"encoding in 8 bits, two cores ({rates['cpu']:,.0f} texts/s)", 1 / rates["cpu"], "s"),
        Need(f"encoding by torch, one H200 ({rates['gpu']:,.0f} texts/s)", 1 / rates["gpu"], "s"),
    ]


def markdown(results: Sequence[Result], sizes: Sequence[int] = SIZES) -> str:
    """Return the table."""
    lines = [
        f"| | {' | '.join(f'{n:,}' for n in sizes)} |",
        "|---|" + "---:|" * len(sizes),
    ]
    for need in needs(results):
        lines.append(f"| {need.what} | {' | '.join(need.of(n) for n in sizes)} |")
    ease = 8 * NEIGHBOURS * EASE_LIMIT
    lines.append(f"| EASE, of {EASE_LIMIT:,} items | " + " | ".join(
        _with(ease, (("MB", 1e6),)) for _ in sizes) + " |")  # fmt: skip
    return "\n".join(lines)


def _rate(results: Sequence[Result], dataset: str, protocol: str, system: str, split: str) -> float:
    """The rate that was stored last."""
    for result in reversed(results):
        row = result.row(system, "texts_per_second", split)
        if (result.dataset, result.protocol) == (dataset, protocol) and row:
            return row.value
    raise LookupError(f"no result of {dataset}, {protocol} is stored")


def _with(total: float, units: Sequence[tuple[str, float]]) -> str:
    name, size = next((unit for unit in units if total >= unit[1]), units[-1])
    value = total / size
    return f"{value:,.0f} {name}" if value >= 10 else f"{value:.1f} {name}"
