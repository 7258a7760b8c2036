"""Classes from labelling functions alone: how far to trust each, learnt without one label.

The functions are those of `corank.data.labels`; here each votes a class's name, or null:

    @corank.labeling_function
    def says_refund() -> pl.Expr:
        return pl.when(pl.col("text").str.contains("refund")).then(pl.lit("refund"))

Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
JRSS C 1979; for functions, Ratner et al., "Data programming", NIPS 2016. Silence is an outcome
like any vote for a function that knows some classes only, being all it says of the others; the
silence of one that knows every class says nothing. Rows nobody votes on are left out of the fit.
Functions are taken to err independently given the class, and to be right as a whole, though not
each. The module knows votes; it does not know texts.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from corank.data.labels import LabelingFunction
from corank.errors import ConfigError, DataError, DeclarationError, nearest

Votes = NDArray[np.int64]  # (n, m): the class each of m functions gives each row; -1 abstains
Floats = NDArray[np.float64]

ACCURACY = 0.7  # of a function before anything is known of it: the belief
FEWEST = 10  # rows a class that the belief weighs, for a function that knows every class
MOST = 0.98  # of a class's rows that a function is believed to vote on
FLOOR = 1e-9  # of a vote's chance, so that what was never seen rules nothing out
TOLERANCE, MAX_STEPS = 1e-6, 500  # EM stops when no probability moves further, or after so many


def vote_classes(
    functions: Sequence[LabelingFunction], table: pl.DataFrame, classes: Sequence[str]
) -> Votes:
    """Return each function's vote on each row, (n, m): its place in ``classes``, -1 for null.

    Raises:
        DeclarationError: a function fails, votes none of the classes, shares its name, or
            carries a weight (the label model learns what a vote is worth).
    """
    place = {name: index for index, name in enumerate(classes)}
    votes: dict[str, list[int]] = {}
    for function in functions:
        given = f"Labelling function {function.name!r}"
        if function.name in votes:
            raise DeclarationError(f"Two labelling functions are called {function.name!r}.")
        if function.weight != 1:
            raise DeclarationError(f"{given} has a weight: drop it, the label model learns one.")
        try:
            column = table.with_columns(vote=function.expression).get_column("vote")
        except pl.exceptions.PolarsError as error:
            hint = "Write a class as pl.lit('name'): a bare string names a column."
            raise DeclarationError(f"{given} failed: {error}. {hint}") from error
        for name in column.drop_nulls().unique(maintain_order=True):
            if name not in place:
                message = f"{given} voted {name!r}, none of the {len(place)} classes."
                raise DeclarationError(message + nearest(str(name), place))
        votes[function.name] = [place.get(name, -1) for name in column]  # null is none of them
    return np.array(list(votes.values()), np.int64).reshape(len(votes), len(table)).T


def covered(votes: Votes) -> NDArray[np.bool_]:
    """Whether any function voted on the row, (n,)."""
    return np.asarray((votes >= 0).any(axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelModel:
    """What agreement and disagreement tell about m functions and k classes. Made by `fit`."""

    balance: Floats  # (k,) share of each class among the covered rows
    confusion: Floats  # (m, k, k + 1) chance of each vote by true class; the last: to abstain
    accuracies: Floats  # (m,) estimated share of right votes; nan where it cannot be known

    @classmethod
    def fit(cls, votes: Votes, n_classes: int, *, prior: float = 1.0) -> "LabelModel":
        """Estimate each function's confusion, and the class balance, by EM from the majority.

        An accuracy shows only among three functions of which each pair votes together on some
        row; a function in no such three is believed right in `ACCURACY` of its votes. Where
        there are no three at all, the model is the majority vote, and a warning says so.

        Args:
            votes: (n, m), as `vote_classes` returns, on n_classes classes.
            prior: what that belief weighs beside the votes, as a share of the covered rows, for
                a function that knows some classes only. Such functions often fire together (as
                keywords of one phrase), and EM would take what they share for a class: lower it
                towards .01 only where they err independently.

        Raises:
            DataError: votes of another shape or range. ConfigError: n_classes < 2 or prior <= 0.
        """
        if n_classes < 2 or not prior > 0:
            raise ConfigError(f"Expected n_classes > 1 and prior > 0; got {n_classes}, {prior}.")
        _check(votes, votes.shape[-1], n_classes)
        rows = votes[covered(votes)]
        n, m = rows.shape
        rate = np.stack([(rows == c).sum(axis=0) for c in range(n_classes)], axis=1) / max(n, 1)
        even, accuracies = np.full(n_classes, 1 / n_classes), np.full(m, np.nan)
        alike = _belief(np.outer(rate.sum(axis=1), even), even)  # then the majority wins
        majority = cls(balance=even, confusion=alike, accuracies=accuracies)
        pairs = ((rows >= 0).T.astype(np.float64) @ (rows >= 0) > 0) * (1 - np.eye(m))  # (m, m)
        known = ((pairs @ pairs) * pairs).any(axis=1)  # (m,) is in a three
        if not known.any():
            warnings.warn(
                "No three labelling functions vote on common rows pair by pair, so how accurate "
                "they are cannot be told: this is the majority vote. Add functions that overlap.",
                stacklevel=2,
            )
            return majority
        patterns, counts = np.unique(rows, axis=0, return_counts=True)
        outcomes = _outcomes(patterns, n_classes)
        chance = majority.predict_proba(patterns)  # (patterns, k)
        every = (rate > 0).all(axis=1)  # (m,) functions that know every class
        quiet = alike[every, :, -1]  # their silence, as likely in one class as in another
        belief = np.where(every[:, None, None], alike, _belief(rate, counts @ chance / n))
        pseudo = np.where(every, max(FEWEST, n_classes), prior * n / n_classes)[:, None, None]
        for _ in range(MAX_STEPS):
            weighted = counts[:, None] * chance
            balance = (weighted.sum(axis=0) + 1) / (n + n_classes)
            seen = (outcomes.T @ weighted).reshape(m, n_classes + 1, n_classes).swapaxes(1, 2)
            seen[every, :, -1] = seen[every, :, :-1].sum(axis=2) * quiet / (1 - quiet)
            confusion = (seen + pseudo * belief) / (seen.sum(axis=2, keepdims=True) + pseudo)
            confusion[~known] = belief[~known]
            before, chance = chance, _posterior(outcomes, balance, confusion)
            if np.abs(chance - before).max() < TOLERANCE:
                break
        accuracies[known] = seen.trace(axis1=1, axis2=2)[known] / (n * rate.sum(axis=1)[known])
        return cls(balance=balance, confusion=confusion, accuracies=accuracies)

    def predict_proba(self, votes: Votes) -> Floats:
        """Return each class's probability by row, (n, k); the balance where all abstain."""
        _check(votes, *self.confusion.shape[:2])
        chance = _posterior(_outcomes(votes, len(self.balance)), self.balance, self.confusion)
        return np.where(covered(votes)[:, None], chance, self.balance)

    def table(
        self, votes: Votes, names: Sequence[str], truth: ArrayLike | None = None
    ) -> pl.DataFrame:
        """Say how the functions behave on these votes, one row per function.

        Columns as `corank.data.labels.label_table`, with estimated (accuracy as fitted, null
        where unknown) before the accuracy against ``truth``, (n,) with -1 where unknown.
        """
        _check(votes, *self.confusion.shape[:2])
        if len(names) != len(self.accuracies):
            raise DataError(f"Expected {len(self.accuracies)} functions' names; got {len(names)}.")
        voted = votes >= 0
        answer = np.broadcast_to(-1 if truth is None else np.asarray(truth), len(votes))[:, None]
        top = votes.max(axis=1, keepdims=True)
        split = (voted & (votes != top)).any(axis=1, keepdims=True)  # then all who voted differ
        judged = (voted & (answer >= 0)).sum(axis=0)
        right = (voted & (votes == answer)).sum(axis=0)
        return pl.DataFrame(
            {
                "function": list(names),
                "coverage": voted.mean(axis=0),
                "overlaps": (voted & (voted.sum(axis=1, keepdims=True) > 1)).mean(axis=0),
                "conflicts": (voted & split).mean(axis=0),
                "estimated": self.accuracies,
                "accuracy": np.where(judged > 0, right / judged.clip(1), np.nan),
            }
        ).fill_nan(None)


