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
    (cpu, cores), (gpu, card) = (_rate(results, *where) for where in (CPU, GPU))
    return [
        Need("text vectors, full, mapped from disk", 4 * DIM, "B"),
        Need("graph over them in 8 bits, in memory", DIM + LINKS, "B"),
        Need("the same in one bit a number, instead", DIM / 8, "B"),
        Need("user model's states, mapped from disk", 4 * dim, "B"),
        Need("graph over them in 8 bits, in memory", dim + LINKS, "B"),
        Need("words: BM25 and unit vectors, in memory", 3 * 8 * TOKENS, "B"),
        Need("item-kNN, at the most, in memory", 8 * NEIGHBOURS, "B"),
        Need(f"encoding in 8 bits, {cores} ({cpu:,.0f} texts/s)", 1 / cpu, "s"),
        Need(f"encoding by torch, {card} ({gpu:,.0f} texts/s)", 1 / gpu, "s"),
    ]


def markdown(results: Sequence[Result], sizes: Sequence[int] = SIZES) -> str:
    """Return the table."""
    lines = [
        f"| | {' | '.join(f'{n:,}' for n in sizes)} |",
        "|---|" + "---:|" * len(sizes),
    ]
    for need in needs(results):
        lines.append(f"| {need.what} | {' | '.join(need.of(n) for n in sizes)} |")
    kept, inverted = 8 * NEIGHBOURS * EASE_LIMIT, 4 * EASE_LIMIT**2
    for what, size in (
        ("EASE, at the most", kept),
        ("the same while it is fitted", inverted),
    ):
        said = _with(size, (("GB", 1e9), ("MB", 1e6)))
        lines.append(f"| {what} | " + " | ".join(said for _ in sizes) + " |")
    return "\n".join(lines)


def _rate(
    results: Sequence[Result], dataset: str, protocol: str, system: str, split: str
) -> tuple[float, str]:
    """The rate that was stored last, and on what."""
    for result in sorted(results, key=lambda each: each.when, reverse=True):
        row = result.row(system, "texts_per_second", split)
        if (result.dataset, result.protocol) == (dataset, protocol) and row:
            machine = result.machine
            return row.value, machine.get("gpu") or f"{machine['cores']} cores"
    raise LookupError(f"no result of {dataset}, {protocol} is stored")


def _with(total: float, units: Sequence[tuple[str, float]]) -> str:
    name, size = next((unit for unit in units if total >= unit[1]), units[-1])
    value = total / size
    return f"{value:,.0f} {name}" if value >= 10 else f"{value:.1f} {name}"
