"""The app in a real browser: every tab, two widths, two languages, two visitors, hostile titles."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

import corank
from corank import EncoderConfig, Engine, FitConfig, Pipeline
from corank.bundle import read_report, save
from corank.serve.guard import MAX_BODY
from corank.serve.words import LANGUAGES
from tests.serve.browsing import (
    DESKTOP,
    HOSTILE,
    PHONE,
    barriers,
    expect,
    post,
    served,
    started,
    tab,
    visit,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUERY = "coffee grinder"
PASSWORD = "pass phrase"  # noqa: S105


@pytest.fixture(scope="module")
def shop(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose most popular item, and best answer to the query, have a hostile title."""
    engine = corank.load(bundle)
    answers = (engine.recommend([], k=1)[0], engine.search(QUERY, k=1)[0])
    hostile = pl.col("item_id").is_in([answer.item_id for answer in answers])
    title = pl.when(hostile).then(pl.lit(HOSTILE)).otherwise("title").alias("title")
    path = tmp_path_factory.mktemp("hostile") / "shop"
    save(replace(engine, items=engine.items.with_columns(title)), read_report(bundle), path)
    return path


@pytest.fixture(scope="module")
def engine(shop: Path) -> Engine:
    return corank.load(shop)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def address(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("log"), shop) as url:
        yield url


def search(page: Page, query: str = QUERY) -> None:
    page.locator("#cr-query textarea").fill(query)
    page.locator("#cr-query textarea").press("Enter")
    expect(page.locator("#cr-results .cr-card").first).to_be_visible()


