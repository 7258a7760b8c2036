"""Other libraries' encoders with the weights that corank has, timed where they are installed.

``python -m benchmarks.peers.encoders SYSTEM WHAT FOLDER MODEL``: see `answer`. Runs in an
environment of its own, without corank.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import peak_memory_mb, percentiles

MAX_TOKENS = 128
WARM_UP = 64
ALONE = 100
"""So many texts are encoded by themselves too."""


class Loaded(NamedTuple):
    """An encoder, ready."""

    encode: Callable[[Sequence[str]], NDArray[np.float32]]
    megabytes: float  # of its files


def answer(loaded: Loaded, system: str, what: str, folder: Path) -> None:
    """Do what is asked, and print it as JSON.

    Args:
        loaded: what encodes.
        system: its name.
        what: ``read`` encodes FOLDER/every.json and leaves the vectors there, those of the first
            texts by themselves at the end; ``time`` encodes FOLDER/texts.json in one go and
            queries.json one by one.
        folder: of the texts.
    """
    encode = loaded.encode
    if what == "read":
        every = json.loads((folder / "every.json").read_text("utf-8"))
        alone = [encode([text]) for text in every[:ALONE]]
        np.save(folder / f"{system.replace('/', '-')}.npy", np.concatenate([encode(every), *alone]))
        print(json.dumps({"size_mb": loaded.megabytes}))
        return
    texts, queries = (json.loads((folder / f"{n}.json").read_text()) for n in ("texts", "queries"))
    encode(texts[:WARM_UP])
    start = time.perf_counter()
    encode(texts)
    taken = time.perf_counter() - start
    query = percentiles(lambda number: encode([queries[number]]), len(queries))
    named = {f"query_{name}": value for name, value in query.items()}
    print(json.dumps({"seconds": taken, "memory_mb": peak_memory_mb(), **named}))


def megabytes(folder: Path) -> float:
    """Return what the files of a folder take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _sentence_transformers(model: str, backend: Any = "torch", **options: Any) -> Loaded:
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(model, device="cpu", backend=backend, **options)
    loaded.max_seq_length = MAX_TOKENS
    with tempfile.TemporaryDirectory() as place:
        loaded.save_pretrained(place)
        size = megabytes(Path(place))
    return Loaded(
        lambda texts: np.asarray(
            loaded.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        ),
        size,
    )


def _onnx_int8(model: str) -> Loaded:
    """As its documentation says: dynamic, for AVX-512 with VNNI."""
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    with tempfile.TemporaryDirectory() as place:
        whole = SentenceTransformer(model, device="cpu", backend="onnx")
        whole.save_pretrained(place)
        (Path(place) / "onnx" / "model.onnx").unlink()
        export_dynamic_quantized_onnx_model(whole, "avx512_vnni", place)
        name = {"file_name": "onnx/model_qint8_avx512_vnni.onnx"}
        loaded = _sentence_transformers(place, "onnx", model_kwargs=name)
        return loaded._replace(megabytes=megabytes(Path(place)))


SYSTEMS: dict[str, Callable[[str], Loaded]] = {
    "sentence-transformers": _sentence_transformers,
    "sentence-transformers/onnx": lambda model: _sentence_transformers(model, "onnx"),
    "sentence-transformers/onnx-int8": _onnx_int8,
    "sentence-transformers/openvino": lambda model: _sentence_transformers(model, "openvino"),
}

if __name__ == "__main__":
    _, asked, what, place, of = sys.argv
    answer(SYSTEMS[asked](of), asked, what, Path(place))
