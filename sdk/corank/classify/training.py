"""Train a classifier from the encoder: end to end, or by pairs where labels are few.

With many labels, a linear head is fitted on the frozen vectors by scikit-learn, then head and
encoder are tuned together. With few, texts of one class are pulled together first (contrastive
pairs), and the head is fitted on the tuned vectors: a pair is an example, so ten labelled texts
make many. Held-out texts then choose the temperature of the probabilities and the threshold
below which it abstains.

Sources: few labels, Tunstall et al., "Efficient Few-Shot Learning Without Prompts" (SetFit),
2022; out-of-scope texts taught as uncertain, Hendrycks et al., "Deep Anomaly Detection with
Outlier Exposure", ICLR 2019; temperature, Guo et al., "On Calibration of Modern Neural
Networks", ICML 2017. Knows texts and classes; knows nothing of items or users.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import scipy.optimize
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from corank.classify.classifier import Classifier
from corank.compress.export import text_encoder
from corank.errors import DataError
from corank.evaluate.selective import abstain_threshold
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.objectives import Classification, Contrastive
from corank.language.pairs import Pairs
from corank.language.tokenizer import Tokenizer, embed
from corank.language.trainer import Run, TrainerConfig, train

FEW = 20  # texts per class, in the middle; with fewer, pairs beat end-to-end tuning
NEVER = 2.0  # a threshold that no probability reaches
PROBE = 16  # texts on which the exported encoder is compared with torch


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(TrainerConfig):
    """How a classifier is trained; see `TrainerConfig` for the fields of any training.

    Args:
        mode: ``full`` tunes head and encoder together, ``few`` learns from pairs; ``auto`` takes
            ``few`` where the middle class has fewer than 20 texts.
        smoothing: of the labels, in ``full``.
        temperature: divides the cosines of pairs, in ``few``.
        pairs: for each text and epoch, in ``few``.
        inverse_l2: of the scikit-learn head (its ``C``).
        holdout: share of the texts that choose temperature, threshold and the epoch; 0 leaves
            probabilities as they are, and it never abstains.
        answer_precision: the threshold is the lowest at which this share of the answers given
            to held-out texts is right. Where none is, it abstains always.
        answer_level: ask for that precision with this confidence over the draw of the held-out
            texts, which takes a few hundred of them; None takes the share as it is.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 1e-4
    max_tokens: int = 64
    dropout: float = 0.1
    mode: Literal["auto", "full", "few"] = "auto"
    smoothing: float = 0.1
    temperature: float = 0.1
    pairs: int = 4
    inverse_l2: float = 30.0
    holdout: float = 0.1
    answer_precision: float = 0.95
    answer_level: float | None = None


class Headed(nn.Module):
    """An encoder with a linear head: token ids to logits."""

    def __init__(self, encoder: Encoder, head: nn.Linear) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map ids and mask, both (b, t), to logits (b, n_classes)."""
        logits: Tensor = self.head(self.encoder(ids, mask))
        return logits


def fit_classifier(
    texts: Sequence[str],
    labels: Sequence[str | None],
    config: ClassifierConfig | None = None,
    *,
    encoder: EncoderConfig | Encoder | None = None,
    targets: NDArray[np.float64] | None = None,
    seed: int = 0,
    run: Run | None = None,
) -> Classifier:
    """Train on labelled texts; return a classifier that needs no torch.

    Args:
        texts: (n,).
        labels: (n,) class names. None marks a text that belongs to no class: it teaches
            uncertainty, and counts as a wrong answer where the threshold is chosen.
        config: how.
        encoder: what to start from; one that is given loaded is changed.
        targets: (n, n_classes) probabilities of the sorted classes, such as a label model gives,
            to learn from in place of the labels' certainty; in ``full`` only.
        seed: of everything that is random.
        run: where checkpoints go.

    Raises:
        DataError: fewer than two classes, a class with a single text, or lengths that differ.
        TrainingError, ConfigError: see `corank.language.trainer.train`.
    """
    config = config or ClassifierConfig()
    classes, y = _numbered(texts, labels)
    model = encoder if isinstance(encoder, Encoder) else Encoder.load(encoder)
    learn, held = _divide(y, config.holdout, seed)
    few = config.mode == "few" or (config.mode == "auto" and _middle(y) < FEW)
    max_tokens = min(config.max_tokens, model.tokenizer.max_tokens)
    tokenizer = Tokenizer(model.tokenizer.backend, max_tokens)
    prompted = [model.config.passage_prompt + text for text in texts]
    ids = tokenizer.encode(prompted)
    known = learn[y[learn] >= 0]

    def vectors(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return embed([prompted[row] for row in rows], tokenizer, model.run, dim=model.dim)

    if few:
        pairs = _class_pairs(y[known], config.pairs, seed)
        objective = Contrastive([ids[row] for row in known], pairs, temperature=config.temperature)
        train(model, objective, config, seed=seed, run=run, name="tuning by pairs")
    head = _logistic(vectors(known), y[known], len(classes), config.inverse_l2)
    if not few:
        headed = Headed(model, head)
        taught = _targets(y, len(classes)) if targets is None else targets
        chosen = held[y[held] >= 0]

        def accuracy() -> float:
            logits = _linear(head, vectors(chosen))
            return float((logits.argmax(1) == y[chosen]).mean())

        train(
            headed,
            Classification(
                [ids[row] for row in learn],
                taught[learn].astype(np.float32),
                smoothing=config.smoothing,
            ),
            config,
            seed=seed,
            metric=accuracy if len(chosen) else None,
            run=run,
            name="tuning classifier",
        )
    logits = _linear(head, vectors(held))
    temperature, threshold, measured = _calibrate(logits, y[held], config)
    return Classifier(
        text_encoder(model, prompted[:PROBE]),
        classes,
        head.weight.detach().numpy().T.copy(),
        head.bias.detach().numpy().copy(),
        temperature,
        threshold,
        {
            "mode": "few" if few else "full",
            "texts": len(texts),
            "fit": asdict(config),
            "encoder": asdict(model.config),
            "seed": seed,
            "held out": measured,
        },
    )


def _numbered(
    texts: Sequence[str], labels: Sequence[str | None]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the sorted classes, and each text's, -1 where it has none."""
    if len(texts) != len(labels):
        raise DataError(f"{len(texts):,} texts came with {len(labels):,} labels.")
    count = Counter(label for label in labels if label is not None)
    if len(count) < 2:
        raise DataError(
            f"A classifier tells classes apart; the labels hold {len(count)}: "
            f"{', '.join(count) or 'none'}. Bring texts of at least two."
        )
    single = sorted(name for name, n in count.items() if n == 1)
    if single:
        raise DataError(
            f"Class {single[0]!r} has a single text ({len(single)} such classes): it cannot be "
            "learned and checked too. Bring at least two of each, or leave the class out."
        )
    if sum(label is None for label in labels) == 1:
        raise DataError(
            "A single text belongs to no class: it cannot be learned and checked too. Bring at "
            "least two such texts, or none."
        )
    number = {name: i for i, name in enumerate(sorted(count))}
    y = [-1 if label is None else number[label] for label in labels]
    return tuple(number), np.array(y, np.int64)


