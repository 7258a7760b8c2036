"""Domain pre-training: masked-language modelling on a domain's own text.

Texts are packed into sequences of one length, so nothing is padded, and whole words are masked.
A sentence encoder has no language-model head any more, so a head is first trained alone, on the
frozen encoder: "before" is what that head predicts from the encoder as it came, and only what
the encoder then gains counts as adaptation.

Sources: Gururangan et al., "Don't Stop Pretraining", ACL 2020; masking, Devlin et al., "BERT",
NAACL 2019, whole words as in its later release. Knows texts; knows nothing of their use.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from corank.errors import ConfigError, DataError
from corank.language.encoder import Encoder
from corank.language.objectives import Objective, Rows, Share, Texts
from corank.language.options import TrainerConfig
from corank.language.passes import IGNORED
from corank.language.tokenizer import CHUNK, Tokenizer
from corank.language.trainer import History, Run, train


@dataclass(frozen=True, kw_only=True)
class AdaptConfig(TrainerConfig):
    """How the encoder reads a domain; see `TrainerConfig` for the fields of any training.

    Args:
        max_tokens: length of a packed sequence.
        masked: share of the tokens to predict.
        replay: sequences of general text for each of the domain, where general text is given:
            it keeps the encoder from forgetting.
        holdout: share of the texts on which perplexity is measured.
        head_steps, head_rate: steps that train the head alone, and their peak rate.
    """

    epochs: int = 1
    batch_size: int = 16
    max_tokens: int = 128
    learning_rate: float = 1e-4
    checks: int = 4
    patience: int = 2
    masked: float = 0.15
    replay: float = 0.25
    holdout: float = 0.05
    head_steps: int = 200
    head_rate: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adapter == "prompt":
            raise ConfigError(
                "adapter='prompt' opens texts with virtual tokens, and packed sequences are no "
                "texts. Use adapter='lora', 'ia3' or 'none' to read a domain."
            )


class Adaptation(NamedTuple):
    """What domain pre-training did to the perplexity of held-out text (lower is better)."""

    before: float
    after: float
    sequences: int  # that were trained on, replayed ones included
    history: History

    @property
    def fall(self) -> float:
        """Share of the perplexity that is gone, below 0 where it rose."""
        return 1 - self.after / self.before


class Packed(NamedTuple):
    """Sequences of one length, and which word each token belongs to."""

    ids: list[list[int]]
    words: list[NDArray[np.int64]]  # -1 for special tokens


class MaskedLM(nn.Module):
    """An encoder's transformer with a language-model head, tied to its embeddings."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.body = encoder.model
        self.transform = nn.Linear(encoder.width, encoder.width)
        self.norm = nn.LayerNorm(encoder.width)
        self.bias = nn.Parameter(torch.zeros(len(self.embeddings)))
        nn.init.eye_(self.transform.weight)
        nn.init.zeros_(self.transform.bias)

    @property
    def embeddings(self) -> Tensor:
        """The token vectors, (vocabulary, dim)."""
        weight: Tensor = self.body.get_input_embeddings().weight  # type: ignore[assignment]
        return weight

    def forward(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """Map ids, mask and labels, all (b, t), to (b, 2): summed loss, and how many were asked."""
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        asked = labels != IGNORED
        hidden = self.norm(F.gelu(self.transform(states[asked])))  # (m, dim)
        logits = F.linear(hidden, self.embeddings, self.bias)
        loss = F.cross_entropy(logits.float(), labels[asked], reduction="none")
        row = asked.nonzero()[:, 0]
        total = torch.zeros(len(ids), device=loss.device).index_add(0, row, loss)
        return torch.stack([total, asked.sum(1).to(total.dtype)], dim=1)


class MaskedWords(Objective):
    """Predict whole words that are hidden: 80% masked, 10% replaced, 10% left as they are."""

    def __init__(self, packed: Packed, share: float, mask_id: int, vocabulary: int) -> None:
        super().__init__(len(packed.ids), *packed.ids)
        self.packed, self.share, self.mask_id = packed, share, mask_id
        self.vocabulary = vocabulary

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        masked = [self._mask(row, rng) for row in rows]
        return Texts([ids for ids, _ in masked], [labels for _, labels in masked])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        return outputs[:, 0].sum() / outputs[:, 1].sum().clamp(min=1)

    def _mask(self, row: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        ids, words = np.array(self.packed.ids[row]), self.packed.words[row]
        count = np.bincount(words[words >= 0])  # tokens of each word
        order = rng.permutation(len(count))
        budget = max(self.share * count.sum(), 1)
        chosen = order[np.cumsum(count[order]) - count[order] < budget]
        hidden = np.isin(words, chosen) & (words >= 0)
        labels = np.where(hidden, ids, IGNORED)
        fate = rng.random(len(count))[np.maximum(words, 0)]  # one for all tokens of a word
        ids = np.where(hidden & (fate < 0.8), self.mask_id, ids)
        random = rng.integers(self.vocabulary, size=len(ids))
        ids = np.where(hidden & (fate >= 0.8) & (fate < 0.9), random, ids)
        return ids.tolist(), labels.tolist()


def adapt(
    encoder: Encoder,
    texts: Sequence[str],
    config: AdaptConfig | None = None,
    *,
    general: Sequence[str] = (),
    seed: int = 0,
    run: Run | None = None,
) -> Adaptation:
    """Pre-train an encoder on a domain's text, in place; return what it did to perplexity.

    Args:
        encoder: is changed.
        texts: the domain's, in any order.
        config: how.
        general: text of no domain, mixed in against forgetting.
        seed: of everything that is random, also of the held-out texts.
        run: where checkpoints go.

    Raises:
        ConfigError: the tokenizer has no mask token.
        DataError: too little text to fill one sequence and hold another out.
        TrainingError: see `corank.language.trainer.train`.
    """
    config = config or AdaptConfig()
    backend = encoder.tokenizer.backend
    mask_id = next((i for t in ("[MASK]", "<mask>") if (i := backend.token_to_id(t))), None)
    if mask_id is None:
        raise ConfigError("The tokenizer has no mask token: it cannot learn by masked words.")
    length = min(config.max_tokens, encoder.tokenizer.max_tokens)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(texts))
    n_held = round(len(texts) * config.holdout)
    held = pack((texts[i] for i in order[:n_held]), encoder.tokenizer, length)
    domain = pack((texts[i] for i in order[n_held:]), encoder.tokenizer, length)
    if not held.ids or not domain.ids:
        raise DataError(
            f"{len(texts):,} texts fill {len(domain.ids)} sequences of {length} tokens and "
            f"{len(held.ids)} held-out ones; one of each is the least. Bring more text."
        )
    wanted = round(config.replay * len(domain.ids))
    replayed = pack(general, encoder.tokenizer, length, at_most=wanted)
    packed = Packed(domain.ids + replayed.ids, domain.words + replayed.words)
    size = backend.get_vocab_size()
    objective = MaskedWords(packed, config.masked, mask_id, size)
    asked = MaskedWords(held, config.masked, mask_id, size).texts(
        np.arange(len(held.ids)), np.random.default_rng(seed)
    )
    torch.manual_seed(seed)
    model = MaskedLM(encoder)
    head = replace(
        config,
        epochs=1,
        learning_rate=config.head_rate,
        frozen_layers=0,
        patience=0,
        average=0.0,
        adapter="none",
        base_8bit=False,
    )
    few = slice(config.head_steps * config.batch_size * config.accumulate)
    shuffled = rng.permutation(len(packed.ids))[few]
    encoder.requires_grad_(False)
    some = Packed([packed.ids[i] for i in shuffled], [packed.words[i] for i in shuffled])
    train(
        model,
        MaskedWords(some, config.masked, mask_id, size),
        head,
        seed=seed,
        run=run and Run(run.folder / "head", run.resume),
        name="training the head",
    )
    encoder.requires_grad_(True)
    before = perplexity(model, asked, config.batch_size)
    history = train(
        model,
        objective,
        config,
        seed=seed,
        metric=lambda: -perplexity(model, asked, config.batch_size),
        run=run and Run(run.folder / "body", run.resume),
        name="reading the domain",
    )
    after = perplexity(model, asked, config.batch_size)
    return Adaptation(before, after, len(packed.ids), history)


def pack(
    texts: Iterable[str], tokenizer: Tokenizer, length: int, *, at_most: int | None = None
) -> Packed:
    """Put texts one after another and cut them to sequences of exactly ``length`` tokens.

    Args:
        texts: read lazily; texts are parted by the separator that ends each.
        tokenizer: its special tokens open and close every sequence.
        length: tokens of a sequence, special ones included.
        at_most: stop after so many sequences.
    """
    opening, closing = tokenizer.ends
    room = length - len(opening) - len(closing)
    packed = Packed([], [])
    ids: list[int] = []
    words: list[int] = []
    first = 0
    texts = iter(texts)
    whole = Tokenizer(tokenizer.backend, 1 << 30)
    while chunk := list(islice(texts, CHUNK)):
        for encoding in whole.backend.encode_batch(chunk, add_special_tokens=False):
            ids += [*encoding.ids, *closing]
            words += [first + (word or 0) for word in encoding.word_ids]
            words += [-1] * len(closing)
            first += len(encoding.ids) + 1  # no word of the next text has the same number
            while len(ids) >= room:
                if at_most is not None and len(packed.ids) >= at_most:
                    return packed
                packed.ids.append([*opening, *ids[:room], *closing])
                edge = [-1] * len(opening), [-1] * len(closing)
                packed.words.append(_renumber([*edge[0], *words[:room], *edge[1]]))
                ids, words = ids[room:], words[room:]
    return packed


def _renumber(words: list[int]) -> NDArray[np.int64]:
    """Number the words of a sequence from 0; -1 stays."""
    found = np.array(words, np.int64)
    _, number = np.unique(found[found >= 0], return_inverse=True)
    found[found >= 0] = number
    return found


@torch.inference_mode()
def perplexity(model: MaskedLM, texts: Texts, batch_size: int) -> float:
    """Return exp of the mean loss per hidden token."""
    assert texts.labels is not None  # noqa: S101  MaskedWords makes them
    device = model.bias.device
    model.eval()
    total = torch.zeros(2, dtype=torch.float64)
    for start in range(0, len(texts.ids), batch_size):
        rows = slice(start, start + batch_size)
        batch = Tokenizer.pad(texts.ids[rows])
        labels = Tokenizer.pad(texts.labels[rows], IGNORED).ids
        arrays = (batch.ids, batch.mask, labels)
        total += model(*(torch.from_numpy(a).to(device) for a in arrays)).sum(0).double().cpu()
    return math.exp(float(total[0] / total[1].clamp(min=1)))
