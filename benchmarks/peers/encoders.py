"""Other libraries' encoders with the weights that corank has, timed where they are installed.

``python -m benchmarks.peers.encoders SYSTEM WHAT FOLDER MODEL`` makes a system's files first, in
FOLDER, and then does what `answer` says in a process that loads nothing but those, on as many
threads as OMP_NUM_THREADS says. Runs in an environment of its own, without corank.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import peak_memory_mb, percentiles

MAX_TOKENS = 128
WARM_UP = 64
ALONE = 100
"""So many texts are encoded by themselves too."""


Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def answer(encode: Encode, system: str, what: str, folder: Path) -> None:
    """Do what is asked, and print it as JSON.

    Args:
        encode: the system's, loaded from files of its own and nothing else done.
        system: its name.
        what: ``read`` encodes FOLDER/every.json and leaves the vectors there, those of the first
            texts by themselves at the end; ``time`` encodes FOLDER/texts.json in one go and
            queries.json one by one.
        folder: of the texts.
    """
    if what == "read":
        every = json.loads((folder / "every.json").read_text("utf-8"))
        alone = [encode([text]) for text in every[:ALONE]]
        np.save(folder / f"{plain(system)}.npy", np.concatenate([encode(every), *alone]))
        print(json.dumps({"size_mb": megabytes(folder / plain(system))}))
        return
    texts, queries = (json.loads((folder / f"{n}.json").read_text()) for n in ("texts", "queries"))
    encode(texts[:WARM_UP])
    start = time.perf_counter()
    encode(texts)
    taken = time.perf_counter() - start
    query = percentiles(lambda number: encode([queries[number]]), len(queries))
    named = {f"query_{name}": value for name, value in query.items()}
    print(json.dumps({"seconds": taken, "peak_memory_mb": peak_memory_mb(), **named}))


def plain(system: str) -> str:
    """Return a system's name as one of a file."""
    return system.replace("/", "-")


def megabytes(folder: Path) -> float:
    """Return what the files of a folder take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _make(system: str, model: str, folder: Path) -> None:
    """Write a system's files as its documentation says; of 8 bits, for AVX-512 with VNNI."""
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    kind: Any = BACKENDS[system]
    whole = SentenceTransformer(model, device="cpu", backend=kind)
    whole.max_seq_length = MAX_TOKENS
    whole.save_pretrained(str(folder))
    if system in FILES:
        export_dynamic_quantized_onnx_model(whole, "avx512_vnni", str(folder))
        (folder / "onnx" / "model.onnx").unlink()


def _load(system: str, folder: Path) -> Encode:
    if system == FASTEMBED:
        return _load_fastembed(folder)
    import torch
    from sentence_transformers import SentenceTransformer

    kind: Any = BACKENDS[system]
    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    options: Any = {"file_name": FILES[system]} if system in FILES else {}
    if kind == "onnx":
        import onnxruntime as ort

        options["session_options"] = ort.SessionOptions()
        options["session_options"].intra_op_num_threads = threads
    if kind == "openvino":
        options["ov_config"] = {"INFERENCE_NUM_THREADS": threads}
    loaded = SentenceTransformer(str(folder), device="cpu", backend=kind, model_kwargs=options)
    if system == TORCH_INT8:  # as PyTorch's own recipe says; what is on disk stays whole
        torch.ao.quantization.quantize_dynamic(loaded, {torch.nn.Linear}, inplace=True)
    return lambda texts: np.asarray(
        loaded.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    )


def _load_fastembed(folder: Path) -> Encode:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        "local", pooling=PoolingType.MEAN, normalization=True,
        sources=ModelSource(url="nowhere"), model_file="onnx/model.onnx",
        dim=json.loads((folder / "config.json").read_text("utf-8"))["hidden_size"],
    )  # fmt: skip
    threads = int(os.environ["OMP_NUM_THREADS"])
    loaded = TextEmbedding("local", specific_model_path=str(folder), threads=threads)
    return lambda texts: np.stack([*loaded.embed(list(texts))])


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


FASTEMBED = "fastembed"
TORCH_INT8 = "sentence-transformers/torch-int8"
PACKAGES = (
    "sentence-transformers", "torch", "transformers", "optimum", "onnxruntime", "openvino",
    "fastembed",
)  # fmt: skip
BACKENDS = {
    "sentence-transformers": "torch",
    TORCH_INT8: "torch",
    "sentence-transformers/onnx": "onnx",
    "sentence-transformers/onnx-int8": "onnx",
    "sentence-transformers/openvino": "openvino",
    FASTEMBED: "onnx",
}
FILES = {"sentence-transformers/onnx-int8": "onnx/model_qint8_avx512_vnni.onnx"}

if __name__ == "__main__":
    _, asked, what, place, of = sys.argv
    files = Path(place) / plain(asked)
    if what == "make":
        _make(asked, of, files)
        print(json.dumps(_versions()))
    else:
        answer(_load(asked, files), asked, what, Path(place))
