"""A classifier made smaller, and proof that it still knows its classes."""

from dataclasses import replace

import numpy as np

from corank.classify.classifier import Classifier
from corank.classify.material import Labelled
from corank.compress.gate import CALIBRATION, Compression, Values, refuse_twice, smallest
from corank.compress.runtime import TextEncoder


def compress_classifier(
    classifier: Classifier, held: Labelled, *, max_drop: float = 0.005, seed: int = 0
) -> tuple[Classifier, Compression]:
    """Return the classifier with its encoder in 8-bit integers, and what that costs.

    Args:
        classifier: with an encoder in full precision; it is not changed.
        held: texts that it has not learned from. They also say how to round; their labels do not.
            A text of no class is right where the classifier abstains, any other where its class
            is the most probable.
        max_drop: the share of accuracy that may be lost.
        seed: of the texts that decide how to round.

    Raises:
        CompressionError: more is lost, or it was compressed before.
    """
    refuse_twice(classifier.about)
    order = np.random.default_rng(seed).permutation(len(held.texts)).tolist()
    texts = [classifier.encoder.passage_prompt + held.texts[n] for n in order]

    def measure(encoder: TextEncoder) -> dict[str, Values]:
        said = replace(classifier, encoder=encoder).predict(held.texts)
        right = [
            label == (one.label if label is None else one.best)
            for one, label in zip(said, held.labels, strict=True)
        ]
        return {"classify": Values(np.array(right, np.float64))}

    encoder, found = smallest(
        classifier.encoder,
        texts[:CALIBRATION],
        texts[-CALIBRATION:],
        measure,
        metric="accuracy",
        max_drop=max_drop,
        seed=seed,
    )
    about = {**classifier.about, "compressed": found.to_dict()}
    return replace(classifier, encoder=encoder, about=about), found
