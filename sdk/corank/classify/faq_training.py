"""Fit a `Faq` from its entries and the questions that people asked."""

import polars as pl

from corank.classify.faq import Faq, check_entries
from corank.classify.material import Labelled
from corank.classify.training import ClassifierConfig, fit_classifier
from corank.errors import DataError, nearest
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.trainer import Run


def fit_faq(
    entries: pl.DataFrame,
    asked: Labelled,
    config: ClassifierConfig | None = None,
    *,
    encoder: EncoderConfig | Encoder | None = None,
    validation: Labelled | None = None,
    seed: int = 0,
    run: Run | None = None,
) -> Faq:
    """Learn which entry answers which question.

    Args:
        entries: columns as `corank.classify.faq.Entry`.
        asked: questions as people asked them, and the id of the entry that answers each; None
            where none does, which teaches what not to answer.
        config: how, and how often an answer that is given has to be right (``answer_precision``).
        encoder: what to start from.
        validation: questions that choose the threshold, in place of a share of ``asked``.
        seed: of everything that is random.
        run: where checkpoints go.

    Raises:
        DataError: an entry cannot be used, or a question names one that is not there.
        ConfigError, TrainingError: see `fit_classifier`.
    """
    entries = check_entries(entries)
    known = set(entries["item_id"])
    for label in [*asked.labels, *(validation.labels if validation else ())]:
        if label is not None and label not in known:
            raise DataError(
                f"A question is answered by {label!r}, which is no entry." + nearest(label, known)
            )
    if alone := sorted(known - set(asked.labels)):
        raise DataError(
            f"{len(alone)} entries are answers to no question, the first {alone[0]!r}: nobody can "
            "learn when to give them. Bring a question for each, or leave them out."
        )
    texts = [*entries["title"], *asked.texts]
    labels = [*entries["item_id"], *asked.labels]
    told = {"encoder": encoder, "validation": validation, "seed": seed, "run": run}
    return Faq(fit_classifier(texts, labels, config, **told), entries)  # type: ignore[arg-type]
