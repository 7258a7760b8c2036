"""The app without a browser: what is shown, in which language, to whom, and how much is taken."""

import asyncio
import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import corank
from corank import Cap, Engine, Require, User, asker
from corank.bundle import read_report
from corank.cli import main
from corank.engine import MAX_QUERY
from corank.errors import ConfigError
from corank.evaluate.report import Report, Row
from corank.rank.explain import Answer, Answers
from corank.rank.features import RECOMMEND
from corank.rank.occlusion import Word, WordEffects
from corank.rank.reader import READ
from corank.rank.why import HistoryItem, RuleEffect, Why
from corank.serve import views, why_view
from corank.serve.asker import Question, questions, told
from corank.serve.catalogue import Catalogue, Facts
from corank.serve.desk import HISTORY, Desk
from corank.serve.guard import HEADERS, MAX_BODY, Guard, Message, is_loopback, login
from corank.serve.journal import Journal
from corank.serve.markup import Html, join, tag
from corank.serve.report_view import report_view
from corank.serve.views import Shown
from corank.serve.why_view import score_parts
from corank.serve.words import CHINESE, ENGLISH, LANGUAGES, PREFIX, Words, labels, words_for

EN, ZH = words_for("en-GB"), words_for("zh-CN,zh;q=0.9")
SCRIPT = "<script>alert('owned')</script>\"'&"


