"""A classifier made smaller, and proof that it still knows its classes."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from corank.classify.classifier import Classifier
from corank.classify.material import Labelled
from corank.compress.gate import CALIBRATION, Compression, Values, refuse_twice, smallest
from corank.compress.runtime import TextEncoder
from corank.compress.shallow import shallower
from corank.language.shrink import ShrinkConfig


def compress_classifier(
    classifier: Classifier,
    held: Labelled,
    *,
    shrink: ShrinkConfig | None = None,
    texts: Sequence[str] = (),
    max_drop: float = 0.005,
    seed: int = 0,
) -> tuple[Classifier, Compression]:
    """Return the classifier with its encoder in 8-bit integers, and what that costs.

    Args:
        classifier: with an encoder in full precision; it is not changed.
        held: texts that it has not learned from. They also say how to round; their labels do not.
            A text of no class is right where the classifier abstains, any other where its class
            is the most probable.
        shrink: make the encoder shallower first, and how.
        texts: more of the domain's, such as those that it has learned from: a shallower encoder
            learns from them to say what the whole one says.
        max_drop: the share of accuracy that may be lost.
        seed: of the texts that decide how to round.

    Raises:
        CompressionError: more is lost, or it was compressed before.
        BundleError, ConfigError, TrainingError: see `shallower`.
    """
    refuse_twice(classifier.about)
    prompt, start = classifier.encoder.passage_prompt, classifier.encoder
    order = np.random.default_rng(seed).permutation(len(held.texts)).tolist()
    read = [prompt + held.texts[n] for n in order]
    if shrink:
        every = read + [prompt + text for text in texts]
        start = shallower(start, classifier.about["encoder"], every, shrink, seed=seed)

    def measure(encoder: TextEncoder) -> dict[str, Values]:
        said = replace(classifier, encoder=encoder).predict(held.texts)
        right = [
            label == (one.label if label is None else one.best)
            for one, label in zip(said, held.labels, strict=True)
        ]
        return {"classify": Values(np.array(right, np.float64))}

    encoder, found = smallest(
        start,
        read[:CALIBRATION],
        read[-CALIBRATION:],
        measure,
        original=classifier.encoder,
        metric="accuracy",
        max_drop=max_drop,
        seed=seed,
    )
    how = found.to_dict() | ({"shrunk": asdict(shrink)} if shrink else {})
    about = {**classifier.about, "compressed": how}
    return replace(classifier, encoder=encoder, about=about), found
