"""Mappings to config dataclasses: for config files, and for bundles that say how they were made."""

import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from corank.errors import ConfigError, nearest

T = TypeVar("T")


def from_mapping(cls: type[T], given: Mapping[str, Any], where: str = "") -> T:
    """Build a config from plain values; nested configs from nested mappings.

    Raises:
        ConfigError: a key is unknown (the message names the nearest) or a value has the wrong
            type.
    """
    hints = typing.get_type_hints(cls)
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(
                f"Unknown option {where + key!r}; {cls.__name__} has {', '.join(known)}."
                + nearest(key, known)
            )
        hint = hints[key]
        inner = nested(hint)
        if inner and isinstance(value, Mapping):
            values[key] = from_mapping(inner, value, f"{where}{key}.")
        elif not _fits(value, hint):
            raise ConfigError(f"Option {where + key!r} is {value!r}; expected {_say(hint)}.")
        else:
            values[key] = value
    return cls(**values)


def nested(hint: Any) -> Any:
    """Return the config that an option of this type holds, or may hold; None where it is none."""
    return next(filter(is_dataclass, typing.get_args(hint) or (hint,)), None)


def _fits(value: Any, hint: Any) -> bool:
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if options := typing.get_args(hint):
        return any(_fits(value, option) for option in options)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _say(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(hint)))
    if options := typing.get_args(hint):
        return " or ".join(_say(option) for option in options)
    name = "null" if hint is type(None) else str(hint.__name__)
    return f"options of {name}" if is_dataclass(hint) else name


def check_ranges(config: Any, **groups: tuple[str, ...]) -> None:
    """Check numbers of a config by the kind of range they lie in.

    Args:
        config: a dataclass.
        groups: kind -> names of fields. Kinds: ``at_least_1``, ``at_least_0``, ``above_0``, and
            ``share`` (0 or more, below 1).

    Raises:
        ConfigError: a number lies outside.
    """
    for kind, names in groups.items():
        expected, holds = _RANGES[kind]
        for name in names:
            if not holds(value := getattr(config, name)):
                raise ConfigError(f"Option {name!r} is {value!r}; expected {expected}.")


_RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "at_least_1": ("1 or more", lambda value: value >= 1),
    "at_least_0": ("0 or more", lambda value: value >= 0),
    "above_0": ("a number above 0", lambda value: value > 0),
    "share": ("a share: 0 or more, and below 1", lambda value: 0 <= value < 1),
}