class Read(HTMLParser):
    """The tags and the text of some markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def engine(bundle: Path) -> Engine:
    return corank.load(bundle)


@pytest.fixture(scope="module")
def desk(engine: Engine) -> Desk:
    return Desk(engine)


@given(st.text(), st.text())
def test_markup_gives_back_the_text_that_went_in(text: str, attribute: str) -> None:
    read = Read(tag("p", text, data_item=attribute))
    assert read.tags == ["p"]
    assert read.text == text
    assert dict(read.attributes) == {"data-item": attribute}


def test_markup_nests_without_escaping_twice_and_leaves_none_out() -> None:
    inner = tag("b", "a < b")
    assert tag("p", inner, None, " & c", class_="x", title=None) == (
        '<p class="x"><b>a &lt; b</b> &amp; c</p>'
    )
    assert join(inner, "<") == "<b>a &lt; b</b>&lt;"


def hostile() -> Shown:
    answer = Answer(SCRIPT, SCRIPT, 1.5, {SCRIPT: 1.0, "base": 0.25}, (SCRIPT,), (SCRIPT,))
    return Shown(Answers((answer,), {SCRIPT: 3}), query=SCRIPT)


def hostile_why() -> Why:
    text = WordEffects(SCRIPT, f"a {SCRIPT} b", 0.5, (Word(SCRIPT, 2, 0.2), Word("b", 42, -0.1)))
    seen = HistoryItem(SCRIPT, SCRIPT, 0.1, 0.2, 0.3, 0.4, 0.5)
    return Why(
        item_id="a", title=SCRIPT, query=None, history=(SCRIPT,), proposed_by=("text",),
        candidates=9, parts={}, features=(), model_score=1.0, score=None, rank_before=3, rank=None,
        rules=(RuleEffect(SCRIPT, SCRIPT, 3, None, True),), removed_by=SCRIPT, reasons=(),
        words=(text,), items=(seen,),
    )  # fmt: skip


def hostile_report() -> Report:
    rows = (
        Row(SCRIPT, SCRIPT, SCRIPT, 0.5, 0.4, 0.6),
        Row(SCRIPT + "2", SCRIPT, SCRIPT, 0.4, 0.3, 0.5),
        Row(SCRIPT, SCRIPT, f"m_over/{SCRIPT}", 0.1),
    )
    providers = [{"provider": SCRIPT, "items": 1.0, SCRIPT: 0.5}]
    about = {SCRIPT: SCRIPT, "settings": {SCRIPT: SCRIPT}, "providers": providers}
    about["waits"] = [{"system": name, "answer_ms": 1.5} for name in (SCRIPT, SCRIPT + "2")]
    return Report(SCRIPT, rows, about, (SCRIPT,))


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_every_view_shows_hostile_text_as_text(words: Words) -> None:
    shown, titles = hostile(), {SCRIPT: SCRIPT}
    facts = {SCRIPT: Facts((SCRIPT,), (SCRIPT,), (SCRIPT,))}
    shown_views = {
        "about": views.about(SCRIPT, 1, SCRIPT, SCRIPT, words),
        "problem": views.problem(SCRIPT, words),
        "found": views.found(shown, facts, words),
        "picks": views.picks(titles, "x", words),
        "chips": views.chips(titles, words),
        "why": why_view.why(shown, shown.answers[0], (Cap(SCRIPT, at_most=1),), words),
        "left out": why_view.left_out(shown, hostile_why(), words),
        "report": report_view(hostile_report(), SCRIPT, words),
        "no report": report_view(None, SCRIPT, words),
    }
    for name, markup in shown_views.items():
        read = Read(markup)
        assert SCRIPT in read.text, name
        assert "script" not in read.tags, name
        assert not [key for key, _ in read.attributes if key.startswith("on")], name
        assert ("lang", words.language) in read.attributes, name


def values(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_everything_with_the_same_values() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    for key, english in ENGLISH.items():
        chinese = CHINESE[key]
        assert chinese.strip()
        assert values(english) == values(chinese), key
        assert re.search("[一-鿿]", chinese), key


def test_every_string_is_used_and_every_part_of_a_score_has_a_name() -> None:
    folder = Path(views.__file__).parent
    code = "".join(
        file.read_text("utf-8") for file in folder.glob("*.py") if "words" not in file.name
    )
    made = {"done"} | {f"{key}_help" for key in ENGLISH} | {f"{key}_it" for key in ENGLISH}
    made |= {f"{key}_one" for key in ENGLISH} | {key for key in ENGLISH if key.startswith("part_")}
    assert [
        key for key in ENGLISH if key not in made and not re.search(f"['\"]{key}['\"]", code)
    ] == []
    parts = {*RECOMMEND.values(), *READ.values(), "base", "rules"}
    assert {f"part_{part}" for part in parts} <= ENGLISH.keys()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-TW", "zh-TW"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("de", "en"),
        ("zh", "en"),
        ("", "en"),
        (";;,,", "en"),
    ],
)
def test_the_browsers_first_language_decides(header: str, language: str) -> None:
    assert words_for(header) == Words(language, LANGUAGES[language])


def test_labels_keep_apart_from_gradios_own() -> None:
    assert set(labels()) == {"en", "zh-CN", "zh-TW"}
    (added,) = (key for key in labels()["en"] if not key.startswith(PREFIX))
    assert added == "common.complete"
    assert labels()["zh-CN"][PREFIX + "search"] == "搜索"


def test_the_parts_that_are_drawn_add_up_to_the_score() -> None:
    answer = Answer("a", "A", 2.0, {"text": 3.0, "words": -1.5, "price": 0.0001}, (), ("promoted",))
    parts = score_parts(answer)
    assert list(parts) == ["text", "words", "rules"]
    assert parts["rules"] == pytest.approx(2.0 - 1.5001)
    assert sum(parts.values()) == pytest.approx(answer.score, abs=0.001)


def test_bars_start_at_a_common_zero_and_go_left_for_negative_parts() -> None:
    answer = Answer("a", "A", 1.0, {"text": 3.0, "words": -2.0}, (), ())
    markup = why_view.why(Shown(Answers((answer,), {}), query="q"), answer, (), EN)
    bars = re.findall(r'class="cr-bar (\S+)" style="left:([\d.]+)%;width:([\d.]+)%"', markup)
    assert bars == [
        ("cr-plus", "40.00", "60.00"),
        ("cr-minus", "0.00", "40.00"),
        ("cr-sum", "40.00", "20.00"),
    ]


def test_a_real_answers_parts_and_rules_are_told(desk: Desk) -> None:
    shown, markup = desk.search("coffee grinder", 5, None, EN)
    assert shown is not None
    assert markup.count('class="cr-card"') == 5
    for answer in shown.answers:
        assert sum(score_parts(answer).values()) == pytest.approx(answer.score, abs=0.005)
    read = Read(desk.why(shown, shown.answers[0].item_id, EN))
    assert "Search: “coffee grinder”" in read.text
    for rule, count in shown.answers.removed.items():
        assert f"{rule}" in read.text
        assert str(count) in read.text
    assert all(reason in read.text for reason in shown.answers[0].reasons)


def test_words_and_history_are_shown_with_what_they_do(desk: Desk, engine: Engine) -> None:
    shown, _ = desk.search(" coffee grinder ", 5, 200.0, EN)
    assert shown is not None
    item = shown.answers[0].item_id
    why = engine.why(item, query="coffee grinder", k=5, where=pl.col("price") <= 200)
    read = Read(desk.left_out(shown, item, EN))
    for text in why.words:
        assert text.text in read.text
        strongest = max(text.words, key=lambda word: abs(word.effect))
        assert f"{strongest.word} {strongest.effect:+.3f}" in read.text
        assert ("title", f"{strongest.effect:+.3f}") in read.attributes
    assert "Proposed by: Matching words, Meaning of the text" in read.text
    assert f"place {why.rank_before} of {why.candidates}" in read.text
    _, after, _ = desk.follow(["KIT-0001", "COF-0005"], EN)
    assert after is not None
    item = after.answers[2].item_id
    why = engine.why(item, history=["KIT-0001", "COF-0005"])
    read = Read(desk.left_out(after, item, EN))
    for each in why.items:
        assert each.title in read.text and f"{each.effect:+.2f}" in read.text
    assert desk.left_out(None, None, EN) == desk.left_out(shown, "of no item", EN)


def test_words_that_do_next_to_nothing_are_not_marked() -> None:
    words = (Word("red", 0, 0.4), Word("and", 4, -0.01), Word("blue", 8, -0.2))
    found = replace(hostile_why(), words=(WordEffects("a", "red and blue.", 0.5, words),))
    markup = why_view.left_out(hostile(), found, EN)
    assert re.findall(r'<mark class="(\S+)" style="(\S+)" title="(\S+)">(\w+)</mark>', markup) == [
        ("cr-more", "--cr-strength:1.00", "+0.400", "red"),
        ("cr-less", "--cr-strength:0.50", "-0.200", "blue"),
    ]
    assert "</mark> and <mark" in markup and "</mark>.</p>" in markup


def test_a_blank_query_shows_the_empty_state(desk: Desk) -> None:
    for query in ("", "  \n"):
        shown, markup = desk.search(query, 5, None, ZH)
        assert shown is None
        assert "还没有搜索" in markup


def test_what_corank_refuses_is_one_line_on_the_page(desk: Desk) -> None:
    for query, k in (("x" * (MAX_QUERY + 1), 5), ("coffee", 0), ("\ud800", 5)):
        shown, markup = desk.search(query, k, None, EN)
        assert shown is None
        assert 'role="alert"' in markup
        assert "Traceback" not in markup


def test_the_highest_price_holds_and_zero_is_no_limit(desk: Desk, engine: Engine) -> None:
    shown, _ = desk.search("coffee grinder", 20, 15.0, EN)
    assert shown is not None
    prices = dict(engine.items.select("item_id", "price").iter_rows())
    assert [each for each in shown.answers if prices[each.item_id] > 15] == []
    free, _ = desk.search("coffee grinder", 20, 0.0, EN)
    assert free == desk.search("coffee grinder", 20, None, EN)[0]
    _, nothing = desk.search("coffee grinder", 20, 0.001, EN)
    assert "Nothing is left to show" in nothing


def test_a_history_is_followed_and_an_empty_one_shows_what_is_popular(desk: Desk) -> None:
    chips, shown, markup = desk.follow([], EN)
    assert "Empty." in chips
    assert "Most popular" in markup
    assert shown is not None
    history = desk.add(desk.add([], "COF-0005"), "KIT-0001")
    chips, after, markup = desk.follow(history, EN)
    assert chips.count('data-do="leave_out"') == 2
    assert "Recommended after 2 items" in markup
    assert after is not None
    assert after.history == tuple(desk.catalogue.titles(history).values())


def test_a_history_holds_each_item_once_and_the_latest_fifty(desk: Desk, engine: Engine) -> None:
    ids = engine.items["item_id"].head(HISTORY + 5).to_list()
    history: list[str] = []
    for item in ids:
        history = desk.add(history, item)
    assert history == ids[5:]
    assert desk.add(history, ids[10]) == [*(each for each in ids[5:] if each != ids[10]), ids[10]]
    assert desk.add(history, "of no item") == history


def test_an_item_is_found_by_words_of_its_title_popular_first(engine: Engine) -> None:
    catalogue = Catalogue(engine)
    found = catalogue.find("COFFEE  press", 8)
    assert found
    assert all({"coffee", "press"} <= set(title.lower().split()) for title in found.values())
    assert catalogue.find("coffee [", 8) == {}
    assert catalogue.find("   ", 8) == {}
    counts = dict(zip(engine.items["item_id"], engine.signals.counts.tolist(), strict=True))
    many = [counts[item] for item in catalogue.find("a", 8)]
    assert many == sorted(many, reverse=True)
    assert len(many) == 8


def test_the_report_leads_with_its_verdict_and_draws_the_leading_metric(bundle: Path) -> None:
    report = read_report(bundle)
    markup = report_view(report, "shop", EN)
    read = Read(markup)
    assert read.text.startswith(EN("report") + report.verdict)
    lead = [row for row in report.rows if (row.metric, row.split) == ("ndcg@10", "all")]
    assert markup.count("cr-dot") == len(lead)
    for row in lead:
        assert f"[{row.low:.4f}, {row.high:.4f}]" in read.text
    most, *_, least = report.about["providers"]
    for row in (most, least):
        assert f"{row['provider']}{row['items']:,.2f}{row['corank']:,.2f}" in read.text
    assert "corank evaluate shop --data FOLDER" in Read(report_view(None, "shop", EN)).text


def test_the_report_draws_what_answers_are_worth_against_what_they_cost(bundle: Path) -> None:
    report = read_report(bundle)
    markup = report_view(report, "shop", ZH)
    plane = re.search(r"<svg[^>]*cr-plane.*?</svg>", markup)
    assert plane
    systems = [row["system"] for row in report.about["waits"]]
    assert plane[0].count("<circle") == len(systems) and "ndcg@10 与应答耗时" in markup
    names = re.findall(r'<text x="([\d.]+)" y="([\d.-]+)">([^<]+)</text>', plane[0])
    assert sorted(name for _, _, name in names) == sorted(systems)
    boxes = [(float(x), float(x) + 6.6 * len(name), float(y)) for x, y, name in names]
    for number, (left, right, y) in enumerate(boxes):
        for other_left, other_right, other_y in boxes[:number]:
            apart = right <= other_left or other_right <= left
            assert apart or abs(y - other_y) >= 12.9
    before = replace(report, about={k: v for k, v in report.about.items() if k != "waits"})
    assert "cr-plane" not in report_view(before, "shop", EN)  # saved by an earlier version


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True),
        ("localhost", True), ("0.0.0.0", False),  # noqa: S104
         ("::", False), ("192.168.1.5", False),
        ("localhost.example.org", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_is_only_this_machine(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


def test_a_login_is_asked_for_wherever_there_is_a_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret päss \nsecond line\n", "utf-8")
    assert login("127.0.0.1", None, None, {}) is None
    for check, user, password in (
        (login("0.0.0.0", "ana", file, {}), "ana", "s3cret päss "),  # noqa: S104
        (login("127.0.0.1", None, None, {"CORANK_PASSWORD": "pw"}), "corank", "pw"),
        (login("127.0.0.1", None, file, {"CORANK_PASSWORD": "pw"}), "corank", "s3cret päss "),
    ):
        assert check is not None
        assert check(user, password)
        assert not check(user, password + "x")
        assert not check("eve", password)
        assert not check("", "")


@pytest.mark.parametrize(
    ("host", "user", "environment", "message"),
    [
        ("0.0.0.0", None, {}, "--host 0.0.0.0 can be reached from other machines"),  # noqa: S104
        ("127.0.0.1", "ana", {}, "--user 'ana' has no password"),
        ("127.0.0.1", None, {"CORANK_PASSWORD": " "}, "The password is empty"),
    ],
)
def test_a_missing_password_says_how_to_mend_it(
    host: str, user: str | None, environment: Mapping[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        login(host, user, None, environment)
    assert "Give --password-file FILE, or set CORANK_PASSWORD." in str(refused.value)


def test_a_password_file_that_cannot_be_read_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in ("missing", "bytes"):
        with pytest.raises(ConfigError, match="cannot be read"):
            login("::", None, tmp_path / name, {})


def ask(*bodies: bytes) -> tuple[list[Message], list[bytes]]:
    """Send a request in pieces through the guard; return what came back and what the app read."""
    read: list[bytes] = []
    sent: list[Message] = []
    pieces = [
        {"type": "http.request", "body": body, "more_body": place < len(bodies)}
        for place, body in enumerate(bodies, 1)
    ]

    async def app(scope: Message, receive: Any, send: Any) -> None:
        read.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"fine"})

    async def receive() -> Message:
        return pieces.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Guard(app)({"type": "http"}, receive, send))
    return sent, read


def test_the_guard_passes_bodies_on_and_adds_its_headers() -> None:
    sent, read = ask(b"one ", b"two")
    assert read == [b"one two"]
    assert sent[0]["headers"] == [(b"a", b"b"), *HEADERS]
    assert [each for _, each in HEADERS if b"default-src 'self'" in each]


def test_the_guard_refuses_a_body_that_is_too_large_however_it_is_sent() -> None:
    half = b"x" * (MAX_BODY // 2)
    assert ask(half, half)[0][0]["status"] == 200
    for bodies in ((half, half, b"x"), (b"x" * (MAX_BODY + 1),)):
        sent, read = ask(*bodies)
        assert read == []
        assert sent[0]["status"] == 413
        assert b"at most 1,000,000 bytes" in sent[1]["body"]


def test_the_app_is_not_opened_to_other_machines_without_a_password(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CORANK_PASSWORD", raising=False)
    assert main(["app", str(bundle), "--host", "0.0.0.0"]) == 1  # noqa: S104
    assert "needs a login. Give --password-file FILE" in capsys.readouterr().err


def test_a_bundle_is_checked_without_serving_it(bundle: Path) -> None:
    pytest.importorskip("gradio")
    done = subprocess.run(
        [sys.executable, "-m", "corank", "app", bundle, "--check", "--json"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"bundle": str(bundle), "url": None}


BLOCKER = """
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "gradio":
            raise ModuleNotFoundError("No module named 'gradio'", name="gradio")

