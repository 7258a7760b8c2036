"""What a search may try: ranges and choices of a config's options, by dotted name.

    {"learning_rate": {"low": 1e-5, "high": 2e-4, "log": true},
     "user_model.dropout": [0.0, 0.1, 0.3],
     "hard_negatives": {"low": 0, "high": 4}}

Knows dataclasses; knows neither what the options mean nor how they are searched.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from corank.config import from_mapping, nested
from corank.errors import ConfigError

C = TypeVar("C")

EXPECTED = (
    'expected a list of values, or a range such as {"low": 1, "high": 8}, with "log": true where '
    "its logarithm is to be drawn evenly"
)
LARGEST = 2**53  # up to here floats hold every whole number


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included."""

    low: float
    high: float
    log: bool  # draw the logarithm evenly
    whole: bool  # whole numbers only

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of these."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Space = dict[str, Range | Choice]


def read_space(given: Mapping[str, Any], config: Any) -> Space:
    """Read a space from plain values, and check that the config can take all it names.

    Args:
        given: dotted name of an option -> a list of values, or a mapping with ``low``, ``high``
            and perhaps ``log``.
        config: a dataclass; both ends of each range, and each choice, are tried on it.

    Raises:
        ConfigError: the space is empty; an option is unknown, or cannot take a value; a range
            is none.
    """
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(
            f"The space is {given!r}; name at least one option of {type(config).__name__}: "
            f"{EXPECTED}."
        )
    return {name: _read(name, what, config) for name, what in given.items()}


def put(config: C, values: Mapping[str, Any]) -> C:
    """Return the config with some options, by dotted name, set to other values.

    Raises:
        ConfigError: an option is unknown or cannot take its value.
    """
    plain = asdict(config)  # type: ignore[call-overload]
    for name, value in values.items():
        *path, last = name.split(".")
        place = plain
        for step in path:
            if not isinstance(place.get(step), dict):
                place[step] = {}
            place = place[step]
        place[last] = value
    return from_mapping(type(config), plain)


def changed(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two configs or JSON values: dotted name -> (before, after)."""
    one, other = _flat(before), _flat(after)
    return {
        name: (one.get(name), other.get(name))
        for name in (*one, *(name for name in other if name not in one))
        if one.get(name) != other.get(name)
    }


def _flat(value: Any) -> dict[str, Any]:
    plain = value if isinstance(value, Mapping) else asdict(value)
    flat: dict[str, Any] = {}
    for name, each in plain.items():
        if isinstance(each, Mapping) and each:
            flat |= {f"{name}.{inner}": deep for inner, deep in _flat(each).items()}
        else:
            flat[name] = each
    return flat


def _read(name: str, given: Any, config: Any) -> Range | Choice:
    if isinstance(given, list | tuple) and given:
        if any(isinstance(value, Mapping | list | tuple) for value in given):
            raise ConfigError(
                f"The choices of {name!r} are {given!r}; expected plain values. Name the options "
                f"inside it one by one, as in '{name}.NAME'."
            )
        for value in given:
            put(config, {name: value})
        return Choice(tuple(given))
    if not isinstance(given, Mapping) or not {"low", "high"} <= set(given) <= {
        "low",
        "high",
        "log",
    }:
        raise ConfigError(f"The space of {name!r} is {given!r}; {EXPECTED}.")
    low, high, log = given["low"], given["high"], given.get("log", False)
    if not all(_is_number(end) for end in (low, high)) or not isinstance(log, bool):
        raise ConfigError(
            f"The range of {name!r} is {dict(given)!r}; expected numbers as 'low' and 'high', and "
            "true or false as 'log'. What is no number takes a list of values."
        )
    if low > high:
        raise ConfigError(
            f"The range of {name!r} is {dict(given)!r}; expected low <= high. Swap them."
        )
    if log and low <= 0:
        raise ConfigError(
            f"The range of {name!r} is {dict(given)!r}; a logarithm needs low above 0. Raise low, "
            "or leave 'log' out."
        )
    for end in (low, high):
        put(config, {name: end})
    return Range(low, high, log, whole=_is_whole(type(config), name))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _is_whole(cls: type, name: str) -> bool:
    """Whether an option takes whole numbers alone."""
    *path, last = name.split(".")
    for step in path:
        cls = nested(get_type_hints(cls)[step])
    hint = get_type_hints(cls)[last]
    return float not in (get_args(hint) or (hint,))
