"""Answers: what is asked is what comes back, and no hard rule is ever broken."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corank
from corank import Alarm, Engine, Pipeline, Policy, Require, asker
from corank.data.context import nothing_known
from corank.data.dataset import Split
from corank.data.ragged import Ragged
from corank.errors import RequestError, UnknownItemError
from corank.rank.explain import Answers
from corank.rank.ranker import Ranker
from corank.runs import rank_histories, rank_queries, rank_ruled

QUERIES = ("coffee grinder", "gift for a runner", "soft blanket for a baby")


@pytest.fixture(scope="module")
def engine(pipeline: Pipeline) -> Engine:
    return pipeline.engine


@pytest.fixture(scope="module")
def shelf(engine: Engine) -> pl.DataFrame:
    """The catalogue, with what counts as one product and how popular each is."""
    return engine.items.with_columns(
        product=pl.coalesce("parent_id", "item_id"), count=pl.Series(engine.signals.counts)
    )


@pytest.fixture(scope="module")
def in_stock(shelf: pl.DataFrame) -> pl.DataFrame:
    return shelf.filter(pl.col("stock") != 0)


@pytest.fixture(scope="module")
def histories(engine: Engine, split: Split) -> list[list[str]]:
    """Histories of the test, short and long, none empty."""
    ids = engine.items["item_id"]
    cases = split.test.cases().histories
    return [ids.gather(cases[row]).to_list() for row in range(len(cases)) if len(cases[row])][:12]


def ids_of(answers: Answers) -> list[str]:
    return [answer.item_id for answer in answers]


def as_json(answers: Answers) -> object:
    return json.loads(json.dumps(answers.to_dict(), allow_nan=False))


@pytest.mark.parametrize("k", [1, 7, 40])
def test_k_answers_come_back_best_first(engine: Engine, histories: list[list[str]], k: int) -> None:
    for answers in (engine.search("coffee grinder", k=k), engine.recommend(histories[0], k=k)):
        assert len(answers) == len(set(ids_of(answers))) == k
        scores = [answer.score for answer in answers]
        assert scores == sorted(scores, reverse=True)


@settings(max_examples=25, deadline=None)
@given(history=st.lists(st.integers(0, 414), max_size=8), k=st.integers(1, 30))
def test_no_hard_rule_is_broken_whatever_the_history(
    engine: Engine, shelf: pl.DataFrame, history: list[int], k: int
) -> None:
    seen = shelf["item_id"].gather(history).to_list()
    answers = engine.recommend(seen, k=k)
    shown = pl.DataFrame({"item_id": ids_of(answers)}).join(shelf, on="item_id", how="left")
    assert shown.height == k
    assert (shown["stock"] > 0).all()
    assert shown["product"].is_unique().all()
    assert shown.filter(pl.col("item_id").is_in(seen))["consumable"].all()


def test_a_consumable_is_recommended_again_and_nothing_else_is(
    engine: Engine, in_stock: pl.DataFrame
) -> None:
    alone = in_stock.filter(pl.col("parent_id").is_null())
    again = alone.filter("consumable")["item_id"].head(3).to_list()
    once = alone.filter(~pl.col("consumable"))["item_id"].head(3).to_list()
    everything = engine.items.height
    answers = ids_of(engine.recommend([*again, *once], k=everything))
    assert set(again) <= set(answers)
    assert not set(once) & set(answers)


def test_removed_counts_what_each_rule_took_away(
    engine: Engine, shelf: pl.DataFrame, in_stock: pl.DataFrame
) -> None:
    answers = engine.search("coffee grinder", k=engine.items.height)
    products = in_stock["product"].n_unique()
    assert len(answers) == products
    assert answers.removed == {
        "out_of_stock": shelf.height - in_stock.height,
        "parent_id_cap": in_stock.height - products,
    }


def test_as_new_popularity_says_nothing(engine: Engine, histories: list[list[str]]) -> None:
    told, plain = [], []
    for history in histories:
        answers = engine.recommend(history, k=8, as_new=True)
        assert len(answers) == 8
        for answer in answers:
            assert not {"popularity", "together"} & answer.parts.keys()
            assert answer.chance is None and answer.reasons
        told.append(ids_of(answers))
        plain.append(ids_of(engine.recommend(history, k=8)))
    assert told != plain
    why = engine.why(told[0][0], history=histories[0], as_new=True)
    assert why.rank == 1 and "popularity" not in why.parts
    assert sum(why.parts.values()) == pytest.approx(why.model_score, abs=1e-4)
    assert len(engine.recommend([], as_new=True)) == 0


@pytest.mark.parametrize("asked", ["search", "recommend"])
def test_where_narrows_and_the_search_widens_until_k_are_found(
    engine: Engine, in_stock: pl.DataFrame, asked: str
) -> None:
    narrow = replace(engine, per_retriever=2)  # so that the first look finds next to nothing
    rare = pl.col("category").str.starts_with("Pets") & (pl.col("price") > 20)
    possible = in_stock.filter(rare)
    assert possible.height > 4

    def answer(k: int) -> Answers:
        if asked == "search":
            return narrow.search("coffee grinder", k=k, where=rare)
        return narrow.recommend([], k=k, where=rare)

    assert len(answer(4)) == 4
    everything = answer(engine.items.height)
    shown = in_stock.filter(pl.col("item_id").is_in(ids_of(everything)))
    assert set(shown["product"]) == set(possible["product"])
    assert shown.filter(~rare).is_empty()
    assert everything.removed["where"] == engine.items.filter(~rare).height


def test_nothing_is_left_when_no_item_is_wanted(engine: Engine) -> None:
    answers = engine.search("coffee grinder", where=pl.col("price") < 0)
    assert list(answers) == []
    assert answers.removed == {"where": engine.items.height}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (pl.col("prise") < 30, r"names 'prise', which items do not have .* mean 'price'"),
        (pl.col("price"), "must be true or false"),
        (pl.col("title") > 3, "cannot be evaluated"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(
    engine: Engine, where: pl.Expr, message: str
) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        engine.search("coffee grinder", where=where)
    assert "\n" not in str(caught.value)
    with pytest.raises(RequestError, match=message):
        engine.recommend([], where=where)


@pytest.mark.parametrize("query", ["", "  \n\t"])
def test_a_blank_query_is_refused(engine: Engine, query: str) -> None:
    with pytest.raises(RequestError, match="query is empty"):
        engine.search(query)


def test_a_query_may_have_10_000_characters_and_no_more(engine: Engine) -> None:
    assert len(engine.search("coffee " * 1_428 + "pot", k=3)) == 3
    with pytest.raises(RequestError, match=r"10,001 characters; at most 10,000"):
        engine.search("x" * 10_001)


@pytest.mark.parametrize(
    "query", ["咖啡 磨豆机", "☕️🤖", "café à la crème", "...", "\x00", "q" * 500], ids=ascii
)
def test_any_text_is_answered(engine: Engine, query: str) -> None:
    assert len(engine.search(query, k=5)) == 5


@pytest.mark.parametrize("text", ["\udcff coffee", "\ud800"])
def test_half_a_character_is_no_text(engine: Engine, text: str) -> None:
    with pytest.raises(RequestError, match="is not text"):
        engine.search(text)
    with pytest.raises(RequestError, match="is not text"):
        engine.recommend([text])


@pytest.mark.parametrize("k", [0, -1, 416])
def test_k_lies_between_1_and_the_catalogue(engine: Engine, k: int) -> None:
    message = f"k={k}; it must lie between 1 and the catalogue's 415 items"
    with pytest.raises(RequestError, match=message):
        engine.search("coffee", k=k)
    with pytest.raises(RequestError, match=message):
        engine.recommend([], k=k)


def test_an_unknown_item_is_named_with_the_nearest(engine: Engine) -> None:
    with pytest.raises(UnknownItemError, match=r"'KIT-00010' is not .* mean 'KIT-0010'"):
        engine.recommend(["KIT-0002", "KIT-00010"])


def test_one_string_or_a_number_is_no_history(engine: Engine) -> None:
    with pytest.raises(RequestError, match=r"one string; give a list: \['KIT-0001'\]"):
        engine.recommend("KIT-0001")
    with pytest.raises(RequestError, match="7 is not text"):
        engine.recommend([7])  # type: ignore[list-item]


def test_an_empty_history_is_answered_by_bestsellers(engine: Engine, shelf: pl.DataFrame) -> None:
    bestsellers = shelf.filter(pl.col("count") >= pl.col("count").top_k(engine.per_retriever).min())
    answers = engine.recommend([], k=10)
    assert set(ids_of(answers)) <= set(bestsellers["item_id"])
    assert all("chosen so far" not in reason for answer in answers for reason in answer.reasons)


def test_the_moment_and_the_session_are_signals(engine: Engine, histories: list[list[str]]) -> None:
    """A ranker that trusts nothing else answers by what the moment lifts."""
    assert {"daypart", "weekend", "device", "price_band"} == set(engine.signals.lifts)
    names = list(engine.signals.recommend_parts)
    weight = np.array([float(name in ("daypart", "session_text")) for name in names])
    ranker = Ranker(tuple(names), np.zeros(len(names)), np.ones(len(names)), weight)
    moved = replace(engine, recommender=ranker)
    evening, morning = ({"timestamp": f"2026-03-01 {hour}:00"} for hour in (21, 8))
    answers = [moved.recommend(histories[0], now=now) for now in (evening, morning, {})]
    assert ids_of(answers[0]) != ids_of(answers[1])
    assert all(answer.parts["daypart"] > 0 for answer in answers[0])
    assert all(answer.parts["daypart"] == 0 for answer in answers[2])
    assert any("daypart evening" in r for answer in answers[0] for r in answer.reasons)
    running = moved.recommend(histories[0], session=1)
    assert all(answer.parts["session"] > 0 for answer in running)


def test_somebody_new_is_answered_by_what_they_say_of_themselves(engine: Engine) -> None:
    plain = ids_of(engine.recommend([], k=20))
    told = engine.recommend([], k=20, interests="sourdough and slow coffee")
    assert ids_of(told) != plain == ids_of(engine.recommend([], k=20, interests="  "))
    moments = nothing_known(2).with_columns(stated=pl.Series(["", "sourdough and slow coffee"]))
    run = rank_histories(engine, Ragged.of([[], []]), moments)
    assert run[0].tolist() != run[1].tolist()


@pytest.mark.parametrize("session", [-1, 3])
def test_a_session_longer_than_the_history_is_refused(engine: Engine, session: int) -> None:
    with pytest.raises(RequestError, match=f"session={session}; it counts the newest of the 2"):
        engine.recommend(["KIT-0001", "KIT-0002"], session=session)


def test_an_item_may_come_up_twice_in_a_history(engine: Engine, in_stock: pl.DataFrame) -> None:
    item = in_stock.filter(~pl.col("consumable"))["item_id"][0]
    answers = engine.recommend([item, item, item], k=10)
    assert len(answers) == 10
    assert item not in ids_of(answers)


def test_a_very_long_history_is_answered_from_what_is_not_in_it(
    engine: Engine, in_stock: pl.DataFrame
) -> None:
    kept = in_stock.filter(~pl.col("consumable")).sample(9, seed=0)["item_id"].to_list()
    others = engine.items.filter(~pl.col("item_id").is_in(kept))["item_id"].to_list()
    answers = ids_of(engine.recommend(others * 25, k=engine.items.height))
    fresh = set(answers) - set(in_stock.filter("consumable")["item_id"])
    assert fresh
    assert fresh <= set(kept)


def test_parts_add_up_to_the_score_of_what_no_soft_rule_moved(
    engine: Engine, histories: list[list[str]]
) -> None:
    answers = [a for h in histories for a in engine.recommend(h, k=20)]
    answers += [a for query in QUERIES for a in engine.search(query, k=20)]
    still = [answer for answer in answers if not answer.rules]
    assert 0 < len(still) < len(answers)
    for answer in still:
        assert sum(answer.parts.values()) == pytest.approx(answer.score, abs=1e-6)


def test_what_is_measured_is_what_is_recommended_before_rules(
    engine: Engine, histories: list[list[str]]
) -> None:
    lawless = replace(engine, vertical=replace(engine.vertical, rules=()))
    position = {item: place for place, item in enumerate(engine.items["item_id"])}
    for history in histories:
        run = rank_histories(engine, Ragged.of([[position[item] for item in history]]))
        answers = ids_of(lawless.recommend(history, k=20))
        assert [position[item] for item in answers] == run[0, :20].tolist()
    run = rank_queries(engine, list(QUERIES))
    for row, query in enumerate(QUERIES):
        answers = ids_of(lawless.search(query, k=20))
        assert [position[item] for item in answers] == run[row, :20].tolist()


def test_a_run_is_padded_where_fewer_were_found(engine: Engine) -> None:
    few = replace(engine, per_retriever=2)
    run = rank_histories(few, Ragged.of([[0], []]))
    assert run.shape == (2, 100)
    assert (np.diff((run >= 0).astype(int), axis=1) <= 0).all()
    assert run[1].max() >= 0 > run[1].min()


def test_a_loaded_bundle_answers_exactly_as_the_pipeline(
    engine: Engine, bundle: Path, histories: list[list[str]]
) -> None:
    loaded = corank.load(bundle)
    cheap = pl.col("price") < 60
    for query in QUERIES:
        assert as_json(loaded.search(query)) == as_json(engine.search(query))
        narrowed = loaded.search(query, where=cheap)
        assert as_json(narrowed) == as_json(engine.search(query, where=cheap))
    for history in ([], *histories):
        assert as_json(loaded.recommend(history)) == as_json(engine.recommend(history))


def test_answers_are_plain_json(engine: Engine) -> None:
    answers = engine.search("coffee grinder", k=2)
    plain = as_json(answers)
    assert isinstance(plain, dict)
    told = {"withheld": False, "alarm": None, "message": "", "notice": ""}
    assert {name: plain[name] for name in told} == told
    assert set(plain) == {"answers", "removed", "confidence", *told}
    assert plain["confidence"] == answers.confidence
    assert plain["answers"][0] == {
        "item_id": answers[0].item_id,
        "title": answers[0].title,
        "score": answers[0].score,
        "parts": answers[0].parts,
        "reasons": list(answers[0].reasons),
        "rules": list(answers[0].rules),
        "chance": None,
        "provider": answers[0].provider,
    }


@pytest.fixture(scope="module")
def wary(engine: Engine) -> Engine:
    """The shop with an alarm, a disclaimer and little patience with doubt."""
    alarm = Alarm(
        name="fire", message={"en": "Get out.", "zh": "快跑。"}, wordings=("fire", "着火")
    )
    policy = Policy(disclaimer={"en": "No advice."}, alarms=(alarm,), abstain_below=0.5)
    return replace(engine, vertical=replace(engine.vertical, policy=policy))


@pytest.mark.parametrize(
    ("query", "message"), [("my house is on fire", "Get out."), ("我家着火了", "快跑。")]
)
def test_an_alarm_is_answered_by_its_message_and_by_no_ranking(
    wary: Engine, query: str, message: str
) -> None:
    for answers in (wary.search(query), wary.recommend([], interests=query)):
        assert (len(answers), answers.alarm, answers.message) == (0, "fire", message)
        assert answers.notice == "No advice."
    with pytest.raises(RequestError, match=message):
        wary.why("COF-0001", query=query)
    with pytest.raises(RequestError, match=message):
        wary.why("COF-0001", history=[], interests=query)


def test_a_search_that_is_too_probably_wrong_is_not_answered(wary: Engine, engine: Engine) -> None:
    queries = ["coffee grinder", "zzz qqq xxx", "a holiday on the moon"]
    for query in queries:
        sure = engine.search(query).confidence
        answers = wary.search(query)
        if sure is None:  # too few judged queries to learn it from
            assert not answers.withheld and len(answers)
            continue
        assert answers.withheld == (sure < 0.5) and bool(len(answers)) == (sure >= 0.5)
        assert answers.confidence == sure and answers.notice == "No advice."
        if answers.withheld:
            with pytest.raises(RequestError, match=r"No answer is shown here, .* below the 0\.50"):
                wary.why("COF-0001", query=query)
    chances = [engine.search(query).confidence or 0.0 for query in queries]
    assert chances[0] >= max(chances[1:])


AFFORDABLE = Require(
    "affordable", (pl.col("price") < 30) | (asker("price_band").cast(pl.String) == "premium")
)


@pytest.fixture(scope="module")
def careful(engine: Engine) -> Engine:
    """The shop with a rule about whoever asks."""
    return replace(engine, vertical=replace(engine.vertical, rules=(AFFORDABLE,)))


@pytest.mark.parametrize("now", [None, {}, {"price_band": "value"}, {"device": "phone"}])
def test_a_rule_about_whoever_asks_holds_for_all_that_is_asked(
    careful: Engine, shelf: pl.DataFrame, histories: list[list[str]], now: dict[str, str] | None
) -> None:
    prices = dict(shelf.select("item_id", "price").iter_rows())
    lists = [careful.search(query, k=30, now=now) for query in QUERIES]
    lists += [careful.recommend(history, k=30, now=now) for history in histories]
    lists += [careful.recommend(histories[0], k=30, now=now, as_new=True)]
    assert all(prices[one] < 30 for answers in lists for one in ids_of(answers))
    assert all(answers.removed["affordable"] for answers in lists)


def test_what_is_known_of_whoever_asks_lifts_it(
    careful: Engine, engine: Engine, histories: list[list[str]]
) -> None:
    rich, free = {"price_band": "premium"}, replace(engine.vertical, rules=())
    lawless = replace(engine, vertical=free)
    for query in QUERIES:
        assert ids_of(careful.search(query, now=rich)) == ids_of(lawless.search(query))
    found, before = (e.recommend(histories[0], k=30, now=rich) for e in (careful, lawless))
    assert ids_of(found) == ids_of(before)
    dear = next(one for one in ids_of(before) if not careful.why(one, history=histories[0]).rank)
    assert careful.why(dear, history=histories[0]).removed_by == "affordable"
    assert careful.why(dear, history=histories[0], now=rich).removed_by is None
    assert careful.why(dear, query=QUERIES[0]).removed_by == "affordable"
    assert careful.why(dear, query=QUERIES[0], now=rich).removed_by is None


def test_a_run_under_rules_knows_who_asks(careful: Engine, split: Split) -> None:
    test = replace(split.test, asked=careful.vertical.asked)
    cases = test.cases()
    _, ruled = rank_ruled(careful, cases.histories, cases.moments)
    bands = dict(test.users.select("user_id", pl.col("price_band").cast(pl.String)).iter_rows())
    dear = (careful.items["price"] >= 30).to_numpy()
    shown = {
        band: bool(dear[run[run >= 0]].any())
        for band in ("value", "middle", "premium")
        for run in [ruled[[bands[user] == band for user in cases.users]]]
    }
    assert shown == {"value": False, "middle": False, "premium": True}
