"""Forward and backward over the texts of a step: all at once, or a chunk at a time.

At once, texts run in a few groups of like length, so that less is padded. A chunk at a time,
the outputs are computed without gradients, the loss is taken, and each chunk runs again to pass
its part of the gradient back: memory depends on the chunk, not on the batch. The results are
the same.

Source: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup"
(GradCache), RepL4NLP 2021. Knows outputs and their gradients; knows no optimizer.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from corank.language.objectives import Objective, Rows, Share, Texts, drop_tokens
from corank.language.processes import alone, gather, generators, seed_step, set_generators
from corank.language.tokenizer import Tokenizer

GROUPS = 2  # of like length
IGNORED = -100  # a label that torch's cross-entropy leaves out


class Passes:
    """Adds a step's gradients to the model's parameters.

    Args:
        accelerator, model: as `accelerate` prepared them.
        objective: makes the texts and the loss.
        seed: of every draw; together with the step's number.
        chunk: texts at a time; 0 for all at once.
        drop: share of the tokens left out at random.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        objective: Objective,
        *,
        seed: int,
        chunk: int,
        drop: float,
    ) -> None:
        self.accelerator, self.model, self.objective = accelerator, model, objective
        self.seed, self.chunk, self.drop = seed, chunk, drop

    def __call__(self, rows: Rows, step: int) -> Tensor:
        """Run the examples of a step, (passes, B); return this process's mean loss, a scalar."""
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        own = rows.shape[1] // processes
        mine = slice(process * own, (process + 1) * own)
        rng = seed_step(self.seed, step, process)
        one_pass = self._chunked if self.chunk else self._whole
        total = torch.zeros((), device=self.accelerator.device)
        for number, examples in enumerate(rows):
            share = Share(examples, mine, gather if processes > 1 else alone)
            texts = self.objective.texts(share.own, rng)
            if self.drop:
                texts = _dropped(texts, self.drop, rng)
            total += one_pass(texts, share, len(rows), last=number == len(rows) - 1)
        return total

    def _whole(self, texts: Texts, share: Share, passes: int, *, last: bool) -> Tensor:
        groups = _groups(texts, min(GROUPS, len(texts.ids)))
        with self._meeting(last):
            with self.accelerator.autocast():  # once, so that weights are cast once
                outputs = torch.cat([self._run(texts, group) for group in groups])
            loss = self.objective.loss(outputs[_back(groups)], share) / passes
            self.accelerator.backward(loss)
        return loss.detach()

    def _chunked(self, texts: Texts, share: Share, passes: int, *, last: bool) -> Tensor:
        groups = _groups(texts, -(-len(texts.ids) // self.chunk))
        device = self.accelerator.device
        states, outputs = [], []
        with torch.no_grad():
            for group in groups:
                states.append(generators(device))
                outputs.append(self._run(texts, group))
        cached = torch.cat(outputs)[_back(groups)].requires_grad_()
        loss = self.objective.loss(cached, share) / passes
        self.accelerator.backward(loss)
        assert cached.grad is not None  # noqa: S101  every loss reads the outputs
        for number, (group, state) in enumerate(zip(groups, states, strict=True)):
            set_generators(device, state)
            with self._meeting(last and number == len(groups) - 1):
                torch.autograd.backward(self._run(texts, group), cached.grad[group])
        return loss.detach()

    def _run(self, texts: Texts, group: Rows) -> Tensor:
        arrays = [*Tokenizer.pad([texts.ids[row] for row in group])]
        for more, padding in ((texts.labels, IGNORED), (texts.segments, 0)):
            if more is not None:
                arrays.append(Tokenizer.pad([more[row] for row in group], padding).ids)
        with self.accelerator.autocast():
            output: Tensor = self.model(
                *(torch.from_numpy(a).to(self.accelerator.device) for a in arrays)
            )
        return output.float()

    def _meeting(self, last: bool) -> AbstractContextManager[Any]:
        """Gradients meet across processes once a step, in its last backward pass."""
        return nullcontext() if last else self.accelerator.no_sync(self.model)


def _dropped(texts: Texts, share: float, rng: np.random.Generator) -> Texts:
    """Leave out a share of the tokens, and the labels and segments of the same ones."""
    draw = int(rng.integers(2**32))
    ids, labels, segments = (
        part and drop_tokens(part, share, np.random.default_rng(draw)) for part in texts
    )
    return Texts(ids or [], labels, segments)


def _groups(texts: Texts, count: int) -> list[Rows]:
    """Numbers of the texts, in so many groups of like length."""
    order = np.argsort([len(row) for row in texts.ids], kind="stable")
    return np.array_split(order, count)


def _back(groups: list[Rows]) -> Tensor:
    """Where each text's output stands among those of the groups."""
    return torch.from_numpy(np.argsort(np.concatenate(groups)))