sys.meta_path.insert(0, Hide())
"""


def test_without_gradio_the_app_says_what_to_install(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    done = subprocess.run(
        [sys.executable, "-m", "corank", "app", bundle, "--check"],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 6
    assert done.stderr == (
        "corank: The app requires extra 'app'. Install it with: pip install 'corank[app]'\n"
    )


DEMO = """
from corank_ecommerce.app import demo
print(demo.title, demo.analytics_enabled, demo._queue.max_size)
"""


def test_the_verticals_demo_is_made_from_the_bundle_that_is_named(bundle: Path) -> None:
    pytest.importorskip("gradio")
    done = subprocess.run(
        [sys.executable, "-c", DEMO],
        capture_output=True, text=True, env=os.environ | {"CORANK_BUNDLE": str(bundle)},
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == "corank · ecommerce False 64\n"


def test_without_a_bundle_the_verticals_demo_says_what_makes_one(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    environment = {key: value for key, value in os.environ.items() if key != "CORANK_BUNDLE"}
    done = subprocess.run(
        [sys.executable, "-c", DEMO], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert "demo-ecommerce is no bundle. Make one with: corank demo ecommerce;" in done.stderr


FACTS = {"a": Facts()}


def test_html_is_only_made_by_markup() -> None:
    folder = Path(views.__file__).parent
    made = [
        file.name
        for file in folder.glob("*.py")
        if re.search(r"\bHtml\((?!str\)|\"\"\))", file.read_text("utf-8"))
    ]
    assert made == ["markup.py"]
    assert isinstance(tag("p"), Html)


def test_a_recommendation_says_how_likely_it_is_and_a_search_answer_does_not() -> None:
    some = [Answer("a", "A", 1.0, {}, (), (), chance) for chance in (0.0712, None)]
    shown = [Shown(Answers((answer,), {}), query="x") for answer in some]
    known, unknown = (views.found(each, FACTS, EN) for each in shown)
    assert "7.1% likely" in known and "likely" not in unknown
    assert "7.1%" in views.found(shown[0], FACTS, ZH)


def test_the_disclaimer_stands_in_the_language_of_the_question_too() -> None:
    answer = (Answer("a", "A", 1.0, {}, (), ()),)
    for notice, words, there in (
        ("Ask a doctor.", EN, False), ("请咨询医生。", EN, True),
        ("Ask a doctor.", ZH, True), ("请咨询医生。", ZH, False), ("", EN, False),
    ):  # fmt: skip
        page = views.found(Shown(Answers(answer, {}, notice=notice), query="x"), FACTS, words)
        assert ("cr-notice" in page) == there and (notice in page or not there)


def test_a_card_says_whose_an_item_is_and_lists_its_genres(engine: Engine) -> None:
    kept = [column for column in engine.items.columns if column not in ("brand", "category")]
    items = engine.items.select(kept).with_columns(
        brand=pl.lit("Tide Tables"), category=pl.lit("nature|history")
    )
    vertical = replace(engine.vertical, item_text="{title}. {category}. {description}")
    facts = Catalogue(replace(engine, items=items, vertical=vertical)).facts(["KIT-0001"])
    assert facts["KIT-0001"].short[:2] == ("Tide Tables", "nature, history")


class Visitor(User):
    """Of whom rules ask four things."""

    band = dy.Enum(["low", "high"], nullable=True)
    member = dy.Bool(nullable=True, description="pays a fee")
    age_of_child = dy.Int64(nullable=True)


@pytest.fixture(scope="module")
def nosy(engine: Engine) -> Engine:
    """A shop that sells dear things to members alone, and asks for more."""
    rules = (
        Require("members", (pl.col("price") < 30) | asker("member")),
        Require("now", asker("timestamp").dt.year() > 2000),
        Require("known", asker("band").is_null() | asker("age_of_child").is_null()),
    )
    return replace(
        engine,
        vertical=replace(engine.vertical, users=Visitor, rules=rules, contexts=(), user_text=None),
    )


def test_what_rules_ask_becomes_a_form(nosy: Engine, engine: Engine) -> None:
    form = questions(nosy.vertical)
    assert form == (
        Question("age_of_child", ""),
        Question("band", "", ("low", "high")),
        Question("member", "pays a fee", ("true", "false")),
    )
    assert form[0].label == "age of child"
    assert told(form, ["", None, "true"]) == {"member": True}
    assert told(form, [" 4 ", "low", "false"]) == {
        "age_of_child": "4",
        "band": "low",
        "member": False,
    }
    assert questions(engine.vertical) == ()
    assert nosy.vertical.moment({"member": True})["asker:timestamp"].item().year > 2000


def test_answers_are_for_whoever_asks(nosy: Engine) -> None:
    desk = Desk(nosy)
    prices = dict(nosy.items.select("item_id", "price").iter_rows())

    def dear(shown: Shown | None) -> bool:
        assert shown
        return any(prices[each.item_id] >= 30 for each in shown.answers)

    stranger, _ = desk.search("coffee grinder", 20, None, EN)
    member, _ = desk.search("coffee grinder", 20, None, EN, {"member": True})
    assert not dear(stranger) and dear(member)
    _, stranger, _ = desk.follow(["KIT-0001"], EN)
    _, member, _ = desk.follow(["KIT-0001"], EN, {"member": True})
    assert not dear(stranger) and dear(member) and member
    one = next(each for each in member.answers if prices[each.item_id] >= 30)
    assert "members" not in desk.left_out(member, one.item_id, EN)
    _, problem = desk.search("coffee", 5, None, EN, {"age_of_child": "four"})
    assert "age_of_child" in problem and "cannot be read as Int64" in problem


def test_a_form_begins_with_the_example(nosy: Engine) -> None:
    vertical = replace(nosy.vertical, example_asker={"member": True, "age_of_child": 4})
    assert [each.at_first for each in questions(vertical)] == ["4", "", "true"]


def test_opening_the_page_is_no_request(engine: Engine, tmp_path: Path) -> None:
    desk = Desk(engine, Journal(tmp_path / "journal.jsonl", engine.vertical.policy))
    first = desk.welcome(EN)
    assert first[1] and len(first[1].answers) and not (tmp_path / "journal.jsonl").read_text()
    assert desk.follow([], EN, engine.vertical.example_asker)[2] == first[2]
    assert (tmp_path / "journal.jsonl").read_text().count("\n") == 1


def test_an_alarm_is_shown_though_its_journal_cannot_be_written(
    engine: Engine, tmp_path: Path
) -> None:
    alarm = corank.Alarm(name="fire", message={"en": "Get out."}, wordings=("fire",))
    policy = corank.Policy(alarms=(alarm,))
    wary = replace(engine, vertical=replace(engine.vertical, policy=policy))
    desk = Desk(wary, Journal(tmp_path / "journal.jsonl", policy))
    (tmp_path / "journal.jsonl").unlink()
    (tmp_path / "journal.jsonl").mkdir()
    assert "Get out." in desk.search("fire!", 5, None, EN)[1]
    shown, view = desk.search("coffee", 5, None, EN)
    assert shown is None and "cannot be written" in view
