"""What each signal adds: rankers learned without it, beside the one that has them all.

The encoder, the user model and the co-occurrence weights are fitted once. For each part of the
score a ranker is learned anew from what is left: neither the part's features nor the candidates
that it proposes. The user model reads texts, so "text" is what texts say beside it; without "all
text" there is a user model of its own, which knows items by their ids alone. Without "trees" the
ranker is the weighted sum that they start from.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.accuracy import fit, folder, resumed
from benchmarks.reporting.results import store
from benchmarks.sets.datasets import RankingSet
from corank import Dataset, EncoderConfig, Engine, FitConfig
from corank.evaluate.report import OURS, Row, compared, measured
from corank.evaluate.task import Task
from corank.fitting import Fading, learn_signals, shared_of
from corank.rank.signals import Signals
from corank.recommending import Lessons, fit_recommender
from corank.retrieve.vectors import build_index
from corank.runs import rank_histories

PARTS = ("sequence", "together", "text", "words", "popularity", "session", "price", "history")
TEXTS = frozenset({"text", "words", "session"})
"""Parts that read texts."""
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
    shared = shared_of(engine.signals)
    fading = Fading.of(engine.signals)
    learn = partial(learn_signals, config=config, share=share, fading=fading)
    early, _ = learn(base, shared)
    found = {}

    def learned(name: str, signals: Signals, early: Signals, parts: frozenset[str]) -> None:
        signals, early = (replace(s, without=s.without | parts) for s in (signals, early))
        lessons = Lessons(early, signals, engine.encoder, held, validation)
        ranker, _ = fit_recommender(lessons, config)
        found[f"{OURS} - {name}"] = replace(engine, signals=signals, recommender=ranker)

    for part in PARTS:
        learned(part, engine.signals, early, frozenset({part}))
    nothing = np.zeros_like(engine.signals.text_vectors)
    mute = shared | {"text_vectors": nothing, "text_index": build_index(nothing, config.index)}
    deaf, before = (learn(data, mute)[0] for data in (fit, base))
    learned("all text", deaf, before, TEXTS)
    linear = replace(engine.recommender, trees=None)
    found[f"{OURS} - trees"] = replace(engine, recommender=linear)
    return found
