"""Words that rules guard by are known, or refused: nobody is guarded by a word that is misspelt."""

from dataclasses import replace

import polars as pl
import pytest

from corank import Join, Pipeline, load_vertical
from corank.errors import DeclarationError, RequestError
from corank.guarding import check_words, known_words
from corank.testing import check_vertical

ITEMS = pl.DataFrame(
    {"avoid": ["warfarin|digoxin", None, "lithium"], "topics": [["gout"], [], ["hay_fever"]]}
)
NOBODY = {"device": "nobody's"}
VOCABULARY = {"medicines": ("avoid",), "conditions": ("topics", "avoid")}


def test_a_word_is_known_where_any_of_its_columns_holds_it() -> None:
    found = known_words(ITEMS, VOCABULARY)
    assert found["medicines"] == {"warfarin", "digoxin", "lithium"}
    assert found["conditions"] == {*found["medicines"], "gout", "hay_fever"}
    joins = [Join(column="avoid", of="topics", along="x", none="none")]
    assert "none" in known_words(ITEMS, VOCABULARY, joins)["medicines"]


@pytest.mark.parametrize("said", ["warfarin", "digoxin|lithium", "", None])
def test_what_is_known_may_be_said(said: str | None) -> None:
    check_words({"medicines": said, "age": 7}, VOCABULARY, known_words(ITEMS, VOCABULARY))


@pytest.mark.parametrize("said", ["warfarn", "digoxin|warfarn", "warfarin, digoxin"])
def test_what_is_not_known_is_refused_and_the_nearest_is_named(said: str) -> None:
    message = r"stands in no item's avoid, .* Did you mean 'warfarin'"
    with pytest.raises(RequestError, match=message):
        check_words({"medicines": said}, VOCABULARY, known_words(ITEMS, VOCABULARY))


def test_the_engine_asks_before_it_answers(pipeline: Pipeline) -> None:
    engine = pipeline.engine
    guarded = replace(engine, vertical=replace(engine.vertical, vocabulary={"device": ("brand",)}))
    brand = engine.items["brand"].drop_nulls()[0]
    for now in ({"device": brand}, {}, {"device": None}):
        assert guarded.search("knife", now=now) and guarded.recommend([], now=now)
    with pytest.raises(RequestError, match="stands in no item's brand"):
        guarded.search("knife", now=NOBODY)
    with pytest.raises(RequestError, match="stands in no item's brand"):
        guarded.recommend([], now=NOBODY)


def test_a_clinics_words_are_those_of_its_catalogue() -> None:
    clinic = load_vertical("health")
    known = known_words(clinic.read_sample().items, clinic.vocabulary, clinic.joins)
    check_words(
        {"medicines": "none", "conditions": "asthma|heart_disease"}, clinic.vocabulary, known
    )
    for column, said, meant in (
        ("medicines", "warfarn", "warfarin"), ("conditions", "hgih_blood_pressure", "high_blood"),
    ):  # fmt: skip
        with pytest.raises(RequestError, match=f"Did you mean '{meant}"):
            check_words({column: said}, clinic.vocabulary, known)
    with pytest.raises(
        RequestError, match="Did you mean 'heart_disease'"
    ):  # a topic guards nothing
        check_words({"conditions": "heart_diseas"}, clinic.vocabulary, known)
    with pytest.raises(RequestError, match="'heart' stands in no item's avoid"):  # a topic
        check_words({"conditions": "heart"}, clinic.vocabulary, known)
    wrong = replace(clinic, example_asker={"medicines": "warfarn"})
    with pytest.raises(DeclarationError, match="makes no sense: medicines: 'warfarn'"):
        check_vertical(wrong)
