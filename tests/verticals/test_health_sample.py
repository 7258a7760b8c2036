"""What is the health sample's own: a graph that fits the items, and people whom nothing harms."""

import polars as pl
import pytest

from corank import load_vertical
from corank.data.dataset import Dataset
from corank_health.sample import folder
from corank_health.schema import ALLERGENS, RELATIONS


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_vertical("health").read_sample()


@pytest.fixture(scope="module")
def edges() -> pl.DataFrame:
    return pl.read_csv(folder() / "edges.csv")


def test_the_graph_is_whole_and_speaks_the_words_of_the_items(
    data: Dataset, edges: pl.DataFrame
) -> None:
    assert edges.height >= 180 and edges.is_unique().all()
    assert set(edges["relation"]) == set(RELATIONS)
    contained = edges.filter(relation="contains")["target"]
    assert set(contained) <= set(ALLERGENS)
    used = data.items["ingredients"].drop_nulls().str.split("|").explode().unique()
    assert used.is_in(edges["source"].implode()).mean() > 0.9  # type: ignore[operator]
    topics = data.items["topics"].str.split("|").explode().unique()
    ailments = edges.filter(pl.col("relation").is_in(["eases", "harms"]))["target"].unique()
    assert ailments.is_in(topics.implode()).sum() >= 25


def test_edges_reach_the_products(data: Dataset, edges: pl.DataFrame) -> None:
    raw = pl.read_csv(folder() / "items.csv")
    products = data.items.filter(pl.col("kind") == "product")
    assert products.height >= 70
    for column in ("allergens", "avoid_conditions", "avoid_medicines"):
        before = raw.filter(kind="product")[column]
        changed = (before != products[column]).fill_null(False)
        assert changed.sum() >= 5, column
        assert before.is_null().equals(products[column].is_null()), column
        assert 1 <= before.null_count() <= 20, column


def test_nobody_bought_or_saw_a_product_that_would_harm_them(data: Dataset) -> None:
    seen = data.interactions.join(data.items, on="item_id").join(
        data.users, on="user_id", suffix="_of"
    )
    products = seen.filter(pl.col("kind") == "product")
    assert products.height > 2_000
    for column, said in (
        ("allergens", "allergies"), ("avoid_conditions", "conditions"),
        ("avoid_medicines", "medicines"),
    ):  # fmt: skip
        told = products.filter(pl.col(said) != "none")
        assert told.height > 200 and told[column].null_count() == 0, column
        mine = pl.col(said).str.split("|")
        met = pl.col(column).str.split("|").list.set_intersection(mine).list.len()
        assert told.select((met == 0).all()).item(), column
    assert (products.filter("pregnant")["pregnancy"] == "safe").all()
    assert (products["min_age"].fill_null(0) <= products["age"]).all()


def test_some_people_have_something_to_mind(data: Dataset) -> None:
    for column in ("allergies", "conditions", "medicines"):
        assert (data.users[column] != "none").sum() >= 40, column
    assert data.users["pregnant"].sum() >= 10
