"""What tests of the app in a real browser share: a server, a browser, and a visitor who minds."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("gradio")
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=15_000)

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip(
        "NO BROWSER: the app is not tested. Install one: apt-get install chromium",
        allow_module_level=True,
    )
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
DESKTOP, PHONE = (1200, 850), (390, 800)
HOSTILE = (
    "<script>window.owned = 1</script><img src=x onerror='window.owned = 2'> "
    "${window.owned = 3} {{value}} </script>"
)


@dataclass
class Seen:
    """What a page did that it should not."""

    wrong: list[str] = field(default_factory=list)


@contextlib.contextmanager
def served(folder: Path, *arguments: object) -> Iterator[str]:
    """Serve an app in a process of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "corank", "app", *map(str, arguments), "--port", str(port)]
    with (folder / f"{port}.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ)
        try:
            url, deadline = f"http://127.0.0.1:{port}/", time.monotonic() + 90
            while url not in Path(log.name).read_text("utf-8"):
                assert process.poll() is None, Path(log.name).read_text("utf-8")
                assert time.monotonic() < deadline, "the app did not start"
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(30)
        assert "Traceback" not in Path(log.name).read_text("utf-8")


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """Start Chromium."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(
    browser: Browser, url: str, locale: str = "en-US", size: tuple[int, int] = DESKTOP
) -> Iterator[Page]:
    """Open the app as a new visitor; afterwards nothing may have gone wrong in the page."""
    seen = Seen()
    context = browser.new_context(
        locale=locale, viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda m: seen.wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: seen.wrong.append(str(error)))
    page.on("request", lambda r: seen.wrong.append(r.url) if _foreign(r.url, url) else None)
    page.on("response", lambda r: seen.wrong.append(r.url) if r.status >= 400 else None)
    page.goto(url)
    expect(page.locator("#cr-results .cr-empty")).to_be_visible()
    yield page
    assert page.evaluate("window.owned") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
    assert seen.wrong == []


def _foreign(asked: str, ours: str) -> bool:
    return not asked.startswith((ours, "data:", "blob:"))


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def barriers(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe-core finds wrong with the accessibility of the page: rule, elements."""
    from axe_playwright_python.sync_playwright import Axe

    axe, found = Axe(), []
    for _ in range(8):  # what is still being drawn is pale
        found = axe.run(page).response["violations"]
        if not found:
            break
        page.wait_for_timeout(700)
    return [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found]


def post(url: str, body: bytes, kind: str) -> tuple[int, str]:
    """Send something to an address; return the status and what was answered."""
    request = urllib.request.Request(url, body, {"content-type": kind})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
