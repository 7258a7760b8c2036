"""A vertical's package to begin with: it installs, keeps the contract, and its demo runs."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from corank.errors import ConfigError
from corank.scaffold import STARTER, new_vertical

PAGE = Path(__file__).parent.parent / "docs" / "new-vertical.md"
TINY = {
    "batch_size": 16,
    "epochs": 1,
    "max_pairs": 160,
    "precision": "no",
    "user_model": {"dim": 16, "heads": 2, "epochs": 1, "min_steps": 20, "checks": 2},
    "ranker": {"per_retriever": 40, "trees": 10, "patience": 3},
}


def files_of(folder: Path) -> set[str]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)) for f in found if "__pycache__" not in f.parts}


def test_every_file_is_written_under_its_new_name(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "corank-legal"
    told = new_vertical("legal", folder)
    assert {str(file) for file in told} == files_of(folder)
    assert {name.replace("starter", "legal") for name in files_of(STARTER)} == files_of(folder)
    for file in told:
        assert "starter" not in str(file)
        assert "starter" not in (folder / file).read_text("utf-8")
    assert 'legal = "corank_legal:vertical"' in (folder / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", ["", "Legal", "9lives", "a-b", "../up", "a b", "x" * 41, "法律"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"cannot be called {name!r}")):
        new_vertical(name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'health' is installed already.* ads, content"):
        new_vertical("health", tmp_path / "out")


def test_what_lies_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(ConfigError, match="is there already, and not empty"):
            new_vertical("legal", place)
    assert files_of(tmp_path) == {"mine.txt"} and (tmp_path / "mine.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert new_vertical("legal", tmp_path / "empty")
    with pytest.raises(ConfigError, match="cannot be written"):
        new_vertical("legal", tmp_path / "mine.txt" / "below")


@dataclass(frozen=True)
class Desk:
    """A folder in which a stranger types what the page says."""

    folder: Path
    encoder: str

    def run(self, *words: str) -> str:
        site = self.folder / "site"
        paths = [*map(str, site.rglob("site-packages")), str(self.folder / "corank-legal")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, env=env, cwd=self.folder
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def type(self, line: str) -> str:
        """Run a line of a shell block: offline, in a place of its own, with a tiny encoder."""
        command, *words = shlex.split(line)
        if command == "pip":
            assert words[:2] == ["install", "-e"]
            offline = ["--no-deps", "--no-build-isolation", "--no-index", "--prefix", "site"]
            quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"]
            return self.run("-m", "pip", *words, *offline, *quiet)
        if words[:1] == ["demo"]:
            words += ["--encoder", self.encoder, "--config", "tiny.json"]
        return self.run("-m", command, *words)


@pytest.fixture
def desk(tmp_path: Path, tiny_encoder: str) -> Iterator[Desk]:
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    yield Desk(tmp_path, tiny_encoder)


def test_what_is_written_installs_keeps_the_contract_and_runs(desk: Desk) -> None:
    told = desk.type("corank new-vertical legal")
    next_steps = [line.strip() for line in told.split("Next:")[1].splitlines()[1:4]]
    assert next_steps[0] == "pip install -e 'corank-legal[dev]'"
    desk.type(next_steps[0])
    assert "2 passed" in desk.type(next_steps[1])
    assert next_steps[2] == "corank demo legal"  # runs below, on the page's own
    written = desk.folder / "corank-legal" / "corank_legal" / "sample" / "interactions.csv"
    before = written.read_bytes()
    desk.run("-m", "corank_legal.sample.generate")
    assert written.read_bytes() == before
    names = [each["name"] for each in json.loads(desk.type("corank verticals --json"))]
    assert "legal" in names


def test_the_page_builds_a_vertical_step_by_step(desk: Desk) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    said = ""
    for kind, block in blocks:
        first = block.splitlines()[0]
        if kind == "sh":
            for line in block.splitlines():
                desk.type(line)
        elif first.startswith("# corank-legal/"):
            path = desk.folder / first.removeprefix("# ")
            assert path.is_file(), f"{path} is not what the scaffold calls it"
            path.write_text(block.split("\n", 1)[1])
        else:
            said = desk.run("-c", block)
    assert "holds_here" in said  # letters that hold in the north were kept from the south
