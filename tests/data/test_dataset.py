"""What a dataset asks of a ranker, by hand for each protocol and by counting for any log."""

import datetime as dt
import warnings
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from corank.data.dataset import Cases, Dataset, Split, lookup, positions
from corank.data.labels import LabelingFunction, combine
from corank.data.split import ProtocolName
from corank.errors import DataError, LeakageWarning, UnknownItemError

GRADES = {"bounce": 0, "view": 1, "purchase": 3}
Event = tuple[str, str, str, int]  # user, item, event, minute

GRADED = LabelingFunction(
    "graded", pl.col("event").replace_strict(GRADES, return_dtype=pl.Int8), 1.0, ""
)


def dataset(events: Sequence[Event], queries: Sequence[tuple[str, str, int]] = ()) -> Dataset:
    log = pl.DataFrame(
        list(events),
        schema={"user_id": pl.String, "item_id": pl.String, "event": pl.String, "at": pl.Int64},
        orient="row",
    ).with_columns(timestamp=dt.datetime(2026, 1, 1) + pl.duration(minutes="at"))
    return Dataset(
        items=pl.DataFrame({"item_id": list("abcdef"), "title": list("ABCDEF")}),
        users=log.select("user_id").unique(),
        interactions=log,
        queries=pl.DataFrame(
            list(queries),
            schema={"query": pl.String, "item_id": pl.String, "grade": pl.Int64},
            orient="row",
        ),
        labeling_functions=(GRADED,),
    )


def split(data: Dataset, protocol: ProtocolName, test: float = 0.3, seed: int = 0) -> Split:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)
        return data.split(protocol, test=test, seed=seed)


def spelt(cases: Cases) -> list[tuple[str, str, dict[str, float]]]:
    """Each case as (user, history, item -> grade), items by their letters."""
    rows = []
    for case, user in enumerate(cases.users):
        history = "".join("abcdef"[i] for i in cases.histories[case])
        start, end = cases.relevant.indptr[case : case + 2]
        relevant = zip(cases.relevant[case], cases.relevant.values[start:end], strict=True)
        rows.append((user, history, {"abcdef"[i]: float(grade) for i, grade in relevant}))
    return rows


# Labels


def test_positives_negatives_sequences_and_counts_by_hand() -> None:
    data = dataset(
        [
            ("v", "c", "view", 0),
            ("u", "b", "view", 1),
            ("u", "a", "bounce", 2),
            ("u", "a", "purchase", 3),
            ("u", "d", "bounce", 4),
            ("v", "a", "view", 5),
        ]
    )
    columns = ["user_id", "item_id", "grade", "item"]
    assert data.positives.select(columns).rows() == [
        ("u", "b", 1, 1),
        ("u", "a", 3, 0),
        ("v", "c", 1, 2),
        ("v", "a", 1, 0),
    ]
    assert data.negatives.select(columns).rows() == [("u", "d", 0, 3)]
    users, sequences = data.sequences()
    assert users.to_list() == ["u", "v"]
    assert [sequences[0].tolist(), sequences[1].tolist()] == [[1, 0], [2, 0]]
    assert sequences.values.tolist() == [1, 1, 1, 1]
    assert data.item_counts().tolist() == [2, 1, 1, 0, 0, 0]


def test_a_dataset_without_events_has_empty_sequences() -> None:
    users, sequences = dataset([]).sequences()
    assert (len(users), len(sequences)) == (0, 0)
    assert dataset([]).item_counts().tolist() == [0] * 6


def test_the_label_table_is_that_of_the_interactions() -> None:
    table = dataset([("u", "a", "view", 0), ("u", "b", "bounce", 1)]).label_table(pl.Series([1, 1]))
    assert table.select("function", "coverage", "accuracy").rows() == [("graded", 1.0, 0.5)]


def test_judged_queries_keep_their_order_and_grades() -> None:
    asked = [("serum", "c", 3), ("cream", "a", 1), ("serum", "a", 0)]
    queries, judged = dataset([], asked).judged_queries()
    assert queries == ["serum", "cream"]
    assert [judged[0].tolist(), judged[1].tolist()] == [[2, 0], [0]]
    assert judged.values.tolist() == [3, 0, 1]
    assert dataset([]).judged_queries()[0] == []


