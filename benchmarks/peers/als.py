"""Matrix factorisation of implicit feedback, by the library implicit.

Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Size,
regularisation and the weight of what was chosen are tried on a grid. A history's vector is solved
for, given the items': so somebody never seen in training is answered as well.
"""

from itertools import product

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares

from benchmarks.peers.exchange import Floats, Given, Lists, Vectors, work

FACTORS = (32, 64, 128, 256)
REGULARIZATION = (0.1, 1.0, 10.0, 100.0)
ALPHA = (1.0, 10.0)
ITERATIONS = 15


def fit(given: Given) -> Vectors:
    """Try every setting; return what the best makes of the test."""
    train = _matrix(given.train, given.n_items)
    known = np.asarray(train.sum(0)).ravel() > 0
    best, best_value, settings = None, -1.0, ""
    for factors, regularization, alpha in product(FACTORS, REGULARIZATION, ALPHA):
        model = AlternatingLeastSquares(
            factors=factors, regularization=regularization, alpha=alpha, iterations=ITERATIONS,
            random_state=given.seed,
        )  # fmt: skip
        model.fit(train, show_progress=False)
        users = _vectors(model, given.validation, given.n_items)
        value = given.ndcg(users, model.item_factors, known)
        tried = f"factors {factors}, regularization {regularization}, alpha {alpha}"
        print(f"{tried}: {value:.4f}", flush=True)
        if value > best_value:
            best, best_value, settings = model, value, tried
    assert best is not None  # noqa: S101  the grid is not empty
    return Vectors(_vectors(best, given.test, given.n_items), best.item_factors, known, settings)


def _vectors(model: AlternatingLeastSquares, histories: Lists, n_items: int) -> Floats:
    users: Floats = model.recalculate_user(np.arange(len(histories)), _matrix(histories, n_items))
    return users


def _matrix(histories: Lists, n_items: int) -> sp.csr_matrix:
    ones = np.ones(len(histories.items), np.float32)
    return sp.csr_matrix((ones, histories.items, histories.indptr), (len(histories), n_items))


if __name__ == "__main__":
    work(fit)
