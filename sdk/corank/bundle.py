"""The on-disk form of an engine: one folder, versioned, checksummed, written atomically.

    bundle.json            format, vertical, how it was made, the SHA-256 of every other file, and
                           a seal: the SHA-256 of all that
    items.parquet          the catalogue
    encoder/               graph.onnx (token ids -> unit vector), tokenizer.json
    user_model/            graph.onnx (history -> user vector), states and projection
    vectors/               text.npy; *.faiss where the catalogue is large
    signals/               counts, prices and item-to-item weights
    bm25/ recommender/ searcher/
    report.json report.md report.png

Loading needs no torch, runs no code from the folder (numpy, JSON, ONNX, parquet and LightGBM's
text format only), and checks every file before using any.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.files import atomic
from corank.engine import Engine
from corank.errors import BundleError
from corank.evaluate.report import Report
from corank.language.tokenizer import Tokenizer
from corank.rank.history import UserModel
from corank.rank.ranker import Ranker
from corank.rank.signals import Signals
from corank.retrieve.cooccurrence import ItemItem
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import ExactIndex, VectorIndex, load_index
from corank.vertical import load_vertical

FORMAT = 1
MANIFEST = "bundle.json"
_DAMAGED = "is not what was saved (its checksum differs). Copy or save the bundle again."
ARRAYS = ("counts", "recency", "log_price", "repeatable")


def save(engine: Engine, report: Report | None, path: Path) -> None:
    """Write a bundle; what stood at ``path`` stays whole until the new one is complete.

    Raises:
        BundleError: the folder cannot be written, or holds something that is no bundle.
    """
    check_place(path)
    try:
        with atomic(path) as part:
            part.mkdir()
            _write(engine, part)
            if report:
                report.save(part)
            manifest = {
                "format": FORMAT,
                "corank": version("corank"),
                "vertical": engine.vertical.name,
                "item_text": engine.vertical.item_text,
                "rules": [rule.describe() for rule in engine.vertical.rules],
                "per_retriever": engine.per_retriever,
                "about": engine.about,
                "files": {
                    name: {"sha256": _sha256(part / name), "bytes": (part / name).stat().st_size}
                    for name in _files(part)
                },
            }
            write_manifest(part, manifest)
    except OSError as error:
        raise BundleError(f"The bundle cannot be written to {path}: {error}.") from error


def check_place(path: Path) -> None:
    """Check that nothing but a bundle, or an empty folder, would be replaced at ``path``.

    Raises:
        BundleError: something else is there.
    """
    empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not empty and not (path / MANIFEST).is_file():
        raise BundleError(f"{path} exists and is no bundle; it is left alone. Choose another path.")


def load(path: str | Path) -> Engine:
    """Read and check a bundle.

    Raises:
        BundleError: it is missing, damaged, made by a newer version, or made with another
            declaration of its vertical.
        UnknownVerticalError: the vertical's package is not installed.
    """
    path = Path(path)
    manifest = read_manifest(path)
    for name in manifest["files"]:
        _check(path, manifest, name)
    if strange := [name for name in _files(path) if name not in manifest["files"]]:
        raise BundleError(f"{path} holds {strange[0]}, which was not saved with it. Remove that.")
    vertical = load_vertical(manifest["vertical"])
    if vertical.item_text != manifest["item_text"]:
        raise BundleError(
            f"{path} was made with item_text {manifest['item_text']!r}; the installed vertical "
            f"{vertical.name!r} reads {vertical.item_text!r}. Fit it again."
        )
    try:
        return _read(path, manifest, vertical)
    except (OSError, KeyError, ValueError, pl.exceptions.PolarsError) as error:
        raise BundleError(f"{path} is not complete: {error}. Save it again.") from error


def read_manifest(path: Path) -> dict[str, Any]:
    """Read ``bundle.json``.

    Raises:
        BundleError: there is none, it is malformed, or of a newer format.
    """
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text("utf-8"))
        found = manifest["format"]
    except FileNotFoundError as error:
        raise BundleError(f"{path} is no bundle: it holds no {MANIFEST}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path / MANIFEST} cannot be read: {error!r}.") from error
    if found != FORMAT:
        raise BundleError(
            f"{path} has bundle format {found}; this corank reads format {FORMAT}. "
            f"It was made by corank {manifest.get('corank')}: install that, or fit again."
        )
    if manifest.pop("seal", None) != _seal(manifest):
        raise BundleError(f"{path / MANIFEST} {_DAMAGED}")
    return manifest


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write ``bundle.json`` and seal it."""
    sealed = {**manifest, "seal": _seal(manifest)}
    (path / MANIFEST).write_text(json.dumps(sealed, indent=1), "utf-8")


def read_report(path: Path) -> Report:
    """Read the report that lies in a bundle.

    Raises:
        BundleError: there is none, or it is damaged.
    """
    manifest = read_manifest(path)
    if "report.json" not in manifest["files"]:
        raise BundleError(f"{path} holds no report. Make one: corank evaluate {path} --data FOLDER")
    _check(path, manifest, "report.json")
    return Report.from_dict(json.loads((path / "report.json").read_text("utf-8")))


