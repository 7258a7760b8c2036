"""Every sample is whole, consistent, and what its generator writes."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corank import Vertical, load_vertical
from corank.people import Persona, Themes, World
from corank_ads.sample.generate import Inventory
from corank_content.sample.generate import Shelves
from corank_ecommerce.sample.generate import Shop
from corank_finance.sample.generate import Counter
from corank_health.sample.generate import Service

WORLDS: dict[str, Callable[[pl.DataFrame], World]] = {
    "ads": Inventory,
    "content": Shelves,
    "ecommerce": Shop,
    "finance": Counter,
    "health": Service,
}


@dataclass(frozen=True)
class Sample:
    """What a vertical ships."""

    vertical: Vertical
    folder: Path
    items: pl.DataFrame
    users: pl.DataFrame
    interactions: pl.DataFrame
    queries: pl.DataFrame
    world: World
    personas: tuple[Persona, ...]
    themes: Themes


@pytest.fixture(scope="module", params=sorted(WORLDS))
def sample(request: pytest.FixtureRequest) -> Sample:
    name = request.param
    folder = import_module(f"corank_{name}.sample").folder()
    said = import_module(f"corank_{name}.sample.personas")
    names = ("items", "users", "interactions", "queries")
    tables = {each: pl.read_csv(folder / f"{each}.csv") for each in names}
    world = WORLDS[name](tables["items"])
    vertical = load_vertical(name)
    return Sample(
        vertical, folder, **tables, world=world, personas=said.PERSONAS, themes=said.THEMES
    )


def test_there_is_one_for_every_vertical_that_ships_one() -> None:
    from corank import verticals

    assert set(WORLDS) == {name for name, each in verticals().items() if each.sample}


def test_the_catalogue_is_large_enough_and_nothing_is_repeated(sample: Sample) -> None:
    assert sample.items.height >= 230
    for column in ("item_id", "title", "description"):
        assert sample.items[column].is_unique().all(), column
    assert set(sample.items.columns) == set(sample.vertical.items.column_names())


def test_every_event_names_a_known_user_item_and_kind(sample: Sample) -> None:
    events = sample.interactions
    assert 9_000 <= events.height <= 25_000
    kinds: Any = sample.vertical.interactions.columns()["event"]
    assert set(events["event"]) == set(kinds.categories)
    assert set(events["item_id"]) <= set(sample.items["item_id"])
    assert set(events["user_id"]) <= set(sample.users["user_id"])
    assert sample.users["user_id"].is_unique().all() and sample.users.height >= 380
    assert events.is_unique().all() and events["timestamp"].is_sorted()


def test_judgements_are_graded_and_name_known_items(sample: Sample) -> None:
    queries = sample.queries
    assert set(queries["grade"]) == {0, 1, 2, 3}
    assert set(queries["item_id"]) <= set(sample.items["item_id"])
    assert queries.select("query", "item_id").is_unique().all()
    each = queries.group_by("query").agg(pl.len(), pl.col("grade").max())
    assert each.height >= 70 and (each["grade"] == 3).all()
    assert each["len"].is_between(4, 25).all()


def test_every_word_the_personas_know_is_in_the_catalogue(sample: Sample) -> None:
    assert [term for term, hit in sample.world.hits.items() if not hit.any()] == []
    assert len(sample.personas) >= 16 and len(sample.themes) >= 20
    assert len({one.name for one in sample.personas}) == len(sample.personas)


def test_the_generator_writes_the_committed_files_to_the_byte(
    sample: Sample, tmp_path: Path
) -> None:
    write = import_module(f"corank_{sample.vertical.name}.sample.generate").write
    write(tmp_path)
    for name in ("users.csv", "interactions.csv"):
        assert (tmp_path / name).read_bytes() == (sample.folder / name).read_bytes(), name


def test_there_are_visitors_to_try_it_as(sample: Sample) -> None:
    visitors = sample.vertical.visitors
    assert len(visitors) >= 4 and len({each.name for each in visitors}) == len(visitors)
    assert all(each.history for each in visitors)
    asked = set(sample.vertical.asked) - {"timestamp"}
    assert not asked or all(each.known for each in visitors)


def test_another_seed_writes_another_year(sample: Sample, tmp_path: Path) -> None:
    import_module(f"corank_{sample.vertical.name}.sample.generate").write(tmp_path, seed=8)
    for name in ("users.csv", "interactions.csv"):
        assert (tmp_path / name).read_bytes() != (sample.folder / name).read_bytes()