def _check(votes: Votes, m: int, k: int) -> None:
    low, high = votes.min(initial=-1), votes.max(initial=-1)
    if votes.shape != (len(votes), m) or votes.dtype.kind != "i" or low < -1 or high >= k:
        given = f"{votes.dtype} {votes.shape} from {low} to {high}"
        raise DataError(f"Votes are integers (n, {m}) from -1 (abstains) to {k - 1}; got {given}.")


def _belief(rate: Floats, share: Floats) -> Floats:
    """Confusion of functions that vote at a rate, (m, k), and are right in ACCURACY of it."""
    same = np.eye(len(share), dtype=bool)  # true class, vote
    says = rate[:, None] * np.where(same, ACCURACY / share, (1 - ACCURACY) / (1 - share))
    says = (says / (says.sum(axis=2, keepdims=True) / MOST).clip(1)).clip(FLOOR)
    return np.concatenate([says, 1 - says.sum(axis=2, keepdims=True)], axis=2)


def _outcomes(votes: Votes, k: int) -> sp.csr_array:
    """Return what each function did on each row, one-hot, (n, m * (k + 1))."""
    n, m = votes.shape
    places = np.where(votes < 0, k, votes) + (k + 1) * np.arange(m)
    return sp.csr_array((np.ones(n * m), places.ravel(), m * np.arange(n + 1)), (n, m * (k + 1)))


def _posterior(outcomes: sp.csr_array, balance: Floats, confusion: Floats) -> Floats:
    """Return the chance of each class by row, (n, k), in proportion to balance and outcomes."""
    log = np.log(confusion).swapaxes(1, 2).reshape(-1, len(balance))  # (m * (k + 1), k)
    logit = np.log(balance) + outcomes @ log
    chance = np.exp(logit - logit.max(axis=1, keepdims=True))
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))
