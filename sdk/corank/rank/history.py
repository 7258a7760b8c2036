"""The user model as it serves: a history of items to one vector, by an exported graph.

An item's state fuses what its text says with what people did to it (see `rank.sequence`, which
trains both). Torch-free; knows catalogue indices and vectors.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from corank.compress.runtime import session
from corank.data.ragged import Ragged

BLOCK = 1_024  # histories per run of the graph


@dataclass(frozen=True)
class UserModel:
    """Item states, and the graph that reads a sequence of them."""

    graph: bytes  # history (b, t, d), mask (b, t) -> vector (b, d)
    states: NDArray[np.float32]  # (n_items, d) unit length
    projection: NDArray[np.float32]  # (d_text + 1, d) text vector, 1 -> state of a new item
    history_length: int
    shown: NDArray[np.float32] | None = None  # (n_items, d) candidates' states, if they are others

    @property
    def candidates(self) -> NDArray[np.float32]:
        """States of what could come next, (n_items, d)."""
        return self.states if self.shown is None else self.shown

    @cached_property
    def _session(self) -> ort.InferenceSession:
        return session(self.graph, "user model")

    def users(
        self, histories: Ragged, interests: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return one unit vector per history, (n, d); where nothing is known, zeros.

        Args:
            histories: (n,).
            interests: text vectors, (n, d_text), each read as the oldest item of its history;
                zeros where there is none.
        """
        users = np.zeros((len(histories), self.states.shape[1]), np.float32)
        stated = None if interests is None else np.any(interests, axis=1)  # (n,)
        known = histories.lengths + (0 if stated is None else stated)
        longest = int(min(self.history_length, known.max(initial=0)))
        if not longest:
            return users
        padded = histories.last(longest)  # (n, t) newest last
        for start in range(0, len(users), BLOCK):
            block = slice(start, start + BLOCK)
            items = padded[block]
            states, mask = self.states[items], (items >= 0).astype(np.float32)
            if interests is not None and stated is not None:
                place = longest - 1 - histories.lengths[block]  # just before the oldest item
                row = np.flatnonzero(stated[block] & (place >= 0))
                states[row, place[row]] = self.project(interests[block][row])
                mask[row, place[row]] = 1
            inputs = {"history": states, "mask": mask}
            users[block] = self._session.run(["vector"], inputs)[0]
        return users

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the states of items that nobody has touched, (n, d_text) -> (n, d)."""
        states = vectors @ self.projection[:-1] + self.projection[-1]
        states /= np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-9)
        return np.asarray(states, np.float32)

    def as_new(self, vectors: NDArray[np.float32]) -> "UserModel":
        """Return the model with candidates as their texts alone make them, (n_items, d_text).

        What it would know of each had nobody touched it yet; histories are read as ever.
        """
        return replace(self, shown=self.project(vectors))

    def score(self, histories: Ragged) -> NDArray[np.float32]:
        """Score the whole catalogue, (n, n_items)."""
        return self.users(histories) @ self.candidates.T
