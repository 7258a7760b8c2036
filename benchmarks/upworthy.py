"""Upworthy: which of two headlines was clicked more, when chance decided who saw which?

Tests of the Upworthy Research Archive (Matias et al., "The Upworthy Research Archive", Scientific
Data 2021), exploratory part. Arms of one test that share a headline differ in their picture; their
counts are added up, and tests with one headline ask nothing. Weeks in which the archive's owners
doubt that people were divided at random are left out.

Headlines come back in later tests. Tests that share one are on the same side of the split, or the
answer would be known: what papers report above .8 is that leak.

Five folds of tests. A pair is two headlines of one test with different click rates; a *clear* pair
differs by more than 1.96 standard errors. Intervals come from drawing groups of tests.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit
from sklearn.linear_model import RidgeCV

from benchmarks.reporting.results import Kept, store
from benchmarks.sets.datasets import PublicSet
from corank import AppealConfig, Trials, fit_appeal
from corank.classify.trials import Duels
from corank.evaluate.probability import expected_calibration_error
from corank.evaluate.report import OURS, Row
from corank.evaluate.significance import bootstrap_mean, paired_difference
from corank.language.encoder import Encoder
from corank.progress import track

FILE = "upworthy_clean.parquet"
DOUBTFUL = (201325, 201402)
"""First and last week in which people may not have been divided at random."""
FOLDS = 5
RIDGE = "frozen-encoder+ridge"
LINEAR = "frozen-encoder+clicks"
Floats = NDArray[np.float64]


class Said(NamedTuple):
    """What a system says of pairs."""

    margin: Floats  # (m,) above 0 where the first is said to be clicked more
    chance: Floats  # (m,) how probably


Ask = Callable[[list[str], Trials, list[str], list[str]], Said]
"""Texts of tests, what happened in them, both sides of pairs (m,) -> what is said of the pairs."""

UPWORTHY = PublicSet(
    name="upworthy",
    domain="ads",
    home_page="https://upworthy.natematias.com "
    "(exploratory packages: github.com/elilk2/Upworthy-Analysis-Project, data/processed)",
    licence="CC BY 4.0 as published; none is stated in the copy",
    files={FILE: "an arm per row: clickability_test_id, headline, impressions, clicks, test_week"},
    protocols=("pairs",),
)


@dataclass(frozen=True, eq=False)
class Headlines:
    """Every arm of every test, and which tests share headlines."""

    texts: list[str]  # (n,)
    trials: Trials  # (n,)
    groups: NDArray[np.int64]  # (n_tests,)


def run(seeds: Sequence[int], config: AppealConfig | None = None) -> tuple[list[Row], Path]:
    """Learn, ask, measure and store; resumable by fold."""
    config = config or AppealConfig()
    protocol = UPWORTHY.protocols[0]
    kept = Kept(UPWORTHY.name, protocol, config)
    known = read(UPWORTHY.source())
    systems = {OURS: config, LINEAR: replace(config, epochs=0), RIDGE: None}
    n = len(known.texts)
    said: dict[str, list[Said]] = {system: [] for system in systems}
    duels, clear = pairs(known.trials)
    test_of = np.repeat(np.arange(len(known.groups)), np.diff(known.trials.offsets))
    for seed in seeds:
        for system in systems:
            said[system].append(Said(*np.zeros((2, len(duels.won)))))
        for number, tests in enumerate(track([*folds(known, seed)], f"seed {seed}", FOLDS)):
            learn = np.setdiff1d(np.arange(len(known.groups)), tests)
            asked = np.isin(test_of[duels.first], tests)
            for system, how in systems.items():
                key = f"{system}/{seed}/{number}"
                if key not in kept.folds:
                    start = time.perf_counter()
                    seen, arms = known.trials.take(learn)
                    texts = [known.texts[arm] for arm in arms.tolist()]
                    sides = [
                        [known.texts[arm] for arm in side[asked].tolist()]
                        for side in (duels.first, duels.second)
                    ]
                    ask = _ridge if how is None else _appeal(how, seed)
                    margin, chance = ask(texts, seen, *sides)
                    kept.add(
                        key,
                        {
                            "margin": margin.tolist(),
                            "chance": chance.tolist(),
                            "seconds": time.perf_counter() - start,
                        },
                    )
                for name in Said._fields:
                    getattr(said[system][-1], name)[asked] = kept.folds[key][name]
    rows = [*_rows(said, duels.won, clear, known.groups[test_of[duels.first]])]
    took = [each["seconds"] for key, each in kept.folds.items() if key.startswith(f"{OURS}/")]
    rows.append(Row(OURS, "cost", "fit_seconds", float(np.mean(took))))
    gap = next(row for row in rows if row.metric == f"pair_accuracy_over/{RIDGE}")
    verdict = (
        f"pair accuracy {rows[0].value:.4f}, {gap.value:+.4f} ({gap.low:+.4f} .. {gap.high:+.4f}) "
        f"over {RIDGE}; {len(duels.won):,} pairs of {len(known.groups):,} tests, {len(seeds)} seeds"
    )
    about = {"fit": asdict(config), "arms": n, "clear pairs": int(clear.sum())}
    path = store(UPWORTHY, protocol, verdict, rows, about=about)
    kept.path.unlink(missing_ok=True)
    return rows, path


def read(source: Path) -> Headlines:
    """Return the tests of headlines, in the order of their names."""
    week = pl.col("test_week")
    arms = (
        pl.read_parquet(source / FILE)
        .filter(~week.is_between(*DOUBTFUL), pl.col("headline").str.strip_chars() != "")
        .group_by("clickability_test_id", pl.col("headline").str.strip_chars())
        .agg(pl.col("clicks", "impressions").cast(pl.Int64).sum())
        .filter(pl.len().over("clickability_test_id") > 1)
        .sort("clickability_test_id", "headline")
    )
    trials = Trials(
        arms["clickability_test_id"].to_list(),
        arms["clicks"].to_numpy(),
        arms["impressions"].to_numpy(),
    )
    test = arms["clickability_test_id"].rank("dense").to_numpy().astype(np.int64) - 1
    headline = arms["headline"].rank("dense").to_numpy().astype(np.int64) - 1
    shape = (int(test.max()) + 1, int(headline.max()) + 1)
    shows = coo_array((np.ones(len(test)), (test, headline)), shape=shape).tocsr()
    _, groups = connected_components(shows @ shows.T, directed=False)
    return Headlines(arms["headline"].to_list(), trials, groups.astype(np.int64))


def folds(known: Headlines, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield the tests that are asked, five times; tests that share a headline go together."""
    groups = np.random.default_rng(seed).permutation(np.unique(known.groups))
    for part in np.array_split(groups, FOLDS):
        yield np.flatnonzero(np.isin(known.groups, part))


