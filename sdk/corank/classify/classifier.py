"""A text classifier at work: vectors, a linear head, calibrated probabilities, abstention.

Torch-free. How one is made is in `corank.classify.training`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from corank.classify.evaluation import Prediction, evaluate
from corank.compress.runtime import TextEncoder
from corank.errors import BundleError, RequestError
from corank.sealed import Sealed

CLASSIFIER = Sealed("classifier", 1)


@dataclass(frozen=True, eq=False)
class Classifier:
    """Texts to classes.

    Args:
        encoder: texts to unit vectors.
        classes: their names.
        weights: of the linear head, (dim, n_classes).
        bias: (n_classes,).
        temperature: divides the logits; chosen on held-out texts so that probabilities mean what
            they say.
        threshold: a prediction less probable than this is withheld.
        about: how it was made and what it measured on held-out texts; plain JSON values.
    """

    encoder: TextEncoder
    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float = 1.0
    threshold: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, n_classes); rows sum to 1."""
        return self.probabilities(self.encoder.encode_items(texts))

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the same for vectors that the encoder made, (n, dim)."""
        logits = vectors @ self.weights + self.bias
        return np.asarray(softmax(logits.astype(np.float64) / self.temperature, axis=1))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return what is said about each text; the label is None where it abstains.

        Raises:
            RequestError: a single string was given where a list is expected.
        """
        if isinstance(texts, str):
            raise RequestError("predict takes a list of texts: predict([text]).")
        probabilities = self.predict_proba(texts)
        best = probabilities.argmax(1)
        return [
            Prediction(
                self.classes[one] if row[one] >= self.threshold else None,
                self.classes[one],
                float(row[one]),
            )
            for row, one in zip(probabilities, best, strict=True)
        ]

    def evaluate(self, texts: Sequence[str], labels: Sequence[str | None]) -> dict[str, float]:
        """Measure on labelled texts; see `corank.classify.evaluation.evaluate`."""
        return evaluate(self.predict(texts), labels, self.classes)

    def save(self, path: str | Path) -> None:
        """Write a sealed folder, whole or not at all.

        Raises:
            BundleError: it cannot be written, or another thing stands there.
        """

        def write(folder: Path) -> None:
            self.encoder.save(folder / "encoder")
            np.save(folder / "weights.npy", self.weights, allow_pickle=False)
            np.save(folder / "bias.npy", self.bias, allow_pickle=False)

        about = {
            "classes": self.classes,
            "temperature": self.temperature,
            "threshold": self.threshold,
            "about": self.about,
        }
        CLASSIFIER.save(Path(path), write, json.loads(json.dumps(about)))

    @classmethod
    def load(cls, path: str | Path) -> "Classifier":
        """Read and check what `save` wrote.

        Raises:
            BundleError: it is missing, damaged, or made by another version.
        """
        path = Path(path)
        manifest = CLASSIFIER.open(path)
        try:
            return cls(
                TextEncoder.load(path / "encoder"),
                tuple(manifest["classes"]),
                np.load(path / "weights.npy", allow_pickle=False),
                np.load(path / "bias.npy", allow_pickle=False),
                manifest["temperature"],
                manifest["threshold"],
                manifest["about"],
            )
        except (OSError, KeyError, ValueError) as error:
            raise BundleError(f"{path} is not complete: {error}. Save it again.") from error
