"""Explanations are true: change what they name, and what they said would happen happens."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank import Engine, Pipeline
from corank.compress.export import pair_scorer
from corank.data.dataset import Split
from corank.errors import RequestError, UnknownItemError
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder
from corank.rank.explain import Answers
from corank.rank.features import RECENT
from corank.rank.occlusion import Word, WordEffects
from corank.rank.ranker import Ranker
from corank.rank.reader import READ, Reader
from corank.rank.signals import SHARES
from corank.rank.why import Feature, Why
from corank.retrieve.cooccurrence import ItemItem
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import build_index

QUERIES = ("coffee grinder", "gift for a runner", "soft blanket for a baby")
CLOSE = 1e-4


@pytest.fixture(scope="module")
def engine(pipeline: Pipeline) -> Engine:
    """The sample shop, with a recommender to whom every feature matters."""
    names = tuple(pipeline.engine.signals.recommend_parts)
    weights = np.random.default_rng(0).uniform(0.1, 1, len(names))
    ranker = Ranker(names, np.zeros(len(names)), np.ones(len(names)), weights)
    return replace(pipeline.engine, recommender=ranker)


@pytest.fixture(scope="module")
def ids(engine: Engine) -> list[str]:
    return engine.items["item_id"].to_list()


@pytest.fixture(scope="module")
def histories(engine: Engine, split: Split) -> list[list[str]]:
    """Histories of the test with at least three items."""
    names, cases = engine.items["item_id"], split.test.cases().histories
    rows = [cases[row].tolist() for row in range(len(cases)) if len(cases[row]) > 2]
    return [names.gather(row).to_list() for row in rows[:4]]


def feature(why: Why, name: str) -> Feature:
    (found,) = (each for each in why.features if each.name == name)
    return found


def of(why: Why, whose: str) -> WordEffects:
    (found,) = (each for each in why.words if each.of == whose)
    return found


def out_of_stock(engine: Engine) -> str:
    return str(engine.items.filter(pl.col("stock") == 0)["item_id"][0])


# the score


@settings(max_examples=15, deadline=None)
@given(item=st.integers(0, 414), history=st.lists(st.integers(0, 414), max_size=6))
def test_parts_and_features_add_up_to_the_score_of_any_item(
    engine: Engine, ids: list[str], item: int, history: list[int]
) -> None:
    asked = engine.why(ids[item], history=[ids[seen] for seen in history])
    for why in (asked, engine.why(ids[item], query=engine.titles[history[0] if history else 0])):
        assert sum(why.parts.values()) == pytest.approx(why.model_score, abs=1e-6)
        by_part = dict.fromkeys(why.parts, 0.0) | {"base": why.parts["base"]}
        for each in why.features:
            by_part[each.part] += each.adds
        assert by_part == pytest.approx(why.parts, abs=1e-6)
        assert 1 <= why.rank_before <= why.candidates
        assert (why.rank is None) == (why.score is None) == (why.removed_by is not None)
        json.dumps(why.to_dict(), allow_nan=False)


def test_an_answer_and_its_explanation_say_the_same(
    engine: Engine, histories: list[list[str]]
) -> None:
    def same(answers: Answers, explain: Callable[[str], Why]) -> None:
        for place, answer in enumerate(answers, 1):
            why = explain(answer.item_id)
            assert (why.rank, why.title, why.reasons) == (place, answer.title, answer.reasons)
            assert why.score == pytest.approx(answer.score, abs=1e-9)
            assert why.parts == pytest.approx(answer.parts, abs=1e-9)
            assert tuple(r.rule for r in why.rules if r.itself) == answer.rules
            assert why.proposed_by and why.removed_by is None

    same(engine.search(QUERIES[0], k=4), lambda item: engine.why(item, query=QUERIES[0], k=4))
    history, dear = histories[0], pl.col("price") > 20
    told = {"now": {"timestamp": "2026-03-01 21:00"}, "session": 1, "interests": "warm blankets"}
    same(
        engine.recommend(history, k=4, where=dear, **told),  # type: ignore[arg-type]
        lambda item: engine.why(item, history=history, k=4, where=dear, **told),  # type: ignore[arg-type]
    )


def test_what_was_read_and_what_was_not_add_up_too(engine: Engine, encoder: Encoder) -> None:
    ones, depth = np.ones(len(READ)), 5
    scorer = pair_scorer(CrossEncoder(encoder), ["tea pot"], ["milk jug"])
    reading = Reader(scorer, Ranker(tuple(READ), 10 * ones, ones, ones), depth)
    reads = replace(engine, reader=reading)
    answers = reads.search(QUERIES[0], k=12)
    for place, answer in enumerate(answers, 1):
        why = reads.why(answer.item_id, query=QUERIES[0], k=12)
        assert why.rank == place
        assert why.parts == pytest.approx(answer.parts, abs=1e-9)
        assert sum(why.parts.values()) == pytest.approx(why.model_score, abs=1e-6)
        read = feature(why, "reading")
        assert (read.value is not None) == (why.rank_before <= depth)
        assert read.value is not None or read.adds < 0  # so that it stands below
        assert sum(f.adds for f in why.features) + why.parts["base"] == pytest.approx(
            why.model_score, abs=1e-6
        )


# words


@pytest.mark.parametrize("query", QUERIES)
def test_without_the_strongest_word_the_query_is_less_like_the_item_by_what_was_said(
    engine: Engine, query: str
) -> None:
    item = engine.search(query, k=1)[0].item_id
    why = engine.why(item, query=query)
    said = of(why, "query")
    assert said.similarity == pytest.approx(feature(why, "text").value, abs=CLOSE)
    strongest = max(said.words, key=lambda word: abs(word.effect))
    assert abs(strongest.effect) > 10 * CLOSE
    rest = [word for word in query.split() if word != strongest.word]
    less = engine.why(item, query=" ".join(rest))
    lost = said.similarity - (feature(less, "text").value or 0)
    assert lost == pytest.approx(strongest.effect, abs=CLOSE)


def cut(text: str, word: Word) -> str:
    """The text without the word."""
    before, after = text[: word.start].rstrip(), text[word.start + len(word.word) :]
    return (before + after).lstrip()


def rewritten(engine: Engine, item: str, text: str) -> Engine:
    """An engine whose encoder has read another text of one item."""
    vectors = engine.signals.text_vectors.copy()
    vectors[engine.positions([item])] = engine.encoder.encode_items([text])
    signals = replace(engine.signals, text_vectors=vectors, text_index=build_index(vectors))
    return replace(engine, signals=signals)


def test_without_its_strongest_word_an_item_is_less_like_what_is_asked_by_what_was_said(
    engine: Engine, histories: list[list[str]]
) -> None:
    after = engine.recommend(histories[0], k=1)[0].item_id
    found = engine.search(QUERIES[1], k=1)[0].item_id

    for item, query, history in ((found, QUERIES[1], None), (after, None, histories[0])):
        why = engine.why(item, query=query, history=history)
        said = of(why, item)
        strongest = max(said.words, key=lambda word: abs(word.effect))
        changed = rewritten(engine, item, cut(said.text, strongest))
        less = changed.why(item, query=query, history=history)
        lost = (feature(why, "text").value or 0) - (feature(less, "text").value or 0)
        assert abs(lost) > CLOSE
        assert lost == pytest.approx(strongest.effect, abs=CLOSE)


def test_words_of_the_history_and_of_interests_change_the_similarity_by_what_was_said(
    engine: Engine, histories: list[list[str]]
) -> None:
    history, interests = histories[1], "warm wool blankets"
    item = engine.recommend(history, k=1, interests=interests)[0].item_id
    why = engine.why(item, history=history, interests=interests)
    texts = [each for each in why.words if each.of not in (item, "interests")]
    assert len(texts) == 2
    for said in texts:
        assert said.of in history
        assert said.similarity == pytest.approx(feature(why, "text").value, abs=CLOSE)
        strongest = max(said.words, key=lambda word: abs(word.effect))
        changed = rewritten(engine, said.of, cut(said.text, strongest))
        less = changed.why(item, history=history, interests=interests)
        lost = said.similarity - (feature(less, "text").value or 0)
        assert lost == pytest.approx(strongest.effect, abs=CLOSE)
    stated = of(why, "interests")
    for word, rest in zip(
        stated.words, ("wool blankets", "warm blankets", "warm wool"), strict=True
    ):
        less = engine.why(item, history=history, interests=rest)
        lost = stated.similarity - (feature(less, "text").value or 0)
        assert lost == pytest.approx(word.effect, abs=CLOSE)


def test_nothing_known_has_no_words(engine: Engine, ids: list[str]) -> None:
    why = engine.why(ids[0], history=[])
    assert (why.words, why.items, why.history) == ((), (), ())
    assert "popularity" in engine.why(engine.recommend([], k=1)[0].item_id, history=[]).proposed_by


# the history


def test_without_an_item_of_the_history_the_score_is_what_was_said(
    engine: Engine, ids: list[str], histories: list[list[str]]
) -> None:
    for history in histories[:2]:
        item = engine.recommend(history, k=1)[0].item_id
        told = {"now": {"timestamp": "2026-03-01 21:00"}, "interests": "tea"}
        why = engine.why(item, history=history, session=2, **told)  # type: ignore[arg-type]
        assert [each.item_id for each in why.items] == history[-RECENT:]
        assert max(abs(each.effect) for each in why.items) > 10 * CLOSE
        for place, each in enumerate(why.items, len(history) - len(why.items)):
            session = 1 if place >= len(history) - 2 else 2
            rest = history[:place] + history[place + 1 :]
            less = engine.why(item, history=rest, session=session, **told)  # type: ignore[arg-type]
            assert why.model_score - less.model_score == pytest.approx(each.effect, abs=CLOSE)
            lost = (feature(why, "sequence").value or 0) - (feature(less, "sequence").value or 0)
            assert lost == pytest.approx(each.sequence, abs=CLOSE)


def test_only_the_newest_of_a_long_history_are_left_out(engine: Engine, ids: list[str]) -> None:
    history = ids[50 : 50 + RECENT + 3]
    why = engine.why(ids[0], history=history)
    assert [each.item_id for each in why.items] == history[3:]
    less = engine.why(ids[0], history=history[:-1])
    assert why.model_score - less.model_score == pytest.approx(why.items[-1].effect, abs=CLOSE)


def test_reasons_name_the_item_of_the_history_with_the_largest_cosine_or_weight(
    engine: Engine, ids: list[str], histories: list[list[str]]
) -> None:
    named = {"reads like": 0, "chosen together with": 0}
    for history in histories:
        for answer in engine.recommend(history, k=8):
            why = engine.why(answer.item_id, history=history)
            others = [each for each in why.items if each.item_id != answer.item_id]
            near = max(others, key=lambda each: each.cosine)
            together = max(
                (each for each in others if each.similarity > 0),
                key=lambda each: each.weight + each.similarity,
                default=None,
            )
            for reason in why.reasons:
                if reason.startswith("reads like"):
                    assert reason == f"reads like {near.title!r} (cosine {near.cosine:.2f})"
                    named["reads like"] += 1
                if reason.startswith("chosen together with"):
                    assert together is not None
                    assert reason == f"chosen together with {together.title!r}"
                    named["chosen together with"] += 1
    assert min(named.values()) > 0


def test_who_is_said_to_be_chosen_together_was_chosen_by_one_shopper(
    engine: Engine, split: Split, histories: list[list[str]]
) -> None:
    _, chosen = split.train.sequences()
    both = {
        (one, other)
        for row in range(len(chosen))
        for one in chosen[row].tolist()
        for other in chosen[row].tolist()
    }
    said = 0
    for history in histories:
        for answer in engine.recommend(history, k=20):
            for reason in answer.reasons:
                if reason.startswith("chosen together with "):
                    item = engine.positions([answer.item_id])[0]
                    seen = [
                        i for i in engine.positions(history) if repr(engine.titles[i]) in reason
                    ]
                    assert any((item, each) in both for each in seen)
                    said += 1
    assert said > 0


# candidates and rules


def test_what_nobody_proposed_is_said_to_be_no_candidate(engine: Engine, ids: list[str]) -> None:
    narrow = replace(engine, per_retriever=10)
    found = narrow.query("coffee grinder").candidates(10).items
    item = next(item for item in range(len(ids)) if item not in found)
    why = narrow.why(ids[item], query="coffee grinder", k=3)
    assert why.proposed_by == ()
    assert why.candidates == len(found) + 1
    assert feature(why, "words").value == 0
    assert why.parts == pytest.approx(
        narrow.why(ids[item], query="coffee grinder", k=400).parts, abs=1e-5
    )
    assert set(narrow.why(ids[item], query="coffee grinder", k=400).proposed_by) == {"text"}


def test_each_retriever_that_proposed_it_is_named(engine: Engine, ids: list[str]) -> None:
    history = ids[:3]
    proposed = engine.visit(history).proposed(engine.per_retriever)
    assert proposed.keys() == SHARES.keys()
    everybody = engine.visit(history).candidates(engine.per_retriever).items
    for item in everybody[:10].tolist():
        by = engine.why(ids[item], history=history).proposed_by
        assert by == tuple(name for name, items in proposed.items() if item in items.tolist())
        assert by


def test_the_rule_that_removes_an_item_is_named(engine: Engine, ids: list[str]) -> None:
    gone = engine.why(out_of_stock(engine), query=QUERIES[0])
    assert (gone.removed_by, gone.rank, gone.score) == ("out_of_stock", None, None)
    assert gone.rules[-1].after is None and gone.rules[-1].itself
    assert "stock" in gone.rules[-1].says
    once = engine.items.filter(~pl.col("consumable") & (pl.col("stock") > 0))["item_id"][0]
    seen = engine.why(once, history=[once])
    assert seen.removed_by == "already_seen"
    assert engine.why(once, history=[ids[0] if once != ids[0] else ids[1]]).removed_by is None
    dear = engine.why(once, query=QUERIES[0], where=pl.col("price") < 0)
    assert (dear.removed_by, dear.rules, dear.rank) == ("where", (), None)


def test_a_variant_gives_way_to_the_better_one(engine: Engine) -> None:
    parents = engine.items.filter(pl.col("stock") > 0).filter(
        pl.len().over("parent_id") > 1, pl.col("parent_id").is_not_null()
    )
    variants = parents.filter(pl.col("parent_id") == parents["parent_id"][0])["item_id"].to_list()
    whys = [engine.why(item, query=parents["title"][0], k=50) for item in variants]
    best, *others = sorted(whys, key=lambda why: why.rank_before)
    assert best.removed_by is None
    assert {why.removed_by for why in others} == {"parent_id_cap"}


def test_a_rules_effect_is_the_change_of_place_that_it_makes(
    engine: Engine, histories: list[list[str]]
) -> None:
    """Without rules the item stands where it stood before them."""
    lawless = replace(engine, vertical=replace(engine.vertical, rules=()))
    moved = 0
    for answer in engine.recommend(histories[0], k=10):
        why = engine.why(answer.item_id, history=histories[0])
        free = lawless.why(answer.item_id, history=histories[0])
        assert (free.rank, free.rules) == (why.rank_before, ())
        places = [why.rank_before, *(rule.after for rule in why.rules)]
        assert [rule.before for rule in why.rules] == places[:-1]
        assert places[-1] == why.rank
        moved += why.rank != why.rank_before
    assert moved > 0


# what has nothing to do with it


def permuted(engine: Engine, order: NDArray[np.int64]) -> Engine:
    """The same catalogue in another order."""
    old, place = engine.signals, np.argsort(order)
    items, vectors = engine.items[order.tolist()], old.text_vectors[order]

    def moved(related: ItemItem) -> ItemItem:
        entries = related.weights.tocoo()
        row, column = (place[axis] for axis in entries.coords)
        return ItemItem.of(row, column, entries.data, len(order), related.decay)

    model = replace(old.user_model, states=old.user_model.states[order])
    signals = replace(
        old,
        text_vectors=vectors,
        text_index=build_index(vectors),
        user_model=model,
        state_index=build_index(model.states),
        together=moved(old.together),
        neighbours=moved(old.neighbours),
        bm25=BM25.build(engine.texts(order.astype(np.int32)), items["title"].to_list()),
        counts=old.counts[order],
        recency=old.recency[order],
        trend=old.trend[order],
        log_price=old.log_price[order],
        repeatable=old.repeatable[order],
        lifts={name: replace(lift, table=lift.table[order]) for name, lift in old.lifts.items()},
    )
    return replace(engine, items=items, signals=signals)


def test_the_order_of_the_catalogue_does_not_matter(
    engine: Engine, ids: list[str], histories: list[list[str]]
) -> None:
    everything = len(ids)  # all are candidates, so no tie decides who is one
    other = permuted(engine, np.random.default_rng(0).permutation(everything))
    item = engine.recommend(histories[0], k=1)[0].item_id
    for asked in ({"history": histories[0]}, {"query": QUERIES[0]}):
        one, two = (each.why(item, k=everything, **asked) for each in (engine, other))
        assert one.model_score == pytest.approx(two.model_score, abs=1e-3)
        assert one.parts == pytest.approx(two.parts, abs=1e-3)
        assert (one.rank, one.rank_before) == (two.rank, two.rank_before)
        assert one.reasons == two.reasons
        assert [each.item_id for each in one.items] == [each.item_id for each in two.items]
        for each, same in zip(one.items, two.items, strict=True):
            assert each.effect == pytest.approx(same.effect, abs=1e-3)
        for text, again in zip(one.words, two.words, strict=True):
            assert (text.of, text.text) == (again.of, again.text)
            assert [word.effect for word in text.words] == pytest.approx(
                [word.effect for word in again.words], abs=CLOSE
            )


# what is refused


def test_what_cannot_be_explained_is_refused(engine: Engine, ids: list[str]) -> None:
    for asked in ({}, {"query": "tea", "history": []}):
        with pytest.raises(RequestError, match="Give a query or a history, one of the two"):
            engine.why(ids[0], **asked)  # type: ignore[arg-type]
    with pytest.raises(UnknownItemError, match="'KIT-00010' is not"):
        engine.why("KIT-00010", query="tea")
    with pytest.raises(UnknownItemError, match="'KIT-00010' is not"):
        engine.why(ids[0], history=["KIT-00010"])
    with pytest.raises(RequestError, match="query is empty"):
        engine.why(ids[0], query=" ")
    with pytest.raises(RequestError, match="k=0; it must lie"):
        engine.why(ids[0], query="tea", k=0)
    with pytest.raises(RequestError, match="names 'prise'"):
        engine.why(ids[0], query="tea", where=pl.col("prise") < 3)
