"""Learn from whole histories: by their texts, a user's items are told from everything else.

A step takes users, and runs each text that they touch once. With the unit vectors of the step's
items as rows of A and the users' weights as X, ``X (A A^T - I)`` is to point where X does: each of
a user's items is guessed from the others, and every other item of the step is a negative. A query
is one more row, whose items are guessed from its text alone.

Sources: the autoencoder, Vancura et al., "Scalable Linear Shallow Autoencoder for Collaborative
Filtering" (ELSA), RecSys 2022; a language model in place of A, random items as negatives and
cached gradients, Vancura et al., "beeFormer: Bridging the Gap Between Semantic and Interaction
Similarity in Recommender Systems", RecSys 2024, and its authors' code. What differs here: queries;
weights; a step holds so many texts and no more, so that of long histories it holds a part; and the
loss (see `losses.reconstruction`). Knows what was chosen and the texts; knows no order of events.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from corank.data.ragged import Ragged
from corank.errors import DataError
from corank.language.losses import reconstruction
from corank.language.objectives import Ids, Objective, Rows, Share, Texts


@dataclass(frozen=True)
class Interactions:
    """What each user chose, and what each query asks for.

    Texts are referred to by number as in `pairs.Pairs`: items by catalogue index, queries by
    ``n_items +`` their own.

    Args:
        wanted: (n, n_items) float32 CSR; the weights of a row's items.
        asked: (n,) the text that a row's items are guessed from, -1 for a user's: there, each is
            guessed from the others.
    """

    wanted: sp.csr_array
    asked: Rows

    def __len__(self) -> int:
        return len(self.asked)


def build_interactions(
    histories: Ragged,
    judged: Ragged,
    n_items: int,
    *,
    max_users: int,
    min_grade: float,
    seed: int,
) -> Interactions:
    """Take the users with two items or more, weighted as labelled, and the queries, by grade.

    Args:
        histories: each user's positive items; of a repeated one the largest weight counts.
        judged: each query's judged items, grades as values.
        n_items: size of the catalogue.
        max_users: a random choice of the users is kept beyond this; queries always are.
        min_grade: a query counts that has an item of this grade.
        seed: of the choice.

    Raises:
        DataError: there is neither such a user nor such a query.
    """
    users, queries = _weights(histories, n_items), _weights(judged, n_items)
    several = np.flatnonzero(np.diff(users.indptr) >= 2)
    kept = np.sort(np.random.default_rng(seed).permutation(several)[:max_users])
    good = np.unique(judged.rows()[judged.values >= min_grade])
    if not len(kept) + len(good):
        raise DataError(
            f"Of {len(histories):,} users none chose two different items, and of {len(judged):,} "
            f"queries none has an item of grade {min_grade:g}: there is nothing to guess one item "
            "from. Bring more events, or set objective='contrastive', or epochs=0."
        )
    wanted = sp.vstack([users[kept], queries[good]], format="csr")
    return Interactions(wanted, np.concatenate([np.full(len(kept), -1), n_items + good]))


def _weights(rows: Ragged, n_items: int) -> sp.csr_array:
    """Return the largest value of each item in each row, (rows, n_items)."""
    places, entry = np.unique(rows.rows() * n_items + rows.items, return_inverse=True)
    largest = np.zeros(len(places), np.float32)
    np.maximum.at(largest, entry, rows.values)
    weights = sp.csr_array((largest, np.divmod(places, n_items)), shape=(len(rows), n_items))
    weights.eliminate_zeros()
    return weights


class Reconstruction(Objective):
    """Guess each row's items from their texts; the model must return unit vectors.

    In several processes each reconstructs its own rows from its own items.

    Args:
        ids: token ids of every text that `Interactions` numbers.
        interactions: the rows.
        step_texts: texts that are run for one batch, at least two for each of its rows.
    """

    def __init__(self, ids: Ids, interactions: Interactions, *, step_texts: int) -> None:
        self.ids, self.step_texts = ids, step_texts
        self.wanted, self.asked = interactions.wanted, interactions.asked
        # An item that nobody chose would only ever be a negative: its text would learn to be wrong.
        self.chosen = np.unique(self.wanted.indices)
        parts = (self.wanted.indptr, self.wanted.indices, self.wanted.data)
        super().__init__(len(interactions), *parts, self.asked, *ids)

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        """Return the texts of the items and queries that these rows take."""
        # The number of texts must not depend on how many queries there are: where a model is
        # shared out, every process runs as many chunks. Repeated ones are not read again.
        queries = len(rows) if (self.asked >= 0).any() else 0
        count = min(self.step_texts, len(self.chosen) + queries)
        return Texts([self.ids[n] for n in np.resize(np.concatenate(self._taken(rows)), count)])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        """Return how far the rows that are guessed point from what was chosen."""
        items, queries = self._taken(share.own)
        vectors = outputs[: len(items)]  # (m, d)
        asking = outputs[len(items) : len(items) + len(queries)]  # (q, d)
        weights = self.wanted[share.own][:, items].toarray()
        wanted = torch.from_numpy(weights).to(outputs.device)  # (b, m)
        row = torch.from_numpy(np.flatnonzero(self.asked[share.own] >= 0)).to(outputs.device)
        shown = wanted.index_fill(0, row, 0)  # to a query its text is shown, not its items
        states = (shown @ vectors).index_add(0, row, asking)  # (b, d)
        return reconstruction(states @ vectors.T - shown, wanted)

    def _taken(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return the items (m,) and queries (q,) of a step, the same whenever it is asked.

        By turns, each row puts in one of its items, in random order, a query its text first; what
        room is left goes to random items.
        """
        rng = np.random.default_rng(rows)  # of the rows alone: texts and loss take the same items
        wanted, asked = self.wanted[rows], self.asked[rows]
        queries = asked[asked >= 0]
        room = min(self.step_texts - len(queries), len(self.chosen))
        owner = np.repeat(np.arange(len(rows)), np.diff(wanted.indptr))
        order = np.lexsort((rng.random(len(owner)), owner))
        turn = np.arange(len(owner)) - wanted.indptr[owner] + (asked[owner] >= 0)
        theirs = wanted.indices[order[np.argsort(turn, kind="stable")]]
        offered = np.concatenate([theirs, rng.choice(self.chosen, room, replace=False)])
        first = np.sort(np.unique(offered, return_index=True)[1])
        return offered[first[:room]].astype(np.int64), queries
