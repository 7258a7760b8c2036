"""What each signal adds: rankers learned without it, beside the one that has them all.

The encoder, the user model and the co-occurrence weights are fitted once. For each part of the
score a ranker is learned anew from what is left: neither the part's features nor the candidates
that it proposes. The user model reads texts, so "text" is what texts say beside it.
"""

from dataclasses import replace
from pathlib import Path

from benchmarks.accuracy import fit, folder, resumed
from benchmarks.datasets import RankingSet
from benchmarks.results import store
from corank import Dataset, EncoderConfig, Engine, FitConfig
from corank.evaluate.report import OURS, Row, compared, measured
from corank.evaluate.task import Task
from corank.fitting import learn_signals, shared_of
from corank.recommending import Lessons, fit_recommender
from corank.runs import rank_histories

PARTS = ("sequence", "together", "text", "words", "popularity", "session", "history")
METRICS = ("hr@10", "ndcg@10")


def run(
    dataset: RankingSet, protocol: str, config: FitConfig, encoder: EncoderConfig | None = None
) -> tuple[list[Row], Path]:
    """Fit, take each part away in turn, measure and store."""
    seed, split = config.seed, dataset.split(protocol, config.seed)
    place = folder(dataset, protocol, config, seed, encoder)
    fit(dataset, split.train, config, place, encoder)
    engine = resumed(dataset, split.train, config, place).engine
    rankers = {OURS: engine} | without_each(engine, split.train, config)
    task = Task.of(split.test.cases(), engine.signals.repeatable)
    judged = {
        name: [task.judge(rank_histories(each, task.histories, task.moments))]
        for name, each in rankers.items()
    }
    users = task.users.to_physical().rank("dense").to_numpy()
    rows = [
        row
        for name, each in judged.items()
        for row in measured(name, "all", METRICS, each, users, seed)
    ]
    ours = judged.pop(OURS)
    for metric in METRICS:
        rows += compared("all", metric, ours, judged, users, seed)
    verdict = f"{len(task):,} cases, one fit; a ranker anew without each part of the score"
    return rows, store(dataset, f"{protocol}-ablation", verdict, rows, leaks=list(split.test.leaks))


def without_each(engine: Engine, train: Dataset, config: FitConfig) -> dict[str, Engine]:
    """Return the engine without each part in turn, by the name of what it then is."""
    fit, validation = train.carve()
    base, held = fit.rehearse()
    share = float(str(engine.about["user model share"]))
    early, _ = learn_signals(base, shared_of(engine.signals), config, share=share)
    found = {}
    for part in PARTS:
        signals, before = (
            replace(each, without=each.without | {part}) for each in (engine.signals, early)
        )
        lessons = Lessons(before, signals, engine.encoder, held, validation)
        ranker, _ = fit_recommender(lessons, config)
        found[f"{OURS} - {part}"] = replace(engine, signals=signals, recommender=ranker)
    return found
