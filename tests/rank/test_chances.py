"""What scores promise, where it is known how often they were right."""

from pathlib import Path

import numpy as np
import pytest

from corank import Pipeline
from corank.data.dataset import Split
from corank.evaluate.task import Task
from corank.rank.chances import FEWEST, Chances, fit_chances
from corank.runs import rank_histories, rank_promised


def test_the_share_that_was_chosen_is_what_a_score_promises() -> None:
    scores = np.repeat([-1.0, 0.0, 2.0], 100)
    chosen = np.concatenate([np.arange(100) < share for share in (5, 20, 60)])
    chances = fit_chances(scores, chosen)
    assert chances is not None
    low, middle, high = 6 / 101, 0.2, 60 / 101  # one more at either end, against its score
    assert chances.of(np.array([-9.0, -1, 0, 1, 2, 9])) == pytest.approx(
        [low, low, middle, (middle + high) / 2, high, high]
    )


def test_nothing_is_promised_for_certain() -> None:
    scores = np.arange(200.0)
    chances = fit_chances(scores, scores >= 100)
    assert chances is not None
    assert chances.of(np.array([0.0, 199.0])) == pytest.approx([1 / 101, 100 / 101])


def test_a_higher_score_never_promises_less() -> None:
    scores = np.repeat([0.0, 1.0, 2.0], 100)
    chosen = np.concatenate([np.arange(100) < share for share in (10, 40, 20)])
    chances = fit_chances(scores, chosen)
    assert chances is not None
    assert chances.of(np.array([0.0, 1.0, 2.0])) == pytest.approx([11 / 101, 60 / 201, 60 / 201])


def test_too_few_choices_promise_nothing() -> None:
    assert fit_chances(np.arange(100.0), np.arange(100) < FEWEST - 1) is None


def test_they_are_kept(tmp_path: Path) -> None:
    chances = Chances(np.array([0.0, 1.0]), np.array([0.1, 0.3]))
    chances.save(tmp_path / "chances.json")
    again = Chances.load(tmp_path / "chances.json")
    assert again.of(np.array([0.5])) == chances.of(np.array([0.5])) == pytest.approx([0.2])


def test_answers_carry_them_and_the_report_measures_them(pipeline: Pipeline, split: Split) -> None:
    engine = pipeline.engine
    assert engine.chances is not None
    task = Task.of(split.test.cases(), engine.signals.repeatable).sample(40, 0)
    run, chances = rank_promised(engine, task.histories, task.moments)
    assert np.array_equal(run, rank_histories(engine, task.histories, task.moments)[:, :10])
    assert (np.diff(chances, axis=1) <= 0).all() and chances.min() > 0 and chances.max() < 1
    answers = engine.recommend(["KIT-0001"], k=5)
    for answer in answers:
        score = sum(answer.parts.values())
        assert answer.chance == pytest.approx(engine.chances.of(np.array([score]))[0])
    assert engine.search("coffee grinder")[0].chance is None
