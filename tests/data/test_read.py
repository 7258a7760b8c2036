"""Bad input, one kind a test: either a named error that says how to mend it, or a kept reject."""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from corank.data.read import Intake, read_tables
from corank.data.schema import Interaction, Item, Query, TableName, User
from corank.errors import DataError, SchemaError

NOW = dt.datetime(2026, 1, 31, 12)


class Product(Item):
    brand = dy.String(nullable=True)
    description = dy.String(nullable=True)
    price = dy.Float64(nullable=True, min=0)
    stock = dy.Int64(nullable=True)
    on_sale = dy.Bool(nullable=True)


class Event(Interaction):
    event = dy.Enum(["view", "purchase"])


SCHEMAS: dict[TableName, type[dy.Schema]] = {
    "items": Product,
    "users": User,
    "interactions": Event,
    "queries": Query,
}

ITEMS = """item_id,title,price
a,Serum,12.5
b,Cream,8
"""
INTERACTIONS = """user_id,item_id,event,timestamp
u,a,view,2026-01-01T10:00:00
u,b,purchase,2026-01-02T10:00:00
v,a,view,2026-01-03T10:00:00
"""

Write = Callable[[Mapping[str, str | bytes]], Path]
Tables = dict[TableName, pl.DataFrame]


@pytest.fixture
def folder_with(tmp_path: Path) -> Write:
    """Make a folder of two good files, some of them replaced or added to."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        tables = {name.partition(".")[0] for name in files}
        good = {"items.csv": ITEMS, "interactions.csv": INTERACTIONS}
        kept = {n: text for n, text in good.items() if n.partition(".")[0] not in tables}
        for name, text in {**kept, **files}.items():
            (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return tmp_path

    return write


def read(
    folder: Path, columns: Mapping[str, str] | None = None, rejects: Path | None = None
) -> tuple[Tables, Intake]:
    tables, intake = read_tables(folder, SCHEMAS, columns=columns or {}, rejects=rejects, now=NOW)
    kept = intake.rejects or folder / "nothing"
    rejected = pl.read_parquet(kept) if kept.exists() else pl.DataFrame(schema={"file": pl.String})
    for table in intake.tables.values():
        assert table.rows == table.kept + table.rejected
        assert table.rejected == sum(table.reasons.values())
        assert table.rejected == (rejected["file"] == table.file).sum()
    return tables, intake


def rejects_of(intake: Intake) -> list[dict[str, Any]]:
    assert intake.rejects is not None
    return [
        {**row, "record": json.loads(row["record"])}
        for row in pl.read_parquet(intake.rejects).iter_rows(named=True)
    ]


def items_csv(*rows: str, header: str = "item_id,title,price") -> str:
    return "\n".join([header, "good,Good,1", *rows]) + "\n"


# Good data


def test_good_files_are_kept_whole_and_leave_no_rejects(folder_with: Write) -> None:
    tables, intake = read(folder_with({}))
    assert Product.is_valid(tables["items"])
    assert tables["items"]["title"].to_list() == ["Serum", "Cream"]
    assert tables["interactions"]["timestamp"][0] == dt.datetime(2026, 1, 1, 10)
    assert list(tables) == ["items", "interactions"]
    assert intake.rejects is None
    assert not (folder_with({}) / "rejects.parquet").exists()
    assert str(intake).splitlines()[0] == "items.csv: 2 rows in = 2 kept + 0 rejected"


def test_all_four_tables_are_read(folder_with: Write) -> None:
    files = {"users.csv": "user_id\nu\nv\n", "queries.csv": "query,item_id,grade\nserum,a,3\n"}
    tables, _ = read(folder_with(files))
    assert list(tables) == ["items", "users", "interactions", "queries"]
    assert tables["queries"].rows() == [("serum", "a", 3)]


def test_parquet_csv_and_jsonl_give_the_same_tables(tmp_path: Path) -> None:
    items = pl.DataFrame(
        {
            "item_id": ["a", "b", "a", "c"],
            "title": ["Serum", "Crème, “rich”", "Again", None],
            "brand": [None, "X", "X", "X"],
            "description": ["two\nlines", None, None, None],
            "price": [12.5, 8.0, 1.0, 2.0],
            "stock": [3, None, 1, 1],
            "on_sale": [True, False, None, None],
        }
    )
    events = pl.DataFrame(
        {
            "user_id": ["u", "u", "v"],
            "item_id": ["a", "b", "z"],
            "event": ["view", "purchase", "view"],
            "timestamp": [dt.datetime(2026, 1, day, 10, 30) for day in (1, 2, 3)],
        }
    )
    read_as = {}
    for form in ("parquet", "csv", "jsonl"):
        folder = tmp_path / form
        folder.mkdir()
        for name, frame in {"items": items, "interactions": events}.items():
            path = folder / f"{name}.{form}"
            if form == "parquet":
                frame.write_parquet(path)
            elif form == "csv":
                frame.write_csv(path)
            else:
                frame.write_ndjson(path)
        read_as[form] = read(folder)
    expected, intake = read_as["parquet"]
    assert intake.tables["items"].reasons == {"item_id: given before": 1, "title: is missing": 1}
    for tables, other in read_as.values():
        assert_frame_equal(tables["items"], expected["items"])
        assert_frame_equal(tables["interactions"], expected["interactions"])
        assert other.tables["items"].reasons == intake.tables["items"].reasons


def test_columns_are_mapped_in_every_table(folder_with: Write) -> None:
    folder = folder_with(
        {
            "items.csv": "asin,name\na,Serum\n",
            "interactions.csv": "who,asin,event,timestamp\nu,a,view,2026-01-01\n",
        }
    )
    tables, _ = read(folder, {"asin": "item_id", "name": "title", "who": "user_id"})
    assert tables["items"]["item_id"].to_list() == tables["interactions"]["item_id"].to_list()
    assert tables["items"]["title"].to_list() == ["Serum"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-02T03:04:05", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02 03:04:05.25", dt.datetime(2026, 1, 2, 3, 4, 5, 250_000)),
        ("2026-01-02T03:04", dt.datetime(2026, 1, 2, 3, 4)),
        ("2026-01-02", dt.datetime(2026, 1, 2)),
        ("2026-01-02T03:04:05Z", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02T03:04:05+02:00", dt.datetime(2026, 1, 2, 1, 4, 5)),
        ("2026-01-02 03:04:05 -0530", dt.datetime(2026, 1, 2, 8, 34, 5)),
        ("20260102", dt.datetime(2026, 1, 2)),
        ("20260102T030405Z", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("20260102T0304", dt.datetime(2026, 1, 2, 3, 4)),
        ("1767323045", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("1767323045.5", dt.datetime(2026, 1, 2, 3, 4, 5, 500_000)),
        ("1767323045123", dt.datetime(2026, 1, 2, 3, 4, 5, 123_000)),
        ("1767323045123456", dt.datetime(2026, 1, 2, 3, 4, 5, 123_456)),
        ("1767323045123456789", dt.datetime(2026, 1, 2, 3, 4, 5, 123_456)),
    ],
)
def test_times_are_read_as_utc(folder_with: Write, written: str, meant: dt.datetime) -> None:
    text = f"user_id,item_id,event,timestamp\nu,a,view,{written}\n"
    tables, _ = read(folder_with({"interactions.csv": text}))
    assert tables["interactions"]["timestamp"].to_list() == [meant]


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000])
def test_times_may_be_numbers_in_jsonl(folder_with: Write, unit: int) -> None:
    row = {"user_id": 7, "item_id": "a", "event": "view", "timestamp": 1_767_323_045 * unit}
    tables, _ = read(folder_with({"interactions.jsonl": json.dumps(row)}))
    assert tables["interactions"].rows() == [("7", "a", dt.datetime(2026, 1, 2, 3, 4, 5), "view")]


def test_times_with_a_zone_in_parquet_are_converted_to_utc(folder_with: Write) -> None:
    folder = folder_with({})
    time = pl.Series([dt.datetime(2026, 1, 2, 3)]).dt.replace_time_zone("Europe/Paris")
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["a"], "event": ["view"]})
    (folder / "interactions.csv").unlink()
    events.with_columns(timestamp=time).write_parquet(folder / "interactions.parquet")
    tables, _ = read(folder)
    assert tables["interactions"]["timestamp"].to_list() == [dt.datetime(2026, 1, 2, 2)]


def test_a_table_without_a_text_column_is_read(folder_with: Write) -> None:
    folder = folder_with({"items.csv": "item_id,title\n1,Serum\n"})
    (folder / "interactions.csv").unlink()
    pl.DataFrame(
        {
            "user_id": [7],
            "item_id": [1],
            "event": pl.Series(["view"], dtype=pl.Categorical),
            "timestamp": [1_767_323_045],
        }
    ).write_parquet(folder / "interactions.parquet")
    tables, _ = read(folder)
    assert tables["interactions"].rows() == [("7", "1", dt.datetime(2026, 1, 2, 3, 4, 5), "view")]


def test_a_byte_order_mark_and_a_column_called_row_do_no_harm(folder_with: Write) -> None:
    text = "\ufeffitem_id,title,row,reason\na,Serum,1,x\nb,,2,y\n"
    tables, intake = read(folder_with({"items.csv": text}))
    assert tables["items"]["item_id"].to_list() == ["a"]
    assert "column 'row' is not part of the schema; ignored" in intake.tables["items"].notes


@pytest.mark.parametrize(
    ("word", "meant"), [("true", True), ("Yes", True), ("1", True), ("FALSE", False), ("", None)]
)
def test_words_for_true_and_false(folder_with: Write, word: str, meant: bool | None) -> None:
    text = f"item_id,title,on_sale\na,Serum,{word}\nb,Cream,no\n"
    tables, _ = read(folder_with({"items.csv": text}))
    assert tables["items"]["on_sale"].to_list() == [meant, False]


# Files that cannot be used


def fails(folder: Path, error: type[DataError], *parts: str, **columns: str) -> None:
    with pytest.raises(error) as caught:
        read(folder, columns)
    assert type(caught.value) is error
    for part in parts:
        assert part in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    fails(tmp_path / "no", DataError, "no is not a folder", "Expected one with items.*")


def test_a_missing_file_is_named_with_the_nearest(folder_with: Write) -> None:
    folder = folder_with({})
    (folder / "items.csv").rename(folder / "item.csv")
    fails(folder, DataError, "no items file", "items.parquet, .csv or .jsonl", "'item.csv'?")


def test_two_files_for_one_table(folder_with: Write) -> None:
    folder = folder_with({"items.csv": ITEMS, "items.jsonl": '{"item_id": "a", "title": "S"}'})
    fails(folder, DataError, "holds items.csv and items.jsonl", "Keep one file per table")


@pytest.mark.parametrize("name", ["items.csv", "items.jsonl", "items.parquet"])
def test_an_empty_file(folder_with: Write, name: str) -> None:
    fails(folder_with({name: ""}), DataError, f"{name} is empty", "Expected rows with item_id")


def test_a_header_without_rows(folder_with: Write) -> None:
    fails(folder_with({"items.csv": "item_id,title\n"}), DataError, "holds a header and no row")


def test_a_ragged_csv_is_refused_with_its_line(folder_with: Write) -> None:
    text = 'item_id,title\na,"two\nlines"\nb,Cream, rich\n'
    fails(
        folder_with({"items.csv": text}),
        DataError,
        "items.csv cannot be read as csv (line 4)",
        "more fields than defined",
        "Mend or remove what is there.",
    )


@pytest.mark.parametrize("line", ['{"item_id": "b", "title": ', '["b"]', '{"price": NaN}', "b"])
def test_malformed_jsonl_is_refused_with_its_line(folder_with: Write, line: str) -> None:
    text = '{"item_id": "a", "title": "Serum"}\n\n' + line + "\n"
    fails(folder_with({"items.jsonl": text}), DataError, "cannot be read as jsonl (line 3)")


def test_a_parquet_file_that_is_none(folder_with: Write) -> None:
    fails(folder_with({"items.parquet": "not parquet"}), DataError, "cannot be read as parquet")


def test_a_missing_column(folder_with: Write) -> None:
    folder = folder_with({"items.csv": "item_id,price\na,1\n"})
    fails(
        folder,
        SchemaError,
        "items.csv has no column 'title' (it has item_id, price).",
        "Map it: --column theirs=title, or columns={'theirs': 'title'}",
    )


def test_a_misspelled_column_is_answered_with_its_mapping(folder_with: Write) -> None:
    folder = folder_with({"items.csv": "item_id,titel\na,Serum\n"})
    fails(folder, SchemaError, "Did you mean 'titel'?", "columns={'titel': 'title'}")
    assert read(folder, {"titel": "title"})[0]["items"]["title"].to_list() == ["Serum"]


def test_what_is_mapped_and_in_no_file_is_an_error(folder_with: Write) -> None:
    folder = folder_with({"items.csv": "item_id,name\na,Serum\n"})
    with pytest.raises(
        SchemaError, match=r"'nam' is to be read as 'title', .* Did you mean 'name'"
    ):
        read(folder, {"nam": "title"})


def test_a_misspelled_optional_column_is_an_error_until_it_is_mapped(folder_with: Write) -> None:
    folder = folder_with({"items.csv": "item_id,title,prices\na,Serum,3\n"})
    fails(folder, SchemaError, "no column 'price'", "Map it: --column prices=price, or columns=")
    assert read(folder, {"prices": "price"})[0]["items"]["price"].to_list() == [3.0]
    assert read(folder, {"prices": "prices"})[0]["items"]["price"].to_list() == [None]


def test_an_absent_optional_column_is_null_and_noted(folder_with: Write) -> None:
    tables, intake = read(folder_with({"items.csv": "item_id,title,colour\na,Serum,red\n"}))
    assert tables["items"]["price"].to_list() == [None]
    assert "column 'price' is absent; read as null" in intake.tables["items"].notes
    assert "note: column 'colour' is not part of the schema; ignored" in str(intake)


def test_two_columns_mapped_to_one(folder_with: Write) -> None:
    folder = folder_with({"items.csv": "item_id,title,name\na,Serum,S\n"})
    fails(folder, SchemaError, "two columns for 'title'", "Keep one", name="title")


@pytest.mark.parametrize(
    ("column", "values", "wanted"),
    [
        ("price", ["cheap", "dear"], "a number; the first is 'cheap'"),
        ("stock", ["1.5", "2.5"], "a whole number; the first is '1.5'"),
        ("on_sale", ["maybe", "often"], "true or false; the first is 'maybe'"),
    ],
)
def test_a_column_of_another_type_throughout(
    folder_with: Write, column: str, values: Sequence[str], wanted: str
) -> None:
    rows = "".join(f"{i},Title,{value}\n" for i, value in enumerate(values))
    folder = folder_with({"items.csv": f"item_id,title,{column}\n{rows}"})
    fails(
        folder,
        SchemaError,
        f"items.csv: no value of column '{column}' is {wanted}",
        f"columns={{'theirs': '{column}'}}",
    )


def test_a_column_of_lists_where_text_is_wanted(folder_with: Write) -> None:
    text = '{"item_id": "a", "title": ["S"]}\n{"item_id": "b", "title": ["C"]}\n'
    fails(folder_with({"items.jsonl": text}), SchemaError, "column 'title' is text")


def test_nothing_usable_is_an_error_that_leaves_the_rejects(folder_with: Write) -> None:
    folder = folder_with({"items.csv": "item_id,title\na,\nb, \n"})
    fails(folder, DataError, "No row of", "items.csv", "1 x title: is missing", "rejects.parquet")
    assert pl.read_parquet(folder / "rejects.parquet")["row"].to_list() == [1, 2]


# Rows that cannot be used


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,,1", "title: is missing"),
        ('x,"",1', "breaks the rule 'title not blank'"),
        ('x,"   ",1', "breaks the rule 'title not blank'"),
        (",Serum,1", "item_id: is missing"),
        ('"",Serum,1', "item_id: is empty"),
        ("x,Serum,NaN", "price: is not a number (NaN)"),
        ("x,Serum,inf", "price: is infinite"),
        ("x,Serum,-1", "price: is too small"),
        ("x,Serum,-inf", "price: is too small; price: is infinite"),
        ("x,Serum,cheap", "price: not a number"),
        ("x,,cheap", "price: not a number; title: is missing"),
        ("good,Serum,1", "item_id: given before"),
    ],
)
def test_a_bad_item_is_quarantined_with_its_reason(
    folder_with: Write, row: str, reason: str
) -> None:
    tables, intake = read(folder_with({"items.csv": items_csv(row, "b,Cream,2", "a,Oil,3")}))
    assert tables["items"]["item_id"].to_list() == ["good", "b", "a"]
    assert intake.tables["items"].reasons == {reason: 1}
    (rejected,) = rejects_of(intake)
    assert (rejected["file"], rejected["row"], rejected["reason"]) == ("items.csv", 2, reason)


def test_the_first_sound_row_of_an_id_is_kept(folder_with: Write) -> None:
    text = items_csv("a,,1", "a,First,2", "a,Second,3", "b,Cream,4")
    tables, intake = read(folder_with({"items.csv": text}))
    assert tables["items"]["title"].to_list() == ["Good", "First", "Cream"]
    assert [(r["row"], r["reason"]) for r in rejects_of(intake)[:2]] == [
        (2, "title: is missing"),
        (4, "item_id: given before"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("u,zzz,view,2026-01-01", "item_id: not among the items"),
        ("zzz,a,view,2026-01-01", "user_id: not among the users"),
        ("u,a,sniff,2026-01-01", "event: not one of view, purchase"),
        ("u,a,view,2026-01-31T12:00:01", "timestamp: later than now, 2026-01-31 12:00"),
        ("u,a,view,2026-13-01", "timestamp: not a time such as 2026-01-31T12:00:00"),
        ("u,a,view,", "timestamp: is missing"),
        (
            "zzz,zzz,view,2027-01-01",
            "item_id: not among the items; user_id: not among the users; "
            "timestamp: later than now, 2026-01-31 12:00",
        ),
    ],
)
def test_a_bad_event_is_quarantined_with_its_reason(
    folder_with: Write, row: str, reason: str
) -> None:
    files = {"interactions.csv": f"{INTERACTIONS}{row}\n", "users.csv": "user_id\nu\nv\n"}
    tables, intake = read(folder_with(files))
    assert tables["interactions"].height == 3
    assert intake.tables["interactions"].reasons == {reason: 1}


def test_any_user_will_do_without_a_users_table(folder_with: Write) -> None:
    text = f"{INTERACTIONS}new,a,view,2026-01-04\n"
    tables, _ = read(folder_with({"interactions.csv": text}))
    assert tables["interactions"]["user_id"].to_list() == ["u", "u", "v", "new"]


def test_now_may_have_a_zone(folder_with: Write) -> None:
    east = dt.timezone(dt.timedelta(hours=2))
    folder = folder_with({})
    now = dt.datetime(2026, 1, 3, 11, 59, tzinfo=east)  # 09:59 UTC, before the last event
    _, intake = read_tables(folder, SCHEMAS, columns={}, rejects=None, now=now)
    assert intake.tables["interactions"].rejected == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("serum,zzz,1", "item_id: not among the items"),
        ("serum,b,4", "grade: is too large"),
        ("serum,b,-1", "grade: is too small"),
        ("serum,b,1.5", "grade: not a whole number"),
        ('" ",b,1', "breaks the rule 'query not blank'"),
        ("serum,a,1", "query, item_id: given before"),
    ],
)
def test_a_bad_judgement_is_quarantined_with_its_reason(
    folder_with: Write, row: str, reason: str
) -> None:
    text = f"query,item_id,grade\nserum,a,3\ncream,b,2\n{row}\n"
    tables, intake = read(folder_with({"queries.csv": text}))
    assert tables["queries"].rows() == [("serum", "a", 3), ("cream", "b", 2)]
    assert intake.tables["queries"].reasons == {reason: 1}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("items.csv", b"item_id,title\ngood,Good\nbad,Caf\xe9\n"),
        ("items.jsonl", b'{"item_id":"good","title":"Good"}\n{"item_id":"bad","title":"Caf\xe9"}'),
    ],
)
def test_text_that_is_not_utf8_rejects_its_row_alone(
    folder_with: Write, name: str, text: bytes
) -> None:
    interactions = "user_id,item_id,event,timestamp\nu,good,view,2026-01-01\n"
    folder = folder_with({name: text, "interactions.csv": interactions})
    tables, intake = read(folder)
    assert tables["items"]["item_id"].to_list() == ["good"]
    assert intake.tables["items"].reasons == {"title: not UTF-8": 1}
    assert rejects_of(intake)[0]["record"]["title"] == "Caf\ufffd"
    assert (folder / name).read_bytes() == text


def test_a_replacement_character_in_a_utf8_file_is_text_like_any_other(folder_with: Write) -> None:
    tables, intake = read(folder_with({"items.csv": "item_id,title\na,Caf\ufffd\nb,Cream\n"}))
    assert tables["items"]["title"].to_list() == ["Caf\ufffd", "Cream"]
    assert intake.tables["items"].rejected == 0


def test_a_very_long_description_is_kept_with_a_note(folder_with: Write) -> None:
    text = f"item_id,title,description\na,Serum,{'long ' * 10_000}\nb,Cream,short\n"
    tables, intake = read(folder_with({"items.csv": text}))
    assert tables["items"]["description"].str.len_chars().to_list() == [50_000, 5]
    assert intake.tables["items"].rejected == 0
    note = "1 rows hold a text over 20,000 characters; models read its start"
    assert note in intake.tables["items"].notes


# Rejects


def test_a_reject_holds_every_value_as_it_was_given(folder_with: Write) -> None:
    text = "item_id,title,price,stock,brand\na,Good,1,1,X\nb,Serum, 1e3x ,07.5,\n"
    _, intake = read(folder_with({"items.csv": text}))
    assert rejects_of(intake)[0] == {
        "file": "items.csv",
        "row": 2,
        "reason": "price: not a number; stock: not a whole number",
        "record": {
            "item_id": "b",
            "title": "Serum",
            "price": " 1e3x ",
            "stock": "07.5",
            "brand": None,
            "description": None,
            "on_sale": None,
        },
    }


def test_a_reject_from_parquet_keeps_what_json_has_no_word_for(folder_with: Write) -> None:
    folder = folder_with({})
    (folder / "items.csv").unlink()
    pl.DataFrame(
        {"item_id": ["a", "b", "c"], "title": ["S", "C", "O"], "price": [float("nan"), 8.0, -1.5]}
    ).write_parquet(folder / "items.parquet")
    tables, intake = read(folder)
    assert tables["items"]["item_id"].to_list() == ["b"]
    assert [r["record"]["price"] for r in rejects_of(intake)[:2]] == ["NaN", "-1.5"]


def test_rejects_go_where_they_are_sent(folder_with: Write, tmp_path: Path) -> None:
    folder = folder_with({"items.csv": items_csv("x,,1", "a,Serum,1", "b,Cream,1")})
    path = tmp_path / "elsewhere" / "bad.parquet"
    _, intake = read(folder, rejects=path)
    assert intake.rejects == path
    assert not (folder / "rejects.parquet").exists()
    assert str(intake).endswith(f"rejected rows and their reasons: {path}")


def test_rejects_that_cannot_be_written_are_an_error(folder_with: Write, tmp_path: Path) -> None:
    folder = folder_with({"items.csv": items_csv("x,,1", "a,Serum,1", "b,Cream,1")})
    with pytest.raises(DataError) as caught:
        read(folder, rejects=folder / "items.csv" / "rejects.parquet")
    assert "1 rows were rejected and cannot be kept in" in str(caught.value)
    assert "Name a writable file" in str(caught.value)


def test_rejects_of_an_earlier_reading_do_not_stay(folder_with: Write) -> None:
    folder = folder_with({"items.csv": items_csv("x,,1", "a,Serum,1", "b,Cream,1")})
    assert read(folder)[1].rejects == folder / "rejects.parquet"
    read(folder_with({"items.csv": ITEMS}))
    assert not (folder / "rejects.parquet").exists()


# Any table

texts = st.sampled_from(["a", "b", "c", "", " ", "é", "x,y", 'a "word"', "\n"])
numbers = st.sampled_from(["1", "2.5", "-1", "NaN", "inf", "", "cheap", "1e400", " 3 "])
stocks = st.sampled_from(["1", "2.0", "2.5", "", "x", "99999999999999999999"])


@given(rows=st.lists(st.tuples(texts, texts, numbers, stocks), max_size=12))
@settings(max_examples=40, deadline=None)
def test_no_row_is_lost_and_what_is_kept_obeys_the_schema(
    rows: list[tuple[str, str, str, str]],
) -> None:
    columns = ["item_id", "title", "price", "stock"]
    sound = [("good", "Good", "1", "1")]  # so that no column is of another type throughout
    frame = pl.DataFrame(sound + rows, schema=columns, orient="row")
    with TemporaryDirectory() as name:
        folder = Path(name)
        frame.write_csv(folder / "items.csv", quote_style="always")
        events = "user_id,item_id,event,timestamp\nu,good,view,2026-01-01\n"
        (folder / "interactions.csv").write_text(events)
        tables, intake = read(folder)
        rejected = [r["row"] for r in rejects_of(intake)] if intake.rejects else []
    assert Product.is_valid(tables["items"])
    assert intake.tables["items"].rows == len(rows) + 1
    assert len(set(rejected)) == len(rejected) == intake.tables["items"].rejected
    others = [r for number, r in enumerate(sound + rows, 1) if number not in rejected]
    assert tables["items"]["item_id"].to_list() == [r[0] for r in others]