# Cases


def test_under_a_time_split_a_user_is_asked_once_and_a_new_user_has_no_history() -> None:
    data = dataset(
        [
            ("u", "b", "view", 0),
            ("u", "a", "view", 1),
            ("v", "c", "bounce", 2),  # no relevant history
            ("u", "c", "view", 10),
            ("new", "a", "purchase", 11),
            ("u", "a", "purchase", 12),
            ("v", "d", "view", 13),
            ("u", "e", "bounce", 14),  # not relevant, so not asked
        ]
    )
    _, held = data.split("time", test=0.6)
    assert spelt(held.cases()) == [
        ("new", "", {"a": 3}),
        ("u", "ba", {"c": 1, "a": 3}),
        ("v", "", {"d": 1}),
    ]


def test_under_leave_one_out_a_user_is_asked_for_the_last_item() -> None:
    data = dataset(
        [("u", item, "view", minute) for minute, item in enumerate("cab")]
        + [("u", "b", "purchase", 5), ("v", "a", "view", 6), ("w", "a", "view", 7)]
        + [("w", "d", "view", 8)]
    )
    _, held = split(data, "leave-one-out")
    assert spelt(held.cases()) == [("u", "ca", {"b": 3}), ("w", "a", {"d": 1})]


def test_carving_leaves_one_more_out_and_says_nothing() -> None:
    train, _ = split(dataset([("u", i, "view", n) for n, i in enumerate("abcd")]), "leave-one-out")
    fit, valid = train.carve()
    assert spelt(valid.cases()) == [("u", "ab", {"c": 1})]
    assert fit.interactions["item_id"].to_list() == ["a", "b"]
    assert fit.leaks == train.leaks


def test_carving_data_that_was_never_split_goes_by_time() -> None:
    fit, valid = dataset([("u", "a", "view", minute) for minute in range(20)]).carve()
    assert (fit.interactions.height, valid.interactions.height) == (18, 2)


def test_a_rehearsal_for_cold_items_asks_for_old_and_new_ones() -> None:
    rows = ["abcdef"[n:] + "abcdef"[:n] for n in range(6)]  # each item comes last to somebody
    log = [(f"u{n}", item, "view", at) for n, row in enumerate(rows) for at, item in enumerate(row)]
    data = dataset(log)
    train, _ = split(data, "cold-items", test=0.34)
    fit, _ = train.carve()
    base, held = fit.rehearse()
    old = set(base.interactions["item_id"])
    shown = held.history
    assert shown is not None and set(shown["item_id"]) <= old
    new = set(fit.interactions["item_id"]) - old
    assert len(new) == round(0.34 * fit.interactions["item_id"].n_unique())
    assert fit.carve().test.interactions.equals(held.interactions)


def test_a_rehearsal_for_any_other_test_is_a_carving() -> None:
    train, _ = split(dataset([("u", i, "view", n) for n, i in enumerate("abcd")]), "leave-one-out")
    for carved, rehearsed in zip(train.carve(), train.rehearse(), strict=True):
        assert carved.interactions.equals(rehearsed.interactions)


def test_cold_items_are_asked_for_at_each_moment_of_the_history() -> None:
    events = [("u", item, "view", minute) for minute, item in enumerate("abcdef")]
    data = dataset([*events, *[("v", item, "view", n) for n, item in enumerate("fedcba")]])
    train, held = split(data, "cold-items", test=0.34)
    cold = sorted(set(held.interactions["item_id"]))
    assert len(cold) == 2
    expected = []
    for user, order in (("u", "abcdef"), ("v", "fedcba")):
        asked: dict[str, dict[str, float]] = {}
        for item in cold:
            before = "".join(i for i in order[: order.index(item)] if i not in cold)
            if before:  # a user who did nothing else before is not asked
                asked.setdefault(before, {})[item] = 1
        expected += [(user, before, asked[before]) for before in sorted(asked, key=len)]
    assert spelt(held.cases()) == expected
    assert not set(train.interactions["item_id"]) & set(cold)


