"""The stored results as one page of HTML that needs nothing beside it."""

import base64
import io
from collections.abc import Iterator, Sequence

from benchmarks.reporting.picture import Panel, draw, panel
from benchmarks.reporting.report import COLUMNS, line, where_behind
from benchmarks.reporting.results import Result
from benchmarks.reporting.standing import summary
from benchmarks.reporting.tables import Table, table
from benchmarks.sets.catalogue import domain_of
from corank.evaluate.report import OURS
from corank.serve.markup import Html, join, tag

STYLE = """
:root { color-scheme: light dark; --line: #8884; --ours: #c2410c; --good: #15803d; --bad: #b91c1c }
@media (prefers-color-scheme: dark) { :root { --ours: #fb923c; --good: #4ade80; --bad: #f87171 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 88rem; margin: 0 auto; padding: 1.5rem }
h1 { line-height: 1.2 } h2 { margin-top: 3rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .875rem; width: 100% }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left }
td { font-variant-numeric: tabular-nums } thead th { vertical-align: bottom }
tr.ours { font-weight: 600; color: var(--ours) }
.ahead { color: var(--good) } .behind { color: var(--bad) }
.planes img { max-width: 100%; background: white; border-radius: .5rem }
details { border-bottom: 1px solid var(--line); padding: .6rem 0 }
summary { cursor: pointer } summary b { margin-right: .5rem } .note { opacity: .75 }
"""


def page(results: Sequence[Result]) -> str:
    """Return the whole document."""
    behind = [tag("li", said) for said in where_behind(results)]
    body = join(
        tag("h1", "corank, measured"),
        tag("p", *_counted(results), class_="note"),
        tag("h2", "Who is ahead"),
        _summary(results),
        tag("h2", "Where corank loses"),
        tag("p", "What is clearly worse than another system, and why."),
        tag("ul", *behind, id="losses") if behind else tag("p", "Nowhere that was measured."),
        tag("h2", "Worth against waiting"),
        *_planes(results),
        tag("h2", "Every result"),
        tag("p", "Figures called published are their authors' own and are never weighed."),
        *[_result(each) for each in results],
    )
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", "corank, measured"),
        tag("style", Html(STYLE)),
    )
    return "<!doctype html>\n" + tag(
        "html", tag("head", head), tag("body", tag("main", body)), lang="en"
    )


def _counted(results: Sequence[Result]) -> Iterator[str]:
    commits = {each.commit for each in results}
    yield f"{len(results)} results of {len(commits)} commits, each of which is named. "
    yield "A difference counts where its 95% interval leaves out zero; apart: where there is none, "
    yield "and the two systems' own intervals, or their seeds, do not overlap."


def _table(what: str, head: Sequence[str], rows: Sequence[Html]) -> Html:
    """A table that scrolls by itself where it is wider than the page, with the keyboard too."""
    names = [tag("th", name, scope="col") for name in head]
    whole = tag("table", tag("thead", tag("tr", *names)), tag("tbody", *rows))
    return tag("div", whole, class_="wide", tabindex=0, role="region", aria_label=what)


def _summary(results: Sequence[Result]) -> Html:
    rows = []
    for each in summary(results):
        cells = [
            tag("td", _whole(cell), class_=cell if cell == each.verdict else None)
            for cell in line(each)
        ]
        rows.append(tag("tr", *cells))
    return _table("Who is ahead", COLUMNS, rows)


def _whole(cell: str) -> str:
    """An interval is not broken where a line ends."""
    return cell.replace(" .. ", "\u00a0..\u00a0")


def _planes(results: Sequence[Result]) -> Iterator[Html]:
    by_domain: dict[str, list[Panel]] = {}
    for each in results:
        if found := panel(each):
            by_domain.setdefault(domain_of(each.dataset) or "all", []).append(found)
    for domain, panels in sorted(by_domain.items()):
        with io.BytesIO() as file:
            draw(panels, file)
            code = base64.b64encode(file.getvalue()).decode()
        said = "; ".join(
            f"{one.title}: "
            + ", ".join(f"{p.system} {p.value:.4f} in {p.ms:.2f} ms" for p in one.points)
            for one in panels
        )
        picture = Html(f'<img src="data:image/png;base64,{code}" alt="{join(said)}">')
        yield tag("section", tag("h3", domain), picture, class_="planes")


def _result(result: Result) -> Html:
    made: Table = table(result)
    rows = [
        tag(
            "tr",
            *[tag("td", _whole(cell)) for cell in row],
            class_="ours" if row[0] == OURS else None,
        )
        for row in made.rows
    ]
    return tag(
        "details",
        tag("summary", tag("b", made.name), made.verdict),
        tag("p", f"{made.source}. {made.cost}", class_="note"),
        _table(made.name, made.header, rows),
    )