def pairs(trials: Trials) -> tuple[Duels, NDArray[np.bool_]]:
    """Every pair, and whether it is clear."""
    duels = trials.duels()
    rate = trials.clicks / np.maximum(trials.impressions, 1)
    error = rate * (1 - rate) / np.maximum(trials.impressions, 1)
    apart = np.abs(rate[duels.first] - rate[duels.second])
    return duels, apart > 1.96 * np.sqrt(error[duels.first] + error[duels.second])


def _appeal(config: AppealConfig, seed: int) -> Ask:
    """Ours."""

    def ask(texts: list[str], seen: Trials, first: list[str], second: list[str]) -> Said:
        appeal = fit_appeal(texts, seen, config, seed=seed)
        margin = appeal.score(first) - appeal.score(second)
        return Said(margin, appeal.chance(margin))

    return ask


def _ridge(texts: list[str], seen: Trials, first: list[str], second: list[str]) -> Said:
    """Ridge regression from frozen vectors to the log of click rates, both less the test's mean.

    Its scale is that of log rates; one more number makes chances of it, fitted on the pairs of
    every tenth test, which the regression did not see.
    """
    encoder = Encoder.load()
    return ridge(encoder.encode(texts), seen, encoder.encode(first), encoder.encode(second))


def ridge(
    every: NDArray[np.floating],
    seen: Trials,
    first: NDArray[np.floating],
    second: NDArray[np.floating],
) -> Said:
    """Do what `_ridge` says with vectors: of what was seen, (n, d), and of both sides, (m, d)."""
    tests = np.arange(len(seen.offsets) - 1)
    held, held_arms = seen.take(tests[::10])
    seen, arms = seen.take(np.delete(tests, tests[::10]))
    starts, sizes = seen.offsets[:-1], np.diff(seen.offsets)

    def centred(values: Floats) -> Floats:
        mean = np.add.reduceat(values, starts) / sizes.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(values - np.repeat(mean, sizes, axis=0))

    vectors = np.asarray(every[arms], np.float64)
    rate = np.log((seen.clicks + 1) / (seen.impressions + 2))
    fitted = RidgeCV(np.logspace(-1, 3, 9), fit_intercept=False).fit(
        centred(vectors), centred(rate), sample_weight=np.sqrt(seen.impressions)
    )
    scores, duels = every[held_arms] @ fitted.coef_, held.duels()
    ahead = scores[duels.first] - scores[duels.second]
    grid = np.logspace(-1, 1.5, 26)
    losses = [-np.log(expit(s * np.where(duels.won, ahead, -ahead))).mean() for s in grid]
    margin = (first - second) @ fitted.coef_
    return Said(margin, expit(grid[np.argmin(losses)] * margin))


def _rows(
    said: dict[str, list[Said]],
    won: NDArray[np.bool_],
    clear: NDArray[np.bool_],
    group: NDArray[np.int64],
) -> Iterator[Row]:
    right = {
        system: np.mean([(each.margin > 0) == won for each in seeds], axis=0)
        for system, seeds in said.items()
    }
    kinds = {"pair_accuracy": np.ones(len(won), np.bool_), "clear_pair_accuracy": clear}
    for system, each in said.items():
        for metric, here in kinds.items():
            mean = bootstrap_mean(right[system][here], groups=group[here])
            yield Row(system, "all", metric, mean.value, mean.low, mean.high, len(each))
        losses = [-np.log(np.where(won, one.chance, 1 - one.chance)) for one in each]
        mean = bootstrap_mean(np.mean(losses, axis=0), groups=group)
        yield Row(system, "all", "log_loss", mean.value, mean.low, mean.high, len(each))
        error = float(np.mean([_error(one.chance, won) for one in each]))
        yield Row(system, "all", "calibration_error", error, seeds=len(each))
    for metric, here in kinds.items():
        for system in list(said)[1:]:
            gap = paired_difference(right[OURS][here], right[system][here], groups=group[here])
            name = f"{metric}_over/{system}"
            yield Row(OURS, "all", name, gap.value, gap.low, gap.high, len(said[OURS]))


def _error(chance: Floats, won: NDArray[np.bool_]) -> float:
    """Of a pair seen from the side that is said to win: the order of two arms is of no account."""
    return expected_calibration_error((chance > 0.5) == won, np.maximum(chance, 1 - chance))
