"""Candidates and features, by hand on six items (see conftest)."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import corank.rank.features as features
import corank.rank.signals as module
from corank.data.context import nothing_known
from corank.data.ragged import Ragged
from corank.rank.features import RECOMMEND, SEARCH
from corank.rank.lift import Lift
from corank.rank.signals import Candidates, Signals
from corank.retrieve.vectors import build_index

ALL = 100  # more than any retriever has to propose


def recommend(signals: Signals, history: list[int], n: int = ALL) -> Candidates:
    (found,) = signals.for_histories(Ragged.of([history]), n)
    return found


def columns(found: Candidates, names: list[str]) -> dict[str, NDArray[np.float32]]:
    assert found.features.shape == (len(found.items), len(names))
    assert found.features.dtype == np.float32 and found.items.dtype == np.int32
    return dict(zip(names, found.features.T, strict=True))


def z(values: list[float]) -> NDArray[np.float64]:
    away = np.array(values, np.float64) - np.mean(values)
    return np.asarray(away / (np.std(values) + 1e-6), np.float64)


def lexical_cosine(signals: Signals, one: int, other: int, titles: list[str]) -> float:
    """Cosine of two items' BM25 weights, from what the index says each word is worth."""
    a, b = (dict(signals.bm25.matched(titles[item], item)) for item in (one, other))
    length = math.prod(math.sqrt(sum(w * w for w in x.values())) for x in (a, b))
    return sum(a[word] * b[word] for word in a.keys() & b.keys()) / length if length else 0.0


def test_what_was_seen_is_no_candidate_unless_repeatable(signals: Signals) -> None:
    assert recommend(signals, [0, 1]).items.tolist() == [1, 2, 3, 4, 5]
    assert recommend(signals, [2, 0]).items.tolist() == [1, 3, 4, 5]
    assert recommend(signals, []).items.tolist() == [0, 1, 2, 3, 4, 5]


def test_somebody_who_has_seen_it_all_gets_what_is_repeatable(signals: Signals) -> None:
    assert recommend(signals, [5, 4, 3, 2, 1, 0]).items.tolist() == [1]


def test_each_retriever_proposes_its_best(signals: Signals) -> None:
    """One each, after [3]: nearest state, nearest text, nothing together, and the bestseller."""
    assert recommend(signals, [3], 1).items.tolist() == [0]  # 3 itself is nearest; 0 sells best
    found = recommend(
        signals, [0], 4
    )  # 4 by sequence, 2 together, 2 neighbours, 1 each by text, words, popularity
    assert found.items.tolist() == [1, 2, 5]


def test_words_propose_what_shares_them_with_the_history(signals: Signals) -> None:
    proposed = signals.proposed(Ragged.of([[4, 1], [4]]), 12)["words"]
    for row, history in enumerate(([4, 1], [4])):
        faded = np.array([0.5**age for age in range(len(history))][::-1], np.float32)
        every = np.arange(signals.n_items, dtype=np.int32)
        scores = signals.lexical(every, np.array(history, np.int32)) @ faded
        best = [n for n in np.argsort(-scores, kind="stable").tolist() if scores[n] > 0][:3]
        assert [n for n in proposed[row].tolist() if n >= 0] == best


def test_a_part_that_is_left_out_neither_proposes_nor_scores(signals: Signals) -> None:
    bare = replace(signals, without=frozenset({"sequence", "popularity"}))
    parts = {"sequence", "popularity"}
    assert list(bare.recommend_parts) == [f for f, p in RECOMMEND.items() if p not in parts]
    found, whole = recommend(bare, [0], 4), recommend(signals, [0], 4)
    assert found.items.tolist() == [2]  # neither the nearest states nor the bestseller
    features = columns(found, list(bare.recommend_parts))
    assert features["text"] == columns(whole, list(RECOMMEND))["text"][whole.items == 2]
    assert len(recommend(bare, []).items) == 0


def test_as_new_nothing_that_people_did_to_a_candidate_counts(signals: Signals) -> None:
    """Whatever was done to the candidates, they are found and described as before."""
    other = replace(
        signals,
        counts=signals.counts[::-1].copy(),
        recency=signals.recency[::-1].copy(),
        trend=signals.trend[::-1].copy(),
        together=replace(signals.together, weights=signals.together.weights * 3),
        neighbours=replace(signals.neighbours, weights=signals.neighbours.weights * 3),
        user_model=replace(signals.user_model, states=signals.user_model.states.copy()),
    )
    other.user_model.states[2:] *= -1  # histories hold 0 and 1 alone
    one, two = signals.as_new(), other.as_new()
    assert not {"together", "neighbours", "popularity"} & set(one.proposed(Ragged.of([[0, 1]]), 3))
    kept = [name for name in one.recommend_parts if name != "last_popularity"]
    for history in ([0, 1], [0], [1]):
        found, again = recommend(one, history), recommend(two, history)
        assert found.items.tolist() == again.items.tolist() and len(found.items)
        was, now = (columns(each, list(one.recommend_parts)) for each in (found, again))
        for name in kept:
            assert was[name] == pytest.approx(now[name], nan_ok=True), name
    assert len(recommend(one, []).items) == 0  # nothing is known of anybody


