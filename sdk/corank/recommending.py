"""The steps of fitting that recommendations need: their ranker, and the one of new items.

Both learn from a slice of the data that the signals they see have not seen. Knows datasets and
signals; knows nothing of engines or bundles.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from corank.compress.runtime import TextEncoder
from corank.data.dataset import Dataset
from corank.evaluate.task import Task
from corank.fitting import FitConfig, slice_task
from corank.progress import track
from corank.rank.chances import Chances, fit_chances, promises, score_shown
from corank.rank.interests import stated_interests
from corank.rank.ranker import Examples, Ranker, RankerConfig, fit_ranker
from corank.rank.signals import Signals

FEWEST_NEW = 500  # cases with a new answer from which on nothing else is learned from
LEARNED = 0.8  # of them; the others decide what is kept
START_RECOMMEND = {
    "sequence_z": 0.5,
    "together_z": 0.5,
    "neighbours_z": 0.5,
    "text_z": 0.25,
    "popularity": 0.1,
}
"""Weights of the raw features where there is nothing to learn them from."""
SHOWN = 5_000
"""Exposures, at most, that teach chances."""
START_AS_NEW = {"sequence_z": 0.5, "text_z": 0.25, "words": 1.0}


class Lessons(NamedTuple):
    """What a ranker learns from."""

    early: Signals  # have not seen what is held
    signals: Signals  # have not seen validation
    encoder: TextEncoder  # reads stated interests
    held: Dataset  # what is learned from
    validation: Dataset  # decides what is kept of it


def fit_recommender(
    lessons: Lessons, config: FitConfig, *, start: Mapping[str, float] = START_RECOMMEND
) -> tuple[Ranker, Examples]:
    """Learn to rank what may come next.

    Args:
        lessons: what from.
        config: how.
        start: see `fit_ranker`.

    Returns:
        The ranker, and the cases of validation. Trees and a full linear ranker were not trained on
        them; where data is so small that a few weights are all that is kept, those were in the end.
    """
    early, signals, encoder, held, validation = lessons
    how, seed = config.ranker, config.seed
    learn, check = (
        _examples(known, encoder, _asked(known, data, how.max_cases, seed), how)
        for known, data in ((early, held), (signals, validation))
    )
    return fit_ranker(
        tuple(signals.recommend_parts), learn, check, how, start=start, seed=seed
    ), check


def fit_chances_of(
    ranker: Ranker, check: Examples, lessons: Lessons, config: FitConfig
) -> Chances | None:
    """Learn what the ranker's scores promise, on validation: of what was shown, where that is told.

    Other splits than by time hold out what was chosen and not what was only shown: of such a part
    nothing can be said about being shown, and there are no chances.

    Args:
        ranker: of recommendations.
        check: the candidates of validation, for domains that do not tell.
        lessons, config: what the ranker was learned from, and how.
    """
    _, signals, encoder, _, validation = lessons
    if validation.exposure is None:
        return promises(ranker, check)
    if validation.protocol and validation.protocol.name != "time":
        return None
    shown = validation.exposures().sample(SHOWN, config.seed)
    if not len(shown):
        return None
    stated = stated_interests(encoder, shown.moments)
    scores = score_shown(signals, ranker, shown, stated, config.ranker.per_retriever)
    return fit_chances(scores, shown.chosen)


def fit_newcomers(lessons: Lessons, config: FitConfig) -> Ranker:
    """Learn to rank items that nobody has touched yet.

    What is learned from are answers that the early signals have never seen chosen. Of others the
    text is known too well: the user model was trained on what people chose after them. Where too
    few such answers are held, all are taken as if they were new.
    """
    early, how, seed = lessons.early, config.ranker, config.seed
    as_new = early.as_new()
    task = _asked(early, lessons.held, len(lessons.held.interactions), seed)
    new = task.asking(early.counts == 0) if task else None
    if new is None or len(new) < FEWEST_NEW:
        lessons = lessons._replace(early=as_new, signals=lessons.signals.as_new())
        return fit_recommender(lessons, config, start=START_AS_NEW)[0]
    new = new.sample(how.max_cases, seed)
    order = np.random.default_rng(seed).permutation(len(new))
    learn, check = (
        _examples(as_new, lessons.encoder, new.take(np.sort(rows)), how)
        for rows in np.split(order, [round(LEARNED * len(new))])
    )
    features = tuple(as_new.recommend_parts)
    return fit_ranker(features, learn, check, how, start=START_AS_NEW, seed=seed)


def _asked(signals: Signals, data: Dataset, at_most: int, seed: int) -> Task | None:
    return slice_task(data, signals.repeatable, at_most=at_most, seed=seed)


def _examples(
    signals: Signals, encoder: TextEncoder, task: Task | None, config: RankerConfig
) -> Examples:
    """Return candidates for each case of a task, graded; none where nothing is asked."""
    if task is None:
        return Examples.empty()
    stated = stated_interests(encoder, task.moments)
    found = signals.for_histories(task.histories, config.per_retriever, task.moments, stated)
    return Examples.of(track(found, "gathering examples", len(task)), task.qrels)
