"""What a bank reads: the sentiment of financial news, and what a customer wants.

Each way to learn that is named here is the one that the benchmarks measure, on Financial PhraseBank
and on Banking77: ``python -m benchmarks accuracy --vertical finance``.

    news = fit_news(sentences, sentiments)            # with labels
    news = fit_news(*voted(sentences))                # with none: labelling functions alone
    intents = fit_intents(messages, wanted)           # None: a message that no intent fits
    news.predict(["Operating profit rose to EUR 13.1 mn."])

Knows options; how a classifier learns is in `corank.classify.training`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.label_model import LabelModel, vote_classes
from corank.errors import DataError
from corank_finance.sentiment import SENTIMENT_FUNCTIONS

if TYPE_CHECKING:
    from corank.classify.classifier import Classifier
    from corank.language.encoder import Encoder, EncoderConfig

SENTIMENTS = ("negative", "neutral", "positive")
NEWS: dict[str, Any] = {"epochs": 3, "dropout": 0.0, "smoothing": 0.0, "holdout": 0.0}
"""Options of a classifier of news, in which chances say how far annotators agreed."""
NEWS_VOTED: dict[str, Any] = NEWS | {"epochs": 1}
"""The same where labelling functions voted: what they all get wrong is learned too, and first."""
INTENTS: dict[str, Any] = {"adversarial": 0.5}
"""Options of a classifier of intents."""


class Voted(NamedTuple):
    """What labelling functions say of texts that any of them votes on."""

    texts: list[str]
    sentiments: list[str]  # the likeliest
    chances: NDArray[np.float64]  # (n, 3), in the order of `SENTIMENTS`


def voted(texts: Sequence[str]) -> Voted:
    """Return what `corank_finance.sentiment`'s functions say, weighed by how they agree.

    Raises:
        DataError: none votes on any text.
    """
    table = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})
    votes = vote_classes(SENTIMENT_FUNCTIONS, table, SENTIMENTS)
    told = np.flatnonzero((votes >= 0).any(axis=1))
    if not len(told):
        raise DataError(
            f"No labelling function votes on any of the {len(texts)} texts. They know how "
            "companies report: profits, sales, orders, what rises and what falls."
        )
    chances = LabelModel.fit(votes, len(SENTIMENTS)).predict_proba(votes)[told]
    likeliest = [SENTIMENTS[row] for row in chances.argmax(axis=1).tolist()]
    return Voted([texts[row] for row in told.tolist()], likeliest, chances)


def fit_news(
    texts: Sequence[str],
    sentiments: Sequence[str],
    chances: NDArray[np.float64] | None = None,
    *,
    options: dict[str, Any] | None = None,
    encoder: "EncoderConfig | Encoder | None" = None,
    seed: int = 0,
) -> "Classifier":
    """Learn the sentiment of financial news.

    Args:
        texts: sentences.
        sentiments: negative, neutral or positive, of each.
        chances: (n, 3), how far annotators or labelling functions agreed on each; None: entirely.
        options: of `corank.ClassifierConfig`, in place of some of `NEWS`.
        encoder: what to start from.
        seed: of everything that is random.

    Raises:
        DataError, ConfigError, TrainingError: see `corank.fit_classifier`.
    """
    from corank.classify.training import ClassifierConfig, fit_classifier

    config = ClassifierConfig(**NEWS | (options or {}))
    if chances is not None:  # of what nobody says most of any text, nothing can be learned
        chances = chances[:, [name in {*sentiments} for name in SENTIMENTS]]
        chances = chances / chances.sum(axis=1, keepdims=True)
    return fit_classifier(texts, sentiments, config, encoder=encoder, targets=chances, seed=seed)


def fit_intents(
    texts: Sequence[str],
    intents: Sequence[str | None],
    *,
    options: dict[str, Any] | None = None,
    encoder: "EncoderConfig | Encoder | None" = None,
    seed: int = 0,
) -> "Classifier":
    """Learn what customers want; arguments as `fit_news`, options in place of some of `INTENTS`."""
    from corank.classify.training import ClassifierConfig, fit_classifier

    config = ClassifierConfig(**INTENTS | (options or {}))
    return fit_classifier(texts, intents, config, encoder=encoder, seed=seed)
