"""An encoder in 8 bits, and what that does to its vectors layer by layer; a cross-encoder, too.

Knows encoders and texts; knows no metrics.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import onnx
from numpy.typing import NDArray

from corank.compress import int8
from corank.compress.pair_scorer import PairScorer
from corank.compress.rounding import Rounding, rounding
from corank.compress.runtime import PROBE, Proof, TextEncoder
from corank.language.pair_tokens import PairBatch, join
from corank.progress import track


@dataclass(frozen=True)
class Layer:
    """What rounding does to one layer's products, with everything else left as it was."""

    name: str
    error: float  # mean square over that of the exact products
    cosine: float  # of a text's vector to what it was, mean
    kept: bool = False  # it stays in full precision


class Quantizer:
    """Rounds an encoder: watched once, and made with as many layers in 8 bits as are wanted.

    Args:
        encoder: in full precision.
        texts: that decide how to round, prompts included.
        seed: of what is looked at where they say more than is needed.
        find: how to round one layer.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        texts: Sequence[str],
        *,
        seed: int = 0,
        find: int8.Find = rounding,
    ) -> None:
        self._encoder, self._texts, self._seed, self._find = encoder, list(texts), seed, find
        self._graph = onnx.load_from_string(encoder.graph)

    @cached_property
    def _how(self) -> dict[str, Rounding]:
        tokenizer = self._encoder.tokenizer
        feeds = [tokenizer.pad([ids])._asdict() for ids in tokenizer.encode(self._texts)]
        watched = track(feeds, "watching activations", len(feeds))
        rows = int8.observe(self._graph, watched, seed=self._seed)
        return int8.roundings(self._graph, rows, self._find)

    def encoder(self, keep: Collection[str] = ()) -> TextEncoder:
        """Return the encoder in 8 bits, but for the layers of these names.

        It has to give the same where it is loaded: of a text that says nothing of anybody.
        """
        graph = int8.rewritten(self._graph, self._how, keep=keep)
        new, text = replace(self._encoder, graph=graph, proof=None), PROBE[-1]
        return replace(new, proof=Proof(text, vectors(new, [text])[0]))

    def layers(self, texts: Sequence[str]) -> list[Layer]:
        """Round one layer at a time; those that suffer most first.

        ``texts``, prompts included, are what vectors are compared on.
        """
        exact, found = vectors(self._encoder, texts), []
        for name, how in track(self._how.items(), "rounding layer by layer", len(self._how)):
            alone = int8.rewritten(self._graph, {name: how}, embeddings=False)
            cosine = cosines(vectors(replace(self._encoder, graph=alone), texts), exact).mean()
            found.append(Layer(name, how.error, float(cosine)))
        return sorted(found, key=lambda layer: layer.cosine)


def rounded_scorer(
    scorer: PairScorer, queries: Sequence[str], passages: Sequence[str], *, seed: int = 0
) -> PairScorer:
    """Return a cross-encoder in 8 bits.

    Args:
        scorer: in full precision.
        queries, passages: (n,) pairs that decide how to round.
        seed: of what is looked at where they say more than is needed.
    """
    graph, tokenizer = onnx.load_from_string(scorer.graph), scorer.tokenizer
    pairs = join(tokenizer, queries, passages)
    feeds = [
        PairBatch(*tokenizer.pad([ids]), tokenizer.pad([segments]).ids)._asdict()
        for ids, segments in zip(*pairs, strict=True)
    ]
    rows = int8.observe(graph, track(feeds, "watching the reader", len(feeds)), seed=seed)
    return replace(scorer, graph=int8.rewritten(graph, int8.roundings(graph, rows)))


def vectors(encoder: TextEncoder, prompted: Sequence[str]) -> NDArray[np.float32]:
    """Encode texts that have their prompts already, (n, dim)."""
    return replace(encoder, passage_prompt="").encode_items(prompted)


def cosines(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of unit vectors, (n,), by their distance: exact where they hardly differ."""
    return np.asarray(1 - ((some.astype(np.float64) - others) ** 2).sum(axis=1) / 2)
