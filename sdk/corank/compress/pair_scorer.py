"""Run an exported cross-encoder: onnxruntime, tokenizers and numpy. No torch, no transformers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corank.compress.runtime import BUDGET, session
from corank.language.pair_tokens import PairBatch, score_pairs
from corank.language.tokenizer import Tokenizer


@dataclass
class PairScorer:
    """Pairs of texts to scores, as `corank.language.cross_encoder.CrossEncoder` gives them."""

    graph: bytes
    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        self._session = session(self.graph, "reranker")

    def score(self, queries: Sequence[str], passages: Sequence[str]) -> NDArray[np.float32]:
        """Score each query with its passage, (n,); higher is better, among those of one query.

        Raises:
            DataError: they are not equally many.
        """
        return score_pairs(
            queries, passages, self.tokenizer, self._forward, budget=BUDGET, at_once=True
        )

    def save(self, folder: Path) -> None:
        """Write ``graph.onnx``, ``tokenizer.json`` and ``reranker.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "graph.onnx").write_bytes(self.graph)
        self.tokenizer.save(folder / "tokenizer.json")
        about = {"max_tokens": self.tokenizer.max_tokens}
        (folder / "reranker.json").write_text(json.dumps(about), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "PairScorer":
        """Read what `save` wrote.

        Raises:
            BundleError: the graph or the tokenizer cannot be loaded.
            OSError, ValueError, KeyError: a file is missing or malformed.
        """
        about = json.loads((folder / "reranker.json").read_text("utf-8"))
        tokenizer = Tokenizer.load(folder / "tokenizer.json", about["max_tokens"])
        return cls((folder / "graph.onnx").read_bytes(), tokenizer)

    def _forward(self, batch: PairBatch) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._session.run(["vector"], batch._asdict())[0]
        return scores
