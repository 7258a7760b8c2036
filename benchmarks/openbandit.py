"""Open Bandit: is what another policy would have earned known from one policy's log?

The small edition of the Open Bandit Dataset (Saito et al., "Open Bandit Dataset and Pipeline",
NeurIPS 2021): two campaigns of a fashion shop, each with 10,000 rounds of a uniformly random policy
and 10,000 of Bernoulli Thompson sampling, with propensities.

Two questions for each campaign. *uniform from bts*: the random policy's click rate, estimated from
the other policy's log and set beside what the random policy's own log says. *learned*: a policy
that shows, nine times in ten, one of the half of the items that were clicked more in the first half
of the random log; estimated on the second half, beside what both logged policies earned. (To show
the best item alone would leave some 130 effective rounds and less than one click to tell by.) The
package obp, where it is installed, is given the same arrays; the largest difference is stored.

Rounds of a log are taken in the order of time. Click rates are half a percent: intervals are wide.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.peers.run import ROOT
from benchmarks.reporting.results import store
from benchmarks.sets.datasets import PublicSet
from corank.evaluate.off_policy import Estimates, Floats, Log, cross_fitted, estimate
from corank.evaluate.report import OURS, Row
from corank.evaluate.significance import bootstrap_mean

CAMPAIGNS = ("men", "women")
PYTHON = os.environ.get("CORANK_OBP", str(ROOT / ".obp" / "bin" / "python"))
EXPLORES = 0.1
"""Share of its rounds in which the learned policy shows anything at random."""
LIMIT = 300  # seconds

OPENBANDIT = PublicSet(
    name="openbandit",
    domain="ads",
    home_page="https://github.com/st-tech/zr-obp (folder obd; the full set: research.zozo.com)",
    licence="CC BY 4.0 as published; the repository is Apache-2.0",
    files={
        f"{policy}/{campaign}/{campaign}.csv": "a round per row: timestamp, item_id, position, "
        "click, propensity_score, user features and affinities"
        for policy in ("random", "bts")
        for campaign in CAMPAIGNS
    },
    protocols=("off-policy",),
)


class Rounds(NamedTuple):
    """A log with what was known in each round, (n, d)."""

    log: Log
    context: Floats


def run(seeds: Sequence[int]) -> tuple[list[Row], Path]:
    """Estimate, compare and store; the first seed is that of folds and bootstraps."""
    source, seed = OPENBANDIT.source(), seeds[0]
    rows: list[Row] = []
    differences: list[float] = []
    failed = ""
    for campaign in CAMPAIGNS:
        uniform, bts = (read(source, policy, campaign) for policy in ("random", "bts"))
        n_actions = 1 + int(max(uniform.log.action.max(), bts.log.action.max()))
        for policy, logged in (("random", uniform), ("bts", bts)):
            rows.append(_earned(policy, campaign, logged.log, seed))
        even = np.full((len(bts.log.action), n_actions), 1 / n_actions)
        asked = {f"{campaign}, uniform from bts": (bts, even)}
        asked[f"{campaign}, learned"] = learned(uniform, n_actions, seed)
        for split, (logged, target) in asked.items():
            believed = cross_fitted(logged.context, logged.log, n_actions, seed=seed)
            found = estimate(logged.log, target, believed=believed, seed=seed)
            rows += _rows(split, found)
            theirs, failed = peer(logged.log, target, believed)
            for name, value in theirs.items():
                rows.append(Row(f"obp/{name}", split, "click_rate", value))
                differences.append(abs(value - getattr(found, name).value))
    if differences:
        rows.append(Row("obp", "all", "largest_difference", max(differences)))
    about = {"obp": failed or "installed", "explores": EXPLORES}
    path = store(OPENBANDIT, OPENBANDIT.protocols[0], _verdict(rows, failed), rows, about=about)
    return rows, path


def read(source: Path, policy: str, campaign: str) -> Rounds:
    """Return a log in the order of time."""
    table = pl.read_csv(source / policy / campaign / f"{campaign}.csv").sort("timestamp")
    features = [name for name in table.columns if name.startswith("user_feature")]
    known = table.select(
        pl.col("position").cast(pl.String), *features, pl.col("^user-item_affinity_.*$")
    ).to_dummies(["position", *features])
    log = Log(
        action=table["item_id"].to_numpy(),
        reward=table["click"].cast(pl.Float64).to_numpy(),
        propensity=table["propensity_score"].to_numpy(),
    )
    return Rounds(log, known.cast(pl.Float64).to_numpy())


def learned(rounds: Rounds, n_actions: int, seed: int) -> tuple[Rounds, Floats]:
    """Return the second half of a log, and what a policy learned on the first half does in it."""
    half = len(rounds.context) // 2
    first, second = (_part(rounds, part) for part in (slice(half), slice(half, None)))
    rates = np.bincount(first.log.action, first.log.reward, n_actions)
    shown = np.bincount(first.log.action, minlength=n_actions)
    prior = first.log.reward.mean()
    expected = (rates + 200 * prior) / (shown + 200)  # shrunk towards the mean of all
    better = np.argsort(-expected, kind="stable")[: n_actions // 2]
    target = np.full((len(second.context), n_actions), EXPLORES / n_actions)
    target[:, better] += (1 - EXPLORES) / len(better)
    return second, target


def _part(rounds: Rounds, part: slice) -> Rounds:
    log = rounds.log
    shorter = Log(action=log.action[part], reward=log.reward[part], propensity=log.propensity[part])
    return Rounds(shorter, rounds.context[part])


def peer(log: Log, target: Floats, believed: Floats) -> tuple[dict[str, float], str]:
    """Return obp's estimates on the same arrays, and why there are none."""
    if not Path(PYTHON).exists():
        return {}, f"{PYTHON} is not there: make obp, or point CORANK_OBP at a Python that has it"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "given.npz"
        np.savez(
            file, action=log.action, reward=log.reward, propensity=log.propensity,
            target=target, believed=believed,
        )  # fmt: skip
        command = [PYTHON, "-m", "benchmarks.peers.obp", str(file)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT, cwd=ROOT, check=False
            )
        except subprocess.TimeoutExpired:
            return {}, f"obp took more than {LIMIT} s"
    if done.returncode:
        return {}, done.stderr.strip().splitlines()[-1]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found, ""


