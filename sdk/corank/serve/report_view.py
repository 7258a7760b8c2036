"""What the Report tab shows: the verdict first, then a plot, tables and how it was measured.

Knows a `Report`; draws with markup alone, as the serving path has no plotting library.
"""

import math
from collections.abc import Mapping, Sequence

from corank.evaluate.report import OURS, TABLES, Report, Row
from corank.serve.markup import Html, join, tag
from corank.serve.views import empty, table
from corank.serve.words import Words

LISTED_ELSEWHERE = ("cases", "settings", *TABLES)
PLANE = (640, 240)
"""Width and height of the plot of worth against waiting."""
LINE, LETTER = 13.0, 6.6
"""Height and width of a letter in it, about."""


def report_view(report: Report | None, source: str, words: Words) -> Html:
    """The whole tab; an empty state where the bundle was saved without a report."""
    if report is None:
        return empty(words, "no_report", source=source)
    plain = [row for row in report.rows if "_over/" not in row.metric]
    over = [row for row in report.rows if "_over/" in row.metric]
    splits = list(dict.fromkeys(row.split for row in plain))
    return tag(
        "div",
        tag("h2", words("report")),
        tag("p", report.verdict, class_="cr-verdict", lang="en"),
        _leaks(report, words),
        _plot(plain, words),
        _plane(report, plain, words),
        *[_slice(report, split, plain, words) for split in splits],
        _differences(over, words) if over else None,
        _providers(report, words),
        _how(report, words),
        class_="cr-view cr-report",
        lang=words.language,
    )


def _leaks(report: Report, words: Words) -> Html | None:
    if not report.leaks:
        return None
    leaks = [tag("li", leak, lang="en") for leak in report.leaks]
    return tag("div", tag("p", words("leaks")), tag("ul", *leaks), class_="cr-problem")


def _plot(plain: Sequence[Row], words: Words) -> Html:
    """The leading metric of every system with its interval on one scale, the best on top."""
    lead, split = plain[0].metric, plain[0].split
    rows = [row for row in plain if (row.metric, row.split) == (lead, split)]
    rows.sort(key=lambda row: -row.value)
    top = max(max(row.value, row.high or 0.0) for row in rows) or 1.0

    def drawn(row: Row) -> Html:
        low = row.value if row.low is None else row.low
        high = row.value if row.high is None else row.high
        track = tag(
            "div",
            tag(
                "span",
                class_="cr-reach",
                style=f"left:{low / top:.2%};width:{(high - low) / top:.2%}",
            ),
            tag("span", class_="cr-dot", style=f"left:{row.value / top:.2%}"),
            class_="cr-track",
            aria_hidden="true",
        )
        return tag(
            "tr",
            tag("th", row.system, scope="row"),
            tag("td", track, class_="cr-drawn"),
            tag("td", f"{row.value:.4f}", class_="cr-number"),
            class_=_ours(row),
        )

    heading = tag("h3", words("leading", metric=lead, split=split))
    chart = tag("table", tag("tbody", *map(drawn, rows)), class_="cr-bars cr-plot")
    return tag("section", heading, chart)


def _plane(report: Report, plain: Sequence[Row], words: Words) -> Html | None:
    """What each system's answers are worth against how long one takes, on a scale of powers."""
    lead, split = plain[0].metric, plain[0].split
    worth = {row.system: row.value for row in plain if (row.metric, row.split) == (lead, split)}
    waits = {row["system"]: row["answer_ms"] for row in report.about.get("waits", ())}
    systems = [system for system in waits if system in worth and waits[system] > 0]
    if len(systems) < 2:
        return None
    powers = {system: math.log10(waits[system]) for system in systems}
    left, right = min(powers.values()) - 0.1, max(powers.values()) + 0.6  # for the names
    top = 1.1 * max(worth[system] for system in systems) or 1.0

    places = {
        system: (
            PLANE[0] * (powers[system] - left) / (right - left),
            PLANE[1] * (1 - worth[system] / top),
        )
        for system in systems
    }
    beside = _apart(places)

    def drawn(system: str) -> Html:
        x, y = places[system]
        dot = tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=4)
        name = tag("text", system, x=f"{x + 7:.1f}", y=f"{beside[system] + 4:.1f}")
        ends = {"x1": f"{x:.1f}", "y1": f"{y:.1f}", "x2": f"{x + 6:.1f}"}
        led = tag("line", **ends, y2=f"{beside[system]:.1f}")
        return tag("g", led, dot, name, class_="cr-ours" if system == OURS else None)

    said = "; ".join(f"{one}: {worth[one]:.4f}, {waits[one]:.2f} ms" for one in systems)
    picture = tag(
        "svg",
        *[drawn(system) for system in systems],
        viewBox=f"0 0 {PLANE[0]} {PLANE[1]}",
        role="img",
        aria_label=said,
        class_="cr-plane",
    )
    ends = f"{min(waits.values()):.2g} … {max(waits.values()):.2g} ms"
    return tag(
        "section",
        tag("h3", words("plane", metric=lead)),
        picture,
        tag("p", words("plane_help", ends=ends), class_="cr-note"),
    )