TOLD_OF_THE_CHOSEN = {
    "together", "together_z", "together_rank", "neighbours", "neighbours_z", "session_together",
}  # fmt: skip
"""Features that are unknown of an item which nobody has chosen."""


def test_features_by_hand(signals: Signals, titles: list[str]) -> None:
    found = recommend(signals, [0, 1])  # candidates 1 to 5, newest is 1, older is 0
    got = columns(found, list(RECOMMEND))
    sequence = [1, 0.8, 0, -1, 0.6]  # states by (0, 1)
    together = [0, 0.25 + 0.5 * 0.5, 0.1, 0]  # and nobody ever chose the last one
    neighbours = [0, 0, 0, 0.3]
    taste = np.array([0.8 + 0.5 * 1, 0.6, 0]) / math.hypot(1.3, 0.6)
    text = [float(signals.text_vectors[item] @ taste) for item in range(1, 6)]
    words = np.array([[lexical_cosine(signals, i, h, titles) for h in (0, 1)] for i in range(1, 6)])
    paid = [math.log(11), math.log(21)]
    per = math.log(21 / 11) / 2 + 0.5  # spread of two is half their distance
    away = [-abs(math.log(1 + p) - sum(paid) / 2) / per for p in (20, 15)]
    expected = {
        "sequence": sequence,
        "sequence_z": z(sequence),
        "sequence_rank": [1, 1 / 2, 1 / 4, 1 / 5, 1 / 3],
        "together": [*together, np.nan],
        "together_z": [*z(together), np.nan],
        "together_rank": [1 / 4, 1, 1 / 2, 1 / 4, np.nan],  # equals share their lowest rank
        "neighbours": [*neighbours, np.nan],
        "neighbours_z": [*z(neighbours), np.nan],
        "text": text,
        "text_z": z(text),
        "text_nearest": [1, 0.6, 0, 0.6, 0],
        "text_last": [1, 0.6, 0, 0.48, -0.6],
        "words": words @ [0.5, 1],
        "words_nearest": words.max(1),
        "words_last": words[:, 1],
        "popularity": np.log1p([5, 3, 1, 1, 0]),
        "recency": [0.2, 0.3, 0.4, 0.5, 0.6],
        "trend": [0.5, 0.4, 0.3, 0.2, 0.1],
        "session_text": [0] * 5,
        "session_together": [0, 0, 0, 0, np.nan],
        "session_length": [0] * 5,
        "price": [*away, np.nan, -abs(math.log(13) - sum(paid) / 2) / per, np.nan],
        "history_length": [math.log(3)] * 5,
        "last_popularity": [math.log(6)] * 5,
    }
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        assert got[name] == pytest.approx(np.array(values), abs=1e-5, nan_ok=True), name
    assert words[0, 1] == pytest.approx(1) and words[4].tolist() == [0, 0]
    assert 0 < words[0, 0] < 1 and words[2].tolist() == [0, 0]


def test_the_running_session_speaks_for_what_is_like_it(signals: Signals) -> None:
    histories = Ragged.of([[3, 0, 1]])
    moments = nothing_known(1).with_columns(session=pl.lit(2))
    found = next(iter(signals.for_histories(histories, 10, moments)))
    got = columns(found, list(RECOMMEND))
    assert found.items.tolist() == [1, 2, 4, 5]
    both = signals.text_vectors[found.items] @ signals.text_vectors[[0, 1]].T
    assert got["session_text"] == pytest.approx(both.mean(1), abs=1e-6)
    assert got["session_together"] == pytest.approx([0, 0.75, 0, np.nan], nan_ok=True)
    assert got["session_length"] == pytest.approx([math.log(3)] * 4)


