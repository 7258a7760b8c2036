"""The on-disk form of an engine: one folder, versioned, checksummed, written atomically.

    bundle.json            format, vertical, how it was made, the SHA-256 of every other file, and
                           a seal: the SHA-256 of all that
    items.parquet          the catalogue
    encoder/               graph.onnx (token ids -> unit vector), tokenizer.json
    user_model/            graph.onnx (history -> user vector), states and projection
    vectors/               text.npy; *.faiss where the catalogue is large, *.milvus.json where a
                           Milvus finds the nearest
    signals/               counts, prices, item-to-item weights, and when items are chosen
    bm25/ recommender/ newcomers/ searcher/
    reader/                where answers are read: a cross-encoder, and the ranker that knows it
    report.json report.md report.png

Loading needs no torch, runs no code from the folder (numpy, JSON, ONNX, parquet and LightGBM's
text format only), and checks every file before using any.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.files import alone_in
from corank.engine import Engine
from corank.errors import BundleError
from corank.evaluate.report import Report
from corank.installed import load_vertical
from corank.rank.chances import Chances
from corank.rank.confidence import Confidence
from corank.rank.history import UserModel
from corank.rank.lift import Lift
from corank.rank.ranker import Ranker
from corank.rank.reader import Reader
from corank.rank.signals import Signals
from corank.retrieve.cooccurrence import ItemItem
from corank.retrieve.lexical import BM25
from corank.retrieve.milvus import MilvusIndex, address
from corank.retrieve.vectors import load_index, save_index
from corank.sealed import Sealed
from corank.vertical import Vertical

BUNDLE = Sealed("bundle", 4)
ARRAYS = ("counts", "recency", "trend", "log_price", "repeatable")


def save(engine: Engine, report: Report | None, path: Path) -> None:
    """Write a bundle; what stood at ``path`` stays whole until the new one is complete.

    Raises:
        BundleError: the folder cannot be written, or holds something that is no bundle.
    """

    def write(folder: Path) -> None:
        _write(engine, folder)
        if report:
            report.save(folder)

    about = {
        "vertical": engine.vertical.name,
        "item_text": engine.vertical.item_text,
        "rules": [rule.describe() for rule in engine.vertical.rules],
        "per_retriever": engine.per_retriever,
        "about": engine.about,
    }
    BUNDLE.save(path, write, about)


def publish(
    engine: Engine, report: Report | None, path: Path, *, made_from: str | None = None
) -> None:
    """Write a bundle in place of another, which is kept beside it for `roll_back`.

    Killed at any moment, it leaves the one or the other, at ``path`` or before it.

    Args:
        engine, report: what is written.
        path: where.
        made_from: the `identity` of the bundle that this one was made from.

    Raises:
        BundleError: the folder cannot be written, a place is taken by something else, or by now
            there is another bundle than the one that this was made from.
    """
    check_places(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone_in(path.parent):
        _settle(path)
        if made_from:
            _check_unchanged(path, made_from)
        after, gone = path.with_name(f".next-{path.name}"), path.with_name(f".gone-{path.name}")
        save(engine, report, after)
        shutil.rmtree(gone, ignore_errors=True)
        before = previous(path)
        if path.exists():
            if before.exists():
                before.rename(gone)
            path.rename(before)
        after.rename(path)
        shutil.rmtree(gone, ignore_errors=True)


def put_report(engine: Engine, report: Report, path: Path, *, made_from: str) -> None:
    """Write a bundle again, with a report; nothing else of it changes, and none is kept beside it.

    Args:
        engine: what was read from there.
        report: about it.
        path: where.
        made_from: the `identity` of the bundle that was read.

    Raises:
        BundleError: by now there is another one.
    """
    with alone_in(path.parent):
        _settle(path)
        _check_unchanged(path, made_from)
        save(engine, report, path)


def _check_unchanged(path: Path, made_from: str) -> None:
    if identity(path) != made_from:
        raise BundleError(
            f"{path} has changed since it was read, by another update or compression; it is "
            "left as it is. Begin again from what it is now."
        )


def identity(path: Path) -> str:
    """Return what tells the bundle that stands at ``path`` from every other.

    Raises:
        BundleError: there is none, or it is damaged.
    """
    return BUNDLE.identity(path)


def roll_back(path: Path) -> None:
    """Change a bundle for the one before it, which is kept: once more, and it is back.

    One that was killed is brought to its end.

    Raises:
        BundleError: there is none before it, or it is damaged.
    """
    before, aside = previous(path), _aside(path)
    if not path.parent.is_dir():
        raise BundleError(f"There is no bundle before {path}: {before} does not exist.")
    with alone_in(path.parent):
        if not aside.exists():
            if not before.exists():
                raise BundleError(f"There is no bundle before {path}: {before} does not exist.")
            BUNDLE.open(before)
            check_places(path)
            if path.exists():
                path.rename(aside)
        _settle(path)


def previous(path: Path) -> Path:
    """Where the bundle before this one is kept."""
    return path.with_name(f"{path.name}.previous")


def check_places(path: Path) -> None:
    """Check that nothing but bundles would be replaced by publishing at ``path``.

    Raises:
        BundleError: something else is there.
    """
    BUNDLE.check_place(path)
    BUNDLE.check_place(previous(path))


def _settle(path: Path) -> None:
    """Take the renames that are left of an exchange."""
    before, aside = previous(path), _aside(path)
    if not path.exists() and before.exists():
        before.rename(path)
    if aside.exists():
        aside.rename(before)


def _aside(path: Path) -> Path:
    return path.with_name(f".aside-{path.name}")


def load(path: str | Path, vertical: Vertical | None = None) -> Engine:
    """Read and check a bundle.

    Args:
        path: the folder.
        vertical: what its domain declares, where no package that is installed brings it.

    Raises:
        BundleError: it is missing, damaged, made by a newer version, or made with another
            declaration of its vertical.
        UnknownVerticalError: the vertical's package is not installed.
        UnreachableError: its vectors are kept in a Milvus, which does not answer.
    """
    path = Path(path)
    manifest = BUNDLE.open(path)
    vertical = as_declared(path, manifest, vertical)
    try:
        return _read(path, manifest, vertical)
    except (OSError, KeyError, ValueError, pl.exceptions.PolarsError) as error:
        raise BundleError(f"{path} is not complete: {error}. Save it again.") from error


def as_declared(
    path: Path, manifest: Mapping[str, Any], vertical: Vertical | None = None
) -> Vertical:
    """Return the vertical of a bundle, the installed one by default, which reads what it read.

    Raises:
        UnknownVerticalError: it is not installed.
        BundleError: it reads another text of items by now.
    """
    vertical = vertical or load_vertical(manifest["vertical"])
    if vertical.item_text != manifest["item_text"]:
        raise BundleError(
            f"{path} was made with item_text {manifest['item_text']!r}; the installed vertical "
            f"{vertical.name!r} reads {vertical.item_text!r}. Fit it again."
        )
    return vertical


def read_report(path: Path) -> Report:
    """Read the report that lies in a bundle.

    Raises:
        BundleError: there is none, or it is damaged.
    """
    manifest = BUNDLE.read(path)
    if "report.json" not in manifest["files"]:
        raise BundleError(
            f"{path} holds no report. Make one: corank evaluate {path} --data FOLDER --save"
        )
    BUNDLE.check(path, manifest, "report.json")
    return Report.from_dict(json.loads((path / "report.json").read_text("utf-8")))


def _write(engine: Engine, folder: Path) -> None:
    signals = engine.signals
    for name in ("user_model", "vectors", "signals"):
        (folder / name).mkdir()
    engine.items.write_parquet(folder / "items.parquet")
    engine.encoder.save(folder / "encoder")
    (folder / "user_model" / "graph.onnx").write_bytes(signals.user_model.graph)
    _save_array(folder / "user_model" / "projection.npy", signals.user_model.projection)
    _save_array(folder / "user_model" / "states.npy", signals.user_model.states)
    _save_array(folder / "vectors" / "text.npy", signals.text_vectors)
    uri = _elsewhere(engine)
    for name, index, vectors in (
        ("text", signals.text_index, signals.text_vectors),
        ("states", signals.state_index, signals.user_model.states),
    ):
        kept = index if uri is None else MilvusIndex(vectors, uri)
        save_index(kept, folder / "vectors", name)
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
        "contexts": {name: lift.categories for name, lift in signals.lifts.items()},
        "without": sorted(signals.without),
    }
    for name, lift in signals.lifts.items():
        _save_array(folder / "signals" / f"lift.{name}.npy", lift.table)
    (folder / "signals" / "signals.json").write_text(json.dumps(settings), "utf-8")
    signals.bm25.save(folder / "bm25")
    engine.recommender.save(folder / "recommender")
    engine.newcomers.save(folder / "newcomers")
    engine.searcher.save(folder / "searcher")
    if engine.reader:
        engine.reader.save(folder / "reader")
    if engine.chances:
        engine.chances.save(folder / "recommender" / "chances.json")
    if engine.relevance:
        engine.relevance.save(folder / "searcher" / "chances.json")
    if engine.confidence:
        engine.confidence.save(folder / "searcher" / "confidence.json")


def _elsewhere(engine: Engine) -> str | None:
    """Where the vectors of a catalogue are searched, if that is not here."""
    made = engine.about.get("fit")
    return address(made["index"]) if isinstance(made, dict) else None


def _read(folder: Path, manifest: dict[str, Any], vertical: Any) -> Engine:
    chances = folder / "recommender" / "chances.json"
    relevance = folder / "searcher" / "chances.json"
    confidence = folder / "searcher" / "confidence.json"
    settings = json.loads((folder / "signals" / "signals.json").read_text("utf-8"))
    text_vectors = _map_array(folder / "vectors" / "text.npy")
    user_model = UserModel(
        (folder / "user_model" / "graph.onnx").read_bytes(),
        _map_array(folder / "user_model" / "states.npy"),
        _load_array(folder / "user_model" / "projection.npy"),
        settings["history_length"],
    )
    return Engine(
        vertical=vertical,
        items=pl.read_parquet(folder / "items.parquet"),
        encoder=TextEncoder.load(folder / "encoder"),
        signals=Signals(
            text_vectors=text_vectors,
            text_index=load_index(folder / "vectors", "text", text_vectors),
            user_model=user_model,
            state_index=load_index(folder / "vectors", "states", user_model.states),
            together=_related(folder / "signals", "together", settings["together_decay"]),
            neighbours=_related(folder / "signals", "neighbours", settings["neighbours_decay"]),
            bm25=BM25.load(folder / "bm25"),
            decay=settings["decay"],
            lifts={
                name: Lift(tuple(names), _load_array(folder / "signals" / f"lift.{name}.npy"))
                for name, names in settings.get("contexts", {}).items()
            },
            without=frozenset(settings.get("without", ())),
            **{name: _load_array(folder / "signals" / f"{name}.npy") for name in ARRAYS},
        ),
        recommender=Ranker.load(folder / "recommender"),
        newcomers=Ranker.load(folder / "newcomers"),
        searcher=Ranker.load(folder / "searcher"),
        reader=Reader.load(folder / "reader") if (folder / "reader").exists() else None,
        chances=Chances.load(chances) if chances.exists() else None,
        confidence=Confidence.load(confidence) if confidence.exists() else None,
        relevance=Chances.load(relevance) if relevance.exists() else None,
        per_retriever=manifest["per_retriever"],
        about=manifest["about"],
    )


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


def _map_array(path: Path) -> NDArray[Any]:
    """Leave an array on disk, whose pages are read as they are needed; not to be written to."""
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    return mapped