def _check(path: Path, manifest: dict[str, Any], name: str) -> None:
    file, expected = path / name, manifest["files"][name]
    if not file.resolve().is_relative_to(path.resolve()):
        raise BundleError(f"{path / MANIFEST} names {name!r}, which lies outside the bundle.")
    if not file.is_file():
        raise BundleError(f"{path} is truncated: {name} is missing. Copy or save it again.")
    if file.stat().st_size != expected["bytes"] or _sha256(file) != expected["sha256"]:
        raise BundleError(f"{file} {_DAMAGED}")


def _files(folder: Path) -> list[str]:
    """Names of the files in a bundle, but for the manifest and hidden ones."""
    names = (f.relative_to(folder) for f in sorted(folder.rglob("*")) if f.is_file())
    return [n.as_posix() for n in names if n.name[0] != "." and n.as_posix() != MANIFEST]


def _seal(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(engine: Engine, folder: Path) -> None:
    signals = engine.signals
    for name in ("encoder", "user_model", "vectors", "signals"):
        (folder / name).mkdir()
    engine.items.write_parquet(folder / "items.parquet")
    (folder / "encoder" / "graph.onnx").write_bytes(engine.encoder.graph)
    engine.encoder.tokenizer.save(folder / "encoder" / "tokenizer.json")
    encoder = {
        "max_tokens": engine.encoder.tokenizer.max_tokens,
        "query_prompt": engine.encoder.query_prompt,
        "passage_prompt": engine.encoder.passage_prompt,
    }
    (folder / "encoder" / "encoder.json").write_text(json.dumps(encoder), "utf-8")
    (folder / "user_model" / "graph.onnx").write_bytes(signals.user_model.graph)
    _save_array(folder / "user_model" / "projection.npy", signals.user_model.projection)
    _save_array(folder / "user_model" / "states.npy", signals.user_model.states)
    _save_array(folder / "vectors" / "text.npy", signals.text_vectors)
    for name, index in (("text", signals.text_index), ("states", signals.state_index)):
        if not isinstance(index, ExactIndex):
            index.save(folder / "vectors" / f"{name}.faiss")
    for name in ARRAYS:
        _save_array(folder / "signals" / f"{name}.npy", getattr(signals, name))
    for name in ("together", "neighbours"):
        related: ItemItem = getattr(signals, name)
        for array in ("indptr", "indices", "data"):
            _save_array(folder / "signals" / f"{name}.{array}.npy", getattr(related.weights, array))
    settings = {
        "history_length": signals.user_model.history_length,
        "decay": signals.decay,
        "together_decay": signals.together.decay,
        "neighbours_decay": signals.neighbours.decay,
    }
    (folder / "signals" / "signals.json").write_text(json.dumps(settings), "utf-8")
    signals.bm25.save(folder / "bm25")
    engine.recommender.save(folder / "recommender")
    engine.searcher.save(folder / "searcher")


def _read(folder: Path, manifest: dict[str, Any], vertical: Any) -> Engine:
    encoder = json.loads((folder / "encoder" / "encoder.json").read_text("utf-8"))
    tokenizer = Tokenizer.load(folder / "encoder" / "tokenizer.json", encoder.pop("max_tokens"))
    settings = json.loads((folder / "signals" / "signals.json").read_text("utf-8"))
    text_vectors = _load_array(folder / "vectors" / "text.npy")
    user_model = UserModel(
        (folder / "user_model" / "graph.onnx").read_bytes(),
        _load_array(folder / "user_model" / "states.npy"),
        _load_array(folder / "user_model" / "projection.npy"),
        settings["history_length"],
    )
    return Engine(
        vertical=vertical,
        items=pl.read_parquet(folder / "items.parquet"),
        encoder=TextEncoder((folder / "encoder" / "graph.onnx").read_bytes(), tokenizer, **encoder),
        signals=Signals(
            text_vectors=text_vectors,
            text_index=_index(folder / "vectors" / "text.faiss", text_vectors),
            user_model=user_model,
            state_index=_index(folder / "vectors" / "states.faiss", user_model.states),
            together=_related(folder / "signals", "together", settings["together_decay"]),
            neighbours=_related(folder / "signals", "neighbours", settings["neighbours_decay"]),
            bm25=BM25.load(folder / "bm25"),
            decay=settings["decay"],
            **{name: _load_array(folder / "signals" / f"{name}.npy") for name in ARRAYS},
        ),
        recommender=Ranker.load(folder / "recommender"),
        searcher=Ranker.load(folder / "searcher"),
        per_retriever=manifest["per_retriever"],
        about=manifest["about"],
    )


def _index(file: Path, vectors: NDArray[np.float32]) -> VectorIndex:
    return load_index(file) if file.exists() else ExactIndex(vectors)


def _related(folder: Path, name: str, decay: float) -> ItemItem:
    indptr, indices, data = (
        _load_array(folder / f"{name}.{a}.npy") for a in ("indptr", "indices", "data")
    )
    n = len(indptr) - 1
    return ItemItem(sp.csr_array((data, indices, indptr), shape=(n, n)), decay)


def _save_array(path: Path, array: NDArray[Any]) -> None:
    np.save(path, array, allow_pickle=False)


def _load_array(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, allow_pickle=False)
    return array
