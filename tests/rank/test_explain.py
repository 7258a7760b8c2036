"""Parts that add up, and reasons that move when what they rest on is taken away."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from corank.data.context import nothing_known
from corank.data.ragged import Ragged
from corank.rank.explain import Answer, Answers, Reasons, add_up
from corank.rank.features import RECOMMEND
from corank.rank.lift import Lift
from corank.rank.ranker import Ranker
from corank.rank.signals import Signals
from corank.retrieve.cooccurrence import ItemItem
from corank.retrieve.lexical import BM25

EVERYTHING = {"sequence": 5.0, "together": 4.0, "text": 3.0, "words": 2.0, "popularity": 1.0}


@pytest.fixture(scope="module")
def reasons(signals: Signals, titles: list[str]) -> Reasons:
    """Somebody chose the red chair with each lamp, and the blue lamp with the table lamp."""
    both = {(0, 2): 0.2, (1, 2): 0.3, (1, 4): 0.3}
    rows, columns = np.array(list(both)).T
    chosen = ItemItem.of(rows, columns, np.array(list(both.values())), len(titles), decay=0.5)
    return Reasons(replace(signals, neighbours=chosen), titles)


def say(reasons: Reasons, item: int, history: list[int], parts: Mapping[str, float]) -> list[str]:
    items = np.array([4, item], np.int32)  # what is said of one answer is said beside another
    return list(reasons.recommend(items, np.array(history, np.int32), [{}, parts])[1])


def explain(
    reasons: Reasons, item: int, history: list[int], weights: dict[str, float]
) -> tuple[dict[str, float], float, list[str]]:
    """The whole way: features, score, parts, reasons."""
    weight = np.array([weights.get(name, 0.0) for name in RECOMMEND])
    ranker = Ranker(tuple(RECOMMEND), np.zeros(len(weight)), np.ones(len(weight)), weight)
    (found,) = reasons.signals.for_histories(Ragged.of([history]), 100)
    features = found.features[found.items == item]
    (parts,) = add_up(ranker.features, RECOMMEND, ranker.parts(features))
    return parts, float(ranker.score(features)[0]), say(reasons, item, history, parts)


def test_contributions_add_up_by_part() -> None:
    values = np.array([[1.0, 2.0, 4.0, 8.0], [0, 0, -1, 0]])
    parts = add_up(["text", "text_z", "odd"], {"text": "text", "text_z": "text"}, values)
    assert parts == [{"text": 3, "odd": 4, "base": 8}, {"text": 0, "odd": -1, "base": 0}]


def test_parts_add_up_to_the_score(reasons: Reasons) -> None:
    weights = {name: 0.1 * place for place, name in enumerate(RECOMMEND, 1)}
    for item in (2, 3, 4, 5):
        parts, score, _ = explain(reasons, item, [0, 1], weights)
        assert set(parts) == {*RECOMMEND.values(), "base"}
        assert sum(parts.values()) == pytest.approx(score, abs=1e-9)


def test_the_largest_parts_come_first_and_no_more_than_three(reasons: Reasons) -> None:
    assert say(reasons, 2, [0, 1], EVERYTHING) == [
        "continues what was chosen so far",
        "chosen together with 'red lamp'",
        "reads like 'blue lamp' (cosine 0.60)",
    ]
    turned = {part: -value for part, value in EVERYTHING.items()}
    assert say(reasons, 2, [0, 1], turned) == []
    assert say(reasons, 2, [0, 1], {"popularity": 2, "text": 1, "words": -1, "base": 9}) == [
        "chosen by 3 people",
        "reads like 'blue lamp' (cosine 0.60)",
    ]


def test_without_the_item_it_was_chosen_with_the_reason_moves(reasons: Reasons) -> None:
    weights = {"together": 1.0}
    parts, _, said = explain(reasons, 2, [3, 0, 1], weights)
    assert parts["together"] == pytest.approx(0.25 * 1 + 0.5 * 0.5)
    assert said == ["chosen together with 'red lamp'"]
    parts, _, said = explain(reasons, 2, [3, 1], weights)
    assert parts["together"] == pytest.approx(0.25) and said == ["chosen together with 'blue lamp'"]
    parts, _, said = explain(reasons, 2, [3], weights)
    assert parts["together"] == 0 and said == []


def test_nobody_is_said_to_have_chosen_both_because_ease_expects_it(reasons: Reasons) -> None:
    """EASE puts .1 on the green table after the blue lamp, and nobody chose both."""
    parts, _, said = explain(reasons, 3, [1], {"together": 1.0})
    assert parts["together"] == pytest.approx(0.1) and said == []


def test_what_was_chosen_with_it_and_speaks_against_it_is_no_reason(
    reasons: Reasons, titles: list[str]
) -> None:
    against = ItemItem.of(np.array([0]), np.array([2]), np.array([-0.5]), len(titles), decay=0.5)
    turned = Reasons(replace(reasons.signals, together=against), titles)
    assert say(turned, 2, [1, 0], {"together": 1.0}) == ["chosen together with 'blue lamp'"]
    assert say(turned, 2, [0], {"together": 1.0}) == []


def test_the_moment_is_a_reason_where_it_lifts_the_item(
    signals: Signals, titles: list[str]
) -> None:
    table = np.zeros((6, 2), np.float32)
    table[2] = np.log([0.5, 3])
    lifted = Reasons(replace(signals, lifts={"device": Lift(("phone", "tv"), table)}), titles)

    def said(device: str, item: int = 2) -> tuple[str, ...]:
        moment = nothing_known(1).with_columns(pl.Series("context:device", [device]))
        items, history = np.array([[item], [0]], np.int32)
        return lifted.recommend(items, history, [{"device": 1.0}], moment)[0]

    assert said("tv") == ("chosen 3.0 times as often with device tv",)
    assert said("phone") == said("tv", item=1) == said("watch") == ()


@pytest.mark.parametrize(
    ("item", "history", "fits"),
    [
        (2, [3, 0], True),  # chosen with the red lamp
        (4, [3], True),  # reads like the green table
        (2, [3], False),
        (2, [0, 3], False),  # the red lamp was before the session
        (3, [3], False),  # itself
    ],
)
def test_a_session_is_a_reason_where_it_holds_what_is_like_the_item(
    reasons: Reasons, item: int, history: list[int], fits: bool
) -> None:
    running = nothing_known(1).with_columns(session=pl.lit(1))
    items, past = np.array([item], np.int32), np.array(history, np.int32)
    (said,) = reasons.recommend(items, past, [{"session": 1.0}], running)
    assert said == (("fits what was chosen a moment ago",) if fits else ())
    assert reasons.recommend(items, past, [{"session": 1.0}]) == [()]


def test_without_the_item_it_reads_like_the_reason_moves(reasons: Reasons) -> None:
    weights = {"text_nearest": 1.0}
    parts, _, said = explain(reasons, 4, [3, 2, 0], weights)
    assert parts["text"] == pytest.approx(0.8)
    assert said == ["reads like 'green table' (cosine 0.80)"]
    parts, _, said = explain(reasons, 4, [2, 0], weights)
    assert parts["text"] == pytest.approx(0.6)
    assert said == ["reads like 'red lamp' (cosine 0.60)"]
    assert explain(reasons, 4, [2], weights)[2] == []  # nothing in common: nothing to say


def test_a_text_that_is_no_nearer_than_most_is_not_like_it(
    reasons: Reasons, titles: list[str]
) -> None:
    """The blue table lamp's mean cosine to the six texts is .48, to the blue lamp the same."""
    assert say(reasons, 4, [1], {"text": 1.0}) == []
    apart = reasons.signals.text_vectors.copy()
    apart[5] = [0, 0, -1]
    further = Reasons(replace(reasons.signals, text_vectors=apart), titles)
    assert say(further, 4, [1], {"text": 1.0}) == ["reads like 'blue lamp' (cosine 0.48)"]


