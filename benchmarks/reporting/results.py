"""Stored results: one JSON file per data set and protocol, naming the commit it came from."""

import datetime as dt
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.sets.datasets import PublicSet
from corank.data.files import atomic
from corank.errors import DataError
from corank.evaluate.report import Row

HOME = Path(__file__).parents[1]
"""The benchmarks themselves."""
RESULTS = HOME / "results"
PACKAGES = (
    "corank", "torch", "transformers", "onnxruntime", "lightgbm", "scikit-learn", "numpy", "polars"
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What one run measured, as it was stored."""

    dataset: str
    protocol: str
    commit: str
    machine: dict[str, Any]
    versions: dict[str, str]
    data_sha256: str
    verdict: str
    rows: tuple[Row, ...]
    about: dict[str, Any] = field(default_factory=dict)
    leaks: tuple[str, ...] = ()
    when: str = ""  # it was stored, UTC; unknown of the first ones

    @classmethod
    def load(cls, path: Path) -> "Result":
        """Read a stored result.

        Raises:
            DataError: it is damaged, or no result.
        """
        try:
            known = json.loads(path.read_text("utf-8"))
            rows = tuple(Row(**row) for row in known.pop("rows"))
            return cls(**known | {"rows": rows, "leaks": tuple(known.get("leaks", ()))})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path} is no whole result ({error}). Take it from the repository again, or "
                "remove it and measure once more."
            ) from error

    @property
    def name(self) -> str:
        """What was measured how."""
        return f"{self.dataset}, {self.protocol}"

    @cached_property
    def _by_place(self) -> dict[tuple[str, str, str], Row]:
        return {(row.system, row.metric, row.split): row for row in self.rows}

    def row(self, system: str, metric: str, split: str = "all") -> Row | None:
        """Return one number, if it was measured."""
        return self._by_place.get((system, metric, split))


def stored() -> list[Result]:
    """Return every stored result, by name of its file; what a run keeps on its way is none.

    Raises:
        DataError: one is damaged.
    """
    paths = sorted(path for path in RESULTS.glob("*.json") if not path.name.startswith("."))
    return [Result.load(path) for path in paths]


SMALL_NUMBERS = ("avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


class Kept:
    """What each part of a long run gave, on disk, so that it can be stopped and started again."""

    def __init__(self, dataset: str, protocol: str, how: object) -> None:
        """Read what is there of the same commit and the same settings, ``how``.

        Of a working tree that differs from its commit nobody can say what it was.
        """
        digest, commit = hashlib.sha256(repr(how).encode()).hexdigest()[:6], current_commit()
        self.path = path = RESULTS / f".{dataset}-{protocol}-{digest}-{commit}.json"
        if commit.endswith("-dirty"):
            path.unlink(missing_ok=True)
        self.folds: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def add(self, key: str, found: Any) -> None:
        """Keep what one part gave."""
        self.folds[key] = found
        with atomic(self.path) as part:
            part.write_text(json.dumps(self.folds), "utf-8")


def store(
    dataset: PublicSet, protocol: str, verdict: str, rows: Sequence[Row], **about: Any
) -> Path:
    """Write what was measured, beside the figures published for this protocol; return the file."""
    published = [
        Row(f"published/{figure.system}", "all", metric, value)
        for figure in dataset.published
        if figure.protocol == protocol
        for metric, value in figure.metrics.items()
    ]
    commit = current_commit()
    result: dict[str, Any] = {
        "dataset": dataset.name,
        "protocol": protocol,
        "commit": commit,
        "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "versions": {package: version(package) for package in PACKAGES},
        "data_sha256": dataset.sha256(),
        "verdict": verdict,
        **about,
        "rows": [vars(row) for row in (*rows, *published)],
    }
    path = RESULTS / f"{dataset.name}-{protocol}-{commit}.json"
    with atomic(path) as part:
        part.write_text(json.dumps(result, indent=1), "utf-8")
    return path


@cache
def current_commit() -> str:
    """Return the commit that was checked out when first asked, short, marked where the working
    tree differs from it. A copy without its history is named by CORANK_COMMIT.
    """
    if named := os.environ.get("CORANK_COMMIT"):
        return named
    git = ["git", "-C", str(HOME)]
    found = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", "../sdk", "../verticals", ".", ":!results"],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()[:12] + ("-dirty" if changed.stdout.strip() else "")


def _model() -> str:
    """What the processor calls itself, and what it has for products of small numbers."""
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.machine()
    lines = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in lines.items()}
    has = [name for name in SMALL_NUMBERS if name in known.get("flags", "").split()]
    return " ".join([known.get("model name", platform.machine()), *has])


def _machine() -> dict[str, Any]:
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return gpu | {
        "processor": platform.processor() or platform.machine(),
        "model": _model(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
    }
