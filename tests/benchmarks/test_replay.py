"""Which alerts count as heard in time, later, or false."""

import datetime as dt

import pytest

from benchmarks.replay import Heard, _judged
from corank.monitor import Alert
from corank_finance.opinion import START


def alert(topic: str, hour: float) -> Alert:
    """Raised so many hours after the stream began."""
    return Alert("raised", topic, START + dt.timedelta(hours=hour), 0.3, 0.1, 50, 0.9, ())


@pytest.mark.parametrize(
    ("alerts", "heard"),
    [
        ([], Heard(0, 0, 0)),
        ([alert("payments", 19), alert("app", 38), alert("fraud", 56)], Heard(3, 0, 0)),
        ([alert("payments", 20), alert("app", 44)], Heard(0, 2, 0)),
        ([alert("payments", 18), alert("app", 45), alert("fees", 30)], Heard(0, 0, 3)),
        ([alert("fraud", 56), alert("fraud", 60)], Heard(1, 0, 1)),
    ],
)
def test_an_outbreak_is_heard_once_and_in_its_time(alerts: list[Alert], heard: Heard) -> None:
    assert _judged(alerts) == heard