def test_a_stated_interest_is_read_as_the_oldest_text(signals: Signals) -> None:
    interests = np.array([[0, 0, 1], [0, 0, 1]], np.float32)
    new, known = signals.for_histories(Ragged.of([[], [0]]), 10, None, interests)
    got = columns(new, list(RECOMMEND))
    assert 3 in new.items  # only text proposes it to somebody new, and nobody chose it
    for name in ("text", "text_nearest", "text_last"):
        assert got[name] == pytest.approx(signals.text_vectors[new.items, 2]), name
    assert not got["words"].any()
    got = columns(known, list(RECOMMEND))
    taste = np.array([1, 0, 0.5]) / math.hypot(1, 0.5)
    vectors = signals.text_vectors[known.items]
    assert got["text"] == pytest.approx(vectors @ taste, abs=1e-6)
    assert got["text_nearest"] == pytest.approx(vectors[:, [0, 2]].max(1), abs=1e-6)
    assert got["text_last"] == pytest.approx(vectors[:, 0], abs=1e-6)


def test_the_moment_speaks_for_what_is_chosen_then(signals: Signals) -> None:
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    lifted = replace(signals, lifts={"device": Lift(("phone", "tv"), table)})
    assert list(lifted.recommend_parts) == [*RECOMMEND, "device"]
    moments = nothing_known(3).with_columns(pl.Series("context:device", ["tv", None, "watch"]))
    for found, said in zip(
        lifted.for_histories(Ragged.of([[0]] * 3), 10, moments), (table[:, 1], 0, 0), strict=True
    ):
        expected = np.broadcast_to(np.asarray(said), 6)[found.items]
        assert columns(found, list(lifted.recommend_parts))["device"].tolist() == expected.tolist()
    (silent,) = lifted.for_histories(Ragged.of([[0]]), 10)
    assert not silent.features[:, -1].any()


def test_an_empty_history_is_answered(signals: Signals) -> None:
    got = columns(recommend(signals, []), list(RECOMMEND))
    assert np.isnan(got["price"]).all()
    assert got["popularity"] == pytest.approx(np.log1p(signals.counts))
    silent = RECOMMEND.keys() - {"price", "popularity", "recency", "trend"}
    ranks = {"sequence_rank", "together_rank"}
    for name in silent - ranks - TOLD_OF_THE_CHOSEN:
        assert got[name].tolist() == [0] * 6, name
    for name in TOLD_OF_THE_CHOSEN - ranks:
        assert got[name] == pytest.approx([0] * 5 + [np.nan], nan_ok=True), name
    # no item is preferred for where it stands in the catalogue
    assert got["sequence_rank"] == pytest.approx(1 / 6)
    assert got["together_rank"] == pytest.approx([1 / 5] * 5 + [np.nan], nan_ok=True)


def test_a_history_without_prices_says_nothing_about_price(signals: Signals) -> None:
    assert np.isnan(columns(recommend(signals, [3]), list(RECOMMEND))["price"]).all()


def test_only_recent_items_are_compared_one_by_one(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "RECENT", 1)
    short = columns(recommend(signals, [0, 2]), list(RECOMMEND))
    assert short["text_nearest"].tolist() == short["text_last"].tolist()
    assert short["words_nearest"].tolist() == short["words_last"].tolist()


