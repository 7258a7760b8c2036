"""What people and the press say: its topic, its sentiment, and a stream of it to watch.

`corank.opinions.Understanding` reads texts with two classifiers and hands opinions to
`corank.monitor`. The sample is ``opinions.csv``, written for this project; ``surges.csv`` says when
opinion turns in the three days that `stream` makes of it. Two texts in three teach, the others are
what the stream is made of: the classifiers have never seen what they watch.
"""

import datetime as dt
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


def fit_topic(encoder: object = None, seed: int = 0) -> Classifier:
    """Fit the sample's topics; ``encoder`` as `corank.fit_classifier` takes it."""
    return _fit("topic", encoder, seed)


def fit_sentiment(encoder: object = None, seed: int = 0) -> Classifier:
    """Fit the sample's sentiments."""
    return _fit("sentiment", encoder, seed)


def _fit(column: str, encoder: Any, seed: int) -> Classifier:
    from corank.classify.compressing import compress_classifier
    from corank.classify.training import ClassifierConfig, fit_classifier
    from corank.errors import CompressionError

    rows, others = taught(), unseen()
    config = ClassifierConfig(mode="frozen")  # both heads read the same vectors
    found = fit_classifier(
        rows["text"].to_list(), rows[column].to_list(), config, encoder=encoder, seed=seed
    )
    held = Labelled(others["text"].to_list(), others[column].to_list())
    try:  # a stream is long: 8 bits, where that costs no more than a point
        return compress_classifier(found, held, max_drop=0.01, seed=seed)[0]
    except CompressionError:
        return found
