"""Open Bandit: read in the order of time, and a learned policy that is one."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import openbandit
from benchmarks.openbandit import OPENBANDIT, learned, peer, read
from benchmarks.reporting.results import current_commit


def write(folder: Path, policy: str, campaign: str, n: int = 60) -> None:
    random = np.random.default_rng(len(policy + campaign))
    place = folder / policy / campaign
    place.mkdir(parents=True)
    pl.DataFrame(
        {
            "": range(n),
            "timestamp": [f"2019-11-{1 + (7 * row) % 24:02} 00:00:00" for row in range(n)],
            "item_id": random.integers(0, 4, n),
            "position": random.integers(1, 4, n),
            "click": random.integers(0, 2, n),
            "propensity_score": random.uniform(0.1, 0.9, n),
            "user_feature_0": random.choice(["a", "b"], n),
            "user-item_affinity_0": random.random(n),
        }
    ).write_csv(place / f"{campaign}.csv")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for policy in ("random", "bts"):
        for campaign in openbandit.CAMPAIGNS:
            write(tmp_path / "openbandit", policy, campaign)
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    return tmp_path / "openbandit"


def test_a_log_is_read_in_the_order_of_time(folder: Path) -> None:
    rounds = read(folder, "random", "men")
    raw = pl.read_csv(folder / "random" / "men" / "men.csv").sort("timestamp")
    assert rounds.log.action.tolist() == raw["item_id"].to_list()
    assert rounds.log.reward.sum() == raw["click"].sum()
    assert rounds.context.shape == (60, 3 + 2 + 1)  # positions, a feature's values, an affinity


def test_a_learned_policy_prefers_what_was_clicked_in_the_first_half(folder: Path) -> None:
    rounds = read(folder, "random", "men")
    second, target = learned(rounds, 4, 0)
    assert len(second.context) == len(target) == 30
    assert target.sum(axis=1) == pytest.approx(np.ones(30))
    rates = [rounds.log.reward[:30][rounds.log.action[:30] == item].mean() for item in range(4)]
    assert (target[0] > 0.4).sum() == 2 and target[0, int(np.argmax(rates))] > 0.4


def test_the_whole_protocol_is_stored_and_a_missing_peer_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openbandit, "PYTHON", str(tmp_path / "nowhere"))
    monkeypatch.setattr("benchmarks.reporting.results.RESULTS", tmp_path)
    rows, path = openbandit.run([0])
    assert path.parent == tmp_path and current_commit() in path.name
    splits = {row.split for row in rows}
    assert splits == {
        campaign + more
        for campaign in openbandit.CAMPAIGNS
        for more in ("", ", uniform from bts", ", learned")
    }
    rounds = read(folder, "random", "men")
    assert "make obp" in peer(rounds.log, np.zeros((1, 1)), np.zeros((1, 1)))[1]
    assert OPENBANDIT.sha256()
