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
    """So many texts in one hour, so many of them negative for certain."""
    return [
        Opinion(
            at=START + number * HOUR + each * HOUR / (n + 1),
            topics={topic: 1.0},
            negative=float(each < negative),
            text=f"{topic} {number} {each}",
        )
        for each in range(n)
    ]


def beside(number: int, n: int) -> list[Opinion]:
    """What else is said in an hour."""
    return hour(number, n, n // 4, "weather")


def watched(*hours: list[Opinion], **config: float) -> list[Window | Alert]:
    every = sorted((each for one in hours for each in one), key=lambda each: each.at)
    return list(Monitor(MonitorConfig(**config)).watch(every))  # type: ignore[arg-type]


def alerts(told: list[Window | Alert]) -> list[tuple[str, str, dt.datetime]]:
    return [(each.kind, each.topic, each.at) for each in told if isinstance(each, Alert)]


def test_a_surge_is_raised_in_its_window_and_over_after_some_calm_ones() -> None:
    quiet = [hour(n, 20, 4) + beside(n, 80) for n in range(12)]
    surge = [hour(n, 40, 36) + beside(n, 80) for n in (12, 13, 14)]
    after = [hour(n, 20, 4) + beside(n, 80) for n in range(15, 20)]
    told = watched(*quiet, *surge, *after)
    assert alerts(told) == [
        ("raised", "app", START + 13 * HOUR),
        ("over", "app", START + 17 * HOUR),
    ]
    (raised,) = (each for each in told if isinstance(each, Alert) and each.kind == "raised")
    assert (raised.texts, raised.negative, raised.share) == (40, 0.9, 36 / 120)
    assert raised.usual == pytest.approx(4 / 100)
    assert len(raised.examples) == 3 and set(raised.examples) <= {f"app 12 {n}" for n in range(36)}
    windows = [each for each in told if isinstance(each, Window) and each.topic == "app"]
    assert [w.begins for w in windows] == [START + n * HOUR for n in range(20)]
    assert [w.alarmed for w in windows] == [False] * 12 + [True] * 4 + [False] * 4


def test_opinion_that_sours_without_more_talk_is_raised_too() -> None:
    told = watched(
        *(hour(n, 30, 6) + beside(n, 60) for n in range(12)),
        *(hour(n, 30, 27) + beside(n, 60) for n in range(12, 15)),
    )
    assert alerts(told) == [("raised", "app", START + 13 * HOUR)]


def test_much_talk_alone_is_no_alarm() -> None:
    told = watched(
        *(hour(n, 20, 6) + beside(n, 80) for n in range(12)),
        *(hour(n, 200, 58) + beside(n, 80) for n in range(12, 15)),
    )
    assert alerts(told) == []


def test_a_long_outbreak_raises_nothing_elsewhere_once_it_ends() -> None:
    rest = ("fees", "cards", "loans")
    told = watched(
        *(
            hour(n, 2_000 if 20 <= n < 32 else 100, 1_600 if 20 <= n < 32 else 30, "app")
            + [each for topic in rest for each in hour(n, 100, 30, topic)]
            for n in range(50)
        ),
        times=2,
    )
    assert {each[1] for each in alerts(told)} == {"app"}


def test_a_topic_that_nobody_had_spoken_of_is_raised() -> None:
    silent = [Opinion(o.at, {"app": 0.0, **o.topics}, o.negative, o.text) for o in beside(0, 80)]
    quiet = [[each._replace(at=each.at + n * HOUR) for each in silent] for n in range(10)]
    told = watched(*quiet, hour(10, 40, 36) + beside(10, 60))
    assert alerts(told) == [("raised", "app", START + 11 * HOUR)]


def test_texts_that_are_half_taken_for_another_topic_raise_nothing_there() -> None:
    def torn(number: int, n: int, negative: float) -> list[Opinion]:
        each = {"fraud": 0.7, "payments": 0.3}
        return [one._replace(topics=each, negative=negative) for one in hour(number, n, 0)]

    quiet = [torn(n, 20, 0.3) + hour(n, 20, 6, "payments") + beside(n, 80) for n in range(12)]
    outbreak = [torn(n, 70, 0.9) + hour(n, 20, 6, "payments") + beside(n, 80) for n in (12, 13)]
    guessed = [
        one._replace(topics={"fraud": 1.0}) if "fraud" in one.topics else one
        for part in (*quiet, *outbreak)
        for one in part
    ]
    told = [each.topic for each in watched(*quiet, *outbreak, times=2.0) if isinstance(each, Alert)]
    assert told[0] == "fraud"
    assert {each[1] for each in alerts(watched(guessed, times=2.0))} == {"fraud"}


def test_an_alert_does_not_flicker_between_the_two_thresholds() -> None:
    between = [hour(n, 20, 6 if n % 2 else 9) + beside(n, 80) for n in range(9, 21)]
    quiet = [hour(n, 20, 4) + beside(n, 80) for n in range(8)]
    told = watched(*quiet, hour(8, 20, 18) + beside(8, 80), *between)
    assert alerts(told) == [("raised", "app", START + 9 * HOUR)]


def test_what_is_usual_is_learned_for_each_topic_and_not_while_alarmed() -> None:
    told = watched(*(hour(n, 30, 24, "fees") + hour(n, 30, 3, "savings") for n in range(40)))
    assert alerts(told) == []
    last = {each.topic: each.usual for each in told if isinstance(each, Window)}
    assert last == {"fees": pytest.approx(24 / 60), "savings": pytest.approx(3 / 60)}
    quiet = [hour(n, 20, 2) + beside(n, 80) for n in range(8)]
    stuck = watched(*quiet, *(hour(n, 60, 54) + beside(n, 80) for n in range(8, 30)))
    usual = {w.usual for w in stuck if isinstance(w, Window) and w.topic == "app" and w.alarmed}
    assert len(usual) == 1 and usual.pop() == pytest.approx(2 / 100)


def test_nothing_is_raised_before_anything_is_known_or_by_a_few_texts() -> None:
    early = [hour(n, 20, 4 + 14 * (n == 3)) + beside(n, 80) for n in range(5)]
    assert alerts(watched(*early)) == []
    few = [hour(n, 20, 0) + beside(n, 80) for n in range(8)]
    assert alerts(watched(*few, hour(8, 4, 4) + beside(8, 80))) == []
    assert alerts(watched(*few, hour(8, 5, 5) + beside(8, 80))) != []


def test_where_nothing_is_said_nothing_is_told_or_learned() -> None:
    told = watched(hour(0, 20, 4), hour(7, 20, 4))
    empty = [each for each in told if isinstance(each, Window) and not each.texts]
    assert len(empty) == 6 and all(math.isnan(each.share) for each in empty)
    assert {each.usual for each in empty} == {0.2}


def test_a_late_text_is_counted_and_windows_begin_on_the_clock() -> None:
    monitor = Monitor(MonitorConfig(window=dt.timedelta(minutes=20)))
    first = Opinion(START + dt.timedelta(minutes=50), {"app": 1.0}, 0.0, "a")
    late = first._replace(at=START)
    (told,) = [*monitor.add(first), *monitor.add(late), *monitor.close()]
    assert isinstance(told, Window) and math.isnan(told.usual) and not told.alarmed
    assert told[:4] == ("app", START + dt.timedelta(minutes=40), 2, 0.0)
    assert list(Monitor().close()) == []


def test_a_time_that_is_centuries_away_is_reached_at_once() -> None:
    told = watched(hour(0, 20, 4), hour(24 * 365 * 7_000, 20, 4))
    windows = [each for each in told if isinstance(each, Window)]
    assert [each.texts for each in windows] == [20, 20]
    assert windows[1].begins == START + 24 * 365 * 7_000 * HOUR


def test_the_clearest_texts_are_kept_each_once() -> None:
    told = []
    monitor = Monitor(MonitorConfig(warm_up=1, least=1))
    for one in [*hour(0, 20, 0), *beside(0, 50)]:
        told += list(monitor.add(one))
    sure = {"a": 0.95, "b": 0.9, "c": 0.99, "d": 0.2}
    for text, negative in [*sure.items(), *sure.items()] * 6:
        told += list(monitor.add(Opinion(START + HOUR, {"app": 1.0}, negative, text)))
    told += list(monitor.close())
    (raised,) = (each for each in told if isinstance(each, Alert))
    assert raised.examples == ("c", "a", "b")


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
    told = watched(
        *(hour(n, size, round(size * bad)) for n, (size, bad) in enumerate(hours)), warm_up=1
    )
    kinds = [each.kind for each in told if isinstance(each, Alert)]
    assert kinds == (["raised", "over"] * len(kinds))[: len(kinds)]
    windows = [each for each in told if isinstance(each, Window)]
    assert sum(each.texts for each in windows) == sum(size for size, _ in hours)


def test_noise_raises_next_to_nothing() -> None:
    random = np.random.default_rng(0)
    raised = 0
    for _ in range(20):
        hours = (hour(n, 25, int(random.binomial(25, 0.35))) + beside(n, 75) for n in range(168))
        raised += len(alerts(watched(*hours, times=2)))
    assert raised <= 3  # of 3,360 windows


@pytest.mark.parametrize(
    "config",
    [
        {"least": 0},
        {"times": 0.5},
        {"near": 3.0},
        {"window": dt.timedelta()},
        {"memory": 0},
        {"certainty": 1.0},
        {"certainty": 0.0},
        {"warm_up": 0},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(config: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        MonitorConfig(**config)  # type: ignore[arg-type]
