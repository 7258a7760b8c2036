"""From texts to opinions: two classifiers read a stream, and who is told when opinion turns.

Knows classifiers and files; what is made of opinions is in `corank.monitor`.
"""

import datetime as dt
import http.client
import json
import math
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from corank.classify.classifier import Classifier
from corank.data.cast import blank, cast
from corank.data.scan import scan, utf8
from corank.errors import ConfigError, DataError
from corank.monitor import NEGATIVE, Alert, Opinion

AT_ONCE = 256  # texts that are read together
FORMATS = (".csv", ".jsonl", ".parquet")
WAIT = 5.0  # seconds for a webhook to answer


class _Direct(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: what is posted would arrive there without its body."""

    def redirect_request(self, *_: Any) -> None:
        """Leave it an error."""


_DIRECT = urllib.request.build_opener(_Direct)


@dataclass(frozen=True, eq=False)
class Understanding:
    """Two classifiers: what a text is about, and how it is meant.

    Those that share an encoder, as heads on a frozen one do, read each text once.

    Raises:
        DataError: none of the sentiments is "negative".
    """

    topic: Classifier
    sentiment: Classifier

    def __post_init__(self) -> None:
        if NEGATIVE not in self.sentiment.classes:
            raise DataError(
                f"The classifier of sentiments knows {', '.join(self.sentiment.classes)}; one of "
                f"them has to be called {NEGATIVE!r}."
            )

    @classmethod
    def load(cls, topic: str | Path, sentiment: str | Path) -> "Understanding":
        """Read two folders that `Classifier.save` wrote.

        Raises:
            BundleError: one is missing or damaged.
            DataError: none of the sentiments is "negative".
        """
        return cls(Classifier.load(topic), Classifier.load(sentiment)).sharing()

    def sharing(self) -> "Understanding":
        """Return the same with one encoder for both, where both make the same vectors."""
        if not self.topic.encoder.reads_like(self.sentiment.encoder):
            return self
        return replace(self, sentiment=replace(self.sentiment, encoder=self.topic.encoder))

    def read(self, texts: Sequence[str], at: Sequence[dt.datetime]) -> list[Opinion]:
        """Return what is said in each text, (n,), at the times given, (n,)."""
        if self.topic.encoder is self.sentiment.encoder:
            vectors = self.topic.encoder.encode_items(texts)
            about, meant = self.topic.probabilities(vectors), self.sentiment.probabilities(vectors)
        else:
            about, meant = self.topic.predict_proba(texts), self.sentiment.predict_proba(texts)
        negative = meant[:, self.sentiment.classes.index(NEGATIVE)]
        return [
            Opinion(when, dict(zip(self.topic.classes, chances, strict=True)), bad, text)
            for text, when, chances, bad in zip(
                texts, at, about.tolist(), negative.tolist(), strict=True
            )
        ]

    def read_all(self, rows: Iterable[tuple[dt.datetime, str]]) -> Iterator[Opinion]:
        """Yield what is said in each of a stream's texts, read together in blocks."""
        block: list[tuple[dt.datetime, str]] = []
        for row in rows:
            block.append(row)
            if len(block) == AT_ONCE:
                yield from self._read(block)
                block = []
        if block:
            yield from self._read(block)

    def _read(self, block: list[tuple[dt.datetime, str]]) -> list[Opinion]:
        return self.read([text for _, text in block], [at for at, _ in block])


def read_stream(path: Path) -> pl.DataFrame:
    """Read the texts of a file in the order of time: columns ``at`` (UTC) and ``text``.

    Times are read as those of interactions are (see `corank.data.cast.cast`); rows that lack a time
    or a text are left out.

    Raises:
        DataError: there is no such file, it has not these columns, a time cannot be read, or no
            row has both.
    """
    if path.suffix not in FORMATS or not path.is_file():
        raise DataError(f"{path} is no file of texts. Expected {', '.join(FORMATS)}.")
    with utf8(path) as readable:
        try:
            frame = scan(readable).collect()
        except pl.exceptions.PolarsError as error:
            raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from error
    if missing := {"at", "text"} - set(frame.columns):
        raise DataError(
            f"{path} has no column {min(missing)!r} (it has {', '.join(frame.columns)})."
        )
    given, kind = frame["at"], pl.Datetime("us")
    at = cast(given, kind).alias("at")
    unread = given.filter(at.is_null() & ~blank(given, kind))
    if len(unread):
        raise DataError(
            f"{path}: in {len(unread):,} of {len(given):,} rows 'at' is no time, such as "
            f"{unread[0]!r}. Expected times such as 2026-01-31T12:00:00 (UTC)."
        )
    rows = frame.select(at, pl.col("text").cast(pl.String))
    rows = rows.drop_nulls().sort("at", maintain_order=True)
    if rows.is_empty():
        raise DataError(f"No row of {path} has both a time and a text.")
    return rows


def check_webhook(url: str) -> str:
    """Return the address.

    Raises:
        ConfigError: it is none of http or https.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"The webhook {url!r} is no http or https address.")
    return url


def told(alert: Alert) -> dict[str, object]:
    """Return an alert as plain JSON types."""
    shares = {
        name: None if math.isnan(value := getattr(alert, name)) else round(value, 4)
        for name in ("share", "usual", "negative")
    }
    return {**alert._asdict(), "at": alert.at.isoformat(timespec="seconds"), **shares}


def send(alert: Alert, url: str) -> str:
    """Post an alert as JSON; return why it did not arrive, or nothing.

    A monitor goes on when whoever is told does not listen: nothing is raised.
    """
    body = json.dumps(told(alert)).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310  see check_webhook
    try:
        with _DIRECT.open(request, timeout=WAIT):
            return ""
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        return str(error)