def test_without_the_item_that_shares_its_words_the_reason_moves(reasons: Reasons) -> None:
    weights = {"words": 1.0}
    whole, _, said = explain(reasons, 4, [3, 1, 2], weights)
    assert said == ["shares words with 'blue lamp': blue, lamp"]
    less, _, said = explain(reasons, 4, [3, 2], weights)
    assert said == ["shares words with 'green table': table"]
    none, _, said = explain(reasons, 4, [2], weights)
    assert said == []
    assert whole["words"] > less["words"] > none["words"] == 0


def test_without_the_word_the_reason_is_gone(reasons: Reasons, titles: list[str]) -> None:
    def said(lamp: str) -> list[str]:
        read = BM25.build([titles[0], lamp, *titles[2:]])
        other = Reasons(replace(reasons.signals, bm25=read), titles)
        return say(other, 4, [1], {"words": 1.0})

    assert said("blue lamp") == ["shares words with 'blue lamp': blue, lamp"]
    assert said("blue") == ["shares words with 'blue lamp': blue"]
    assert said("pink") == []


def test_an_item_is_no_reason_for_itself(reasons: Reasons) -> None:
    assert say(reasons, 1, [1], {**EVERYTHING, "popularity": 0}) == []
    assert say(reasons, 1, [0, 1], {"text": 1.0}) == ["reads like 'red lamp' (cosine 0.80)"]


