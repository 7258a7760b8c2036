"""What may be tried: read from plain values, checked against the config."""

import re
from dataclasses import asdict, replace
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank import ClassifierConfig, FitConfig, RerankerConfig
from corank.errors import ConfigError
from corank.tune.fit import DEFAULT_SPACE
from corank.tune.space import Choice, Range, changed, put, read_space
from tests.tune.quadratic import SPACE, Inner, Quadratic

NUMBERS = st.floats(-1e6, 1e6)
WHOLE = st.integers(-(10**6), 10**6)


def test_ranges_and_choices_are_read_with_the_type_of_the_option() -> None:
    assert read_space(SPACE, Quadratic()) == {
        "x": Range(-3, 3, log=False, whole=False),
        "inner.y": Range(0.01, 10.0, log=True, whole=False),
        "n": Range(0, 9, log=False, whole=True),
        "fast": Choice((False, True)),
    }


def test_the_default_space_can_be_tried_and_holds_the_defaults() -> None:
    config = FitConfig()
    for name, option in read_space(DEFAULT_SPACE, config).items():
        assert option.holds(attrgetter(name)(config)), name


def test_a_classifier_is_searched_the_same_way() -> None:
    space = read_space({"mode": ["full", "few"], "inverse_l2": [1, 30.0]}, ClassifierConfig())
    assert space == {"mode": Choice(("full", "few")), "inverse_l2": Choice((1, 30.0))}


def test_options_of_what_may_be_null_are_searched_too() -> None:
    space = {"reranker.depth": {"low": 10, "high": 50}, "reranker.dropout": {"low": 0, "high": 0.5}}
    assert read_space(space, FitConfig()) == {
        "reranker.depth": Range(10, 50, log=False, whole=True),
        "reranker.dropout": Range(0, 0.5, log=False, whole=False),
    }
    put_in = put(FitConfig(), {"reranker.depth": 20}).reranker
    assert put_in == RerankerConfig(depth=20)


@given(st.tuples(NUMBERS, NUMBERS), st.tuples(WHOLE, WHOLE))
def test_a_range_is_taken_where_it_ascends_and_refused_where_it_does_not(
    x: tuple[float, float], n: tuple[int, int]
) -> None:
    for name, (low, high) in {"x": x, "n": n}.items():
        space = {name: {"low": low, "high": high}}
        if low > high:
            with pytest.raises(ConfigError, match=rf"range of '{name}' .*; expected low <= high"):
                read_space(space, Quadratic())
        else:
            (option,) = read_space(space, Quadratic()).values()
            assert option.holds(low) and option.holds(high)
            assert not option.holds(low - 1) and not option.holds(high + 1)


@given(x=NUMBERS, n=WHOLE, fast=st.booleans(), y=NUMBERS)
def test_options_are_put_by_dotted_name_and_found_to_differ(
    x: float, n: int, fast: bool, y: float
) -> None:
    base, values = Quadratic(), {"x": x, "n": n, "fast": fast, "inner.y": y}
    other = put(base, values)
    assert other == Quadratic(x=x, n=n, fast=fast, inner=Inner(y=y))
    assert base == Quadratic()
    differ = {name: after for name, (_, after) in changed(base, other).items()}
    assert put(base, differ) == other
    assert changed(other, asdict(replace(other))) == {}


def holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["low", "high", "log", "y"])
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
WITHIN = PLAIN | holding(PLAIN)


@given(
    st.dictionaries(
        st.sampled_from(["x", "n", "fast", "inner", "inner.y", "inner.y.z", "x.y", "z", ""]),
        WITHIN | holding(WITHIN),
        max_size=2,
    )
)
def test_whatever_is_given_is_a_space_or_a_config_error(space: dict[str, Any]) -> None:
    try:
        read = read_space(space, Quadratic())
    except ConfigError:
        return
    for name, option in read.items():
        ends = option.values if isinstance(option, Choice) else (option.low, option.high)
        for end in ends:
            put(Quadratic(), {name: end})


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "The space is {}; name at least one option of Quadratic: expected a list of values"),
        ([], "The space is []; name at least one option of Quadratic"),
        ({"nn": [1]}, "Unknown option 'nn'; Quadratic has x, n, fast, inner. Did you mean 'n'?"),
        ({"inner.x": [1]}, "Unknown option 'inner.x'; Inner has y."),
        ({"iner.y": [1]}, "Unknown option 'iner'; Quadratic has x, n, fast, inner. Did you mean"),
        ({"n": [1, 2.5]}, "Option 'n' is 2.5; expected int."),
        ({"n": {"low": 0.5, "high": 3}}, "Option 'n' is 0.5; expected int."),
        ({"x.y": [1]}, "Option 'x' is {'y': 1}; expected float."),
        ({"x": []}, "The space of 'x' is []; expected a list of values, or a range such as"),
        ({"x": 3}, "The space of 'x' is 3; expected a list of values"),
        ({"x": {"low": 1}}, "The space of 'x' is {'low': 1}; expected a list of values"),
        ({"x": {"low": 1, "high": 2, "step": 1}}, "'step': 1}; expected a list of values"),
        ({"x": {"low": 3, "high": 1}}, "range of 'x' is {'low': 3, 'high': 1}; expected low <= hi"),
        ({"x": {"low": 0, "high": 1, "log": True}}, "a logarithm needs low above 0. Raise low"),
        ({"x": {"low": 0, "high": 1, "log": 1}}, "true or false as 'log'"),
        ({"x": {"low": float("nan"), "high": 1}}, "expected numbers as 'low' and 'high'"),
        ({"x": {"low": 0, "high": float("inf")}}, "expected numbers as 'low' and 'high'"),
        ({"x": {"low": "a", "high": "b"}}, "What is no number takes a list of values."),
        ({"fast": {"low": False, "high": True}}, "What is no number takes a list of values."),
        ({"inner": [{"y": 1.0}]}, "Name the options inside it one by one, as in 'inner.NAME'."),
    ],
)
def test_what_is_no_space_is_refused_with_what_to_do(space: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_space(space, Quadratic())


def test_a_value_out_of_the_options_range_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(ConfigError, match=r"Option 'dropout' is 1\.5; expected a share"):
        read_space({"dropout": {"low": 0.0, "high": 1.5}}, FitConfig())
