"""Plain values to config dataclasses."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pytest

from corank.config import from_mapping
from corank.errors import ConfigError
from corank.fitting import FitConfig
from corank.language.encoder import EncoderConfig


@dataclass(frozen=True, kw_only=True)
class Inner:
    """Nested."""

    width: int = 4
    rate: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Every kind of field a config has."""

    name: str = "x"
    fast: bool = False
    pooling: Literal["mean", "cls"] | None = None
    size: Literal["small", "large"] = "small"
    limit: int | None = None
    inner: Inner = field(default_factory=Inner)


def test_nothing_given_is_every_default() -> None:
    assert from_mapping(Outer, {}) == Outer()


def test_values_are_taken_nested_ones_too() -> None:
    given: dict[str, Any] = {
        "name": "y",
        "fast": True,
        "pooling": "cls",
        "size": "large",
        "limit": 3,
        "inner": {"width": 8},
    }
    expected = Outer(
        name="y", fast=True, pooling="cls", size="large", limit=3, inner=Inner(width=8)
    )
    assert from_mapping(Outer, given) == expected


def test_a_whole_number_does_for_a_fraction() -> None:
    assert from_mapping(Inner, {"rate": 1}).rate == 1


def test_null_is_taken_where_it_is_allowed() -> None:
    assert from_mapping(Outer, {"pooling": None, "limit": None}) == Outer()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nam": "y"}, r"Unknown option 'nam'; Outer has name, .*Did you mean 'name'\?"),
        ({"zzzzzz": 1}, r"Unknown option 'zzzzzz'; Outer has .*inner\.$"),
        ({"inner": {"widht": 1}}, r"Unknown option 'inner\.widht'.*Did you mean 'width'\?"),
        ({"inner": {"width": 1.5}}, r"Option 'inner\.width' is 1\.5; expected int\."),
        ({"inner": {"width": True}}, r"Option 'inner\.width' is True; expected int\."),
        ({"inner": {"rate": False}}, r"Option 'inner\.rate' is False; expected float\."),
        ({"inner": {"rate": "fast"}}, r"Option 'inner\.rate' is 'fast'; expected float\."),
        ({"inner": 3}, r"Option 'inner' is 3; expected options of Inner\."),
        ({"fast": 1}, r"Option 'fast' is 1; expected bool\."),
        ({"name": None}, r"Option 'name' is None; expected str\."),
        ({"size": "medium"}, r"Option 'size' is 'medium'; expected one of 'small', 'large'\."),
        ({"pooling": "max"}, r"expected one of 'mean', 'cls' or null\."),
        ({"limit": "3"}, r"Option 'limit' is '3'; expected int or null\."),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(Outer, given)


@pytest.mark.parametrize("config", [FitConfig(seed=3, precision="no"), EncoderConfig(name="e")])
def test_a_config_written_down_is_read_back(config: Any) -> None:
    assert from_mapping(type(config), asdict(config)) == config


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("batch_size", 0, "1 or more"),
        ("accumulate", -1, "1 or more"),
        ("epochs", -1, "0 or more"),
        ("learning_rate", float("nan"), "0 or more"),
        ("clip", 0.0, "a number above 0"),
        ("dropout", 1.0, "a share: 0 or more, and below 1"),
    ],
)
def test_a_number_out_of_range_names_the_option_and_the_range(
    option: str, value: float, expected: str
) -> None:
    with pytest.raises(ConfigError, match=f"Option '{option}' is .*; expected {expected}"):
        from_mapping(FitConfig, {option: value})
