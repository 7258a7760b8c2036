"""A cross-encoder: one transformer reads query and passage together and gives one score.

It is made from an encoder, which has never seen two texts at once. What it makes of a pair all
the same: the mean states of the two segments agree about as well as the encoder's two vectors
would. So the score starts as that agreement, with a head over the pooled state that starts at
zero: an untrained cross-encoder already ranks nearly as its encoder does, and training adds what
only the two together tell.

Source: Nogueira and Cho, "Passage Re-ranking with BERT", 2019; the start is our own. Knows torch
and transformers; knows nothing of items, users or grades.
"""

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from corank.language.encoder import Encoder, mean_state
from corank.language.pair_tokens import PairBatch, score_pairs
from corank.language.tokenizer import Tokenizer

AGREEMENT = 10.0
"""What the cosine of the segments counts for at the start; learned with the rest."""


class CrossEncoder(nn.Module):
    """Token ids of a pair to its score. Scores of one query can be compared, of two cannot.

    Args:
        encoder: what to start from; stays as it is. Its prompts are not used: the segments tell
            query and passage apart.
        max_tokens: longer pairs are cut, at the encoder's own limit at the latest.
    """

    def __init__(self, encoder: Encoder, max_tokens: int = 128) -> None:
        super().__init__()
        self.encoder = deepcopy(encoder)
        shortened = min(max_tokens, encoder.tokenizer.max_tokens)
        self.encoder.tokenizer = Tokenizer(encoder.tokenizer.backend, shortened)
        self.head = nn.Linear(encoder.width, 1, bias=False)  # a bias would not change an order
        nn.init.zeros_(self.head.weight)
        self.agreement = nn.Parameter(torch.tensor([AGREEMENT]))
        self.to(next(encoder.parameters()).device)
        # Some models tell segments apart by an embedding; others have none, or a single one.
        self._typed = getattr(encoder.model.config, "type_vocab_size", 0) > 1

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Map ids, mask and segments, all (b, t), to scores (b,), fp32."""
        types = {"token_type_ids": segments} if self._typed else {}
        output = self.encoder.model(input_ids=ids, attention_mask=mask, **types)
        states: Tensor = output.last_hidden_state.float()  # (b, t, dim)
        query = F.normalize(mean_state(states, mask * (1 - segments)), dim=-1)
        passage = F.normalize(mean_state(states, mask * segments), dim=-1)
        pooled = states[:, 0] if self.encoder.pooling == "cls" else mean_state(states, mask)
        agreement = (query * passage).sum(1)  # (b,)
        scores: Tensor = self.agreement * agreement + self.head(pooled).squeeze(1)
        return scores

    def score(self, queries: Sequence[str], passages: Sequence[str]) -> NDArray[np.float32]:
        """Score each query with its passage, (n,); higher is better.

        Raises:
            DataError, ConfigError: see `pair_tokens.join`.
        """
        return score_pairs(queries, passages, self.encoder.tokenizer, self.run)

    @torch.inference_mode()
    def run(self, batch: PairBatch) -> NDArray[np.float32]:
        """Score one batch of pairs, on whatever device the weights are."""
        device = self.head.weight.device
        scores: NDArray[np.float32] = (
            self(*(torch.from_numpy(array).to(device) for array in batch)).cpu().numpy()
        )
        return scores
