"""What a vertical names and does not import, ``module:attribute``, and where such models lie."""

from importlib import import_module
from pathlib import Path
from typing import TypeVar

from corank.errors import DeclarationError

T = TypeVar("T")


def named(name: str, what: type[T]) -> T:
    """Return what a name stands for.

    Raises:
        DeclarationError: it cannot be loaded, or is something else.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise DeclarationError(f"{name!r} cannot be loaded: {error}.") from error
    if not isinstance(found, what):
        raise DeclarationError(
            f"{name!r} holds a {type(found).__name__}; expected a {what.__name__}."
        )
    return found


def beside(bundle: Path, name: str) -> Path:
    """Return where a model of that name lies, beside the bundle that it goes with."""
    return bundle.with_name(f"{bundle.name}.{name}")
