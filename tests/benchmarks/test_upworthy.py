"""Headline tests in miniature: what is asked, and what may not be on both sides."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.sets.tasks import TASKS
from benchmarks.upworthy import UPWORTHY, folds, read


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [
        # test, headline, week, clicks, impressions
        ("a", "One", 201310, 3, 100),
        ("a", " One", 201310, 1, 100),  # the same with another picture
        ("a", "Two", 201310, 5, 100),
        ("b", "Alone", 201310, 5, 100),
        ("c", "One", 201326, 5, 100),  # a doubtful week
        ("c", "Two", 201326, 6, 100),
    ]
    for number in range(12):
        name = f"d{number}"
        shared = "Back again" if number < 3 else f"Unlike {number}"
        rows += [(name, shared, 201410, 9, 100), (name, f"Other {number}", 201410, 4, 100)]
    columns = ["clickability_test_id", "headline", "test_week", "clicks", "impressions"]
    pl.DataFrame(rows, schema=columns, orient="row").write_parquet(
        tmp_path / "upworthy_clean.parquet"
    )
    return tmp_path


def test_arms_of_one_headline_are_one_and_doubtful_weeks_are_left_out(source: Path) -> None:
    known = read(source)
    assert set(known.trials.tests) == {"a", *(f"d{n}" for n in range(12))}
    assert known.texts[:2] == ["One", "Two"]
    assert known.trials.clicks[:2].tolist() == [4, 5]
    assert known.trials.impressions[:2].tolist() == [200, 100]


def test_no_headline_is_on_both_sides(source: Path) -> None:
    known = read(source)
    names = [name for place, name in enumerate(known.trials.tests) if place in
             known.trials.offsets[:-1]]  # fmt: skip
    asked = [*folds(known, 0)]
    assert sorted(np.concatenate(asked).tolist()) == list(range(13))
    test_of = np.repeat(np.arange(13), np.diff(known.trials.offsets))
    for tests in asked:
        inside = np.isin(test_of, tests)
        one, other = (
            {text for text, here in zip(known.texts, side, strict=True) if here}
            for side in (inside, ~inside)
        )
        assert not one & other
    together = {number for number, tests in enumerate(asked) for test in tests
                if names[test] in ("d0", "d1", "d2")}  # fmt: skip
    assert len(together) == 1
    assert [part.tolist() for part in folds(known, 1)] != [part.tolist() for part in asked]


def test_vectors_are_worth_how_well_they_tell_what_was_clicked(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = pl.read_parquet(source / "upworthy_clean.parquet").head(0)
    rows = [
        (f"t{n}", f"{kind} {n}", 201410, clicks, 1000)
        for n in range(60)
        for kind, clicks in (("Good", 60), ("Bad", 20))
    ]
    many = pl.DataFrame(rows, schema=many.columns, orient="row")
    many.write_parquet(source / "upworthy_clean.parquet")
    monkeypatch.setattr(type(UPWORTHY), "source", lambda _: source)
    task = TASKS["upworthy"](0)
    assert len(task.known) + len(task.asked) == 120 and not {*task.known} & {*task.asked}
    assert 20 <= len(task.asked) <= 28 and task.metric == "pair_accuracy"
    good = np.array([text.startswith("Good") for text in (*task.known, *task.asked)])
    told = np.stack([good, ~good], axis=1).astype(np.float32)
    right = task.values(told)
    assert len(right) == len(task.asked) // 2 and right.mean() == 1
    chance = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    assert 0 < task.values(chance).mean() < 1
