"""The page of results in a real browser: whole by itself, on a phone, with the keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.reporting.page import page
from benchmarks.reporting.results import Result, stored
from corank.evaluate.report import Row
from tests.serve.browsing import DESKTOP, PHONE, barriers, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with started() as browser:
        yield browser


@pytest.fixture
def opened(browser: "Browser", tmp_path: Path) -> Iterator["Page"]:
    """The page of what is stored, in a browser that may load nothing else."""
    file = tmp_path / "report.html"
    file.write_text(page(stored()), "utf-8")
    context = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    asked: list[str] = []
    tab = context.new_page()
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    yield tab
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    context.close()


def test_it_says_who_is_ahead_and_where_corank_loses(opened: "Page") -> None:
    assert opened.title() == "corank, measured"
    rows = opened.locator("table").first.locator("tbody tr")
    said = {verdict: opened.locator(f"td.{verdict}").count() for verdict in ("ahead", "level")}
    assert rows.count() == sum(said.values()) + opened.locator("td.behind").count()
    assert "as_new=True" in opened.locator("#losses").inner_text()
    assert opened.locator("details").count() == len(stored())
    pictures = opened.locator(".planes img")
    assert pictures.count() >= 2
    for n in range(pictures.count()):
        assert pictures.nth(n).evaluate("image => image.naturalWidth") > 300
        assert "corank/int8" in (pictures.nth(n).get_attribute("alt") or "")


def test_a_result_opens_with_the_keyboard_and_nothing_bars_anybody(opened: "Page") -> None:
    first = opened.locator("details").first
    first.locator("summary").focus()
    opened.keyboard.press("Enter")
    assert first.get_attribute("open") is not None
    assert first.locator("tr.ours").is_visible()
    assert barriers(opened) == []


def test_it_fits_a_phone(opened: "Page") -> None:
    opened.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    opened.locator("details").first.locator("summary").click()
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_results_say_is_text(browser: "Browser", tmp_path: Path) -> None:
    hostile = "<script>window.owned = 1</script><img src=x onerror='window.owned = 2'>"
    rows = (Row("corank", "all", "ndcg@10", 0.5), Row(hostile, "all", "ndcg@10", 0.4))
    found = Result(hostile, "time", "0123", {"cores": 2}, {}, "", hostile, rows)
    file = tmp_path / "report.html"
    file.write_text(page([found]), "utf-8")
    tab = browser.new_page()
    tab.goto(file.as_uri())
    tab.locator("summary").click()
    assert hostile in tab.locator("details").inner_text()
    assert tab.evaluate("window.owned") is None
    tab.close()
