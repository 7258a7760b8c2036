"""What a training step asks of the model: texts to run through it, and a loss over its outputs.

Every objective sees the model as a function from texts to one row of output each: a unit vector
(`Encoder`), logits (`Headed`), or whatever its own module returns. So one loop trains them all,
and gradient caching, accumulation and several processes are the loop's business alone.
"""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from corank.language.losses import in_batch_softmax
from corank.language.pairs import Pairs

Ids = list[list[int]]
Rows = NDArray[np.int64]


class Texts(NamedTuple):
    """Token ids to run through the model; where it reads them, labels or segments of each token."""

    ids: Ids
    labels: Ids | None = None
    segments: Ids | None = None  # which of two texts the token belongs to


class Share(NamedTuple):
    """One process's part of a step."""

    rows: Rows  # (B,) examples of all processes
    mine: slice  # which of them are this process's
    gather: Callable[[Tensor], Tensor]  # (b, ...) -> (B, ...) in that order, with gradients

    @property
    def own(self) -> Rows:
        """This process's examples, (b,)."""
        return self.rows[self.mine]


class Objective(ABC):
    """Examples, what is run for them, and how wrong the outputs are.

    Args:
        n: how many examples there are.
        data: every array the examples are made of: a run is only resumed on the data it was
            begun with.
    """

    def __init__(self, n: int, *data: object) -> None:
        self._n = n
        self.fingerprint = 0
        for array in data:
            self.fingerprint = zlib.crc32(np.ascontiguousarray(array).tobytes(), self.fingerprint)

    def __len__(self) -> int:
        return self._n

    @abstractmethod
    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        """Return what is run through the model for these examples, (b,)."""

    @abstractmethod
    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        """Return the mean loss of this process's examples, a scalar.

        Args:
            outputs: one row for each of ``texts(share.own)``, in their order.
            share: which examples those are, and how to see the other processes'.
        """


class Contrastive(Objective):
    """Pull pairs together and away from the batch's other positives and from hard negatives.

    Args:
        ids: token ids of every text that `Pairs` numbers.
        pairs: anchors, positives, and what must not be a negative.
        temperature: divides the cosines.
        negatives: (n, h) text numbers that look relevant and are not, h for each pair; see
            `negatives.mine`.
    """

    def __init__(
        self, ids: Ids, pairs: Pairs, *, temperature: float, negatives: Rows | None = None
    ) -> None:
        self.ids, self.pairs, self.temperature = ids, pairs, temperature
        self.negatives = np.empty((len(pairs), 0), np.int64) if negatives is None else negatives
        super().__init__(len(pairs), pairs.anchors, pairs.positives, self.negatives, *ids)
        self._log_q = np.log(np.maximum(pairs.frequency, 1e-12)).astype(np.float32)

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        numbers = (self.pairs.anchors[rows], *self._columns(rows))
        return Texts([self.ids[text] for text in np.concatenate(numbers)])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        b = len(share.own)
        anchors, own = outputs[:b], outputs[b:]
        candidates = torch.cat([share.gather(own[:b]), share.gather(own[b:])])  # (B + B h, d)
        columns = np.concatenate(self._columns(share.rows))
        known = self.pairs.known[self.pairs.anchors[share.own]][:, columns].toarray()
        # A mined negative is not drawn by its popularity: only in-batch ones are corrected.
        log_q = np.zeros(len(columns), np.float32)
        log_q[: len(share.rows)] = self._log_q[columns[: len(share.rows)]]
        return in_batch_softmax(
            anchors,
            candidates,
            torch.from_numpy(log_q).to(outputs.device),
            torch.from_numpy(known).to(outputs.device),
            first=share.mine.start,
            temperature=self.temperature,
        )

    def _columns(self, rows: Rows) -> tuple[Rows, Rows]:
        return self.pairs.positives[rows], self.negatives[rows].ravel()


class Classification(Objective):
    """Cross-entropy of each text's class.

    Args:
        ids: token ids, (n,).
        targets: (n,) class numbers, or (n, classes) probabilities such as a label model gives.
        smoothing: share of the mass spread over all classes.
    """

    def __init__(self, ids: Ids, targets: NDArray[np.generic], *, smoothing: float = 0.0) -> None:
        super().__init__(len(ids), targets, *ids)
        known = np.int64 if targets.ndim == 1 else np.float32
        self.ids, self.smoothing = ids, smoothing
        self.targets = torch.tensor(targets.astype(known))

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        return Texts([self.ids[row] for row in rows])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        targets = self.targets[share.own].to(outputs.device)
        return F.cross_entropy(outputs, targets, label_smoothing=self.smoothing)


