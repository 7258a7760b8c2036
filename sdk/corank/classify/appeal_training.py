"""Learn what appeals from tests of creatives: a linear head first, then the encoder under it.

Knows texts, counts and an encoder; knows nothing of items or users.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from corank.classify.appeal import Appeal, chance_of
from corank.classify.heads import Headed
from corank.classify.trials import Duels, Trials, calibrate_duels, fit_linear
from corank.compress.export import PROBED, text_encoder
from corank.config import check_ranges
from corank.errors import DataError
from corank.evaluate.probability import log_loss
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.objectives import ClickShares
from corank.language.options import TrainerConfig
from corank.language.tokenizer import Tokenizer, embed
from corank.language.trainer import Run, train

FEWEST = 4  # tests: with fewer nothing can be learned and checked


@dataclass(frozen=True, kw_only=True)
class AppealConfig(TrainerConfig):
    """How appeal is learned; see `TrainerConfig` for the fields of any training.

    An example is a test, so that a batch holds all arms of ``batch_size`` tests.

    Args:
        full_weight: a test with this many clicks counts 1, with fewer in proportion: chance
            decides small ones, and large ones should not drown the others.
        l2: pulls the weights of the linear head towards 0, before the encoder is tuned and after.
        holdout: share of the tests that say how sure a difference is; 0 leaves that to the model.
    """

    epochs: int = 2
    batch_size: int = 16
    learning_rate: float = 1e-4
    head_factor: float = 20.0
    max_tokens: int = 64
    dropout: float = 0.1
    full_weight: int = 200
    l2: float = 1e-3
    holdout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_1=("full_weight",), at_least_0=("l2",), share=("holdout",))


def fit_appeal(
    texts: Sequence[str],
    trials: Trials,
    config: AppealConfig | None = None,
    *,
    encoder: EncoderConfig | Encoder | None = None,
    seed: int = 0,
    run: Run | None = None,
) -> Appeal:
    """Learn from tests of texts; return a model that needs no torch.

    Args:
        texts: of each arm, (n,).
        trials: what happened to them, (n,). A test without clicks, or with one arm that was
            shown, says nothing and is left out.
        config: how; 0 epochs leave the encoder as it is.
        encoder: what to start from; one that is given loaded is changed.
        seed: of the tests held out and of all else that is random.
        run: where checkpoints go.

    Raises:
        DataError: lengths differ, or fewer than four tests say something.
        TrainingError, ConfigError: see `corank.language.trainer.train`.
    """
    config = config or AppealConfig()
    if len(texts) != len(trials.clicks):
        raise DataError(f"{len(texts):,} texts came with {len(trials.clicks):,} arms.")
    telling = np.flatnonzero(trials.informative())
    if len(telling) < FEWEST:
        raise DataError(
            f"{len(telling)} tests have a click and two arms that were shown; at least {FEWEST} "
            "are needed. Bring more tests."
        )
    model = encoder if isinstance(encoder, Encoder) else Encoder.load(encoder)
    telling = np.random.default_rng(seed).permutation(telling)
    held, learn = np.split(telling, [max(round(len(telling) * config.holdout), 1)])
    if not config.holdout:
        held, learn = telling[:0], telling
    seen, arms = trials.take(learn)
    prompted = [model.config.passage_prompt + text for text in texts]
    max_tokens = min(config.max_tokens, model.tokenizer.max_tokens)
    tokenizer = Tokenizer(model.tokenizer.backend, max_tokens)

    def vectors(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return embed((prompted[row] for row in rows), tokenizer, model.run, dim=model.dim)

    def linear() -> NDArray[np.float64]:
        return fit_linear(vectors(arms), seen, full_weight=config.full_weight, l2=config.l2)

    weights = linear()
    if config.epochs:
        head = nn.Linear(model.dim, 1, bias=False)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weights)[None])
        objective = ClickShares(
            tokenizer.encode([prompted[arm] for arm in arms]),
            seen.offsets,
            seen.clicks,
            seen.impressions,
            full_weight=config.full_weight,
        )
        train(Headed(model, head), objective, config, seed=seed, run=run, name="learning appeal")
        weights = head.weight.numpy(force=True)[0].astype(np.float64)
    asked, arms_held = trials.take(held)
    scores, duels = vectors(arms_held) @ weights, asked.duels()
    margins, chances = calibrate_duels(scores, duels)
    appeal = Appeal(
        text_encoder(model, prompted[:PROBED]),
        weights.astype(np.float32),
        margins,
        chances,
        {"tests": len(learn), "fit": asdict(config), "seed": seed},
    )
    if len(duels.won):
        ahead = scores[duels.first] - scores[duels.second]
        test = np.repeat(np.arange(len(held)), np.diff(asked.offsets))
        crossed = crossed_chances(scores, duels, test)
        appeal.about["held out"] = {
            "pairs": len(duels.won),
            "accuracy": float(((ahead > 0) == duels.won).mean()),
            "log loss": log_loss(duels.won, crossed),
        }
    return appeal


def crossed_chances(
    scores: NDArray[np.float64], duels: Duels, test: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the chance of each duel, (m,), calibrated without the half of the tests it is in.

    Args:
        scores: of each arm, (n,).
        duels: between them.
        test: number of the test of each arm, (n,).
    """
    half = test[duels.first] % 2
    found = np.empty(len(half))
    for here in (half == 0, half == 1):
        asked = duels.only(here)
        margin = scores[asked.first] - scores[asked.second]
        found[here] = chance_of(margin, *calibrate_duels(scores, duels.only(~here)))
    return found
