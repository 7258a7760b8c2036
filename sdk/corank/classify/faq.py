"""Frequently asked questions: the entry that answers, with its source, or that nobody knows.

A classifier whose classes are the entries. An entry's own question teaches as an example of it,
beside one that a customer asked at least. Where the chance that the entry is right
stays below a threshold, chosen on held-out questions so that a given share of the answers is right,
nothing is answered. Torch-free once it is fitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import dataframely as dy
import polars as pl

from corank.classify.classifier import Classifier
from corank.classify.evaluation import Prediction
from corank.errors import BundleError, DataError
from corank.sealed import Sealed

FAQ = Sealed("faq", 1)


class Entry(dy.Schema):
    """A question that is asked often, and what is answered."""

    item_id = dy.String(primary_key=True, min_length=1)
    title = dy.String(min_length=1, description="the question")
    description = dy.String(min_length=1, description="the answer")
    source = dy.String(nullable=True, description="where it stands")


class FaqAnswer(NamedTuple):
    """What is answered; ``entry`` is None where nobody knows, and then there is no text."""

    entry: str | None
    text: str
    source: str
    chance: float  # that the most probable entry is right


@dataclass(frozen=True, eq=False)
class Faq:
    """Questions to entries.

    Args:
        classifier: its classes are entries.
        entries: as `Entry`.
    """

    classifier: Classifier
    entries: pl.DataFrame

    def answer(self, questions: Sequence[str]) -> list[FaqAnswer]:
        """Answer each question, (n,).

        Raises:
            RequestError: a single string was given where a list is expected.
        """
        return [self._told(said) for said in self.classifier.predict(questions)]

    def _told(self, said: Prediction) -> FaqAnswer:
        if said.label is None:
            return FaqAnswer(None, "", "", said.probability)
        text, source = self._texts[said.label]
        return FaqAnswer(said.label, text, source or "", said.probability)

    @cached_property
    def _texts(self) -> dict[str, tuple[str, str | None]]:
        rows = self.entries.select("item_id", "description", "source").iter_rows()
        return {entry: (text, source) for entry, text, source in rows}

    def save(self, path: str | Path) -> None:
        """Write a sealed folder, whole or not at all.

        Raises:
            BundleError: it cannot be written, or another thing stands there.
        """

        def write(folder: Path) -> None:
            self.classifier.save(folder / "classifier")
            self.entries.write_parquet(folder / "entries.parquet")

        FAQ.save(Path(path), write, {"entries": self.entries.height})

    @classmethod
    def load(cls, path: str | Path) -> "Faq":
        """Read and check what `save` wrote.

        Raises:
            BundleError: it is missing, damaged, or made by another version.
        """
        path = Path(path)
        FAQ.open(path)
        try:
            entries = pl.read_parquet(path / "entries.parquet")
        except (OSError, pl.exceptions.PolarsError) as error:
            raise BundleError(f"{path} is not complete: {error}. Save it again.") from error
        return cls(Classifier.load(path / "classifier"), entries)


def check_entries(entries: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of `Entry`.

    Raises:
        DataError: a row breaks the schema; nothing is left out silently.
    """
    missing = [name for name in ("item_id", "title", "description") if name not in entries.columns]
    if missing:
        raise DataError(f"The entries have no column {missing[0]!r} (they have {entries.columns}).")
    if "source" not in entries.columns:
        entries = entries.with_columns(source=pl.lit(None, pl.String))
    good, why = Entry.filter(entries.select(Entry.column_names()), cast=True)
    if why.counts():
        raise DataError(f"Entries that cannot be used: {dict(why.counts())}. Mend them.")
    return good
