"""A stream is read, watched and told of: files, a command, a webhook that may not listen."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

from corank import Classifier, ClassifierConfig, EncoderConfig, fit_classifier
from corank.cli import main
from corank.commands.printing import print_alert
from corank.errors import ConfigError, DataError
from corank.monitor import Alert
from corank.opinions import Understanding, check_webhook, read_stream, send, told

START = dt.datetime(2026, 3, 2)
HAPPY = ["coffee grinder works well", "lovely kettle, well made", "a good coffee mug, happy"]
ANGRY = ["grinder broke, awful", "awful kettle, it leaks", "the mug broke at once, bad"]
ALERT = Alert("raised", "app", START, 0.31234, 0.2, 31, 0.81234, ("a", "b"))


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: str) -> Path:
    """A bundle's name, beside which a topic and a sentiment classifier lie."""
    folder = tmp_path_factory.mktemp("models")
    config = ClassifierConfig(epochs=8, mode="full", precision="no", holdout=0.0, batch_size=8)
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    texts = (HAPPY + ANGRY) * 6
    meant = (["positive"] * 3 + ["negative"] * 3) * 6
    about = ["grinder", "kettle", "mug"] * 12
    for name, labels in (("sentiment", meant), ("topic", about)):
        model = fit_classifier(texts, labels, config, encoder=encoder)
        model.save(folder / f"shop.{name}")
    return folder / "shop"


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """Two calm days, and an hour in which all are angry about kettles."""
    rows = []
    for hour in range(48):
        bad = hour == 30
        for n in range(15):
            at = START + dt.timedelta(hours=hour, minutes=4 * n)
            rows.append((at.isoformat(), ANGRY[1] if bad or n % 5 == 0 else HAPPY[1]))
    path = tmp_path / "stream.csv"
    pl.DataFrame(rows, ["at", "text"], orient="row").write_csv(path)
    return path


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """A server that keeps what it is told."""
    heard: list[dict[str, object]] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("location", "/hook")
            else:
                heard.append(said)
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Ear)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", heard
    server.shutdown()
    server.server_close()


