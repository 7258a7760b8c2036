"""Customer service: what is asked often is answered with its source, and nothing else is.

The sample is a bank's: entries in ``faq.csv``, and questions as customers type them in
``faq_questions.csv``, a part of which no entry answers.
"""

import polars as pl

from corank.classify.faq import Faq
from corank.classify.material import Labelled
from corank_finance.sample import folder

PRECISION = 0.95
"""Share of the answers given that have to be right."""


def questions() -> Labelled:
    """Return the sample's questions and the entry that answers each, None where none does."""
    rows = pl.read_csv(folder() / "faq_questions.csv")
    return Labelled(rows["text"].to_list(), rows["item_id"].to_list())


def entries() -> pl.DataFrame:
    """Return the sample's entries."""
    return pl.read_csv(folder() / "faq.csv")


def fit_sample(encoder: object = None, seed: int = 0) -> Faq:
    """Fit the sample's service; ``encoder`` as `corank.fit_classifier` takes it."""
    from corank.classify.faq_training import fit_faq
    from corank.classify.training import ClassifierConfig

    config = ClassifierConfig(answer_precision=PRECISION, epochs=1, pairs=2, holdout=0.2)
    return fit_faq(entries(), questions(), config, encoder=encoder, seed=seed)  # type: ignore[arg-type]
