"""What the Labels tab does: how the labelling functions behave, and what a person says instead.

Events whose votes disagree are shown one by one with a grade to press; what is pressed can be saved
as ``labels.csv``, which overrules the functions when it lies in the data folder. Knows data and
reports; what a visitor graded is theirs to keep, not the desk's.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import polars as pl

from corank.data.dataset import Dataset
from corank.data.schema import MAX_GRADE
from corank.engine import Engine
from corank.errors import CorankError
from corank.evaluate.report import Report
from corank.serve.markup import Html, join, tag
from corank.serve.views import block, problem, table, view
from corank.serve.words import Words

SHOWN = 12
"""Events to grade."""
Graded = Mapping[str, int]
"""Number of an example, as text -> the grade that a person gave."""


class Example(NamedTuple):
    """One event that functions disagree about."""

    user_id: str
    item_id: str
    title: str
    event: str
    when: str
    votes: Mapping[str, int]
    grade: int


class LabelDesk:
    """Answers for one bundle.

    Args:
        engine: of the bundle.
        report: of the bundle, whose table of functions is shown where there is no data.
        data: the folder that the events lie in; by default the vertical's sample, where the bundle
            is of that.
    """

    def __init__(self, engine: Engine, report: Report | None, data: Path | None = None) -> None:
        self.engine, self.report, self.folder = engine, report, data

    @cached_property
    def data(self) -> Dataset | None:
        """The events, read when they are first asked for."""
        vertical = self.engine.vertical
        if self.folder is not None:
            return vertical.read(self.folder)
        if vertical.sample is None:
            return None
        sample = vertical.read_sample()
        same = set(sample.items["item_id"]) == set(self.engine.items["item_id"])
        return sample if same else None

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """The events that are most in doubt."""
        if self.data is None:
            return ()
        found = self.data.disputed(SHOWN).join(
            self.data.items.select("item_id", "title"), on="item_id", how="left"
        )
        names = [function.name for function in self.data.labeling_functions]
        return tuple(
            Example(
                row["user_id"],
                row["item_id"],
                row["title"],
                row["event"],
                f"{row['timestamp']:%Y-%m-%d %H:%M}",
                {name: row[name] for name in names if row[name] is not None},
                row["grade"],
            )
            for row in found.iter_rows(named=True)
        )

    def show(self, graded: Graded, words: Words) -> Html:
        """The whole tab, with the grades that this visitor gave."""
        try:
            rows, examples = self._functions(graded), self.examples
        except CorankError as error:
            return problem(str(error), words)
        return view(
            words,
            tag("h2", words("labels")),
            block(words("functions"), tag("p", words("functions_help")), self._table(rows, words)),
            self._examples(examples, graded, words),
            class_="cr-labels",
        )

    def grade(self, graded: Graded, pressed: str) -> dict[str, int]:
        """Return the grades with one more; pressing a grade again takes it back."""
        number, _, grade = pressed.partition(":")
        known = number.isdigit() and int(number) < len(self.examples)
        if not known or grade not in map(str, range(MAX_GRADE + 1)):
            return dict(graded)
        if graded.get(number) == int(grade):
            return {key: value for key, value in graded.items() if key != number}
        return {**graded, number: int(grade)}

    def export(self, graded: Graded) -> str:
        """Return the grades as ``labels.csv`` holds them, after those that the data came with."""
        rows = [
            (self.examples[int(number)].user_id, self.examples[int(number)].item_id, grade)
            for number, grade in sorted(graded.items(), key=lambda each: int(each[0]))
        ]
        columns = {"user_id": pl.String, "item_id": pl.String, "grade": pl.Int64}
        given = pl.DataFrame(rows, columns, orient="row")
        known = None if self.data is None else self.data.labels
        return (given if known is None else pl.concat([known, given])).write_csv()

    def _functions(self, graded: Graded) -> list[dict[str, Any]]:
        """How each labelling function behaves, and how often it said what the visitor says."""
        if self.data is None:
            return list(self.report.about.get("labels", ())) if self.report else []
        rows = self.data.label_table().to_dicts()
        for row in rows:
            said = [
                self.examples[int(number)].votes[row["function"]] == grade
                for number, grade in graded.items()
                if row["function"] in self.examples[int(number)].votes
            ]
            row["accuracy"] = sum(said) / len(said) if said else None
        return rows

    def _table(self, rows: list[dict[str, Any]], words: Words) -> Html:
        about = {each.name: each.doc for each in self.engine.vertical.labeling_functions}
        heads = (
            "label_function", "label_says", "label_votes", "label_coverage", "label_overlaps",
            "label_conflicts", "label_accuracy",
        )  # fmt: skip
        lines = []
        for row in rows:
            shares = [
                "" if row[name] is None else f"{row[name]:.1%}"
                for name in ("coverage", "overlaps", "conflicts", "accuracy")
            ]
            said = about.get(row["function"], "")
            lines.append(
                tag(
                    "tr",
                    tag("th", row["function"], scope="row"),
                    tag("td", said, lang="en"),
                    tag("td", row["votes"] or ""),
                    *[tag("td", share, class_="cr-number") for share in shares],
                )
            )
        return table([words(head) for head in heads], lines)

    def _examples(self, examples: tuple[Example, ...], graded: Graded, words: Words) -> Html:
        if not examples:
            said = "no_data" if self.data is None else "no_disputed"
            return block(words("disputed"), tag("p", words(said), class_="cr-note"))
        cards = [
            self._card(str(number), example, graded.get(str(number)), words)
            for number, example in enumerate(examples)
        ]
        return block(
            words("disputed"),
            tag("p", words("disputed_help")),
            tag("ol", *cards, class_="cr-cards"),
            self._save(graded, words),
        )

    def _card(self, number: str, example: Example, given: int | None, words: Words) -> Html:
        votes = [
            tag("span", f"{name} → {grade}", class_="cr-tag")
            for name, grade in example.votes.items()
        ]
        buttons = [
            tag(
                "button",
                str(grade),
                type="button",
                data_do="grade",
                data_item=f"{number}:{grade}",
                aria_pressed="true" if given == grade else "false",
                aria_label=words("grade_it", title=example.title, grade=grade),
            )
            for grade in range(MAX_GRADE + 1)
        ]
        wins = words("wins", grade=example.grade)
        return tag(
            "li",
            tag("div", tag("h3", example.title), class_="cr-title"),
            tag("p", f"{example.event} · {example.when} · {wins}", class_="cr-facts"),
            tag(
                "div",
                tag("div", tag("div", *votes, class_="cr-tags")),
                tag("div", *buttons, class_="cr-buttons"),
                class_="cr-foot",
            ),
            class_="cr-card",
        )

    def _save(self, graded: Graded, words: Words) -> Html | None:
        if not graded:
            return None
        link = tag(
            "a",
            words("save_labels", count=len(graded)),
            href=f"data:text/csv;charset=utf-8,{quote(self.export(graded))}",
            download="labels.csv",
            class_="cr-save",
        )
        return join(tag("p", link), tag("p", words("save_help"), class_="cr-note"))
