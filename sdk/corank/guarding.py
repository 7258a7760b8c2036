"""Words that rules guard by: what whoever asks may say of themselves, as a catalogue knows it.

A rule that keeps products from who takes warfarin keeps nothing from who takes "warfarn". So a word
that no item knows is refused, and whoever asks is told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from corank.data.graph import Join
from corank.data.values import SEPARATOR, share_out
from corank.errors import RequestError, nearest

Vocabulary = Mapping[str, tuple[str, ...]]
"""Column of whoever asks -> the item columns whose values it may hold."""


def known_words(
    items: pl.DataFrame, vocabulary: Vocabulary, joins: Sequence[Join] = ()
) -> dict[str, frozenset[str]]:
    """Return what a catalogue knows of each column of whoever asks.

    Args:
        items: the catalogue.
        vocabulary: where such words stand.
        joins: of the vertical; what they write where there is nothing may be said as well.
    """
    nothing = {each.none for each in joins if each.none is not None}
    return {
        said: frozenset(nothing.union(*(share_out(items[column]).names for column in columns)))
        for said, columns in vocabulary.items()
    }


def check_words(
    now: Mapping[str, Any], vocabulary: Vocabulary, known: Mapping[str, frozenset[str]]
) -> None:
    """See that each word is one that some item knows.

    Args:
        now: of whoever asks, by column; several values with ``|`` between them.
        vocabulary: where such words stand.
        known: as `known_words` found it.

    Raises:
        RequestError: one is not; the nearest is named.
    """
    for column, words in known.items():
        for word in str(now.get(column) or "").split(SEPARATOR):
            if word and word not in words:
                there = " or ".join(vocabulary[column])
                raise RequestError(
                    f"{column}: {word!r} stands in no item's {there}, so no rule can guard by it."
                    f"{nearest(word, words)} If it is spelt as it should be, leave it out."
                )
