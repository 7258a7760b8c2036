"""Labelled texts made ready to learn from: classes numbered, texts tokenized, vectors on demand.

Knows texts, labels and an encoder; knows nothing of how a classifier is trained.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from corank.errors import DataError
from corank.language.encoder import Encoder
from corank.language.objectives import Ids
from corank.language.tokenizer import Tokenizer, embed

Rows = NDArray[np.int64]
Labels = Sequence[str | None]


class Labelled(NamedTuple):
    """Texts, (n,), and the class of each; None for none of them."""

    texts: Sequence[str]
    labels: Labels


class Material:
    """Texts, the number of each one's class, and their vectors by the encoder as it is now.

    Args:
        texts: (n,).
        labels: (n,) class names; None is of no class.
        encoder: makes the vectors.
        max_tokens: longer texts are cut.
        classes: known before, in their order; others that the labels name come after.

    Raises:
        DataError: fewer than two classes, a class with a single text, or lengths that differ.
    """

    def __init__(
        self,
        texts: Sequence[str],
        labels: Labels,
        encoder: Encoder,
        max_tokens: int,
        classes: tuple[str, ...] = (),
    ) -> None:
        self.classes, self.y = _numbered(texts, labels, classes)
        self.encoder = encoder
        max_tokens = min(max_tokens, encoder.tokenizer.max_tokens)
        self.tokenizer = Tokenizer(encoder.tokenizer.backend, max_tokens)
        self.prompted = [encoder.config.passage_prompt + text for text in texts]
        self.ids = self.tokenizer.encode(self.prompted)

    def __len__(self) -> int:
        return len(self.y)

    def ids_of(self, rows: Rows) -> Ids:
        """Token ids of these texts."""
        return [self.ids[row] for row in rows]

    def vectors(self, rows: Rows) -> NDArray[np.float32]:
        """Unit vectors of these texts, (n, dim)."""
        texts = [self.prompted[row] for row in rows]
        return embed(texts, self.tokenizer, self.encoder.run, dim=self.encoder.dim)

    def known(self, rows: Rows) -> Rows:
        """Those of the rows that belong to a class."""
        return rows[self.y[rows] >= 0]

    def targets(self) -> NDArray[np.float64]:
        """One-hot rows, (n, n_classes); uniform where a text belongs to no class."""
        n = len(self.classes)
        return np.where(self.y[:, None] < 0, 1 / n, np.arange(n) == self.y[:, None])

    def divide(self, holdout: float, seed: int) -> tuple[Rows, Rows]:
        """Return rows to learn from and rows held out, each class in its share."""
        rows = np.arange(len(self))
        if not holdout:
            return rows, rows[:0]
        n = max(round(len(self) * holdout), len(np.unique(self.y)))
        learn, held = train_test_split(rows, test_size=n, stratify=self.y, random_state=seed)
        return np.sort(learn), np.sort(held)


def _numbered(
    texts: Sequence[str], labels: Labels, before: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the classes, the new ones sorted, and each text's, -1 where it has none."""
    if len(texts) != len(labels):
        raise DataError(f"{len(texts):,} texts came with {len(labels):,} labels.")
    count = Counter(label for label in labels if label is not None)
    if len(count) < 2:
        raise DataError(
            f"A classifier tells classes apart; the labels hold {len(count)}: "
            f"{', '.join(count) or 'none'}. Bring texts of at least two."
        )
    single = sorted(name for name, n in count.items() if n == 1)
    if single:
        raise DataError(
            f"Class {single[0]!r} has a single text ({len(single)} such classes): it cannot be "
            "learned and checked too. Bring at least two of each, or leave the class out."
        )
    if sum(label is None for label in labels) == 1:
        raise DataError(
            "A single text belongs to no class: it cannot be learned and checked too. Bring at "
            "least two such texts, or none."
        )
    classes = (*before, *sorted(count.keys() - set(before)))
    number = {name: i for i, name in enumerate(classes)}
    y = [-1 if label is None else number[label] for label in labels]
    return classes, np.array(y, np.int64)