def _earned(policy: str, campaign: str, log: Log, seed: int) -> Row:
    found = bootstrap_mean(log.reward, seed=seed)
    return Row(f"logged/{policy}", campaign, "click_rate", found.value, found.low, found.high)


def _rows(split: str, found: Estimates) -> Iterator[Row]:
    for name in ("ips", "snips", "dm", "dr"):
        each = getattr(found, name)
        yield Row(f"{OURS}/{name}", split, "click_rate", each.value, each.low, each.high)
    yield Row(OURS, split, "effective_rounds", found.effective_rounds)
    yield Row(OURS, split, "largest_weight", found.largest_weight)


def _verdict(rows: Sequence[Row], failed: str) -> str:
    held = []
    for campaign in CAMPAIGNS:
        (truth,) = (r for r in rows if (r.system, r.split) == ("logged/random", campaign))
        for row in rows:
            ours = row.system.startswith(f"{OURS}/") and row.metric == "click_rate"
            if ours and row.split == f"{campaign}, uniform from bts":
                held.append(row.low is not None and row.low <= truth.value <= (row.high or 0))
    said = f"{sum(held)} of {len(held)} intervals from bts hold what the random policy earned"
    largest = next((r.value for r in rows if r.metric == "largest_difference"), None)
    if largest is None:
        return f"{said}; obp failed: {failed}"
    return f"{said}; largest difference to obp {largest:.1e}"
