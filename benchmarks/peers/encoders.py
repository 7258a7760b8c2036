"""Other libraries' encoders with the weights that corank has, timed where they are installed.

``python -m benchmarks.peers.encoders SYSTEM MODEL FOLDER`` reads FOLDER/texts.json and queries.json
and prints seconds; vectors go to FOLDER. Runs in an environment of its own, without corank.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import percentiles

MAX_TOKENS = 128
WARM_UP = 64
ALONE = 100
"""So many texts are encoded by themselves too."""
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def timed(system: str, encode: Encode, folder: Path) -> dict[str, float]:
    """Encode the texts once, and the queries one by one; what came out is left in the folder."""
    texts, queries = (json.loads((folder / f"{n}.json").read_text()) for n in ("texts", "queries"))
    encode(texts[:WARM_UP])
    start = time.perf_counter()
    vectors = encode(texts)
    taken = time.perf_counter() - start
    alone = np.concatenate([encode([text]) for text in texts[:ALONE]])
    np.save(folder / f"{system}.npy", np.concatenate([vectors, alone]))
    query = percentiles(lambda number: encode([queries[number]]), len(queries))
    return {"seconds": taken, **{f"query_{name}": value for name, value in query.items()}}


def _sentence_transformers(
    model: str, folder: Path, backend: Any = "torch", **options: Any
) -> Encode:
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(model, device="cpu", backend=backend, **options)
    loaded.max_seq_length = MAX_TOKENS
    return lambda texts: np.asarray(
        loaded.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    )


def _onnx_int8(model: str, folder: Path) -> Encode:
    """As its documentation says: dynamic, for AVX-512 with VNNI."""
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    with tempfile.TemporaryDirectory() as place:
        whole = SentenceTransformer(model, device="cpu", backend="onnx")
        whole.save_pretrained(place)
        export_dynamic_quantized_onnx_model(whole, "avx512_vnni", place)
        name = {"file_name": "onnx/model_qint8_avx512_vnni.onnx"}
        return _sentence_transformers(place, folder, "onnx", model_kwargs=name)


SYSTEMS: dict[str, Callable[[str, Path], Encode]] = {
    "sentence-transformers": _sentence_transformers,
    "sentence-transformers/onnx": lambda m, f: _sentence_transformers(m, f, "onnx"),
    "sentence-transformers/onnx-int8": _onnx_int8,
    "sentence-transformers/openvino": lambda m, f: _sentence_transformers(m, f, "openvino"),
}

if __name__ == "__main__":
    _, asked, of, place = sys.argv
    print(json.dumps(timed(asked.replace("/", "-"), SYSTEMS[asked](of, Path(place)), Path(place))))
