"""The tree of errors, as its docstring draws it."""

import inspect
import re

import pytest

from corank import errors
from corank.errors import CorankError, MissingExtraError, nearest


def drawn() -> dict[str, str]:
    """Name -> parent, read from the docstring's drawing."""
    tree: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^(?P<lines>[ │├└─]*)(?P<name>[A-Z]\w+(Error|Warning))\b", line)
        if match and match["lines"]:
            depth, name = len(match["lines"]), match["name"]
            above = [(d, parent) for d, parent in above if d < depth]
            tree[name] = above[-1][1] if above else ""
            above.append((depth, name))
    return tree


def test_the_drawing_is_the_tree() -> None:
    classes = {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }
    tree = drawn()
    assert set(tree) == set(classes)
    for name, kind in classes.items():
        parent = kind.__bases__[0].__name__
        assert tree[name] == (parent if parent in classes else "")
    assert [name for name, parent in tree.items() if not parent] == [
        "CorankError",
        "LeakageWarning",
    ]


def test_a_builtin_handler_catches_what_it_should() -> None:
    assert issubclass(errors.DataError, ValueError)
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.RequestError, ValueError)
    assert issubclass(errors.UnknownItemError, LookupError)
    assert issubclass(errors.UnknownVerticalError, LookupError)
    assert issubclass(errors.MissingExtraError, ImportError)


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtraError("corank.Pipeline", "train")
    assert isinstance(error, CorankError)
    assert str(error) == (
        "corank.Pipeline requires extra 'train'. Install it with: pip install 'corank[train]'"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ecomerce", " Did you mean 'ecommerce'?"),
        ("finanse", " Did you mean 'finance'?"),
        ("x", ""),
    ],
)
def test_the_nearest_known_name_is_suggested(given: str, said: str) -> None:
    assert nearest(given, ["ads", "ecommerce", "finance"]) == said
