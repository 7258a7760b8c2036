"""Writing files so that nobody reads half of one."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a sibling to write to; it takes ``path``'s name when the block ends well.

    The sibling's name ends like ``path``'s and is different each time, so several may be
    written at once and the last to end wins. A folder that already stands at ``path`` is
    replaced as a whole: it is moved aside first, so for a moment there is none. When the block
    raises, what was written is removed and ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(4)
    part = path.with_name(f".part-{token}-{path.name}")
    old = path.with_name(f".old-{token}-{path.name}")
    try:
        yield part
        if part.is_dir() and path.is_dir():
            path.rename(old)
        part.replace(path)
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