class ClickShares(Objective):
    """Share a test's clicks among its texts as they fell; see `corank.classify.trials`.

    Args:
        ids: token ids of every arm, (n,).
        offsets: where each test's arms start, and where the last ones end, (tests + 1,).
        clicks, impressions: of each arm, (n,); every test has a click.
        full_weight: a test with this many clicks counts 1, with fewer in proportion.
    """

    def __init__(
        self, ids: Ids, offsets: Rows, clicks: Rows, impressions: Rows, *, full_weight: int
    ) -> None:
        super().__init__(len(offsets) - 1, offsets, clicks, impressions, *ids)
        self.ids, self.offsets = ids, offsets
        total = np.add.reduceat(clicks, offsets[:-1])
        row = np.repeat(np.arange(len(total)), np.diff(offsets))
        self.share = torch.tensor(clicks / total[row], dtype=torch.float32)
        self.offer = torch.tensor(np.log(np.maximum(impressions, 1e-9)), dtype=torch.float32)
        self.weight = torch.tensor(np.minimum(total / full_weight, 1.0), dtype=torch.float32)

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        return Texts([self.ids[arm] for arm in self._arms(rows)])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        arms, device = torch.from_numpy(self._arms(share.own)), outputs.device
        sizes = (self.offsets[share.own + 1] - self.offsets[share.own]).tolist()
        logits = outputs[:, 0] + self.offer[arms].to(device)
        log_p = torch.cat([test.log_softmax(0) for test in logits.split(sizes)])  # (m,)
        weight = torch.repeat_interleave(self.weight[share.own], torch.tensor(sizes)).to(device)
        return -(weight * self.share[arms].to(device) * log_p).sum() / len(sizes)

    def _arms(self, rows: Rows) -> Rows:
        return np.concatenate([np.arange(*self.offsets[[row, row + 1]]) for row in rows])


class Regression(Objective):
    """Squared error of a rating predicted from two texts (a user's and an item's, say).

    The prediction is ``bias + slope x cosine`` with both numbers fitted once to the ratings'
    range: cosine -1 is the lowest rating, 1 the highest.

    Args:
        ids: token ids of every text.
        left, right: (n,) text numbers.
        ratings: (n,).
    """

    def __init__(self, ids: Ids, left: Rows, right: Rows, ratings: NDArray[np.float32]) -> None:
        super().__init__(len(left), left, right, ratings, *ids)
        self.ids, self.left, self.right = ids, left, right
        low, high = float(ratings.min()), float(ratings.max())
        self.middle, self.reach = (low + high) / 2, max((high - low) / 2, 1e-6)
        self.ratings = torch.tensor(ratings, dtype=torch.float32)

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        return Texts([self.ids[t] for t in (*self.left[rows], *self.right[rows])])

    def predict(self, outputs: Tensor) -> Tensor:
        """Return ratings, (n,), of the outputs of n left and then n right texts."""
        left, right = outputs.chunk(2)
        return self.middle + self.reach * (left * right).sum(1)

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        return F.mse_loss(self.predict(outputs), self.ratings[share.own].to(outputs.device))


class VectorDistillation(Objective):
    """Make each text's vector that of a teacher: mean squared distance of unit vectors.

    Source: Reimers and Gurevych, "Making Monolingual Sentence Embeddings Multilingual using
    Knowledge Distillation", EMNLP 2020.

    Args:
        ids: token ids, (n,).
        teacher: the teacher's vectors, (n, dim), unit length.
    """

    def __init__(self, ids: Ids, teacher: NDArray[np.float32]) -> None:
        super().__init__(len(ids), teacher, *ids)
        self.ids, self.teacher = ids, torch.tensor(teacher)

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        return Texts([self.ids[row] for row in rows])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        distance = outputs - self.teacher[share.own].to(outputs.device)
        return distance.square().sum(1).mean()


class BiEncoderListwise(Objective):
    """Make the softmax over each query's candidates what it should be.

    Targets are what a teacher says, such as a cross-encoder, or what people judged
    (`lists.targets`).

    Source: Kullback-Leibler over candidate lists as in Ren et al., "RocketQAv2", EMNLP 2021.

    Args:
        ids: token ids of every text.
        queries: (n,) text numbers.
        candidates: (n, c) text numbers.
        targets: (n, c) shares of each list, which add up to 1.
        temperature: divides the cosines.
    """

    def __init__(
        self,
        ids: Ids,
        queries: Rows,
        candidates: Rows,
        targets: NDArray[np.float32],
        *,
        temperature: float = 0.05,
    ) -> None:
        super().__init__(len(queries), queries, candidates, targets, *ids)
        self.ids, self.queries, self.candidates = ids, queries, candidates
        self.targets, self.temperature = torch.tensor(targets), temperature

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        numbers = (*self.queries[rows], *self.candidates[rows].ravel())
        return Texts([self.ids[text] for text in numbers])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        b = len(share.own)
        queries, candidates = outputs[:b, :, None], outputs[b:].view(b, -1, outputs.shape[1])
        scores = (candidates @ queries).squeeze(2) / self.temperature  # (b, c)
        targets = self.targets[share.own].to(outputs.device)
        return F.kl_div(scores.log_softmax(1), targets, reduction="batchmean")


def drop_tokens(ids: Sequence[list[int]], share: float, rng: np.random.Generator) -> Ids:
    """Leave out this share of each text's tokens at random, but for the first and the last.

    Source: token cut-off, Shen et al., "A Simple but Tough-to-Beat Data Augmentation Approach
    for Natural Language Understanding and Generation", 2020.
    """
    return [
        [*row[:1], *(t for t in row[1:-1] if rng.random() >= share), *row[1:][-1:]] for row in ids
    ]