def test_cold_users_are_shown_all_but_their_last_item() -> None:
    events = [(u, i, "view", n) for n, (u, i) in enumerate((u, i) for i in "abc" for u in "uvwx")]
    train, held = split(dataset(events), "cold-users", test=0.5)
    users = held.cases().users.to_list()
    assert len(users) == 2
    assert spelt(held.cases()) == [(user, "ab", {"c": 1}) for user in sorted(users)]
    assert sorted(set(train.interactions["user_id"])) == sorted(set("uvwx") - set(users))


def test_training_data_asks_nothing() -> None:
    data = dataset([("u", "a", "view", 0), ("u", "b", "view", 1)])
    with pytest.raises(DataError, match=r"take the test side of data\.split"):
        data.cases()
    with pytest.raises(DataError, match="no history"):
        data.split("time", test=0.5).train.cases()


events = st.lists(
    st.tuples(
        st.sampled_from("uvw"),
        st.sampled_from("abcdef"),
        st.sampled_from(list(GRADES)),
        st.integers(0, 8),
    ),
    min_size=4,
    max_size=30,
)


@given(log=events, protocol=st.sampled_from(["time", "leave-one-out", "cold-items", "cold-users"]))
@settings(max_examples=40, deadline=None)
def test_a_history_is_what_was_relevant_before_and_nothing_is_asked_twice(
    log: list[Event], protocol: ProtocolName
) -> None:
    try:
        _, held = split(dataset(log), protocol, test=0.4)
    except DataError:
        reject()
    assert held.history is not None
    shown: dict[str, list[tuple[str, dt.datetime]]] = {}
    for user, item, time, grade, _ in combine([GRADED], held.history).iter_rows():
        if grade > 0:
            shown.setdefault(user, []).append((item, time))
    expected: dict[tuple[str, int], tuple[str, dict[str, float]]] = {}
    for user, item, time, grade in held.positives.select(
        "user_id", "item_id", "timestamp", "grade"
    ).iter_rows():
        history = "".join(i for i, t in shown.get(user, []) if t <= time)
        expected.setdefault((user, len(history)), (history, {}))[1][item] = grade
    assert spelt(held.cases()) == [(key[0], *expected[key]) for key in sorted(expected)]


def test_a_history_brings_its_label_weights() -> None:
    disagrees = LabelingFunction("other", pl.when(pl.col("item_id") == "a").then(0), 0.25, "")
    data = dataset([("u", "a", "view", 0), ("u", "b", "view", 1), ("u", "c", "view", 2)])
    both = Dataset(
        items=data.items,
        users=data.users,
        interactions=data.interactions,
        queries=data.queries,
        labeling_functions=(GRADED, disagrees),
    )
    cases = both.split("time", test=0.3).test.cases()
    assert cases.histories.values.tolist() == pytest.approx([0.8, 1.0])


# Ids


def test_ids_become_catalogue_indices() -> None:
    indices = dataset([]).index_of(["c", "a", "c"])
    assert indices.tolist() == [2, 0, 2]
    assert indices.dtype == np.int32
    assert dataset([]).index_of([]).tolist() == []


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    known = positions(pl.Series("item_id", ["serum-30ml", "cream"]))
    with pytest.raises(
        UnknownItemError,
        match=r"'serum-30' is not among the 2 items of the catalogue\. Did you mean 'serum-30ml'",
    ):
        lookup(known, ["cream", "serum-30"])


def test_splitting_changes_no_table_it_was_given() -> None:
    data = dataset([("u", i, "view", n) for n, i in enumerate("abcd")], [("q", "a", 1)])
    before = [data.interactions.clone(), data.queries.clone(), data.items.clone()]
    split(data, "leave-one-out").test.cases()
    for was, now in zip(before, [data.interactions, data.queries, data.items], strict=True):
        assert was.equals(now)