def _apart(places: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Heights for the names right of their dots, as near as no name or dot is in the way."""
    heights: dict[str, float] = {}

    def free(system: str, height: float) -> bool:
        left, right = places[system][0] + 5, places[system][0] + 7 + LETTER * len(system)
        for other, (x, y) in places.items():
            if other != system and left - 4 < x < right and abs(y - height) < LINE * 0.7:
                return False
            ends = x + 7 + LETTER * len(other)
            named = other in heights and x < right and ends > left
            if named and abs(heights[other] - height) < LINE:
                return False
        return True

    for system, (_, y) in sorted(places.items(), key=lambda each: each[1][1]):
        tried = (y + sign * LINE * n / 2 for n in range(2 * len(places)) for sign in (1, -1))
        heights[system] = next((each for each in tried if free(system, each)), y)
    return heights


def _slice(report: Report, split: str, plain: Sequence[Row], words: Words) -> Html:
    rows = [row for row in plain if row.split == split]
    metrics = list(dict.fromkeys(row.metric for row in rows))
    counted = report.about.get("cases", {}).get(split)
    cases = tag("small", words("cases", count=f"{counted:,}")) if counted else None
    lines = []
    for system in dict.fromkeys(row.system for row in rows):
        cells = {row.metric: row for row in rows if row.system == system}
        lines.append(
            tag(
                "tr",
                tag("th", system, scope="row"),
                *[tag("td", _cell(cells.get(metric)), class_="cr-number") for metric in metrics],
                class_=_ours(next(iter(cells.values()))),
            )
        )
    leading = split == plain[0].split
    return tag(
        "section" if leading else "details",
        tag("h3" if leading else "summary", split, " ", cases),
        table([words("system"), *metrics], lines),
        tag("p", words("interval"), class_="cr-note") if leading else None,
    )


def _differences(over: Sequence[Row], words: Words) -> Html:
    lines = [
        tag(
            "tr",
            tag(
                "th", row.metric.replace("_over/", " − "), " ", tag("small", row.split), scope="row"
            ),
            tag("td", f"{row.value:+.4f}", _interval(row, "+"), class_="cr-number"),
        )
        for row in over
    ]
    heads = [words("system"), words("difference")]
    return tag("details", tag("summary", words("differences")), table(heads, lines))


def _providers(report: Report, words: Words) -> Html | None:
    rows = report.about.get("providers")
    if not rows:
        return None
    lines = [
        tag(
            "tr",
            tag("th", row["provider"], scope="row"),
            *[
                tag("td", f"{value:,.2f}", class_="cr-number")
                for name, value in row.items()
                if name != "provider"
            ],
        )
        for row in rows
    ]
    heads = [words("provider"), words("provider_items"), *list(rows[0])[2:]]
    help_ = tag("p", words("providers_help"), class_="cr-note")
    return tag("details", tag("summary", words("providers")), help_, table(heads, lines))


def _how(report: Report, words: Words) -> Html:
    told = {k: v for k, v in report.about.items() if k not in LISTED_ELSEWHERE}
    told |= {k: v for k, v in report.about.get("settings", {}).items() if v}
    pairs = [join(tag("dt", name), tag("dd", _said(value))) for name, value in told.items()]
    listed = tag("dl", *pairs, class_="cr-told", lang="en")
    return tag("details", tag("summary", words("how")), listed)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} {_said(each)}" for key, each in value.items())
    return str(value)


def _cell(row: Row | None) -> Html:
    return Html("") if row is None else join(f"{row.value:.4f}", _interval(row, ""))


def _interval(row: Row, sign: str) -> Html | None:
    if row.low is None or row.high is None:
        return None
    return join(" ", tag("small", f"[{row.low:{sign}.4f}, {row.high:{sign}.4f}]"))


def _ours(row: Row) -> str | None:
    return "cr-ours" if row.system == OURS else None
