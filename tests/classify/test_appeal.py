"""Appeal learned from tests of texts, with a tiny encoder: what comes out is known beforehand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import corank as cr
from corank.classify.appeal import chance_of
from corank.classify.appeal_training import crossed_chances
from corank.classify.trials import Duels, Trials, calibrate_duels
from corank.errors import BundleError, DataError, RequestError
from corank.language.objectives import ClickShares, Share
from corank.language.processes import alone

WORDS = ("soft", "warm", "blanket", "grinder", "coffee", "steel", "cotton", "mug")
TOY = cr.AppealConfig(
    epochs=3, batch_size=8, learning_rate=1e-3, max_tokens=16, precision="no", full_weight=20,
    l2=1e-5, holdout=0.2,
)  # fmt: skip


@pytest.fixture(scope="module")
def tested() -> tuple[list[str], Trials]:
    """120 tests of three texts; "coffee" doubles the clicks and "steel" halves them."""
    rng = np.random.default_rng(0)
    texts, tests, clicks = [], [], []
    for test in range(120):
        audience = rng.uniform(20, 60)
        for _ in range(3):
            words = rng.choice(WORDS, 4, replace=False).tolist()
            worth = 2.0 ** (("coffee" in words) - ("steel" in words))
            texts.append(" ".join(words))
            tests.append(test)
            clicks.append(int(rng.poisson(audience * worth)))
    return texts, Trials(tests, np.array(clicks), np.full(len(clicks), 1_000))


@pytest.fixture(scope="module")
def appeal(tested: tuple[list[str], Trials], tiny_encoder: str) -> cr.Appeal:
    texts, trials = tested
    return cr.fit_appeal(texts, trials, TOY, encoder=cr.EncoderConfig(name=tiny_encoder))


def test_it_learns_what_people_click(appeal: cr.Appeal) -> None:
    good, plain, bad = appeal.score(["coffee mug soft", "cotton mug soft", "steel mug soft"])
    assert good > plain > bad
    measured = appeal.about["held out"]
    assert measured["accuracy"] > 0.75 and measured["log loss"] < np.log(2)
    sure = appeal.chance(np.array([good - bad, bad - good, 0.0]))
    assert sure[0] > 0.8 and sure[0] + sure[1] == pytest.approx(1)
    assert sure[2] == pytest.approx(0.5)


def test_without_epochs_the_encoder_stays(
    tested: tuple[list[str], Trials], tiny_encoder: str
) -> None:
    texts, trials = tested
    start = cr.EncoderConfig(name=tiny_encoder)
    how = cr.AppealConfig(**vars(TOY) | {"epochs": 0, "holdout": 0.0})
    linear = cr.fit_appeal(texts, trials, how, encoder=start)
    assert "held out" not in linear.about and not len(linear.margins)
    assert linear.chance(np.array([0.0, np.log(3)])) == pytest.approx([0.5, 0.75])


def test_it_is_saved_and_serves_without_torch(appeal: cr.Appeal, tmp_path: Path) -> None:
    appeal.save(tmp_path / "appeal")
    again = cr.Appeal.load(tmp_path / "appeal")
    texts = ["coffee mug", "steel blanket"]
    assert np.array_equal(again.score(texts), appeal.score(texts))
    assert again.about == appeal.about and np.array_equal(again.chances, appeal.chances)
    code = (
        "import sys, corank as cr\n"
        f"cr.Appeal.load({str(tmp_path / 'appeal')!r}).score(['coffee'])\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    (tmp_path / "appeal" / "weights.npy").write_bytes(b"")
    with pytest.raises(BundleError):
        cr.Appeal.load(tmp_path / "appeal")


def test_what_cannot_be_learned_from_is_refused(appeal: cr.Appeal) -> None:
    three = Trials([1, 1, 2, 2, 3, 3], np.array([1, 2] * 3), np.array([9] * 6))
    with pytest.raises(DataError, match="3 tests have a click and two arms"):
        cr.fit_appeal(["a"] * 6, three)
    with pytest.raises(DataError, match="5 texts came with 6 arms"):
        cr.fit_appeal(["a"] * 5, three)
    with pytest.raises(RequestError, match="takes a list"):
        appeal.score("coffee")


def test_the_loss_is_that_of_the_shares_by_hand() -> None:
    offsets, clicks, shown = np.array([0, 2, 5]), np.array([3, 1, 2, 2, 4]), np.array([10] * 5)
    objective = ClickShares([[1]] * 5, offsets, clicks, shown, full_weight=8)
    outputs = torch.tensor([[0.5], [0.0], [1.0], [0.0], [0.0]])
    rows = np.array([1, 0])
    assert len(objective.texts(rows, np.random.default_rng(0)).ids) == 5
    swapped = outputs[[2, 3, 4, 0, 1]]
    loss = objective.loss(swapped, Share(rows, slice(0, 2), alone))
    first = -(3 * np.log(1 / (1 + np.exp(-0.5))) + 1 * np.log(1 / (1 + np.exp(0.5)))) / 4
    total = np.log(np.e + 2)
    second = -(2 * (1 - total) + 6 * (0 - total)) / 8
    assert float(loss) == pytest.approx((0.5 * first + second) / 2, rel=1e-6)


def test_a_duel_is_no_witness_of_its_own_chance() -> None:
    """Where only chance decides, nothing is gained by calibrating: the halves know no better."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=400)
    first = np.arange(0, 400, 2)
    duels = Duels(first, first + 1, rng.random(200) < 0.5)
    test = np.arange(400) // 2

    def loss(chance: np.ndarray) -> float:
        return float(-np.log(np.where(duels.won, chance, 1 - chance)).mean())

    margin = scores[duels.first] - scores[duels.second]
    seen = loss(chance_of(margin, *calibrate_duels(scores, duels)))
    assert seen < np.log(2) < loss(crossed_chances(scores, duels, test))


def test_the_other_half_of_the_tests_says_how_surely() -> None:
    # all of four are won in even tests, three of four in odd ones, each by a lead of 1
    won = np.array([[True, True], [True, True], [True, True], [True, False]]).ravel()
    first = np.arange(0, 16, 2)
    duels = Duels(first, first + 1, won)
    found = crossed_chances(np.tile([1.0, 0.0], 8), duels, np.arange(16) // 2)
    assert found[::2] == pytest.approx([0.75] * 4) and found[1::2] == pytest.approx([0.99] * 4)


def test_one_test_alone_is_said_by_the_logistic_function() -> None:
    duels = Duels(np.array([0]), np.array([1]), np.array([True]))
    found = crossed_chances(np.array([np.log(3), 0.0]), duels, np.array([0, 0]))
    assert found == pytest.approx([0.75])
