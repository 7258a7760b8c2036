"""The stored results as people read them: in the README in short, in docs in full, as a page.

Everything is made from the files in ``benchmarks/results`` and from nothing else.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.reporting.picture import draw, panel
from benchmarks.reporting.results import Result, stored
from benchmarks.reporting.scale import markdown as arithmetic
from benchmarks.reporting.standing import PUBLISHED, Standing, losses, summary
from benchmarks.reporting.tables import table
from corank.data.files import atomic

PICTURE = Path("docs") / "latency.png"
FULL = Path("docs") / "benchmarks.md"
START, END = "<!-- results: python -m benchmarks report -->", "<!-- end of results -->"
SCALE = Path("docs") / "scale.md"
SUM, SUM_END = (
    "<!-- arithmetic: python -m benchmarks report --write -->",
    "<!-- end of arithmetic -->",
)
TITLE = "# What was measured"
INTRODUCTION = f"""{TITLE}

Every result that is stored in `benchmarks/results`, by `python -m benchmarks report --write`. Each
names the commit that it came from; run the same command there to run it again. Systems stand with
the best last. Figures called published are their authors' own, for the same protocol; they are of
other runs and are never weighed against ours. A difference stands with its 95% interval (cases
drawn again) and counts where that leaves out zero; `apart` says that there is no such interval, and
that the two systems' own, or their lowest and highest seeds, do not overlap."""
COLUMNS = ("what", "metric", "corank", "best other", "standing", "difference", "published")


def markdown(results: Sequence[Result] | None = None) -> str:
    """Return all there is: who is ahead, where ours is behind, and a table for each result."""
    results = stored() if results is None else results
    parts = [INTRODUCTION, "## In short", short(results)]
    parts += ["## Every result", *(table(each).markdown() for each in results)]
    return "\n\n".join(parts) + "\n"


def short(results: Sequence[Result]) -> str:
    """Return a line for each result that has others beside ours, and where ours is behind."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---:|---:|---|---:|---:|"]
    lines += [f"| {' | '.join(line(each))} |" for each in summary(results)]
    behind = [f"- {said}" for said in where_behind(results)]
    return "\n".join([*lines, "", "**Where corank loses**, clearly:", "", *behind])


def line(each: Standing) -> tuple[str, ...]:
    """Return a standing as the cells of `COLUMNS`."""
    ours, other = each.ours.system, each.other.system
    value = figure(each.ours.value)
    if ours != "corank":
        value += f" ({ours.removeprefix('corank/')})"
    best = f"{figure(each.other.value)} ({other})"
    known = each.published
    published = f"{figure(known.value)} ({known.system.removeprefix(PUBLISHED)})" if known else ""
    return each.result.name, each.metric, value, best, each.verdict, str(each), published


def where_behind(results: Iterable[Result]) -> list[str]:
    """Say each thing that ours does worse, beside whom, and why."""
    return [
        f"{each.result.name}{'' if each.split == 'all' else f', {each.split}'}: {each.metric} of "
        f"{each.ours.system} {figure(each.ours.value)}, {each.other.system} "
        f"{figure(each.other.value)}; {each}. {each.reason}".rstrip()
        for each in losses(results)
    ]


def figure(value: float) -> str:
    """Return a number with as many digits as say something."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.2f}" if size >= 2 else f"{value:.4f}"


def write(root: Path) -> None:
    """Bring the README, the page in docs and the pictures up to date."""
    results = stored()
    timed = [found for each in results if each.protocol == "latency" and (found := panel(each))]
    if timed:
        draw(timed, root / PICTURE)
    with atomic(root / FULL) as part:
        part.write_text(markdown(results), "utf-8")
    _put(root / "README.md", START, short(results), END)
    if (root / SCALE).exists():
        _put(root / SCALE, SUM, arithmetic(results), SUM_END)


def _put(page: Path, start: str, text: str, end: str) -> None:
    """Put a text between two marks of a page."""
    before, rest = page.read_text("utf-8").split(start)
    _, after = rest.split(end)
    with atomic(page) as part:
        part.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}", "utf-8")
