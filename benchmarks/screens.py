"""What a visitor waits for: seconds until an app's first screen, milliseconds until answers show.

Each app is served from its bundle by `corank app` in a process of its own and opened in a real
browser on the same machine, so the browser's own work counts. The first screen is there when one
could type; answers are there when the page shows them.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.reporting.results import store
from benchmarks.sets.samples import SAMPLES
from corank import Vertical, load_vertical
from corank.bundle import BUNDLE
from corank.errors import ConfigError
from corank.evaluate.report import OURS, Row
from corank.serve.words import words_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VISITS = 5
QUERIES = 40
START_SECONDS = 60
# Enter is pressed at one moment, and answers are on the page at another: both by the page's clock.
WATCH = """
() => {
  const results = document.querySelector('#cr-results');
  const said = () => results.querySelector('.cr-view')?.innerText;  // not the progress above it
  const before = said();
  window.taken = null;
  let pressed = null;
  const press = (event) => { if (event.key === 'Enter') pressed ??= performance.now(); };
  addEventListener('keydown', press, true);
  const observer = new MutationObserver(() => {
    if (pressed === null || !said() || said() === before) return;
    observer.disconnect();
    requestAnimationFrame(() => { window.taken = performance.now() - pressed; });
  });
  observer.observe(results, {subtree: true, childList: true, characterData: true});
}
"""


def run(bundles: Sequence[Path]) -> tuple[list[Row], Path]:
    """Open each bundle's app, as `corank demo` makes them; return what a visitor waits for.

    Raises:
        BundleError: one is none.
        ConfigError: there is no browser, or an app does not start.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise ConfigError("There is no browser: install chromium.")
    rows = []
    for bundle in bundles:
        vertical = load_vertical(str(BUNDLE.read(bundle)["vertical"]))
        with sync_playwright() as driver, served(bundle) as url:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            rows += _rows(vertical.name, *_visited(browser, url, vertical))
            browser.close()
    verdict = f"{len(bundles)} apps on loopback, {VISITS} visits and {QUERIES} queries to each"
    return rows, store(SAMPLES, "screens", verdict, rows)


@contextmanager
def served(bundle: Path) -> Iterator[str]:
    """Serve an app until the block ends; gives its address once it says that it is up."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "corank", "app", str(bundle), "--port", port]
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            url, deadline = f"http://127.0.0.1:{port}/", time.monotonic() + START_SECONDS
            while url not in (said := Path(log.name).read_text("utf-8")):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ConfigError(f"The app of {bundle} does not start:\n{said}")
                time.sleep(0.02)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _visited(browser: "Browser", url: str, vertical: Vertical) -> tuple[list[float], list[float]]:
    """Seconds until each visit's first screen, milliseconds until each query's answers."""
    screens, answers = [], []
    judged = vertical.read_sample().queries["query"].unique(maintain_order=True)
    queries = [*vertical.example_queries, *judged.to_list()][:QUERIES]
    for visit in range(VISITS):
        page = browser.new_context(locale="en-GB").new_page()
        began = time.perf_counter()
        page.goto(url)
        page.locator("#cr-results .cr-empty").wait_for()
        page.locator("#cr-query textarea").wait_for()
        screens.append(time.perf_counter() - began)
        if visit == VISITS - 1:
            answers = [_asked(page, query) for query in queries]
        page.context.close()
    return screens, answers


def _asked(page: "Page", query: str) -> float:
    box = page.locator("#cr-query textarea")
    box.fill("")  # back to the empty state: two queries may be answered by the same words
    box.press("Enter")
    page.get_by_text(words_for("en")("before_search")).wait_for()
    box.fill(query)
    page.evaluate(WATCH)
    box.press("Enter")
    page.wait_for_function("window.taken !== null")
    return float(page.evaluate("window.taken"))


def _rows(name: str, screens: list[float], answers: list[float]) -> list[Row]:
    shown = np.percentile(answers, [50, 95])
    return [
        Row(OURS, name, "first_screen_s", float(np.median(screens)), min(screens), max(screens)),
        Row(OURS, name, "answers_p50_ms", float(shown[0])),
        Row(OURS, name, "answers_p95_ms", float(shown[1])),
    ]
