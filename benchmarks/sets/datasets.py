"""What a public data set is: its home, its licence, its files, and its published figures.

Nothing is downloaded. A set is looked for in ``$CORANK_DATA/<name>``; when a file is missing the
error names it, its format, and where its owners publish it. A file of another edition than what was
measured here, which editions.json knows by its checksum, is refused, unless CORANK_ANY_EDITION says
that it may be: what is stored then holds its own checksum.
"""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import corank
from corank import FitConfig, Vertical
from corank.data.dataset import Dataset, Split
from corank.data.split import ProtocolName
from corank.errors import DataError, LeakageWarning

ANY_EDITION = "CORANK_ANY_EDITION"
"""Environment variable: set, files may be of any edition."""
EDITIONS = Path(__file__).parent / "editions.json"
"""Name of a set -> name of a file, or folder of files -> the SHA-256 of what was measured."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A figure from a paper, and the protocol that it was measured under."""

    system: str
    source: str
    protocol: str
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class PublicSet:
    """One public data set: what it is, and where its files lie."""

    name: str
    domain: str | None = None  # the vertical whose teams it speaks to
    home_page: str
    licence: str
    files: dict[str, str]  # name of a file or a folder of files -> what it is
    protocols: tuple[str, ...]
    published: tuple[Published, ...] = ()

    def source(self) -> Path:
        """Return the folder of public files.

        Raises:
            DataError: a file is missing, or of another edition.
        """
        root = os.environ.get("CORANK_DATA")
        return self.checked(Path(root or "data") / self.name)

    def checked(self, folder: Path) -> Path:
        """Return a folder that holds the public files.

        Raises:
            DataError: see `source`.
        """
        missing = {name: what for name, what in self.files.items() if not (folder / name).exists()}
        if missing:
            wanted = "\n".join(f"  {name}: {what}" for name, what in missing.items())
            raise DataError(
                f"{self.name} needs files that are not in {folder}:\n{wanted}\n"
                f"They are published at {self.home_page} ({self.licence}). Put them there, or "
                "point CORANK_DATA at the folder that holds the folder of this set."
            )
        if not os.environ.get(ANY_EDITION):
            _check(self, folder)
        return folder

    def sha256(self) -> str:
        """Return one hash over all the public files, in the order of their names."""
        folder = self.source() if self.files else Path()
        return _sha256(*(folder / name for name in sorted(self.files)))


@dataclass(frozen=True, kw_only=True, eq=False)
class RankingSet(PublicSet):
    """A catalogue and a log; its protocols are ways to split them."""

    vertical: Vertical
    prepare: Callable[[Path, Path], None]  # from the public files to the vertical's folder
    options: FitConfig = field(default_factory=FitConfig)  # of the fit, chosen on validation
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Other ways to fit, by name: the options in which they differ."""

    @property
    def installed(self) -> bool:
        """Whether its vertical is a package, which `corank fit` finds."""
        return self.vertical.name in corank.verticals()

    def read(self) -> Dataset:
        """Return the public files as the vertical reads them.

        Raises:
            DataError: a file is missing.
        """
        with tempfile.TemporaryDirectory() as folder:
            self.prepare(self.source(), Path(folder))
            return self.vertical.read(folder)

    def split(self, protocol: str, seed: int = 0) -> Split:
        """Return training and test data; what leaks is in the report.

        Raises:
            DataError: a file is missing.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LeakageWarning)
            return self.read().split(cast(ProtocolName, protocol), seed=seed)


@cache
def _check(dataset: PublicSet, folder: Path) -> None:
    """Check once that files are those that were measured.

    Raises:
        DataError: one is of another edition.
    """
    known = json.loads(EDITIONS.read_text("utf-8")).get(dataset.name, {})
    for name, expected in known.items():
        if name in dataset.files and (found := _sha256(folder / name)) != expected:
            raise DataError(
                f"{folder / name} is another edition than the one that was measured: its "
                f"SHA-256 is {found}, expected {expected}. Figures would not compare. Take it "
                f"from {dataset.home_page} again, or set {ANY_EDITION}=1 to measure this one."
            )


def _sha256(*paths: Path) -> str:
    """Hash files one after the other, and those of a folder in the order of their names."""
    digest = hashlib.sha256()
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*.*")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
