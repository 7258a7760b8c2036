"""The learned ranker: a linear listwise model, and lambdarank trees that start from its scores.

The linear part is fitted first and cannot overfit much; LightGBM then learns what a weighted
sum cannot say (trust the text when an item is new, popularity when a history is short). How
many trees are kept is decided on validation, and may be none: on little data the weighted sum
wins, and then it is what ships. A score is exactly the sum of its parts.

Sources: listwise softmax, Cao et al., "Learning to Rank", ICML 2007; lambdarank, Burges, "From
RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82; parts of trees, Lundberg et al., "From
Local Explanations to Global Understanding", Nature Machine Intelligence 2020 (SHAP).

Knows features and grades; knows nothing of items, texts or users.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from corank.errors import BundleError
from corank.evaluate.metrics import ndcg
from corank.evaluate.relevance import Qrels, judge
from corank.rank.signals import Candidates
from corank.retrieve.hits import Hits

Matrix = NDArray[np.float32]

WORTH_THREADS = 5_000  # rows
FEWEST = 30
"""Cases of validation; what is learned is kept on no fewer."""
FEW_L2 = 0.1
"""How hard weights are pulled to what they start from where there are only a few to learn."""


@dataclass(frozen=True, kw_only=True)
class RankerConfig:
    """How the ranker is learned.

    Args:
        per_retriever: candidates that each retriever proposes.
        max_cases: training cases beyond this are left out at random.
        l2: pulls the linear weights towards where they start.
        trees: at most so many; validation may keep fewer, or none.
        learning_rate, leaves, min_in_leaf: of the trees.
        patience: stop after so many trees without a gain on validation.
    """

    per_retriever: int = 100
    max_cases: int = 20_000
    l2: float = 1e-3
    trees: int = 100
    learning_rate: float = 0.15
    leaves: int = 8
    min_in_leaf: int = 200
    patience: int = 40


@dataclass(frozen=True, eq=False)
class Examples:
    """Candidates of many cases with their grades; a case's entries stand together."""

    indptr: NDArray[np.int64]  # (n + 1,)
    features: Matrix  # (m, f)
    grades: NDArray[np.float32]  # (m,)

    @classmethod
    def of(cls, candidates: Iterable[Candidates], qrels: Qrels) -> "Examples":
        """Grade each case's candidates; a case without any is left out."""
        lengths, features, grades = [], [], []
        for case, (items, columns) in enumerate(candidates):
            if len(items):
                lengths.append(len(items))
                features.append(columns)
                grades.append(qrels.among(case, items))
        if not lengths:
            return cls.empty()
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(indptr, np.concatenate(features), np.concatenate(grades))

    @classmethod
    def empty(cls) -> "Examples":
        """No case at all."""
        return cls(np.zeros(1, np.int64), np.empty((0, 0), np.float32), np.empty(0, np.float32))

    def answered(self) -> "Examples":
        """Return the cases that have a relevant candidate: there is an order to learn."""
        if not len(self):
            return self
        kept = np.maximum.reduceat(self.grades, self.indptr[:-1]) > 0
        if kept.all():
            return self
        entries = np.repeat(kept, np.diff(self.indptr))
        lengths = np.diff(self.indptr)[kept]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Examples(indptr, self.features[entries], self.grades[entries])

    def and_(self, more: "Examples") -> "Examples":
        """Return these cases and more of the same features."""
        indptr = np.concatenate([self.indptr, self.indptr[-1] + more.indptr[1:]])
        features = np.concatenate([self.features, more.features])
        return Examples(indptr, features, np.concatenate([self.grades, more.grades]))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def rows(self) -> NDArray[np.int64]:
        """The case of each entry, (m,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def ndcg(self, scores: NDArray[np.float64], k: int = 10) -> NDArray[np.float64]:
        """NDCG@k of these scores among the candidates of each case, (n,)."""
        place = (np.arange(len(scores)) - self.indptr[self.rows()]).astype(np.int32)
        hits = Hits.of(self.rows(), place, scores, n=len(self), k=k)
        return ndcg(judge(hits.items, Qrels(self.indptr, place, self.grades)), k)


@dataclass(frozen=True)
class Ranker:
    """Features to scores, with their parts."""

    features: tuple[str, ...]
    mean: NDArray[np.float64]  # (f,)
    scale: NDArray[np.float64]  # (f,)
    weights: NDArray[np.float64]  # (f,) of the standardised features
    trees: lgb.Booster | None = None

    def score(self, features: Matrix) -> NDArray[np.float64]:
        """Score candidates, (m, f) -> (m,)."""
        scores = self._standardised(features) @ self.weights
        if self.trees is not None and len(features):
            scores = scores + self._grown(features, raw_score=True)
        return scores

    def parts(self, features: Matrix) -> NDArray[np.float64]:
        """Return what each feature adds to the score: (m, f + 1), the last a constant.

        Rows sum to `score`.
        """
        parts = np.zeros((len(features), len(self.features) + 1))
        parts[:, :-1] = self._standardised(features) * self.weights
        if self.trees is not None and len(features):
            parts += self._grown(features, pred_contrib=True)
        return parts

    def _grown(self, features: Matrix, **what: bool) -> NDArray[np.float64]:
        """Ask the trees. For the candidates of one answer threads cost more than they gain."""
        assert self.trees is not None  # noqa: S101  the callers know
        threads = 1 if len(features) < WORTH_THREADS else 0  # 0: as many as there are
        return np.asarray(self.trees.predict(features, num_threads=threads, **what))

    def _standardised(self, features: Matrix) -> NDArray[np.float64]:
        return np.nan_to_num((features - self.mean) / self.scale)

    def save(self, folder: Path) -> None:
        """Write ``ranker.json``, and ``trees.txt`` where there are trees."""
        folder.mkdir(parents=True, exist_ok=True)
        linear = {
            "features": self.features,
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "weights": self.weights.tolist(),
        }
        (folder / "ranker.json").write_text(json.dumps(linear, indent=2), "utf-8")
        if self.trees is not None:
            (folder / "trees.txt").write_text(self.trees.model_to_string(), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Ranker":
        """Read what `save` wrote.

        Raises:
            BundleError: a file is missing or damaged.
        """
        try:
            linear = json.loads((folder / "ranker.json").read_text("utf-8"))
            trees = folder / "trees.txt"
            booster = lgb.Booster(model_str=trees.read_text("utf-8")) if trees.exists() else None
            numbers = {name: np.array(linear[name]) for name in ("mean", "scale", "weights")}
            return cls(tuple(linear["features"]), trees=booster, **numbers)
        except (OSError, ValueError, KeyError, TypeError, lgb.basic.LightGBMError) as error:
            raise BundleError(f"{folder} holds no ranker that can be read ({error}).") from error


def fit_ranker(
    features: Sequence[str],
    train: Examples,
    validation: Examples,
    config: RankerConfig,
    *,
    start: Mapping[str, float],
    spreads: Mapping[str, float] | None = None,
    seed: int,
) -> Ranker:
    """Learn a ranker; what does not help on validation is not kept.

    Few cases are enough to say how much each part of what it starts from is worth; a weight for
    every feature, and trees, are kept where they clearly help. Fewer than `FEWEST` cases of
    validation prove nothing: then what it starts from stays.

    Args:
        features: names of the columns.
        train: cases to learn from.
        validation: cases that decide whether the learned weights, and how many trees, are kept.
        config: how.
        start: weights of the raw features where there is too little to learn from; also what the
            linear weights are pulled towards.
        spreads: if given, ``start`` is not of the raw features but of each in its standard
            deviation among the candidates of a case, on average over ``train``; where there is
            none, in these.
        seed: of LightGBM's sampling.
    """
    train, validation = train.answered(), validation.answered()
    initial = np.array([start.get(name, 0.0) for name in features])
    if spreads is not None:
        initial /= _spreads(features, train, spreads)
    if not len(train):
        zero = np.zeros(len(features))
        return Ranker(tuple(features), zero, zero + 1, initial)
    known = np.ma.masked_invalid(train.features.astype(np.float64))
    mean, spread = known.mean(axis=0).filled(0.0), known.std(axis=0).filled(0.0)
    scale = np.where(spread > 1e-6, spread, 1.0)
    initial = initial * scale
    plain = Ranker(tuple(features), mean, scale, initial)
    if len(validation) < FEWEST:
        return plain

    def learned(cases: Examples, among: NDArray[np.bool_], l2: float) -> Ranker:
        x = plain._standardised(cases.features) * among
        return replace(plain, weights=_listwise(x, cases, initial, l2))

    tuned = learned(train, initial != 0, FEW_L2)
    linear = learned(train, np.ones(len(features), np.bool_), config.l2)
    grown = replace(linear, trees=_trees(linear, train, validation, config, seed))
    best = tuned if _gain(tuned, plain, validation)[0] > 0 else plain
    for richer in (linear, grown):
        gain, error = _gain(richer, best, validation)
        if gain > 2 * error:
            best = richer
    return learned(train.and_(validation), initial != 0, FEW_L2) if best is tuned else best


def _spreads(
    features: Sequence[str], train: Examples, usual: Mapping[str, float]
) -> NDArray[np.float64]:
    """Standard deviation of each feature among the candidates of a case, (f,)."""
    found = np.array([usual.get(name, 1.0) for name in features])
    if not len(train):
        return found
    for column, name in enumerate(features):
        if name in usual:
            cases = np.split(train.features[:, column], train.indptr[1:-1])
            spread = float(np.mean([case.std() for case in cases]))
            found[column] = spread if spread > 1e-6 else usual[name]
    return found


def _gain(richer: Ranker, simple: Ranker, validation: Examples) -> tuple[float, float]:
    """Return what the richer ranker gains, and the standard error of that."""
    more, less = (validation.ndcg(r.score(validation.features)) for r in (richer, simple))
    gain = more - less  # (n,)
    return float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))


def _listwise(
    x: NDArray[np.float64], train: Examples, initial: NDArray[np.float64], l2: float
) -> NDArray[np.float64]:
    """Weights under which a case's relevant candidates are likely, by grade, (f,)."""
    starts, row = train.indptr[:-1], train.rows()
    total = np.add.reduceat(train.grades, starts)
    target = train.grades / total[row]  # sums to 1 in each case

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = x @ weights
        logits -= np.maximum.reduceat(logits, starts)[row]
        exp = np.exp(logits)
        norm = np.add.reduceat(exp, starts)
        log_p = logits - np.log(norm)[row]
        away = weights - initial
        value = -(target @ log_p) / len(train) + l2 * (away @ away)
        gradient = x.T @ (exp / norm[row] - target) / len(train) + 2 * l2 * away
        return float(value), gradient

    found = scipy.optimize.minimize(loss, initial, jac=True, method="L-BFGS-B")
    return np.asarray(found.x)


def _trees(
    linear: Ranker, train: Examples, validation: Examples, config: RankerConfig, seed: int
) -> lgb.Booster:
    """Boost from the linear scores, stopping when validation gains no more."""

    def dataset(examples: Examples, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        return lgb.Dataset(
            examples.features,
            np.minimum(examples.grades, 30).astype(np.int32),
            group=np.diff(examples.indptr),
            init_score=linear.score(examples.features),
            reference=reference,
            feature_name=list(linear.features),
            free_raw_data=True,
        )

    parameters: dict[str, Any] = {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": min(config.min_in_leaf, max(len(train.grades) // 50, 1)),
        "lambdarank_truncation_level": 20,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    fit = dataset(train)
    booster = lgb.train(
        parameters,
        fit,
        config.trees,
        valid_sets=[dataset(validation, fit)],
        callbacks=[lgb.early_stopping(config.patience, verbose=False)],
    )
    kept = booster.model_to_string(num_iteration=booster.best_iteration)
    return lgb.Booster(model_str=kept)
