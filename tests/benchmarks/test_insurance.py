"""Purchases among what is allowed, by hand on three products."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.insurance import baselines, only, read
from corank.data.ragged import Ragged


@pytest.fixture
def public(tmp_path: Path) -> Path:
    (tmp_path / "purchase_events_train.csv").write_text(
        "event_id,user_id,event_time,valid,item_id\n"
        "1,7,2018-10-01 07:42:23,0,item_1\n"
        "2,8,2018-10-02 07:42:23,0,item_1\n"
        "3,8,2018-10-03 07:42:23,1,item_10\n"
        "4,9,2018-10-04 07:42:23,1,item_1\n"
        "4,9,2018-10-04 07:42:23,1,item_2\n"
    )
    (tmp_path / "purchase_events_test.csv").write_text(
        "event_id,user_id,event_time,item_id\n"
        "5,7,2020-07-22 14:51:55,item_2\n"
        "6,5,2020-07-22 15:20:10,item_1\n"
        "6,5,2020-07-22 15:20:10,item_10\n"
        "7,7,2020-07-23 15:20:10,item_10\n"
    )
    allowed = {5: (2, 10), 6: (1, 2, 10), 7: (10,)}
    rows = [f"{event},item_{n}" for event, some in allowed.items() for n in some]
    (tmp_path / "filter_test.csv").write_text("\n".join(["event_id,item_id", *rows]))
    return tmp_path


def test_each_purchase_is_asked_with_what_was_bought_before_it(public: Path) -> None:
    train, (cases, allowed) = read(public)
    assert train.items["item_id"].to_list() == ["item_1", "item_2", "item_10"]
    assert train.positives.height == 5
    assert cases.users.to_list() == ["7", "5", "7"]
    assert [cases.histories[row].tolist() for row in range(3)] == [[0], [], [0, 1]]
    assert [cases.relevant[row].tolist() for row in range(3)] == [[1], [0, 2], [2]]
    assert allowed.tolist() == [[False, True, True], [True, True, True], [False, False, True]]


def test_what_follows_is_counted_and_popularity_decides_between_equals(public: Path) -> None:
    train, _ = read(public)
    popular, follows, near = baselines(train)
    assert (popular.name, follows.name, near.name) == ("popularity", "transitions", "item-knn")
    everybody = popular.score(Ragged.of([[], [2]]))
    assert everybody == pytest.approx(np.array([[0.6, 0.2, 0.2]] * 2))
    after_first = follows.score(Ragged.of([[0]]))[0]
    assert after_first == pytest.approx([0.0006, 1 / 3 + 0.0002, 1 / 3 + 0.0002])
    assert follows.score(Ragged.of([[]]))[0].argmax() == 0


def test_only_what_is_allowed_is_left_in_its_order() -> None:
    run = np.array([[2, 0, 1], [1, 2, -1]], np.int32)
    allowed = np.array([[True, True, False], [True, False, True]])
    assert only(run, allowed).tolist() == [[0, 1, -1], [2, -1, -1]]
