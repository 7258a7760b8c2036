"""Opinion watched: three outbreaks in three days of texts, and who hears of them in time.

The finance sample's classifiers, fitted anew, read streams of texts that they have never seen; see
`corank_finance.opinion`. An outbreak is heard in time if its alert comes with the window in which
it begins, later if with another of its windows; any other alert is false.
"""

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.reporting.results import store
from benchmarks.sets.datasets import PublicSet
from corank.evaluate.report import OURS, Row
from corank.monitor import Alert, Monitor, MonitorConfig, Opinion
from corank.opinions import Understanding
from corank_finance.opinion import START, fit_sentiment, fit_topic, stream, unseen
from corank_finance.sample import folder

TEXTS = 10_000
SAMPLE = PublicSet(
    name="finance-sample",
    home_page="verticals/corank_finance/sample",
    licence="that of corank",
    files={},
    protocols=("replay",),
)


class Heard(NamedTuple):
    """What became of the outbreaks of one stream."""

    in_time: int
    later: int
    false: int


def run(*, streams: int, seed: int) -> tuple[list[Row], Path]:
    """Fit, replay so many streams, and store what was heard of them.

    Args:
        streams: of 10,000 texts each, from stream seed 0 on.
        seed: of the fits.
    """
    topic, sentiment = fit_topic(seed=seed), fit_sentiment(seed=seed)
    reads, rows = Understanding(topic, sentiment).sharing(), unseen()
    texts = rows["text"].to_list()
    figures = {
        name: model.evaluate(texts, rows[name].to_list())["accuracy"]
        for name, model in (("topic", topic), ("sentiment", sentiment))
    }
    found = [_judged(alerts) for alerts in _replayed(reads, streams)]
    outbreaks = 3 * streams
    told = {
        "topic_accuracy": figures["topic"],
        "sentiment_accuracy": figures["sentiment"],
        "heard_in_time": sum(each.in_time for each in found) / outbreaks,
        "heard_later": sum(each.later for each in found) / outbreaks,
        "false_alerts": sum(each.false for each in found) / streams,
        "streams_without_fault": sum(each == Heard(3, 0, 0) for each in found) / streams,
        "texts_per_second": _speed(reads),
    }
    verdict = (
        f"{streams} streams of {TEXTS:,} texts with three outbreaks each: "
        f"{told['heard_in_time']:.1%} heard in the window in which they begin, "
        f"{told['false_alerts']:.2f} false alerts a stream"
    )
    result = [Row(OURS, "all", name, float(value)) for name, value in told.items()]
    return result, store(SAMPLE, "replay", verdict, result)


def _replayed(reads: Understanding, streams: int) -> Iterator[list[Alert]]:
    """The alerts of each stream; a text that comes again is read once."""
    texts = unseen()["text"].to_list()
    known = {each.text: each for each in reads.read(texts, [START] * len(texts))}
    for number in range(streams):
        rows = stream(TEXTS, number).select("at", "text").iter_rows()
        opinions: Iterator[Opinion] = (known[text]._replace(at=at) for at, text in rows)
        told = Monitor(MonitorConfig()).watch(opinions)
        yield [each for each in told if isinstance(each, Alert) and each.kind == "raised"]


def _judged(alerts: list[Alert]) -> Heard:
    window = MonitorConfig().window
    waiting = {
        topic: (START + dt.timedelta(hours=starts), dt.timedelta(hours=hours))
        for topic, starts, hours in pl.read_csv(folder() / "surges.csv")
        .select("topic", "starts_hour", "hours")
        .iter_rows()
    }
    in_time = later = false = 0
    for alert in alerts:
        begins, lasts = waiting.get(alert.topic, (alert.at, dt.timedelta()))
        if not begins < alert.at <= begins + lasts + window:
            false += 1
            continue
        in_time += alert.at <= begins + window
        later += alert.at > begins + window
        del waiting[alert.topic]
    return Heard(in_time, later, false)


def _speed(reads: Understanding) -> float:
    rows = list(stream(TEXTS, 0).select("at", "text").iter_rows())
    took = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in Monitor().watch(reads.read_all(rows)):
            pass
        took.append(time.perf_counter() - began)
    return TEXTS / float(np.median(took))
