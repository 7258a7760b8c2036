"""Opinions in windows: surges are raised at once and once, noise is not, and nothing flickers."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.errors import ConfigError
from corank.monitor import Alert, Monitor, MonitorConfig, Opinion, Window, latest, wilson

START = dt.datetime(2026, 3, 2)
HOUR = dt.timedelta(hours=1)


def hour(number: int, n: int, negative: int, topic: str = "app") -> list[Opinion]:
    """So many texts in one hour, so many of them negative."""
    return [
        Opinion(
            at=START + number * HOUR + each * HOUR / (n + 1),
            topic=topic,
            sentiment="negative" if each < negative else "neutral",
            text=f"{topic} {number} {each}",
            chance=0.5 + each / 999,
        )
        for each in range(n)
    ]


def watched(*hours: list[Opinion], **config: float) -> list[Window | Alert]:
    return list(Monitor(MonitorConfig(**config)).watch(each for one in hours for each in one))  # type: ignore[arg-type]


def alerts(told: list[Window | Alert]) -> list[tuple[str, str, dt.datetime]]:
    return [(each.kind, each.topic, each.at) for each in told if isinstance(each, Alert)]


def test_a_surge_is_raised_in_its_window_and_over_after_some_calm_ones() -> None:
    quiet = [hour(n, 20, 4) for n in range(12)]
    surge = [hour(n, 20, 17) for n in (12, 13, 14)]
    after = [hour(n, 20, 4) for n in range(15, 20)]
    told = watched(*quiet, *surge, *after, usual=0.2)
    assert alerts(told) == [
        ("raised", "app", START + 13 * HOUR),
        ("over", "app", START + 17 * HOUR),
    ]
    (raised,) = (each for each in told if isinstance(each, Alert) and each.kind == "raised")
    assert raised.negative == 0.85 and raised.texts == 20 and raised.usual == pytest.approx(0.2)
    assert raised.examples == ("app 12 16", "app 12 15", "app 12 14")
    windows = [each for each in told if isinstance(each, Window)]
    assert [w.begins for w in windows] == [START + n * HOUR for n in range(20)]
    assert [w.alarmed for w in windows] == [False] * 12 + [True] * 4 + [False] * 4


def test_an_alert_does_not_flicker_between_the_two_thresholds() -> None:
    between = [hour(n, 20, 7 if n % 2 else 9) for n in range(3, 15)]
    told = watched(hour(0, 20, 4), hour(1, 20, 4), hour(2, 20, 18), *between, usual=0.2)
    assert alerts(told) == [("raised", "app", START + 3 * HOUR)]


def test_what_is_usual_is_learned_for_each_topic_and_not_while_alarmed() -> None:
    told = watched(
        *(hour(n, 30, 24, "fees") + hour(n, 30, 3, "savings") for n in range(40)),
        usual=0.7,
    )
    assert alerts(told) == []
    last = {each.topic: each.usual for each in told if isinstance(each, Window)}
    assert last["fees"] == pytest.approx(0.8, abs=0.02)
    assert last["savings"] == pytest.approx(0.1, abs=0.05)
    stuck = watched(*(hour(n, 30, 27) for n in range(20)), usual=0.2)
    assert {each.usual for each in stuck if isinstance(each, Window)} == {0.2}


def test_a_few_texts_raise_nothing_and_empty_windows_tell_nothing() -> None:
    told = watched(hour(0, 20, 4), hour(1, 5, 5), hour(7, 20, 4), usual=0.2)
    assert alerts(told) == []
    empty = [each for each in told if isinstance(each, Window) and not each.texts]
    assert len(empty) == 5 and all(math.isnan(each.negative) for each in empty)


def test_a_late_text_is_counted_and_windows_begin_on_the_clock() -> None:
    monitor = Monitor(MonitorConfig(window=dt.timedelta(minutes=20)))
    first = Opinion(START + dt.timedelta(minutes=50), "app", "neutral", "a")
    late = first._replace(at=START)
    told = [*monitor.add(first), *monitor.add(late), *monitor.close()]
    assert told == [Window("app", START + dt.timedelta(minutes=40), 2, 0.0, 0.35, False)]
    assert list(Monitor().close()) == []


def test_a_time_that_is_centuries_away_is_reached_at_once() -> None:
    told = watched(hour(0, 20, 4), hour(24 * 365 * 7_000, 20, 4))
    windows = [each for each in told if isinstance(each, Window)]
    assert [each.texts for each in windows] == [20, 20]
    assert windows[1].begins == START + 24 * 365 * 7_000 * HOUR


def test_the_latest_windows_are_kept_for_a_chart() -> None:
    found = latest(watched(*(hour(n, 5, 1) for n in range(9))), 4)
    assert [each.begins for each in found["app"]] == [START + n * HOUR for n in range(5, 9)]


@given(st.integers(0, 200), st.integers(1, 200))
def test_a_wilson_bound_lies_below_the_share_and_within_0_and_1(bad: int, n: int) -> None:
    bad = min(bad, n)
    assert -1e-9 <= wilson(bad, n, 0.99) <= bad / n + 1e-9
    assert wilson(bad, n, 0.5) == pytest.approx(bad / n)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1)), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_alerts_take_turns_and_every_text_is_counted_once(hours: list[tuple[int, float]]) -> None:
    told = watched(*(hour(n, size, round(size * bad)) for n, (size, bad) in enumerate(hours)))
    kinds = [each.kind for each in told if isinstance(each, Alert)]
    assert kinds == (["raised", "over"] * len(kinds))[: len(kinds)]
    windows = [each for each in told if isinstance(each, Window)]
    assert sum(each.texts for each in windows) == sum(size for size, _ in hours)


def test_noise_raises_next_to_nothing() -> None:
    random = np.random.default_rng(0)
    raised = 0
    for _ in range(20):
        hours = (hour(n, 25, int(random.binomial(25, 0.35))) for n in range(168))
        raised += len(alerts(watched(*hours)))
    assert raised <= 3  # of 3,360 windows


@pytest.mark.parametrize(
    "config",
    [{"least": 0}, {"above": 1.5}, {"near": 0.5}, {"window": dt.timedelta()}, {"memory": 0}],
)
def test_thresholds_that_make_no_sense_are_refused(config: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        MonitorConfig(**config)  # type: ignore[arg-type]
