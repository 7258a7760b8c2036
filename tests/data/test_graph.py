"""What follows from a knowledge graph: on one whose right answers are known, and at random."""

from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank import Edge, Interaction, Item, Join, Vertical, labeling_function
from corank.data.graph import Graph, join
from corank.data.grow import grow
from corank.errors import DataError, DeclarationError

EDGES = pl.DataFrame(
    [
        ("ibuprofen", "harms", "ulcer"),
        ("ibuprofen", "interacts", "warfarin"),
        ("aspirin", "harms", "ulcer"),
        ("aspirin", "harms", "asthma"),
        ("oat", "contains", "gluten"),
    ],
    ["source", "relation", "target"],
    orient="row",
)
HARMS = Join(column="avoid", of="holds", along="harms")
FREE = Join(column="allergens", of="holds", along="contains", none="none")


def shelf(*rows: tuple[str | None, str | None, str | None]) -> pl.DataFrame:
    columns = {"holds": pl.String, "avoid": pl.String, "allergens": pl.String}
    return pl.DataFrame(list(rows), columns, orient="row")


def test_edges_lead_from_what_an_item_holds_to_who_must_avoid_it() -> None:
    items = shelf(
        ("ibuprofen", None, None),
        ("aspirin|ibuprofen", "kidney", None),
        ("water", None, None),
        (None, "gout", None),
    )
    assert join(items, EDGES, [HARMS])["avoid"].to_list() == [
        "ulcer",
        "asthma|kidney|ulcer",
        None,
        "gout",
    ]


def test_none_gives_way_and_what_is_half_known_is_not_known() -> None:
    items = shelf(
        ("oat", None, "none"), ("oat", None, None), ("oat", None, "milk"), ("tea", None, "none")
    )
    found = join(items, EDGES, [FREE])["allergens"].to_list()
    assert found == ["gluten", None, "gluten|milk", "none"]


names = st.lists(st.sampled_from("abcde"), unique=True)


@given(
    st.lists(st.tuples(names, names), max_size=8),
    st.sets(
        st.tuples(st.sampled_from("abcde"), st.sampled_from(["r", "s"]), st.sampled_from("xyz"))
    ),
)
def test_a_join_is_the_union_of_what_was_held_and_where_edges_lead(
    rows: list[tuple[list[str], list[str]]], edges: set[tuple[str, str, str]]
) -> None:
    items = shelf(*(("|".join(a) or None, "|".join(b) or None, None) for a, b in rows))
    table = pl.DataFrame(sorted(edges), dict.fromkeys(EDGES.columns, pl.String), orient="row")
    found = join(items, table, [Join(column="avoid", of="holds", along="r")])
    for (holds, avoid), told in zip(rows, found["avoid"], strict=True):
        led = {target for source, relation, target in edges if source in holds and relation == "r"}
        assert told == ("|".join(sorted(led | set(avoid))) or None)
    assert found.drop("avoid").equals(items.drop("avoid"))


def test_values_that_start_no_edge_are_named() -> None:
    items = shelf(("oat|otas", None, None), ("aspirin", None, None))
    graph = Graph(edges=EDGES, joins=(HARMS,), items=Item)
    assert graph.loose_ends(items) == ["1 values of items.holds start no edge: otas"]
    assert graph.loose_ends(shelf(("oat", None, None))) == []


class Thing(Item):
    """An item that holds something."""

    holds = dy.String(nullable=True)
    avoid = dy.String(nullable=True, regex="^[a-z|]+$")


@labeling_function
def liked() -> pl.Expr:
    """Likes count."""
    return pl.when(pl.col("event") == "like").then(3)


PARTS: dict[str, Any] = {
    "name": "t",
    "items": Thing,
    "interactions": Interaction,
    "labeling_functions": (liked,),
}


def test_a_folder_with_edges_is_read_joined(tmp_path: Path) -> None:
    vertical = Vertical(**PARTS, edges=Edge, joins=(HARMS,))
    (tmp_path / "items.csv").write_text("item_id,title,holds\na,A,aspirin\nb,B,tea\n")
    (tmp_path / "interactions.csv").write_text(
        "user_id,item_id,event,timestamp\nu,a,like,2025-01-01\n"
    )
    (tmp_path / "edges.csv").write_text(
        "source,relation,target\naspirin,harms,ulcer\naspirin,harms,ulcer\n,harms,x\n"
    )
    data = vertical.read(tmp_path)
    assert data.items["avoid"].to_list() == ["ulcer", None]
    told = str(data.intake)
    assert "edges.csv: 3 rows in = 1 kept + 2 rejected" in told
    assert "1 values of items.holds start no edge: tea" in told
    (tmp_path / "edges.csv").unlink()
    bare = vertical.read(tmp_path)
    assert bare.items["avoid"].to_list() == [None, None]
    assert "no edges file: avoid are taken as they stand" in str(bare.intake)
    (tmp_path / "edges.csv").write_text("source,relation,target\naspirin,harms,Ulcer 1\n")
    with pytest.raises(DataError, match=r"what the items' schema does not allow: avoid\|regex \(1"):
        vertical.read(tmp_path)


def folder(path: Path, items: str, month: int, edges: str = "") -> Path:
    path.mkdir()
    events = "".join(
        f"u{user},{item},like,2025-{month:02}-{day:02}\n"
        for user in range(3)
        for day, item in enumerate(["a", "b"], 1 + 3 * user)
    )
    (path / "items.csv").write_text("item_id,title,holds\n" + items)
    (path / "interactions.csv").write_text("user_id,item_id,event,timestamp\n" + events)
    if edges:
        (path / "edges.csv").write_text("source,relation,target\n" + edges)
    return path


def test_what_a_graph_said_holds_for_what_comes_later(tmp_path: Path) -> None:
    vertical = Vertical(**PARTS, edges=Edge, joins=(HARMS,))
    first = folder(tmp_path / "first", "a,A,aspirin\nb,B,oat\n", 1, "aspirin,harms,ulcer\n")
    split = vertical.read(first).split("time", test=0.4)
    bare = vertical.read(folder(tmp_path / "bare", "a,A,aspirin\nb,B,oat\nc,C,aspirin\n", 2))
    for data in (found := grow(split, bare, 0.4)).split:
        assert data.items["avoid"].to_list() == ["ulcer", None, "ulcer"]
    more = folder(tmp_path / "more", "a,A,aspirin\nb,B,oat\n", 3, "oat,harms,coeliac\n")
    again = grow(found.split, vertical.read(more), 0.4).split
    assert again.train.items["avoid"].to_list() == ["ulcer", "coeliac", "ulcer"]
    assert again.train.graph is not None
    assert again.train.graph.edges.rows() == [
        ("aspirin", "harms", "ulcer"),
        ("oat", "harms", "coeliac"),
    ]


def test_a_declaration_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DeclarationError, match="joins along edges and declares none"):
        Vertical(**PARTS, joins=(HARMS,))
    with pytest.raises(DeclarationError, match=r"a join names 'hold', .*'holds'"):
        Vertical(**PARTS, edges=Edge, joins=(Join(column="avoid", of="hold", along="harms"),))
    again = Join(column="avoid", of="avoid", along="harms")
    with pytest.raises(DeclarationError, match="'avoid', from which another starts"):
        Vertical(**PARTS, edges=Edge, joins=(again,))
    with pytest.raises(DeclarationError, match=r"must extend corank\.Edge"):
        Vertical(**PARTS | {"edges": Item})
