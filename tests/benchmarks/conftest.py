"""Public sets in miniature that several tests read."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.sets.crowdflower import FILES
from benchmarks.sets.datasets import ANY_EDITION

WORDS = ("soft", "warm", "blanket", "grinder", "coffee", "steel", "cotton", "mug", "oak", "lamp")


@pytest.fixture(autouse=True)
def any_edition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Miniatures are no edition that was measured."""
    monkeypatch.setenv(ANY_EDITION, "1")


@pytest.fixture(scope="module")
def crowdflower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 queries of one word; four products each, the first of which hold that word."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("crowdflower")
    rows: list[tuple[str, ...]] = []
    for number in range(40):
        query = f"{WORDS[number % 10]} {number}"
        for place in range(4):
            words = rng.choice(WORDS, 2).tolist()
            title = " ".join([query, *words] if place < 2 else words)
            text = "<b>fine</b>\n thing" if place else ""
            rows.append((str(len(rows)), query, title, text, str(4 - place)))
    columns = ["id", "query", "product_title", "product_description", "median_relevance"]
    table = pl.DataFrame(rows, schema=columns, orient="row")
    for number, name in enumerate(FILES):
        table[number::10].write_csv(folder / name)
    return folder
