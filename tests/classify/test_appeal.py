"""Appeal learned from tests of texts, with a tiny encoder: what comes out is known beforehand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import corank as cr
from corank.classify.trials import Trials
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
