"""The verticals that are installed, found by entry point.

The built-in ones come through the same door as a stranger's.
"""

from importlib.metadata import EntryPoint, entry_points

from corank.errors import CorankError, DeclarationError, UnknownVerticalError, nearest
from corank.vertical import Vertical

GROUP = "corank.verticals"


def verticals() -> dict[str, Vertical]:
    """Return every installed vertical by name.

    Raises:
        DeclarationError: an entry point cannot be loaded, or holds something else than a
            `Vertical` of its own name.
    """
    return {name: _load(point) for name, point in sorted(_points().items())}


def load_vertical(name: str) -> Vertical:
    """Return the installed vertical of that name; no other is loaded.

    Raises:
        UnknownVerticalError: there is none; the message names the nearest.
        DeclarationError: as `verticals`.
    """
    points = _points()
    if name not in points:
        raise UnknownVerticalError(
            f"No vertical {name!r}; installed: {', '.join(sorted(points))}." + nearest(name, points)
        )
    return _load(points[name])


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> Vertical:
    given = f"Entry point {point.name} = {point.value}"
    try:
        vertical = point.load()
    except CorankError:
        raise
    except Exception as error:  # a stranger's code: anything may be wrong with it
        said = f"{type(error).__name__}: {error}"
        raise DeclarationError(f"{given} cannot be loaded. {said}") from error
    if not isinstance(vertical, Vertical):
        raise DeclarationError(
            f"{given} holds a {type(vertical).__name__}; expected a corank.Vertical."
        )
    if vertical.name != point.name:
        raise DeclarationError(
            f"{given} holds the vertical {vertical.name!r}; give both the same name."
        )
    return vertical
