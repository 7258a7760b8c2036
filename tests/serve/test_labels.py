"""The Labels tab: what functions say, what a person says instead, and what comes of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from corank import Dataset, Engine, Pipeline
from corank.data.labels import disputed
from corank.serve.label_desk import SHOWN, LabelDesk
from corank.serve.words import words_for

EN, ZH = words_for("en"), words_for("zh-CN")


@pytest.fixture
def desk(engine: Engine, sample: Dataset) -> LabelDesk:
    assert engine.vertical.sample
    return LabelDesk(engine, None, engine.vertical.sample)


@pytest.fixture
def engine(pipeline: Pipeline) -> Iterator[Engine]:
    yield pipeline.engine


def test_events_are_shown_where_votes_disagree_and_every_pattern_comes_first(
    sample: Dataset,
) -> None:
    functions = sample.labeling_functions
    found = disputed(functions, sample.interactions, 50)
    names = [function.name for function in functions]
    assert found.select("user_id", "item_id").is_unique().all() and (found["agreed"] < 1).all()
    least, most = pl.min_horizontal(names), pl.max_horizontal(names)
    assert found.select((least != most).all()).item()
    patterns = disputed(functions, sample.interactions, 10_000).select(names).unique().height
    assert found.head(patterns).select(names).is_unique().all()


def test_a_grade_is_kept_taken_back_and_saved(desk: LabelDesk) -> None:
    graded = desk.grade(desk.grade({}, "0:3"), "2:0")
    assert graded == {"0": 3, "2": 0}
    assert desk.grade(graded, "0:3") == {"2": 0} and desk.grade(graded, "0:1")["0"] == 1
    for nonsense in ("", "x", "0:9", f"{SHOWN + 9}:1", "-1:2", "0:"):
        assert desk.grade(graded, nonsense) == graded
    first, third = desk.examples[0], desk.examples[2]
    assert desk.export(graded).splitlines() == [
        "user_id,item_id,grade",
        f"{first.user_id},{first.item_id},3",
        f"{third.user_id},{third.item_id},0",
    ]


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_the_tab_shows_functions_examples_and_a_link_to_save(desk: LabelDesk, words: type) -> None:
    plain = desk.show({}, words)  # type: ignore[arg-type]
    assert plain.count("data-item=") == 4 * len(desk.examples) > 0
    assert "labels.csv" not in plain
    for function in desk.engine.vertical.labeling_functions:
        assert function.name in plain and function.doc.split()[0] in plain
    chosen = desk.show({"0": 2}, words)  # type: ignore[arg-type]
    (link,) = re.findall(r'href="data:text/csv;charset=utf-8,([^"]+)"', chosen)
    assert unquote(link) == desk.export({"0": 2}) and chosen.count('aria-pressed="true"') == 1


def test_functions_are_measured_by_the_grades_given(desk: LabelDesk) -> None:
    name, vote = next(iter(desk.examples[0].votes.items()))
    for grade, right in ((vote, "100.0%"), ((vote + 1) % 4, "0.0%")):
        row = re.search(rf"<tr><th[^>]*>{name}</th>.*?</tr>", desk.show({"0": grade}, EN))
        assert row and row.group().endswith(f">{right}</td></tr>")


def test_without_data_there_is_the_table_of_the_report_and_a_hint(engine: Engine) -> None:
    other = replace(engine, items=engine.items.head(20))
    assert "--data FOLDER" in LabelDesk(other, None).show({}, EN)
    lost = LabelDesk(engine, None, Path("nowhere")).show({}, EN)
    assert "nowhere is not a folder" in lost


def test_what_was_saved_overrules_the_functions(sample: Dataset, desk: LabelDesk) -> None:
    example = desk.examples[0]
    given = pl.DataFrame({"user_id": [example.user_id], "item_id": [example.item_id], "grade": [0]})
    pair = (pl.col("user_id") == example.user_id) & (pl.col("item_id") == example.item_id)
    told = replace(sample, labels=given)
    assert told.negatives.filter(pair).height == 1 and told.positives.filter(pair).height == 0
    again = replace(sample, labels=given.with_columns(grade=pl.lit(3, pl.Int64)))
    (row,) = again.positives.filter(pair).iter_rows(named=True)
    assert (row["grade"], row["weight"]) == (3, 1.0)
    assert again.positives.filter(~pair).equals(sample.positives.filter(~pair))


def test_what_was_graded_before_is_not_asked_again_and_saved_again(
    desk: LabelDesk, engine: Engine, sample: Dataset
) -> None:
    first = desk.examples[0]
    given = pl.DataFrame({"user_id": [first.user_id], "item_id": [first.item_id], "grade": [1]})
    later = LabelDesk(engine, None)
    later.__dict__["data"] = replace(sample, labels=given)
    assert (first.user_id, first.item_id) not in {(e.user_id, e.item_id) for e in later.examples}
    assert len(later.examples) == SHOWN
    second = later.examples[0]
    assert later.export({"0": 2}).splitlines() == [
        "user_id,item_id,grade",
        f"{first.user_id},{first.item_id},1",
        f"{second.user_id},{second.item_id},2",
    ]


def test_a_folder_with_labels_is_read(tmp_path: Path, sample: Dataset, engine: Engine) -> None:
    import shutil

    assert engine.vertical.sample
    for file in engine.vertical.sample.glob("*.csv"):
        shutil.copy(file, tmp_path)
    user, item = sample.positives.select("user_id", "item_id").row(0)
    (tmp_path / "labels.csv").write_text(f"user_id,item_id,grade\n{user},{item},0\n{user},nix,1\n")
    data = engine.vertical.read(tmp_path)
    assert "labels.csv: 2 rows in = 1 kept + 1 rejected" in str(data.intake)
    pair = (pl.col("user_id") == user) & (pl.col("item_id") == item)
    assert data.negatives.filter(pair).height == 1


def test_an_update_keeps_what_was_graded_by_hand(sample: Dataset) -> None:
    from corank.data.grow import grow

    split = sample.split("time")
    last = sample.interactions["timestamp"].max()
    later = sample.interactions.tail(400).with_columns(
        timestamp=last + (pl.col("timestamp") - pl.col("timestamp").min())
        + pl.duration(seconds=1)
    )  # fmt: skip
    user, item = split.train.positives.select("user_id", "item_id").row(0)
    given = pl.DataFrame({"user_id": [user], "item_id": [item], "grade": [0]})
    train, new = replace(split.train, labels=given), replace(sample, interactions=later)
    grown = grow(split._replace(train=train), new, 0.2)
    for data in (grown.split.train, grown.split.test, grown.old_test):
        assert data.labels is not None and data.labels.equals(given)