@pytest.fixture(scope="session")
def untied(signals: Signals) -> Signals:
    """No two items are equally near to anything: rounding decides nothing."""
    rng = np.random.default_rng(0)

    def moved(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        away = vectors + rng.normal(0, 0.1, vectors.shape)
        return np.asarray(away / np.linalg.norm(away, axis=1, keepdims=True), np.float32)

    texts, states = moved(signals.text_vectors), moved(signals.user_model.states)
    return replace(
        signals,
        text_vectors=texts,
        text_index=build_index(texts),
        user_model=replace(signals.user_model, states=states),
        state_index=build_index(states),
    )


def test_shared_words_add_up_to_the_lexical_cosine(signals: Signals, titles: list[str]) -> None:
    everything = np.arange(len(titles), dtype=np.int32)
    cosine = signals.lexical(everything, everything)
    for one in range(len(titles)):
        for other in range(len(titles)):
            shared = signals.shared_words(one, other)
            assert cosine[one, other] == pytest.approx(sum(w for _, w in shared), abs=1e-6)
            expected = lexical_cosine(signals, one, other, titles)
            assert sum(weight for _, weight in shared) == pytest.approx(expected, abs=1e-6)
    assert [word for word, _ in signals.shared_words(4, 1)] == ["blue", "lamp"]


histories = st.lists(st.lists(st.integers(0, 5), unique=True), max_size=6)


@given(many=histories)
@settings(max_examples=30, deadline=None)
def test_many_at_once_are_each_as_if_alone(untied: Signals, many: list[list[int]]) -> None:
    together = list(untied.for_histories(Ragged.of(many), 4))
    assert len(together) == len(many)
    for history, found in zip(many, together, strict=True):
        alone = recommend(untied, history, 4)
        assert found.items.tolist() == alone.items.tolist()
        assert found.features == pytest.approx(alone.features, abs=1e-5, nan_ok=True)
        got = columns(found, list(RECOMMEND))
        for name in RECOMMEND.keys() - {"price"}:
            new = untied.counts[found.items] == 0 if name in TOLD_OF_THE_CHOSEN else False
            assert (np.isnan(got[name]) == new).all(), name


def test_blocks_make_no_difference(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    many = Ragged.of([[i % 6] for i in range(7)])
    whole = [found.features.tobytes() for found in signals.for_histories(many, ALL)]
    monkeypatch.setattr(module, "BLOCK", 3)
    assert [found.features.tobytes() for found in signals.for_histories(many, ALL)] == whole


def search(signals: Signals, query: str, vector: list[float], n: int = ALL) -> Candidates:
    (found,) = signals.for_queries([query], np.array([vector], np.float32), n)
    return found


def test_search_features_by_hand(signals: Signals) -> None:
    found = search(signals, "red lamp", [0.8, 0.6, 0])
    got = columns(found, list(SEARCH))
    assert found.items.tolist() == [0, 1, 2, 3, 4, 5]
    words = [sum(score for _, score in signals.bm25.matched("red lamp", i)) for i in range(6)]
    assert got["words"] == pytest.approx(words, abs=1e-5)
    assert got["words_share"] == pytest.approx(np.array(words) / words[0], abs=1e-5)
    assert got["text"] == pytest.approx(np.array([0.8, 1, 0.6, 0, 0.48, -0.6]), abs=1e-6)
    assert got["popularity"] == pytest.approx(np.log1p(signals.counts), abs=1e-6)
    assert got["recency"].tolist() == signals.recency.tolist()


def test_search_candidates_come_from_words_and_from_meaning(signals: Signals) -> None:
    assert search(signals, "chair", [0, 0, 1], 1).items.tolist() == [2, 3]


def test_a_query_without_a_match_is_answered_by_meaning(signals: Signals) -> None:
    found = search(signals, "zebra", [0, 0, 1], 2)
    assert found.items.tolist() == [3, 4]
    got = columns(found, list(SEARCH))
    assert got["words"].tolist() == got["words_share"].tolist() == [0, 0]


def test_what_a_search_knows_of_an_item_does_not_hang_on_what_else_is_found(
    signals: Signals,
) -> None:
    """Or a longer page would not begin with the shorter one."""
    few, many = (search(signals, "red lamp", [0.8, 0.6, 0], n) for n in (2, ALL))
    same = np.searchsorted(many.items, few.items)
    assert 0 < len(few.items) < len(many.items)
    assert np.array_equal(few.features, many.features[same])


def test_queries_keep_their_order(signals: Signals) -> None:
    vectors = np.array([[0, 0, 1], [1, 0, 0]], np.float32)
    first, second = signals.for_queries(["chair", "table"], vectors, 1)
    assert (first.items.tolist(), second.items.tolist()) == ([2, 3], [0, 3])


def test_whoever_proposed_an_item_is_told_though_it_was_seen(signals: Signals) -> None:
    found = signals.proposed(Ragged.of([[0], []]), 4)
    named = {name: sorted(set(items[0].tolist()) - {-1}) for name, items in found.items()}
    assert named["together"] == [2] and named["neighbours"] == []
    assert named["text"] == named["words"] == [0]  # itself is nearest, and is proposed
    assert {item for items in named.values() for item in items} - {0} == {
        *recommend(signals, [0], 4).items.tolist()
    }
    nobody = {name for name, items in found.items() if (items[1] >= 0).any()}
    assert nobody == {"popularity", "trend"}
    assert "together" not in replace(signals, without=frozenset({"together"})).proposed(
        Ragged.of([[0]]), 4
    )


def test_a_query_is_answered_by_words_and_by_meaning(signals: Signals) -> None:
    vector = np.array([[0, 0, 1]], np.float32)
    found = signals.proposed_for_queries(["chair"], vector, 1)
    assert {name: items.item() for name, items in found.items()} == {"words": 2, "text": 3}


def test_an_item_that_nobody_proposed_can_be_a_candidate_all_the_same(signals: Signals) -> None:
    histories = Ragged.of([[0], [3]])
    plain = [each.items for each in signals.for_histories(histories, 1)]
    also = Ragged.of([[0, 5], [5, 0]])
    for found, without in zip(signals.for_histories(histories, 1, also=also), plain, strict=True):
        assert found.items.tolist() == sorted({*without.tolist(), 0, 5})  # 0 was seen
        assert found.items.dtype == np.int32 and len(found.features) == len(found.items)
    (asked,) = signals.for_queries(["chair"], np.array([[0, 0, 1]], np.float32), 1, also=(0, 2))
    assert asked.items.tolist() == [0, 2, 3] and asked.items.dtype == np.int32
