"""Hybrid matrix factorisation, by the library LightFM (its living successor lightfm-next).

Kula, "Metadata embeddings for user and item cold-start recommendations", CBRecSys 2015: an item is
the sum of vectors of its features, here itself and, if that is better, the words of its text; a
history is the mean of vectors of its items, so somebody never seen in training is answered as well.
The loss is WARP (Weston, Bengio and Usunier, "WSABIE", IJCAI 2011). Validation chooses the size,
the features and when to stop.
"""

from itertools import product

import numpy as np
import scipy.sparse as sp
from lightfm import LightFM
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.peers.exchange import Floats, Given, Lists, Vectors, work

COMPONENTS = (64, 128)
FEATURES = ("items", "items and words")
EPOCHS, EACH, PATIENCE = 60, 5, 2
"""At most so many; measured each so many, and stopped when so many measurements gain nothing."""


def fit(given: Given) -> Vectors:
    """Try every setting; return what the best makes of the test."""
    best, best_value = None, -1.0
    train, histories = _matrix(given.train, given.n_items), _means(given.train, given.n_items)
    chosen = np.asarray(train.sum(0)).ravel() > 0
    asked, wanted = (_means(lists, given.n_items) for lists in (given.test, given.validation))
    for size, kind in product(COMPONENTS, FEATURES):
        described = _described(given, kind)
        known = chosen if kind == "items" else np.ones_like(chosen)
        model = LightFM(no_components=size, loss="warp", random_state=given.seed)
        idle, top = 0, -1.0
        for epoch in range(EACH, EPOCHS + 1, EACH):
            model.fit_partial(train, user_features=histories, item_features=described, epochs=EACH)
            items = _items(model, described)
            value = given.ndcg(_users(model, wanted), items, known)
            settings = f"{size} components, {kind}, {epoch} epochs"
            print(f"{settings}: {value:.4f}", flush=True)
            if value > best_value:
                best_value = value
                best = Vectors(_users(model, asked), items, known, settings)
            idle, top = (0, value) if value > top else (idle + 1, top)
            if idle == PATIENCE:
                break
    assert best is not None  # noqa: S101  the grid is not empty
    return best


def _described(given: Given, kind: str) -> sp.csr_matrix:
    """Features of the items, (n_items, features), those of each adding up to 1."""
    each = sp.identity(given.n_items, np.float32, "csr")
    if kind == "items":
        return each
    words = TfidfVectorizer(min_df=2, dtype=np.float32).fit_transform(given.texts)
    return _normalised(sp.hstack([each, words], "csr"))


def _users(model: LightFM, histories: sp.csr_matrix) -> Floats:
    """Vectors of histories and a one, against which items hold their bias, (n, components + 1)."""
    _, vectors = model.get_user_representations(histories)
    return np.column_stack([vectors, np.ones(len(vectors), np.float32)])


def _items(model: LightFM, described: sp.csr_matrix) -> Floats:
    bias, vectors = model.get_item_representations(described)
    return np.column_stack([vectors, bias])


def _matrix(histories: Lists, n_items: int) -> sp.csr_matrix:
    ones = np.ones(len(histories.items), np.float32)
    return sp.csr_matrix((ones, histories.items, histories.indptr), (len(histories), n_items))


def _means(histories: Lists, n_items: int) -> sp.csr_matrix:
    return _normalised(_matrix(histories, n_items))


def _normalised(rows: sp.csr_matrix) -> sp.csr_matrix:
    total = np.maximum(np.asarray(rows.sum(1)).ravel(), 1e-9)
    return sp.csr_matrix(sp.diags((1 / total).astype(np.float32)) @ rows)


if __name__ == "__main__":
    work(fit)
