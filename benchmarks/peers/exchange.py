"""What a peer is given and what it leaves: arrays in a folder. Needs numpy alone."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
GIVEN, TEXTS, KEPT = "given.npz", "texts.json", "kept.npz"
VECTORS, ANSWERS = "vectors.npz", "answers.npz"
BLOCK = 1_000  # histories ranked at a time
MODEL = "CORANK_PEER_MODEL"
"""Environment variable: the folder of the encoder's weights, which all systems start from."""


class Lists(NamedTuple):
    """Items of n rows, row r being ``items[indptr[r]:indptr[r + 1]]``, oldest first."""

    indptr: NDArray[np.int64]  # (n + 1,)
    items: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def rows(self) -> NDArray[np.int64]:
        """Row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


@dataclass(frozen=True)
class Given:
    """What to learn from, what to be tuned on, and what is asked in the end."""

    n_items: int
    seed: int
    train: Lists  # histories to learn from
    validation: Lists  # histories to answer
    relevant: Lists  # what was relevant after each of those
    test: Lists  # histories to answer in the end
    texts: tuple[str, ...] = ()  # (n_items,) what is written of each item

    def save(self, folder: Path) -> None:
        """Write ``given.npz`` and ``texts.json``."""
        (folder / TEXTS).write_text(json.dumps(self.texts), "utf-8")
        arrays = {
            f"{name}.{part}": array
            for name in ("train", "validation", "relevant", "test")
            for part, array in getattr(self, name)._asdict().items()
        }
        np.savez(folder / GIVEN, n_items=self.n_items, seed=self.seed, **arrays)

    @classmethod
    def load(cls, folder: Path) -> "Given":
        """Read what `save` wrote."""
        with np.load(folder / GIVEN, allow_pickle=False) as file:
            train, validation, relevant, test = (
                Lists(file[f"{name}.indptr"], file[f"{name}.items"])
                for name in ("train", "validation", "relevant", "test")
            )
            sizes = int(file["n_items"]), int(file["seed"])
        texts = tuple(json.loads((folder / TEXTS).read_text("utf-8")))
        return cls(*sizes, train, validation, relevant, test, texts)

    def ndcg(self, users: Floats, items: Floats, known: NDArray[np.bool_], k: int = 10) -> float:
        """Mean NDCG@k on validation of these vectors; what a history holds is left out.

        A history that holds nothing known does not count: no vector answers it.

        Args:
            users: of the validation histories, (n, d).
            items: (n_items, d).
            known: items that can be shown, (n_items,).
            k: the cut-off.
        """
        discount = 1 / np.log2(np.arange(2, k + 2))
        history, relevant = self.validation, self.relevant
        best = np.minimum(np.diff(relevant.indptr), k)
        best[np.bincount(history.rows()[known[history.items]], minlength=len(history)) == 0] = 0
        ideal = np.concatenate([[0], np.cumsum(discount)])[best]
        earned = np.zeros(len(history))
        for start in range(0, len(history), BLOCK):
            scores = np.where(known, users[start : start + BLOCK] @ items.T, -np.inf)
            for row, each in enumerate(scores, start):
                each[history.items[history.indptr[row] : history.indptr[row + 1]]] = -np.inf
                wanted = relevant.items[relevant.indptr[row] : relevant.indptr[row + 1]]
                top = np.argpartition(-each, k)[:k] if k < len(each) else np.arange(len(each))
                top = top[np.argsort(-each[top], kind="stable")]
                earned[row] = discount[: len(top)] @ np.isin(top, wanted)
        return float(np.mean(earned[best > 0] / ideal[best > 0])) if best.any() else 0.0


class Vectors(NamedTuple):
    """What a peer makes of the test's histories; a score is an inner product."""

    users: Floats  # (n, d) of the test's histories
    items: Floats  # (n_items, d)
    known: NDArray[np.bool_]  # (n_items,) items that it can show at all
    settings: str  # what validation chose
    seconds: float = 0.0  # that it took, those before it was stopped and started again too

    def save(self, folder: Path) -> None:
        """Write ``vectors.npz``, whole or not at all."""
        part = folder / f"part-{VECTORS}"
        np.savez(part, **self._asdict())
        part.replace(folder / VECTORS)

    @classmethod
    def load(cls, folder: Path) -> "Vectors":
        """Read what `save` wrote."""
        with np.load(folder / VECTORS, allow_pickle=False) as file:
            arrays = file["users"], file["items"], file["known"]
            return cls(*arrays, str(file["settings"]), float(file["seconds"]))


class Answers(NamedTuple):
    """A peer's own lists for the test's histories, where no inner product makes them."""

    items: NDArray[np.int32]  # (n, k) each at most once in a row, -1 for none
    scores: Floats  # (n, k)
    settings: str
    seconds: float = 0.0

    def save(self, folder: Path) -> None:
        """Write ``answers.npz``, whole or not at all."""
        part = folder / f"part-{ANSWERS}"
        np.savez(part, **self._asdict())
        part.replace(folder / ANSWERS)


def left(folder: Path) -> Vectors | Answers | None:
    """Read what a peer left; None where it did not come to its end."""
    if not (folder / ANSWERS).exists():
        return Vectors.load(folder) if (folder / VECTORS).exists() else None
    with np.load(folder / ANSWERS, allow_pickle=False) as file:
        lists = file["items"], file["scores"]
        return Answers(*lists, str(file["settings"]), float(file["seconds"]))


def keep(folder: Path, **arrays: Any) -> None:
    """Write ``kept.npz``, whole or not at all: what a peer that was stopped goes on from."""
    part = folder / f"part-{KEPT}"
    np.savez(part, **arrays)
    part.replace(folder / KEPT)


def kept(folder: Path) -> dict[str, NDArray[Any]]:
    """Read what `keep` wrote; nothing where it never did."""
    if not (folder / KEPT).exists():
        return {}
    with np.load(folder / KEPT, allow_pickle=False) as file:
        return dict(file)


def work(fit: Callable[[Given], Vectors | Answers]) -> None:
    """Do what a peer's process is for: the folder is the command line's last word."""
    folder, start = Path(sys.argv[-1]), time.perf_counter()
    made = fit(Given.load(folder))
    took = time.perf_counter() - start
    made._replace(seconds=made.seconds + took).save(folder)
