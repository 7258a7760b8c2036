"""A vertical's package to begin with: the one that lies in ``starter``, under another name.

What is written is complete: it installs, keeps the contract of `corank.testing`, and its demo runs.
Knows files and names; imports nothing of what it writes.
"""

import re
import shutil
from importlib.metadata import entry_points
from pathlib import Path

from corank.data.files import atomic
from corank.errors import ConfigError
from corank.installed import GROUP

STARTER = Path(__file__).with_name("starter")
NAME = "starter"


def new_vertical(name: str, folder: Path) -> list[Path]:
    """Write a vertical's package; return its files, relative to the folder, by name.

    Args:
        name: what users will type; its package is called ``corank_NAME``.
        folder: what to make; it may be there if it is empty.

    Raises:
        ConfigError: the name cannot be one, or a vertical of that name is installed; or the folder
            holds something or cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ConfigError(
            f"A vertical cannot be called {name!r}. Give it a name of up to 40 lower-case letters, "
            "digits and underscores that begins with a letter, such as 'legal'."
        )
    if name in (installed := sorted(point.name for point in entry_points(group=GROUP))):
        raise ConfigError(
            f"A vertical {name!r} is installed already; each needs a name of its own. Installed: "
            f"{', '.join(installed)}."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there already, and not empty. Name another with --out.")
    try:
        with atomic(folder) as part:
            _copy(STARTER, part, name)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error}.") from error
    return sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())


def _copy(source: Path, target: Path, name: str) -> None:
    """Copy a folder of the starter, with the name in place of the starter's."""
    target.mkdir()
    for each in sorted(source.iterdir()):
        to = target / each.name.replace(NAME, name)
        if each.is_dir() and each.name != "__pycache__":
            _copy(each, to, name)
        elif each.suffix in (".py", ".toml", ".md"):
            to.write_text(each.read_text("utf-8").replace(NAME, name), "utf-8")
        elif each.suffix == ".csv":
            shutil.copyfile(each, to)
