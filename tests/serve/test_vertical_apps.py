"""The app of every vertical in a real browser: each tab, two widths, two languages, no barrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import FunctionType
from typing import TYPE_CHECKING

import polars as pl
import pytest

from corank import EncoderConfig, FitConfig, Pipeline, load_vertical, verticals
from corank.plugin import beside, named
from corank.serve.panel import load_panels
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

NAMES = sorted(set(verticals()) - {"ecommerce"})  # that one is test_app_browser's
PEOPLE = 220


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def app(
    request: pytest.FixtureRequest,
    tiny_encoder: str,
    tiny_fit: FitConfig,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, str]]:
    """A vertical's name and the address of its app, fitted on a part of its sample."""
    vertical = load_vertical(request.param)
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    data = vertical.read_sample()
    users = data.users["user_id"].head(PEOPLE)
    kept = data.interactions.filter(pl.col("user_id").is_in(users.implode()))
    train, test = replace(data, interactions=kept).split("time")
    pipeline = Pipeline(vertical, encoder)
    pipeline.fit(train, tiny_fit)
    folder = tmp_path_factory.mktemp(vertical.name) / vertical.name
    pipeline.save(folder, pipeline.evaluate(test))
    with pytest.MonkeyPatch.context() as patch:
        quickly(patch)
        for name, function in vertical.models.items():
            named(function, FunctionType)(encoder, 0).save(beside(folder, name))
    with served(folder.parent, folder) as url:
        yield vertical.name, url


def quickly(patch: pytest.MonkeyPatch) -> None:
    """Let classifiers learn in one pass."""
    from corank.classify import training

    class Quick(training.ClassifierConfig):
        """One pass, end to end."""

        def __post_init__(self) -> None:
            for option, value in {"epochs": 1, "mode": "full", "precision": "no"}.items():
                object.__setattr__(self, option, value)

    patch.setattr(training, "ClassifierConfig", Quick)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("app", NAMES, indirect=True)
def test_each_tab_opens_and_keeps_nobody_out(
    browser: Browser, app: tuple[str, str], locale: str, size: tuple[int, int]
) -> None:
    name, url = app
    vertical, words = load_vertical(name), LANGUAGES.get(locale, LANGUAGES["en"])
    panels = load_panels(vertical.panels)
    own = [panel.words[locale.partition("-")[0]][panel.name] for panel in panels]
    tabs = [words["search"], words["recommend"], words["why"], *own]
    tabs += [words["labels"], words["report"]]
    with visit(browser, url, locale, size) as page:
        expect(page.get_by_role("tab")).to_have_text(tabs)
        if notice := vertical.policy.disclaimer:
            expect(page.locator(".cr-notice")).to_have_text(notice[locale.partition("-")[0]])
        page.locator("#cr-query textarea").fill(vertical.example_queries[0])
        page.locator("#cr-query textarea").press("Enter")
        expect(page.locator("#cr-results h2, #cr-results .cr-empty-what").first).to_be_visible()
        for heading in tabs:
            tab(page, heading)
            page.wait_for_timeout(700)
            if locale == "en-US":
                assert barriers(page) == [], heading
        tab(page, words["recommend"])
        expect(page.locator("#cr-recommended h3").first).to_be_visible()


FILE = (
    b'--b\r\nContent-Disposition: form-data; name="files"; filename="cat.exe"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\nMZ\r\n--b--\r\n"
)


@pytest.mark.parametrize("app", NAMES, indirect=True)
def test_hostile_words_and_files_and_a_neighbour_do_no_harm(
    browser: Browser, app: tuple[str, str]
) -> None:
    """Two people at once; `visit` sees to it that no script of theirs ever runs."""
    _, url = app
    with visit(browser, url) as one, visit(browser, url) as other:
        tab(other, "Recommend")
        other.locator("#cr-recommended .cr-buttons button").first.wait_for()
        for field in one.locator("#cr-who input").all():
            field.evaluate("(box, said) => { box.value = said }", HOSTILE)
        one.locator("#cr-query textarea").fill(HOSTILE)
        one.locator("#cr-query textarea").press("Enter")
        expect(one.locator("#cr-results .cr-empty-what, #cr-results h2").first).to_be_visible()
        expect(other.locator("#cr-chips li")).to_have_count(0)
    assert post(f"{url}gradio_api/upload", FILE, "multipart/form-data; boundary=b")[0] >= 400
    status, said = post(f"{url}gradio_api/queue/join", b"x" * 1_000_001, "application/json")
    assert (status, said) == (413, "A request may hold at most 1,000,000 bytes.")


def choose(page: Page, label: str, typed: str) -> None:
    box = page.get_by_label(label)
    box.click()
    box.fill(typed)
    page.get_by_role("option").first.click()


@pytest.mark.parametrize("app", NAMES, indirect=True)
def test_it_can_be_tried_as_somebody(browser: Browser, app: tuple[str, str]) -> None:
    name, url = app
    visitor = load_vertical(name).visitors[0]
    with visit(browser, url) as page:
        tab(page, "Recommend")
        choose(page, "Try it as somebody", visitor.name)
        expect(page.locator("#cr-chips li")).to_have_count(len(visitor.history))
        expect(page.get_by_text(f"Recommended after {len(visitor.history)} item")).to_be_visible()
        for column, value in visitor.known.items():
            field = page.locator(f"#cr-who-{column} textarea, #cr-who-{column} input").first
            if field.count():
                expect(field).to_have_value(str(value).lower() if value is True else str(value))
        assert barriers(page) == []


@pytest.mark.parametrize("app", ["ads"], indirect=True)
def test_the_ad_desk_asks_what_if(browser: Browser, app: tuple[str, str]) -> None:
    with visit(browser, app[1]) as page:
        tab(page, "What if")
        choose(page, "Creative", "home insurance")
        expect(page.locator("#cr-what-if .cr-verdict")).to_be_visible()
        expect(page.locator("#cr-what-if tbody tr")).to_have_count(7)
        assert barriers(page) == []


@pytest.mark.parametrize("app", ["finance"], indirect=True)
def test_the_bank_watches_opinion_and_answers_or_does_not(
    browser: Browser, app: tuple[str, str]
) -> None:
    with visit(browser, app[1]) as page:
        tab(page, "Service")
        page.locator("#cr-question textarea").fill("i lost my card")
        page.locator("#cr-question textarea").press("Enter")
        expect(page.locator("#cr-service .cr-card, #cr-service .cr-empty-what")).to_be_visible()
        tab(page, "Monitor")
        page.locator("#cr-replay").click()
        expect(page.locator("#cr-monitor")).to_contain_text("10,000 texts read", timeout=90_000)
        assert page.locator("#cr-monitor svg").count() >= 1
        assert barriers(page) == []


@pytest.mark.parametrize("app", ["health"], indirect=True)
def test_an_emergency_is_answered_by_a_message_and_nothing_else(
    browser: Browser, app: tuple[str, str]
) -> None:
    with visit(browser, app[1]) as page:
        page.locator("#cr-query textarea").fill("my baby is not breathing")
        page.locator("#cr-query textarea").press("Enter")
        expect(page.locator("#cr-results .cr-alarm")).to_contain_text("112")
        expect(page.locator("#cr-results .cr-card")).to_have_count(0)
        assert barriers(page) == []