def test_a_price_is_usual_only_where_it_is_near_those_that_were_paid(
    reasons: Reasons, titles: list[str]
) -> None:
    dear = np.log1p(np.array([10, 20, 90, np.nan, 12, np.nan], np.float32))
    turned = Reasons(replace(reasons.signals, log_price=dear), titles)
    assert say(turned, 2, [0, 1], {"price": 1.0}) == []
    assert say(turned, 1, [0], {"price": 1.0}) == []  # 21 / 11 is more than half a unit of log
    assert say(turned, 4, [0, 1], {"price": 1.0}) == ["is in the usual price range"]


def test_a_price_is_usual_only_where_prices_are_known(reasons: Reasons) -> None:
    price = {"price": 1.0}
    assert say(reasons, 2, [3, 0], price) == ["is in the usual price range"]
    assert say(reasons, 5, [0, 1], price) == []  # its own is unknown
    assert say(reasons, 2, [3], price) == []  # the history's are
    assert say(reasons, 2, [], price) == []


def test_an_empty_history_leaves_popularity(reasons: Reasons) -> None:
    assert say(reasons, 0, [], EVERYTHING) == ["chosen by 10 people"]


@pytest.mark.parametrize(("item", "said"), [(0, ["chosen by 10 people"]), (4, []), (5, [])])
def test_one_person_is_no_crowd(reasons: Reasons, item: int, said: list[str]) -> None:
    assert say(reasons, item, [], {"popularity": 1.0}) == said


def test_large_counts_are_readable(signals: Signals, titles: list[str]) -> None:
    popular = replace(signals, counts=signals.counts * 1234)
    assert say(Reasons(popular, titles), 0, [], {"popularity": 1}) == ["chosen by 12,340 people"]


def test_search_names_the_words_that_matched(reasons: Reasons, signals: Signals) -> None:
    parts, query = {"words": 2.0, "text": 1.0, "popularity": -1.0}, np.array([0.8, 0.6, 0], "f")
    words, meaning = reasons.search(0, "a red lamp", query, parts)
    scores = dict(signals.bm25.matched("red lamp", 0))
    assert words == f"matches red ({scores['red']:.1f}), lamp ({scores['lamp']:.1f})"
    assert meaning == "means something close to the query (cosine 0.80)"
    assert reasons.search(0, "lamp", query, {"words": 1.0}) == (
        f"matches lamp ({scores['lamp']:.1f})",
    )
    assert reasons.search(0, "zebra", query, {"words": 1.0}) == ()


def test_what_is_no_nearer_to_the_query_than_most_is_not_close(reasons: Reasons) -> None:
    """To (.8, .6, 0) the six texts have a mean cosine of .38, and the third chair .6."""
    near, far = np.array([0.8, 0.6, 0], "f"), np.array([0, 0.28, 0.96], "f")
    said = "means something close to the query (cosine 0.60)"
    assert reasons.search(2, "x", near, {"text": 1.0}) == (said,)
    assert reasons.search(2, "x", far, {"text": 1.0}) == ()  # .28 is less than .32, the mean
    assert reasons.search(5, "x", near, {"text": 1.0}) == ()


def test_answers_are_a_sequence_and_plain_json() -> None:
    answer = Answer("a", "A", 1.5, {"text": 1.0, "base": 0.5}, ("reads well",), ())
    answers = Answers((answer,), {"out_of_stock": 2})
    assert len(answers) == 1 and answers[0] is answer and list(answers) == [answer]
    plain = json.loads(json.dumps(answers.to_dict()))
    assert plain["removed"] == {"out_of_stock": 2}
    assert plain["answers"][0]["reasons"] == ["reads well"]
