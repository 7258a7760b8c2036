"""What people and the press say: its topic, its sentiment, and a stream of it to watch.

`corank.opinions.Understanding` reads texts with two classifiers and hands opinions to
`corank.monitor`. The sample is ``opinions.csv``, written for this project; ``surges.csv`` says when
opinion turns in the three days that `stream` makes of it. Two texts in three teach, the others are
what the stream is made of: the classifiers have never seen what they watch.
"""

import datetime as dt
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from corank.classify.classifier import Classifier
from corank.classify.material import Labelled
from corank_finance.sample import folder

START = dt.datetime(2025, 9, 1)
HOURS = 72
LOUD = 5.0
"""How much more a topic is talked of while opinion of it has turned."""
MAX_DROP = 0.01
"""Share of accuracy that 8 bits may cost."""
USUAL = 0.3
"""Share of negative texts where nothing has happened."""


def taught() -> pl.DataFrame:
    """Return the sample's opinions that classifiers learn from: text, topic, sentiment."""
    return pl.read_csv(folder() / "opinions.csv").filter(pl.int_range(pl.len()) % 3 != 2)


def unseen() -> pl.DataFrame:
    """Return the others."""
    return pl.read_csv(folder() / "opinions.csv").filter(pl.int_range(pl.len()) % 3 == 2)


def stream(n: int = 10_000, seed: int = 0) -> pl.DataFrame:
    """Return three days of texts by time: at, text, topic, sentiment as they were meant.

    Texts come at random times; during a surge its topic is talked of five times as much, and as
    negatively as ``surges.csv`` says.
    """
    random, surges = np.random.default_rng(seed), pl.read_csv(folder() / "surges.csv")
    said = unseen()
    topics = said["topic"].unique().sort().to_list()
    hours = np.arange(HOURS)
    bad = {topic: np.full(HOURS, USUAL) for topic in topics}
    loud = {topic: np.ones(HOURS) for topic in topics}
    for topic, starts, length, share in surges.select(
        "topic", "starts_hour", "hours", "negative_share"
    ).iter_rows():
        during = (hours >= starts) & (hours < starts + length)
        bad[topic][during], loud[topic][during] = share, LOUD
    weights = np.stack([loud[topic] for topic in topics])  # (topics, hours)
    cells = random.choice(weights.size, size=n, p=(weights / weights.sum()).ravel())
    by = {
        key: rows["text"].to_list()
        for key, rows in said.group_by("topic", pl.col("sentiment") == "negative")
    }
    meant = dict(said.select("text", "sentiment").iter_rows())
    rows: list[tuple[Any, ...]] = []
    for cell in cells.tolist():
        topic, hour = topics[cell // HOURS], cell % HOURS
        texts = by[(topic, bool(random.random() < bad[topic][hour]))]
        text = texts[random.integers(len(texts))]
        at = START + dt.timedelta(hours=hour + float(random.random()))
        rows.append((at, text, topic, meant[text]))
    return pl.DataFrame(rows, ["at", "text", "topic", "sentiment"], orient="row").sort("at")


def fit_topic(encoder: Any = None, seed: int = 0) -> Classifier:
    """Fit the sample's topics; ``encoder`` as `corank.fit_classifier` takes it."""
    return _topic(encoder, seed)


@lru_cache(maxsize=1)  # the sentiments ask for it too
def _topic(encoder: Any, seed: int) -> Classifier:
    from corank.classify.compressing import compress_classifier
    from corank.errors import CompressionError

    found, held = _head("topic", encoder, seed), _held("topic")
    try:  # a stream is long: 8 bits, where that costs no more than a point
        return compress_classifier(found, held, max_drop=MAX_DROP, seed=seed)[0]
    except CompressionError:
        return found


def fit_sentiment(encoder: Any = None, seed: int = 0) -> Classifier:
    """Fit the sample's sentiments, on the encoder of the topics where that costs no more."""
    found, held = _head("sentiment", encoder, seed), _held("sentiment")
    shared = replace(found, encoder=_topic(encoder, seed).encoder)
    _topic.cache_clear()  # it has been asked for by now
    before, after = (each.evaluate(*held)["accuracy"] for each in (found, shared))
    return shared if after >= (1 - MAX_DROP) * before else found


def _head(column: str, encoder: Any, seed: int) -> Classifier:
    from corank.classify.training import ClassifierConfig, fit_classifier

    rows, config = taught(), ClassifierConfig(mode="frozen")  # both heads read the same vectors
    texts, labels = rows["text"].to_list(), rows[column].to_list()
    return fit_classifier(texts, labels, config, encoder=encoder, seed=seed)


def _held(column: str) -> Labelled:
    return Labelled(unseen()["text"].to_list(), unseen()[column].to_list())
