"""Writing files so that nobody reads half of one."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a sibling to write to; it takes ``path``'s name when the block ends well.

    The sibling's name ends like ``path``'s and is different each time, so several may be
    written at once and the last to end wins. What was written is on the disk before it takes the
    name, so that a machine that loses power keeps one or the other too. A folder that already
    stands at ``path`` is replaced as a whole: it is moved aside first, so for a moment there is
    none. When the block raises, what was written is removed and ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(4)
    part = path.with_name(f".part-{token}-{path.name}")
    old = path.with_name(f".old-{token}-{path.name}")
    try:
        yield part
        _flush(part)
        if part.is_dir() and path.is_dir():
            path.rename(old)
        part.replace(path)
        _sync(path.parent)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise
    finally:
        for leftover in (part, old):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have other processes that ask for this wait until the block ends, however it ends.

    Where the system has no such locks (Windows), nobody waits.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _flush(path: Path) -> None:
    """Have a file, or a folder with all that is in it, written to the disk."""
    if path.is_dir():
        for inside in path.iterdir():
            _flush(inside)
    _sync(path)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows opens no folder
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
