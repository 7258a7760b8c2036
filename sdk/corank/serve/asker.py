"""What a visitor tells of themselves, for rules that ask who asks.

A vertical's rules name columns of its users and interactions; each becomes a field of a form. The
moment needs no field: it is now. Knows schemas; knows neither gradio nor the engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from corank.vertical import Vertical

MOST = 4_000  # characters of one answer that a browser takes; nothing is cut here
YES_NO = ("true", "false")


@dataclass(frozen=True)
class Question:
    """One field.

    Args:
        column: what it fills.
        help: what its schema says of it; may be empty.
        choices: what may be answered; empty where anything may.
        at_first: what the vertical's example says.
    """

    column: str
    help: str
    choices: tuple[str, ...] = ()
    at_first: str = ""

    @property
    def label(self) -> str:
        """The column's name as people read it."""
        return self.column.replace("_", " ")


def questions(vertical: Vertical) -> tuple[Question, ...]:
    """Return what to ask: the columns that rules name, but for the moment."""
    found = []
    for name in vertical.asked:
        column = vertical.moment_columns[name]
        dtype = column.dtype
        if isinstance(dtype, pl.Datetime):
            continue
        choices: tuple[str, ...] = ()
        if isinstance(dtype, pl.Enum):
            choices = tuple(dtype.categories)
        elif dtype == pl.Boolean:
            choices = YES_NO
        question = Question(name, column.description or "", choices)
        found.append(replace(question, at_first=answer(question, vertical.example_asker)))
    return tuple(found)


def answer(question: Question, known: Mapping[str, Any]) -> str:
    """Return what the form's field holds where so much is known; nothing where it is not."""
    said = str(known.get(question.column, ""))
    return said.lower() if question.choices == YES_NO else said


def told(asked: Sequence[Question], answers: Sequence[Any]) -> dict[str, Any]:
    """Return what is known of whoever asks, by column.

    Args:
        asked: the form's fields.
        answers: theirs, in that order; what is empty is not known.
    """
    known: dict[str, Any] = {}
    for question, answer in zip(asked, answers, strict=True):
        said = str(answer or "").strip()
        if said:
            known[question.column] = said == "true" if question.choices == YES_NO else said
    return known
