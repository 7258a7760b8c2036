"""What lies in a folder that corank wrote, whole or damaged, without loading any of it.

Knows manifests and files; knows nothing of what the files hold.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corank.bundle import BUNDLE, read_report
from corank.classify.appeal import APPEAL
from corank.classify.classifier import CLASSIFIER
from corank.errors import BundleError
from corank.exporting import EXPORT

KINDS = (BUNDLE, CLASSIFIER, APPEAL, EXPORT)


@dataclass(frozen=True)
class File:
    """One file: its size in bytes and its checksum."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Inspection:
    """What a folder holds, and how it was made. Every file is as it was saved."""

    path: str
    kind: str  # bundle, classifier, appeal or export
    format: int
    corank: str  # version that made it
    vertical: str | None
    files: tuple[File, ...]
    about: dict[str, Any]  # encoder, options, split, processes, updates
    verdict: str | None  # of the report inside, if there is one

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)

    def parts(self) -> dict[str, tuple[int, int]]:
        """Return the number of files and of bytes of each folder inside, largest first."""
        found: dict[str, tuple[int, int]] = {}
        for file in self.files:
            part = file.name.partition("/")[0]
            count, size = found.get(part, (0, 0))
            found[part] = count + 1, size + file.bytes
        return dict(sorted(found.items(), key=lambda item: -item[1][1]))

    def made_with(self) -> Iterator[tuple[str, Any]]:
        """Yield what was chosen, one option at a time: ``fit.epochs``, 3."""
        yield from _flat("", self.about)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self) | {"bytes": self.bytes}


def inspect(path: str | Path) -> Inspection:
    """Look into a folder that corank wrote, and check every file of it.

    Raises:
        BundleError: it is none, or damaged, or of a format that this version does not read.
    """
    path = Path(path)
    kind = next((each for each in KINDS if (path / each.manifest).is_file()), None)
    if kind is None:
        known = ", ".join(each.manifest for each in KINDS)
        raise BundleError(f"{path} is nothing that corank wrote: it holds none of {known}.")
    manifest = kind.open(path)
    files = tuple(
        File(name, file["bytes"], file["sha256"]) for name, file in manifest["files"].items()
    )
    reported = kind is BUNDLE and "report.json" in manifest["files"]
    return Inspection(
        path=str(path),
        kind=kind.kind,
        format=manifest["format"],
        corank=manifest["corank"],
        vertical=manifest.get("vertical"),
        files=files,
        about=manifest["about"],
        verdict=read_report(path).verdict if reported else None,
    )


def _flat(before: str, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(f"{before}{name}.", value)
        elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
            yield before + name, f"{len(value)} entries, in --json"
        else:
            yield before + name, value
