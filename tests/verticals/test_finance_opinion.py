"""The bank's opinions, service and labelling functions: whole, and read as they should be."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from corank import EncoderConfig
from corank.classify.classifier import Classifier
from corank.classify.faq import Faq, FaqAnswer
from corank.data.label_model import vote_classes
from corank.errors import DataError
from corank.monitor import Alert, Monitor, MonitorConfig, Opinion, Window
from corank.opinions import Understanding
from corank.serve.panel import load_panels
from corank.serve.words import Words, words_for
from corank_finance import vertical
from corank_finance.monitor_view import PANEL, drawn, replay
from corank_finance.opinion import HOURS, START, stream, taught, unseen
from corank_finance.reading import SENTIMENTS, fit_intents, fit_news, voted
from corank_finance.sample import folder
from corank_finance.sentiment import SENTIMENT_FUNCTIONS
from corank_finance.service import entries, questions
from corank_finance.service_view import PANEL as SERVICE
from corank_finance.service_view import show


def spoken(tag: str) -> Words:
    """The strings of a language, those of both panels among them."""
    words, key = words_for(tag), tag.partition("-")[0]
    return replace(words, strings={**words.strings, **PANEL.words[key], **SERVICE.words[key]})


EN, ZH = spoken("en"), spoken("zh-CN")


def test_opinions_are_whole_and_what_teaches_is_not_what_is_watched() -> None:
    whole = pl.read_csv(folder() / "opinions.csv")
    assert whole.height >= 900 and whole["text"].is_unique().all()
    assert set(whole["sentiment"]) == set(SENTIMENTS)
    each = whole.group_by("topic").agg(pl.len(), pl.col("sentiment").n_unique())
    assert each.height == 12 and (each["len"] >= 60).all() and (each["sentiment"] == 3).all()
    assert not set(taught()["text"]) & set(unseen()["text"])
    assert taught().height + unseen().height == whole.height


def test_a_stream_of_texts_turns_where_it_is_said_to() -> None:
    rows = stream(10_000)
    assert rows.height == 10_000 and rows["at"].is_sorted()
    assert rows["at"].min() >= START and rows["at"].max() < START + dt.timedelta(hours=HOURS)  # type: ignore[operator]
    assert set(rows["text"]) <= set(unseen()["text"]) and rows.equals(stream(10_000))
    surges = pl.read_csv(folder() / "surges.csv")
    assert surges.height == 3 and surges["topic"].n_unique() == 3
    hour = (pl.col("at") - START).dt.total_hours()
    negative = (pl.col("sentiment") == "negative").mean()
    for topic, starts, hours, share in surges.select(
        "topic", "starts_hour", "hours", "negative_share"
    ).iter_rows():
        during = (hour >= starts) & (hour < starts + hours) & (pl.col("topic") == topic)
        assert rows.filter(during).select(negative).item() == pytest.approx(share, abs=0.12)
    calm = rows.filter(~pl.col("topic").is_in(surges["topic"].implode()))
    assert calm.select(negative).item() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_perfect_understanding_raises_the_three_surges_at_once_and_nothing_else(seed: int) -> None:
    rows = stream(10_000, seed).iter_rows()
    told = Monitor(MonitorConfig(times=2, certainty=0.999)).watch(
        Opinion(at, {topic: 1.0}, float(meant == "negative"), text)
        for at, text, topic, meant in rows
    )
    raised = [each for each in told if isinstance(each, Alert) and each.kind == "raised"]
    surges = pl.read_csv(folder() / "surges.csv")
    expected = dict(surges.select("topic", "starts_hour").iter_rows())
    assert {each.topic for each in raised} == set(expected) and len(raised) == 3
    for each in raised:
        late = each.at - START - dt.timedelta(hours=expected[each.topic])
        assert dt.timedelta() < late <= dt.timedelta(hours=1)


def test_frequent_questions_are_whole() -> None:
    known, asked = entries(), questions()
    assert known.height >= 50 and known["item_id"].is_unique().all()
    assert known.null_count().sum_horizontal().item() == 0
    labels = set(asked.labels) - {None}
    assert labels <= set(known["item_id"]) and len(labels) >= 0.9 * known.height
    assert len(asked.texts) == len(set(asked.texts)) >= 450
    assert asked.labels.count(None) >= 100


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Operating profit rose to EUR 13.1 mn from EUR 8.7 mn a year earlier.", "positive"),
        ("Net sales decreased by 12% from the year before.", "negative"),
        ("The company posted a net loss of EUR 2 mn.", "negative"),
        ("The group won a contract worth EUR 40 mn from the city of Turku.", "positive"),
        ("The mill will lay off 40 people.", "negative"),
        ("The company is headquartered in Espoo and employs 1,200 people.", "neutral"),
        ("The meeting will be held on 4 April.", "neutral"),
        ("Pretax loss narrowed to EUR 1 mn.", "positive"),
    ],
)  # fmt: skip
def test_labelling_functions_vote_as_a_reader_would(text: str, label: str) -> None:
    votes = vote_classes(SENTIMENT_FUNCTIONS, pl.DataFrame({"text": [text]}), SENTIMENTS)[0]
    said = np.bincount(votes[votes >= 0], minlength=3)
    assert SENTIMENTS[int(said.argmax())] == label and said.max() > np.sort(said)[-2]


def test_there_are_labelling_functions_enough_and_each_says_why() -> None:
    assert len(SENTIMENT_FUNCTIONS) >= 6 and all(each.doc for each in SENTIMENT_FUNCTIONS)


NEWS = [
    "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn.", "Net sales increased by 9%.",
    "Net sales decreased by 12% from the year before.", "The mill will lay off 40 people.",
    "The company is headquartered in Espoo.", "The meeting will be held on 4 April.",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:No three labelling functions")  # there are six sentences
def test_news_are_read_with_labels_or_with_functions_alone(tiny_encoder: str) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    quick = {"epochs": 1, "precision": "no", "batch_size": 8, "mode": "full"}
    said = voted([*NEWS, "hm"] * 5)
    assert "hm" not in said.texts or said.sentiments[said.texts.index("hm")] == "neutral"
    assert said.chances.shape == (len(said.texts), 3) and np.allclose(said.chances.sum(axis=1), 1)
    assert said.sentiments[said.texts.index(NEWS[0])] == "positive"
    calm = voted([NEWS[0], NEWS[1], NEWS[4], NEWS[5]] * 5)  # nobody says anything bad
    for learned in ((said.texts, said.sentiments), said, calm):
        made = fit_news(*learned, options=quick, encoder=encoder)
        assert set(made.classes) <= set(SENTIMENTS) and made.about["fit"]["dropout"] == 0.0
    with pytest.raises(DataError, match="No labelling function votes"):
        voted([])


def test_intents_are_learned_with_the_options_that_are_measured(tiny_encoder: str) -> None:
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    quick = {"epochs": 1, "precision": "no", "batch_size": 8, "mode": "full"}
    texts = ["lost card", "card lost", "a fee", "why a fee"] * 6
    made = fit_intents(texts, ["lost", "lost", "fee", "fee"] * 6, options=quick, encoder=encoder)
    assert made.classes == ("fee", "lost") and made.about["fit"]["adversarial"] == 0.5


class Told:
    """Stands for a classifier that is half sure of what every text of the sample is."""

    def __init__(self, column: str) -> None:
        whole = pl.read_csv(folder() / "opinions.csv")
        self.labels = dict(whole.select("text", column).iter_rows())
        self.classes = tuple(sorted(set(self.labels.values())))
        self.encoder = self  # another than any other's

    def predict_proba(self, texts: list[str]) -> np.ndarray[Any, Any]:
        right = np.array([self.classes.index(self.labels[text]) for text in texts])
        rest = 0.5 / (len(self.classes) - 1)
        return np.where(np.arange(len(self.classes)) == right[:, None], 0.5, rest)


def test_the_monitor_draws_what_comes_in() -> None:
    reads = Understanding(Told("topic"), Told("sentiment"))  # type: ignore[arg-type]
    first, *_, last = replay(reads, EN)
    assert "1,000 texts read" in first and "10,000 texts read" in last
    assert last.count("<svg") == 12 and last.count("cr-raised") == 3
    assert "cr-alarmed" in last and "usually" in last
    assert next(replay(reads, ZH, 1_200)).count("<svg") == 12


def test_a_hostile_text_is_shown_as_text() -> None:
    at, script = START, "<script>alert(1)</script>"
    told: list[Window | Alert] = [
        Window(script, at, 20, 0.9, 0.2, True),
        Alert("raised", script, at, 0.9, 0.2, 20, 0.95, (script,)),
    ]
    assert "<script" not in drawn(told, 20, EN)
    assert "None so far" in drawn([], 0, EN)


class Knows:
    """Stands for a service that knows one answer."""

    entries = pl.DataFrame({"item_id": ["a"], "title": ["Where is my <card>?"]})

    def answer(self, asked: list[str]) -> list[FaqAnswer]:
        return [
            FaqAnswer("a", "In the post.", "Terms 2", 0.97) if "card" in each
            else FaqAnswer(None, "", "", 0.2)
            for each in asked
        ]  # fmt: skip


def test_the_service_answers_with_its_source_or_says_that_it_does_not_know() -> None:
    faq: Faq = Knows()  # type: ignore[assignment]
    for words in (EN, ZH):
        found = show(faq, " where is my card ", words)
        assert "In the post." in found and "Terms 2" in found and "97%" in found
        assert "&lt;card&gt;" in found
        assert "20%" in show(faq, "a cake", words)
        assert words("before_service") in show(faq, "  ", words)


def test_the_panels_are_those_that_the_vertical_names() -> None:
    assert load_panels(vertical.panels) == (SERVICE, PANEL)
    assert set(vertical.models) == {"faq", "topic", "sentiment"}


@pytest.mark.parametrize("name", ["topic", "sentiment", "faq"])
def test_a_model_that_the_vertical_names_is_fitted_and_kept(
    name: str, tiny_encoder: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path
    from types import FunctionType

    from corank.classify import training
    from corank.plugin import beside, named

    class Quick(training.ClassifierConfig):
        """One pass, end to end."""

        def __post_init__(self) -> None:
            for option, value in {"epochs": 1, "mode": "full", "precision": "no"}.items():
                object.__setattr__(self, option, value)

    monkeypatch.setattr(training, "ClassifierConfig", Quick)
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    model = named(vertical.models[name], FunctionType)(encoder, 0)
    place = beside(Path(str(tmp_path)) / "bank", name)
    model.save(place)
    again = Faq.load(place) if name == "faq" else Classifier.load(place)
    assert place.name == f"bank.{name}" and again
