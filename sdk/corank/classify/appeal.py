"""How much a text appeals: which of several creatives will be clicked more, and how surely.

Torch-free. How one is learned is in `corank.classify.appeal_training`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from corank.compress.runtime import TextEncoder
from corank.errors import BundleError, RequestError
from corank.sealed import Sealed

APPEAL = Sealed("appeal", 1)


@dataclass(frozen=True, eq=False)
class Appeal:
    """Texts to their appeal: the log of what they multiply a click rate with.

    Appeals can be compared where one audience sees both texts. They say nothing of how often that
    audience clicks at all.

    Args:
        encoder: texts to unit vectors.
        weights: of the linear head, (dim,).
        margins: (knots,) differences in appeal, ascending, symmetric around 0.
        chances: (knots,) how often the more appealing text was clicked more on held-out tests;
            isotonic. Without knots, the logistic function of the difference stands in.
        about: how it was made and what it measured on held-out tests; plain JSON values.
    """

    encoder: TextEncoder
    weights: NDArray[np.float32]
    margins: NDArray[np.float64]
    chances: NDArray[np.float64]
    about: dict[str, Any] = field(default_factory=dict)

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the appeal of each text, (n,).

        Raises:
            RequestError: a single string was given where a list is expected.
        """
        if isinstance(texts, str):
            raise RequestError("score takes a list of texts: score([text]).")
        return np.asarray(self.encoder.encode_items(texts) @ self.weights, np.float64)

    def chance(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how probably the first of two texts is clicked more, (n,).

        Args:
            margin: its appeal minus that of the second, (n,).
        """
        return chance_of(margin, self.margins, self.chances)

    def save(self, path: str | Path) -> None:
        """Write a sealed folder, whole or not at all.

        Raises:
            BundleError: it cannot be written, or another thing stands there.
        """

        def write(folder: Path) -> None:
            self.encoder.save(folder / "encoder")
            for name in ("weights", "margins", "chances"):
                np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

        APPEAL.save(Path(path), write, {"about": self.about})

    @classmethod
    def load(cls, path: str | Path) -> "Appeal":
        """Read and check what `save` wrote.

        Raises:
            BundleError: it is missing, damaged, or made by another version.
        """
        path = Path(path)
        about = APPEAL.open(path)["about"]
        try:
            encoder = TextEncoder.load(path / "encoder")
            weights, margins, chances = (
                np.load(path / f"{name}.npy", allow_pickle=False)
                for name in ("weights", "margins", "chances")
            )
        except (OSError, ValueError) as error:
            raise BundleError(f"{path} is not complete: {error}. Save it again.") from error
        return cls(encoder, weights, margins, chances, about)


def chance_of(
    margin: NDArray[np.float64], margins: NDArray[np.float64], chances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how probably the first of two arms wins by what `calibrate_duels` found, (n,).

    Without knots, the logistic function of the margin stands in.
    """
    if not len(margins):
        return np.asarray(expit(margin))
    return np.interp(margin, margins, chances)
