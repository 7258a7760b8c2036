"""The loss of a list: how unlike its scores' softmax is to its grades.

Sources: softmax cross-entropy over a query's candidates ranks better than judging each by itself,
Zhuang et al., "RankT5", SIGIR 2023, and Gao, Dai and Callan, "Rethink Training of BERT Rerankers
in Multi-Stage Retrieval Pipeline", ECIR 2021; targets by the gains of NDCG, Bruch, "An Alternative
Cross Entropy Loss for Learning-to-Rank", WWW 2021.
"""

import numpy as np
import torch
from torch import Tensor

from corank.language.lists import Lists, targets
from corank.language.objectives import Objective, Rows, Share, Texts
from corank.language.pair_tokens import PairTokens


class Listwise(Objective):
    """Give each list's better documents the higher scores.

    Args:
        pairs: of every list's query with each of its documents, list after list, (n x size).
        lists: what they are and how good, of which at least one document is above grade 0.
    """

    def __init__(self, pairs: PairTokens, lists: Lists) -> None:
        super().__init__(len(lists.queries), *lists, *pairs.ids)
        self.pairs, self.size = pairs, lists.documents.shape[1]
        self.targets = torch.from_numpy(targets(lists.grades))  # (n, size)

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        """Every pair of these lists."""
        own = (rows[:, None] * self.size + np.arange(self.size)).ravel()
        ids, segments = ([part[pair] for pair in own] for part in self.pairs)
        return Texts(ids, segments=segments)

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        """Cross-entropy of the softmax over a list, mean over lists."""
        scores = outputs.view(-1, self.size)  # (b, size)
        targets = self.targets[share.own].to(outputs.device)
        return -(targets * scores.log_softmax(1)).sum(1).mean()
