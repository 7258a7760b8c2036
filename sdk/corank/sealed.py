"""A folder that is written whole, sealed, and checked before anything in it is used.

Its manifest holds the SHA-256 of every other file, and a seal: the SHA-256 of all that. So a
truncated, edited or half-copied folder is noticed. Knows files; knows nothing of what they hold.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from corank.data.files import atomic
from corank.errors import BundleError

_DAMAGED = "is not what was saved (its checksum differs). Copy or save it again."


@dataclass(frozen=True)
class Sealed:
    """One kind of sealed folder.

    Args:
        kind: what such a folder is called, in messages and in the manifest's file name.
        format: what this version of corank writes and reads.
    """

    kind: str
    format: int

    @property
    def manifest(self) -> str:
        """Name of the manifest file."""
        return f"{self.kind}.json"

    def save(self, path: Path, write: Callable[[Path], None], about: dict[str, Any]) -> None:
        """Write a folder; what stood at ``path`` stays whole until the new one is complete.

        Args:
            path: where.
            write: fills the empty folder it is given.
            about: what else the manifest says; plain JSON values.

        Raises:
            BundleError: the folder cannot be written, or another thing stands there.
        """
        self.check_place(path)
        try:
            with atomic(path) as part:
                part.mkdir()
                write(part)
                manifest = {
                    "format": self.format,
                    "corank": version("corank"),
                    **about,
                    "files": {
                        name: {
                            "sha256": _sha256(part / name),
                            "bytes": (part / name).stat().st_size,
                        }
                        for name in self._files(part)
                    },
                }
                self.seal(part, manifest)
        except OSError as error:
            raise BundleError(f"The {self.kind} cannot be written to {path}: {error}.") from error

    def seal(self, path: Path, manifest: dict[str, Any]) -> None:
        """Write the manifest of a folder whose files are all there."""
        sealed = {**manifest, "seal": _seal(manifest)}
        (path / self.manifest).write_text(json.dumps(sealed, indent=1), "utf-8")

    def check_place(self, path: Path) -> None:
        """Check that nothing but such a folder, or an empty one, would be replaced at ``path``.

        Raises:
            BundleError: something else is there.
        """
        empty = path.is_dir() and not any(path.iterdir())
        if path.exists() and not empty and not (path / self.manifest).is_file():
            raise BundleError(
                f"{path} exists and is no {self.kind}; it is left alone. Choose another path."
            )

    def read(self, path: Path) -> dict[str, Any]:
        """Read the manifest alone.

        Raises:
            BundleError: there is none, it is malformed, edited, or of another format.
        """
        try:
            manifest: dict[str, Any] = json.loads((path / self.manifest).read_text("utf-8"))
            found = manifest["format"]
        except FileNotFoundError as error:
            raise BundleError(f"{path} is no {self.kind}: it holds no {self.manifest}.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{path / self.manifest} cannot be read: {error!r}.") from error
        if found != self.format:
            raise BundleError(
                f"{path} has {self.kind} format {found}; this corank reads format {self.format}. "
                f"It was made by corank {manifest.get('corank')}: install that, or fit again."
            )
        if manifest.pop("seal", None) != _seal(manifest):
            raise BundleError(f"{path / self.manifest} {_DAMAGED}")
        return manifest

    def identity(self, path: Path) -> str:
        """Return the seal, which no other such folder has unless it holds the same.

        Raises:
            BundleError: see `read`.
        """
        return _seal(self.read(path))

    def open(self, path: Path) -> dict[str, Any]:
        """Check every file, and return the manifest.

        Raises:
            BundleError: a file is missing, changed, or was not saved with the others.
        """
        manifest = self.read(path)
        for name in manifest["files"]:
            self.check(path, manifest, name)
        if strange := [name for name in self._files(path) if name not in manifest["files"]]:
            raise BundleError(
                f"{path} holds {strange[0]}, which was not saved with it. Remove that."
            )
        return manifest

    def check(self, path: Path, manifest: dict[str, Any], name: str) -> None:
        """Check one file.

        Raises:
            BundleError: it is missing, changed, or lies outside the folder.
        """
        file, expected = path / name, manifest["files"][name]
        if not file.resolve().is_relative_to(path.resolve()):
            raise BundleError(
                f"{path / self.manifest} names {name!r}, which lies outside the {self.kind}."
            )
        if not file.is_file():
            raise BundleError(f"{path} is truncated: {name} is missing. Copy or save it again.")
        if file.stat().st_size != expected["bytes"] or _sha256(file) != expected["sha256"]:
            raise BundleError(f"{file} {_DAMAGED}")

    def _files(self, folder: Path) -> list[str]:
        """Names of the files in a folder, but for the manifest and hidden ones."""
        names = (f.relative_to(folder) for f in sorted(folder.rglob("*")) if f.is_file())
        return [n.as_posix() for n in names if n.name[0] != "." and n.as_posix() != self.manifest]


def _seal(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
