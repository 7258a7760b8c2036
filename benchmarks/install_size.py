"""What `pip install corank` brings, without any extra: no torch, and so many megabytes.

Takes the package index, and minutes.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from benchmarks.peers.encoders import megabytes
from benchmarks.peers.run import ROOT
from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.datasets import PublicSet
from corank.evaluate.report import OURS, Row

NOT_OURS = ("pip", "setuptools", "wheel")
"""What an environment has before anything is installed."""
CORE = PublicSet(
    name="core", home_page="pyproject.toml", licence="that of corank", files={},
    protocols=("install",),
)  # fmt: skip


def run() -> tuple[list[Row], Path]:
    """Install into an environment of its own, weigh it and store that.

    Raises:
        RuntimeError: it cannot be installed, or brings torch.
    """
    current_commit()
    with tempfile.TemporaryDirectory() as place:
        venv.create(place, with_pip=True)
        python = Path(place) / "bin" / "python"
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", str(ROOT)], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"corank cannot be installed:\n{done.stderr}")
        minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
        sizes = weighed(Path(place) / "lib" / minor / "site-packages")
    if "torch" in sizes:
        raise RuntimeError("the core brings torch")
    whole = sum(sizes.values())
    rows = [Row(OURS, "all", "site_packages_mb", whole)]
    largest = sorted(sizes, key=lambda name: -sizes[name])[:12]
    about = {"largest, MB": {name: round(sizes[name], 1) for name in largest}}
    verdict = f"{whole:.0f} MB without torch; most of it {', '.join(largest[:3])}"
    return rows, store(CORE, "install", verdict, rows, about=about)


def weighed(packages: Path) -> dict[str, float]:
    """Return the MB of everything installed there, what every environment has left out."""
    return {
        part.name: megabytes(part) if part.is_dir() else part.stat().st_size / 1e6
        for part in packages.iterdir()
        if not part.name.startswith(NOT_OURS)
    }