def add(page: Page, place: int) -> str:
    """Press "Add to history" on a card and wait until it is added; give its title."""
    card = page.locator("#cr-results .cr-card").nth(place)
    title: str = card.locator("h3").text_content() or ""
    card.locator("[data-do=include]").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text(title)
    return title


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_tab_works(
    browser: Browser, address: str, engine: Engine, locale: str, size: tuple[int, int]
) -> None:
    words = LANGUAGES.get(locale, LANGUAGES["en"])
    answers = engine.search(QUERY)
    with visit(browser, address, locale, size) as page:
        expect(page.get_by_role("tab")).to_have_text(
            [words[key] for key in ("search", "recommend", "why", "labels", "report")]
        )
        expect(page.get_by_text("common.")).to_have_count(0)
        expect(page.get_by_text(words["before_search"])).to_be_visible()
        expect(page.get_by_label(words["query"])).to_be_visible()

        search(page)
        cards = page.locator("#cr-results .cr-card")
        expect(cards.locator("h3")).to_have_text([answer.title for answer in answers])
        expect(cards.first.locator(".cr-score")).to_have_text(f"{answers[0].score:.2f}")
        expect(cards.first.locator(".cr-reasons li")).to_have_text(list(answers[0].reasons))
        assert add(page, 1) == answers[1].title

        tab(page, words["recommend"])
        after = engine.recommend([answers[1].item_id])
        chips = page.locator("#cr-chips li")
        expect(chips).to_have_count(1)
        expect(page.locator("#cr-recommended h3")).to_have_text([each.title for each in after])
        chips.get_by_role("button").click()
        expect(page.get_by_role("heading", name=words["popular"])).to_be_visible()
        page.locator("#cr-pick textarea").press_sequentially("knife")
        page.locator("#cr-picks button").first.click()
        expect(chips).to_have_count(1)

        page.locator("#cr-recommended [data-do=explain]").nth(2).click()
        title = page.locator("#cr-recommended h3").nth(2).text_content() or ""
        expect(page.locator("#cr-why h2")).to_have_text(title)
        expect(page.locator("#cr-why h2")).to_be_focused()
        expect(page.get_by_role("heading", name=words["parts"])).to_be_visible()
        bars = page.locator("#cr-why .cr-bars .cr-number").all_text_contents()
        assert sum(map(float, bars[:-1])) == pytest.approx(float(bars[-1]), abs=0.05)
        left_out = page.locator("#cr-left-out")
        for heading in ("words", "items", "way"):
            expect(left_out.get_by_role("heading", name=words[heading])).to_be_visible()
        expect(left_out.locator("mark").first).to_be_visible()
        expect(left_out.locator(".cr-items tr")).to_have_count(1)
        page.locator("#cr-chosen input").click()
        page.get_by_role("option").nth(1).click()
        second = page.locator("#cr-recommended h3").nth(1).text_content() or ""
        expect(page.locator("#cr-why h2")).to_have_text(second)
        expect(left_out.locator("h4").first).to_contain_text(second)

        tab(page, words["search"])
        search(page, "warm blanket")
        expect(page.locator("#cr-results h2")).to_contain_text("warm blanket")
        best = page.locator("#cr-results h3").first.text_content() or ""
        tab(page, words["why"])
        expect(page.locator("#cr-why h2")).to_have_text(best)
        expect(left_out.locator(".cr-facts")).to_contain_text(f"{best} · ")
        expect(left_out.locator("h4").first).to_contain_text(words["in_query"])
        expect(left_out.locator("h4").nth(1)).to_contain_text(best)

        tab(page, words["labels"])
        expect(page.get_by_role("heading", name=words["functions"])).to_be_visible()
        rows = page.locator("#cr-labels tbody tr")
        expect(rows).to_have_count(len(engine.vertical.labeling_functions))
        press = page.locator("#cr-labels [data-item='0:3']")
        press.click()
        expect(press).to_have_attribute("aria-pressed", "true")
        with page.expect_download() as saved:
            page.locator("a.cr-save").click()
        assert Path(saved.value.path()).read_text().splitlines()[1].endswith(",3")
        press.click()
        expect(page.locator("a.cr-save")).to_have_count(0)

        tab(page, words["report"])
        expect(page.locator(".cr-verdict")).to_be_visible()
        expect(page.locator(".cr-plot .cr-ours th")).to_have_text("corank")
        page.get_by_text(words["how"]).click()
        expect(page.locator(".cr-told")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_keeps_anybody_out(browser: Browser, address: str, size: tuple[int, int]) -> None:
    """What axe-core finds wrong with the accessibility of each tab: nothing."""
    words = LANGUAGES["en"]
    with visit(browser, address, size=size) as page:
        search(page)
        for key in ("search", "recommend", "why", "labels", "report"):
            tab(page, words[key])
            page.wait_for_timeout(1_500)
            assert barriers(page) == [], key


def test_a_script_in_a_title_is_shown_as_text_and_never_runs(
    browser: Browser, address: str
) -> None:
    with visit(browser, address) as page:
        search(page)
        title = page.locator("#cr-results h3").first
        expect(title).to_have_text(HOSTILE)
        assert add(page, 0) == HOSTILE
        page.locator("#cr-results [data-do=explain]").first.click()
        expect(page.locator("#cr-why h2")).to_have_text(HOSTILE)
        expect(page.locator("#cr-left-out h4").nth(1)).to_contain_text(HOSTILE)
        tab(page, "Recommend")
        expect(page.locator("#cr-chips li span")).to_have_text(HOSTILE)
        page.locator("#cr-pick textarea").press_sequentially("window.owned")
        expect(page.locator("#cr-picks button").first).to_have_text(HOSTILE)


def test_two_visitors_have_histories_of_their_own(browser: Browser, address: str) -> None:
    with visit(browser, address) as one, visit(browser, address) as two:
        for page, count in ((one, 1), (two, 2)):
            search(page)
            for place in range(1, count + 1):
                add(page, place)
            tab(page, "Recommend")
        expect(one.get_by_text("Recommended after 1 item")).to_be_visible()
        expect(two.get_by_text("Recommended after 2 items")).to_be_visible()
        two.get_by_role("button", name="Clear").click()
        expect(two.get_by_role("heading", name="Most popular")).to_be_visible()
        expect(one.locator("#cr-chips li")).to_have_count(1)
        one.locator("#cr-pick textarea").press_sequentially("knife")
        one.locator("#cr-picks button").first.click()
        expect(one.locator("#cr-chips li")).to_have_count(2)


def test_the_keyboard_is_enough(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:

        def tab_to(selector: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                if page.evaluate("s => document.activeElement.matches(s)", selector):
                    return
            raise AssertionError(f"Tab does not reach {selector}")

        tab_to("#cr-query textarea")
        page.keyboard.type(QUERY)
        page.keyboard.press("Enter")
        expect(page.locator("#cr-results .cr-card").first).to_be_visible()
        for place in (0, 1):
            tab_to("#cr-results [data-do=include]")
            page.keyboard.press("Enter")
            title = page.locator("#cr-results h3").nth(place).text_content()
            expect(page.get_by_test_id("toast-body")).to_contain_text(title)
        tab_to("#cr-results [data-do=explain]")
        page.keyboard.press("Enter")
        expect(page.locator("#cr-why h2")).to_be_focused()
        tab(page, "Recommend")
        tab_to("#cr-chips [data-do=leave_out]")
        page.keyboard.press("Enter")
        expect(page.locator("#cr-chips li")).to_have_count(1)
        expect(page.locator("#cr-chips button").last).to_be_focused()


def test_the_price_limit_and_what_cannot_be_answered(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        page.get_by_label("Highest price").fill("15")
        search(page)
        facts = page.locator("#cr-results .cr-facts").all_text_contents()
        prices = [float(price) for fact in facts for price in re.findall(r"price ([\d.]+)$", fact)]
        assert len(prices) == 10
        assert max(prices) <= 15
        page.get_by_label("Highest price").fill("0.001")
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.get_by_text("Nothing is left to show")).to_be_visible()
        page.locator("#cr-query textarea").fill("  ")
        page.locator("#cr-query textarea").press("Enter")
        expect(page.get_by_text("Nothing asked yet")).to_be_visible()


def test_a_request_that_is_too_large_is_refused(address: str) -> None:
    body = json.dumps({"data": ["x" * MAX_BODY], "fn_index": 1, "session_hash": "a"}).encode()
    status, text = post(f"{address}gradio_api/queue/join", body, "application/json")
    assert (status, text) == (413, "A request may hold at most 1,000,000 bytes.")


def test_with_a_password_nothing_is_answered_before_the_login(
    browser: Browser, shop: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    given = ("--user", "ana", "--password-file", tmp_path / "password")
    with served(tmp_path, shop, *given) as url:
        joined = json.dumps({"data": [], "fn_index": 0, "session_hash": "a"}).encode()
        assert post(f"{url}gradio_api/queue/join", joined, "application/json")[0] == 401
        wrong = urllib.parse.urlencode({"username": "ana", "password": "guess"}).encode()
        assert post(f"{url}login", wrong, "application/x-www-form-urlencoded")[0] == 400
        page = browser.new_context(locale="en-US").new_page()
        page.goto(url)
        page.get_by_label("username").fill("ana")
        page.get_by_label("password").fill(PASSWORD)
        page.get_by_role("button", name="Login").click()
        expect(page.locator("#cr-results .cr-empty")).to_be_visible()
        page.context.close()


@pytest.fixture(scope="module")
def magazine(
    tiny_encoder: str, small_fit: FitConfig, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle of the content sample, whose rules ask how old a reader is."""
    vertical = corank.load_vertical("content")
    pipeline = Pipeline(vertical, EncoderConfig(name=tiny_encoder, max_tokens=32))
    pipeline.fit(vertical.read_sample().split("time").train, small_fit)
    path = tmp_path_factory.mktemp("magazine") / "bundle"
    pipeline.save(path)
    return path


@pytest.mark.parametrize(("locale", "who"), [("en-US", "Who asks"), ("zh-CN", "提问者")])
def test_whoever_asks_is_shown_what_is_for_them(
    browser: Browser, magazine: Path, tmp_path: Path, locale: str, who: str
) -> None:
    items = corank.load(magazine).items
    rated = dict(items.select("title", "age_rating").iter_rows())
    with served(tmp_path, magazine) as url, visit(browser, url, locale, PHONE) as page:
        page.get_by_role("button", name=who).click()

        def ages(said: str) -> list[int]:
            page.locator("#cr-who-age textarea, #cr-who-age input").fill(said)
            page.locator("#cr-query textarea, #cr-query input").fill(f"thriller {said}")
            page.locator("#cr-query textarea, #cr-query input").press("Enter")
            expect(page.locator("#cr-results h2")).to_contain_text(f"thriller {said}")
            titles = page.locator("#cr-results .cr-card h3").all_text_contents()
            return [rated[title] for title in titles]

        assert max(ages("40")) > 6
        assert max(ages("6")) <= 6
