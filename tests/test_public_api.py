"""What ``import corank`` gives, and what it leaves alone."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import corank
from corank.errors import MissingExtraError


def declared() -> dict[str, str]:
    """Public name -> module, as type checkers read it."""
    tree = ast.parse(Path(corank.__file__).read_text("utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    (block,) = (node for node in blocks if ast.unparse(node.test) == "TYPE_CHECKING")
    return {
        name.asname or name.name: node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_all_is_what_type_checkers_see_and_what_dir_lists() -> None:
    assert corank.__all__ == sorted(declared())
    assert dir(corank) == corank.__all__


@pytest.mark.parametrize("name", corank.__all__)
def test_a_public_name_loads_from_where_it_is_declared(name: str) -> None:
    found = getattr(corank, name)
    assert found.__module__ == declared()[name]
    assert inspect.getdoc(found)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'corank' has no attribute 'Pipelin'"):
        _ = corank.Pipelin


def test_the_version_is_the_installed_ones() -> None:
    from importlib.metadata import version

    assert corank.__version__ == version("corank")


IMPORT = """
import logging, os, sys, warnings

def state():
    root = logging.getLogger()
    return (dict(os.environ), list(root.handlers), root.level, list(warnings.filters),
            sys.getrecursionlimit(), os.getcwd())

before = state()
import corank
assert state() == before
print(sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_importing_does_nothing() -> None:
    heavy = (
        "torch", "transformers", "accelerate", "onnxruntime", "gradio", "matplotlib", "lightgbm",
        "polars", "numpy", "faiss", "rich",
    )  # fmt: skip
    assert run(IMPORT, *heavy) == "[]\n"


WITHOUT_TORCH = """
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Hide())
import corank
assert corank.load and corank.Report and corank.verticals()
try:
    corank.Pipeline
except corank.errors.MissingExtraError as error:
    print(error)
"""


def test_a_name_that_trains_says_which_extra_it_needs() -> None:
    assert run(WITHOUT_TORCH).strip() == str(MissingExtraError("corank.Pipeline", "train"))