def _middle(y: NDArray[np.int64]) -> float:
    return float(np.median(np.bincount(y[y >= 0])))


def _divide(
    y: NDArray[np.int64], holdout: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows to learn from and rows held out, each class in its share."""
    rows = np.arange(len(y))
    if not holdout:
        return rows, rows[:0]
    n = max(round(len(y) * holdout), len(np.unique(y)))
    learn, held = train_test_split(rows, test_size=n, stratify=y, random_state=seed)
    return np.sort(learn), np.sort(held)


def _targets(y: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """One-hot rows; uniform where a text belongs to no class."""
    return np.where(y[:, None] < 0, 1 / n_classes, np.arange(n_classes) == y[:, None])


def _class_pairs(y: NDArray[np.int64], per_text: int, seed: int) -> Pairs:
    """Pair each text with others of its class, or itself where it is alone.

    All of its class are known to be alike.
    """
    rng = np.random.default_rng(seed)
    anchors = np.repeat(np.arange(len(y)), per_text)
    members = [np.flatnonzero(y == one) for one in range(y.max() + 1)]
    others = [members[y[a]][members[y[a]] != a] for a in range(len(y))]
    other = np.array([rng.choice(others[a]) if len(others[a]) else a for a in anchors])
    belongs = sp.csr_array((np.ones(len(y), np.bool_), (np.arange(len(y)), y)))
    frequency = np.bincount(other, minlength=len(y)) / len(other)
    return Pairs(anchors, other, sp.csr_array(belongs @ belongs.T), frequency)


def _logistic(
    vectors: NDArray[np.float32], y: NDArray[np.int64], n_classes: int, inverse_l2: float
) -> nn.Linear:
    """Fit a linear head on vectors, (n, dim)."""
    fitted = LogisticRegression(C=inverse_l2, max_iter=1_000).fit(vectors, y)
    weight, bias = fitted.coef_, fitted.intercept_
    if n_classes == 2:  # scikit-learn keeps one row of logits for two classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    head = nn.Linear(vectors.shape[1], n_classes)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))
    return head


def _linear(head: nn.Linear, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    weight, bias = (p.detach().cpu().numpy().astype(np.float64) for p in head.parameters())
    return np.asarray(vectors @ weight.T + bias)


def _calibrate(
    logits: NDArray[np.float64], y: NDArray[np.int64], config: ClassifierConfig
) -> tuple[float, float, dict[str, Any]]:
    """Choose temperature and threshold on held-out texts; say what was measured there."""
    scope = y >= 0
    if not scope.any():
        return 1.0, 0.0, {}

    # As if one more text were wrong (Platt 1999): held-out texts that are all right promise much,
    # not everything.
    n, k = scope.sum(), logits.shape[1]
    wrong = 1 / (n + 2)
    target = np.where(np.arange(k) == y[scope, None], 1 - wrong, wrong / (k - 1))

    def loss(log_temperature: float) -> float:
        log_p = log_softmax(logits[scope] / np.exp(log_temperature), axis=1)
        return -float((target * log_p).sum(1).mean())

    found = scipy.optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded")
    temperature = float(np.exp(found.x))
    probabilities = softmax(logits / temperature, axis=1)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == y
    chosen = abstain_threshold(
        confidence, right, config.answer_precision, level=config.answer_level
    )
    return (
        temperature,
        min(chosen.threshold, NEVER),
        {
            "texts": len(y),
            "accuracy": float(right[scope].mean()),
            "log loss": -float(np.log(probabilities[scope, y[scope]]).mean()),
            "answered": chosen.coverage,
            "precision of answers": chosen.precision if chosen.coverage else None,
        },
    )