def test_the_command_raises_what_turned_and_tells_the_webhook(
    classifiers: Path,
    stream: Path,
    hook: tuple[str, list[dict[str, object]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, heard = hook
    arguments = ["monitor", str(classifiers), "--texts", str(stream), "--webhook", url]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["texts"] == 48 * 15
    assert [(each["kind"], each["topic"]) for each in found["alerts"]] == [
        ("raised", "kettle"), ("over", "kettle"),
    ]  # fmt: skip
    assert found["alerts"][0]["at"] == (START + dt.timedelta(hours=31)).isoformat()
    assert heard == found["alerts"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert re.search(r"turned against kettle: \d\d\.\d% of all texts, usually .* negative", said)
    assert "awful kettle, it leaks" in said and "came back on kettle" in said


def test_a_webhook_that_does_not_listen_stops_nothing(
    classifiers: Path, stream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "http://127.0.0.1:9/hook"
    assert send(ALERT, nobody)
    assert main(["monitor", str(classifiers), "--texts", str(stream), "--webhook", nobody]) == 0
    assert "was not told" in capsys.readouterr().err


def test_a_webhook_that_moved_was_not_told(hook: tuple[str, list[dict[str, object]]]) -> None:
    url, heard = hook
    assert "302" in send(ALERT, url.replace("hook", "moved")) and heard == []
    assert send(ALERT, url) == "" and len(heard) == 1


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "file:///etc/passwd", "hook", "http://", "http://[", "http://a:x"]
)
def test_a_webhook_is_an_http_address(url: str) -> None:
    with pytest.raises(ConfigError, match="no http or https address"):
        check_webhook(url)


def test_an_alert_is_plain_json() -> None:
    assert json.loads(json.dumps(told(ALERT))) == {
        "kind": "raised", "topic": "app", "at": "2026-03-02T00:00:00", "share": 0.3123,
        "usual": 0.2, "texts": 31, "negative": 0.8123, "examples": ["a", "b"],
    }  # fmt: skip


def test_what_is_not_known_of_an_alert_is_null_and_not_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    over = Alert("over", "app", START, 0.0, 0.2, 0, float("nan"), ())
    assert json.loads(json.dumps(told(over), allow_nan=False))["negative"] is None
    print_alert(over)
    assert "nan" not in capsys.readouterr().out


def test_a_stream_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    rows = pl.DataFrame({"at": ["2026-01-02", None, "2026-01-01"], "text": ["b", "x", "a"]})
    rows.write_csv(tmp_path / "s.csv")
    rows.write_ndjson(tmp_path / "s.jsonl")
    rows.with_columns(pl.col("at").str.to_datetime()).write_parquet(tmp_path / "s.parquet")
    for name in ("s.csv", "s.jsonl", "s.parquet"):
        found = read_stream(tmp_path / name)
        assert found["text"].to_list() == ["a", "b"], name
        assert found["at"].dtype == pl.Datetime("us")


def test_times_with_and_without_offsets_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    said = ("2026-01-31T12:00:00", "2026-01-31T12:00:01Z", "2026-01-31T13:00:00+02:00")
    path.write_text("at,text\n" + "".join(f"{at},{n}\n" for n, at in enumerate(said)))
    found = read_stream(path)
    assert found["text"].to_list() == ["2", "0", "1"]
    assert found["at"][0] == dt.datetime(2026, 1, 31, 11)
    pl.DataFrame({"at": [dt.time(12)], "text": ["a"]}).write_parquet(tmp_path / "s.parquet")
    with pytest.raises(DataError, match="'at' is no time"):
        read_stream(tmp_path / "s.parquet")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "is no file of texts"),
        ("when,text\n1,a\n", "no column 'at'"),
        ("at,text\nsoon,a\n", "in 1 of 1 rows 'at' is no time, such as 'soon'"),
        ("at,text\n05/02/2026 10:00,a\n2026-02-05T11:00:00,b\n", "in 1 of 2 rows .*'05/02"),
        ("at,text\n2026-01-01,\n", "No row of"),
    ],
)
def test_what_is_no_stream_is_refused(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "s.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=why):
        read_stream(path)
    with pytest.raises(DataError, match="is no file of texts"):
        read_stream(tmp_path)


def test_heads_on_one_frozen_encoder_read_each_text_once(
    tmp_path: Path, tiny_encoder: str, classifiers: Path
) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    frozen, texts = ClassifierConfig(mode="frozen"), (HAPPY + ANGRY) * 6
    about = ["grinder", "kettle", "mug"] * 12
    meant = (["positive"] * 3 + ["negative"] * 3) * 6
    fit_classifier(texts, about, frozen, encoder=encoder).save(tmp_path / "topic")
    fit_classifier(texts, meant, frozen, encoder=encoder).save(tmp_path / "sentiment")
    reads = Understanding.load(tmp_path / "topic", tmp_path / "sentiment")
    assert reads.topic.encoder is reads.sentiment.encoder
    apart = Understanding(reads.topic, Classifier.load(tmp_path / "sentiment"))
    assert apart.sentiment.encoder is not apart.topic.encoder
    assert reads.read(texts[:6], [START] * 6) == apart.read(texts[:6], [START] * 6)
    tuned = Understanding.load(f"{classifiers}.topic", f"{classifiers}.sentiment")
    assert tuned.topic.encoder is not tuned.sentiment.encoder


def test_sentiments_without_a_negative_one_are_refused(classifiers: Path) -> None:
    with pytest.raises(DataError, match=r"knows grinder, kettle, mug; one of them .* 'negative'"):
        Understanding.load(f"{classifiers}.sentiment", f"{classifiers}.topic")


def test_texts_are_understood_in_blocks_as_they_are_alone(classifiers: Path) -> None:
    reads = Understanding.load(f"{classifiers}.topic", f"{classifiers}.sentiment")
    assert isinstance(reads.topic, Classifier)
    rows = [(START + dt.timedelta(minutes=n), (HAPPY + ANGRY)[n % 6]) for n in range(600)]
    found = list(reads.read_all(rows))
    assert [each.text for each in found] == [text for _, text in rows]
    alone = reads.read([rows[3][1]], [rows[3][0]])[0]
    assert (found[3].at, found[3].text) == (alone.at, alone.text)
    assert found[3].topics == pytest.approx(alone.topics, abs=1e-3)
    assert found[3].negative == pytest.approx(alone.negative, abs=1e-3)
    assert set(alone.topics) == {"grinder", "kettle", "mug"}
    assert sum(alone.topics.values()) == pytest.approx(1)
