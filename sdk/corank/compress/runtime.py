"""Run exported graphs: onnxruntime, tokenizers and numpy. No torch, no transformers."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from corank.errors import BundleError
from corank.language.tokenizer import Batch, Padding, Tokenizer, embed

PROBE = ("a", "Two sentences, of some length. What they say is of no account.")
"""Texts to compare encoders on; they are nobody's own, so a bundle may hold them."""
TOLERANCE = 1e-4
"""Largest absolute difference allowed between what a graph says and what it stands for."""
SAME = 0.999
"""Cosine that a text's vector must have to the one that was stored when the encoder was made."""
BUDGET = 512
"""Positions of a batch, padding included: what stays in the processor's cache."""
REMEMBERED = 4_096
"""Vectors of so many queries are kept: what people search for comes back."""


def session(graph: bytes, what: str) -> ort.InferenceSession:
    """Load a graph for the CPU, to be run on one thread; see `corank.threads`.

    Raises:
        BundleError: onnxruntime cannot load it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no other base
        raise BundleError(
            f"The {what} graph cannot be loaded by onnxruntime {ort.__version__}: {error} If it "
            "lacks an operator, install a later one; if the file is damaged, make the bundle again."
        ) from error


class Proof(NamedTuple):
    """A text, prompt included, and its vector where the encoder was made, (dim,)."""

    text: str
    vector: NDArray[np.float32]


@dataclass
class TextEncoder:
    """Texts to unit vectors, as `corank.language.encoder.Encoder` makes them.

    ``proof`` comes with a graph whose result depends on the processor: see `load`. ``padding``
    counts what batching wasted on item texts, over the life of the object.
    """

    graph: bytes
    tokenizer: Tokenizer
    query_prompt: str = ""
    passage_prompt: str = ""
    proof: Proof | None = None

    def __post_init__(self) -> None:
        self.padding = Padding()
        self._remembered = lru_cache(REMEMBERED)(self._encode_query)
        self._session = session(self.graph, "encoder")
        *_, width = self._session.get_outputs()[0].shape
        if not isinstance(width, int):
            raise BundleError(f"The encoder graph does not say how long its vectors are ({width}).")
        self.dim = width

    def save(self, folder: Path) -> None:
        """Write ``graph.onnx``, ``tokenizer.json`` and ``encoder.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "graph.onnx").write_bytes(self.graph)
        self.tokenizer.save(folder / "tokenizer.json")
        about: dict[str, Any] = {
            "max_tokens": self.tokenizer.max_tokens,
            "query_prompt": self.query_prompt,
            "passage_prompt": self.passage_prompt,
        }
        if self.proof:
            about["proof"] = {"text": self.proof.text, "vector": self.proof.vector.tolist()}
        (folder / "encoder.json").write_text(json.dumps(about), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "TextEncoder":
        """Read what `save` wrote.

        A compressed encoder first proves that this processor computes what the one did on which
        it was made: old ones lose digits when they multiply 8-bit integers.

        Raises:
            BundleError: the graph or the tokenizer cannot be loaded, or the proof fails.
            OSError, ValueError: a file is missing or malformed.
        """
        about = json.loads((folder / "encoder.json").read_text("utf-8"))
        tokenizer = Tokenizer.load(folder / "tokenizer.json", about.pop("max_tokens"))
        if proof := about.pop("proof", None):
            about["proof"] = Proof(proof["text"], np.array(proof["vector"], np.float32))
        encoder = cls((folder / "graph.onnx").read_bytes(), tokenizer, **about)
        encoder._prove()
        return encoder

    def _prove(self) -> None:
        if self.proof is None:
            return
        vector = embed([self.proof.text], self.tokenizer, self._forward, dim=self.dim)[0]
        if not (cosine := float(vector @ self.proof.vector)) >= SAME:
            raise BundleError(
                "This encoder is compressed to 8-bit integers, which this processor does not "
                f"multiply exactly enough: a text's vector has a cosine of {cosine:.4f} to what it "
                f"was where the encoder was made (allowed: {SAME}). Use the bundle in full "
                "precision here, or another processor (x86 with VNNI, ARM with dot products)."
            )

    def reads_like(self, other: "TextEncoder") -> bool:
        """Whether both make the same vectors of items."""
        mine, theirs = self.tokenizer, other.tokenizer
        return (self.graph, self.passage_prompt, mine.max_tokens, mine.backend.to_str()) == (
            other.graph, other.passage_prompt, theirs.max_tokens, theirs.backend.to_str()
        )  # fmt: skip

    def encode_items(
        self,
        texts: Iterable[str],
        *,
        out: Path | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> NDArray[np.float32]:
        """Embed item texts, streaming; see `tokenizer.embed`. Returns (n, dim)."""
        prompted = (self.passage_prompt + text for text in texts)
        return embed(
            prompted,
            self.tokenizer,
            self._forward,
            dim=self.dim,
            budget=BUDGET,
            at_once=True,
            out=out,
            progress=progress,
            padding=self.padding,
        )

    def encode_queries(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Embed search queries, (n, dim)."""
        prompted = (self.query_prompt + text for text in texts)
        return embed(
            prompted, self.tokenizer, self._forward, dim=self.dim, budget=BUDGET, at_once=True
        )

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """Embed one query, (dim,), not to be written to; the last ones asked are remembered."""
        return self._remembered(text)

    def forget(self) -> None:
        """Forget the queries that were asked."""
        self._remembered.cache_clear()

    def _encode_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.encode_queries([text])[0]
        vector.flags.writeable = False
        return vector

    def _forward(self, batch: Batch) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._session.run(
            ["vector"], {"ids": batch.ids, "mask": batch.mask}
        )[0]
        return vectors
