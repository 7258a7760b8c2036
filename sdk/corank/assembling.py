"""All of an engine but its encoder, fitted: signals, rankers, and how sure they are.

Fitting carves the training data twice, the way the test was split off: ``validation`` chooses
settings and is never trained on; ``held`` teaches the rankers what to trust, from signals that have
not seen it.
"""

from dataclasses import asdict, replace

from corank.compress.export import PROBED, pair_scorer
from corank.compress.runtime import TextEncoder
from corank.data.dataset import Dataset
from corank.data.text import render
from corank.engine import Engine
from corank.errors import DataError
from corank.fitting import (
    FitConfig,
    Watch,
    learn_fading,
    learn_signals,
    model_alone,
    shared_signals,
)
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import EncoderConfig
from corank.rank.fusion import suited
from corank.recommending import Lessons, fit_chances_of, fit_newcomers, fit_recommender
from corank.searching import fit_reader, fit_searcher, fit_sureness, what_is_read
from corank.vertical import Vertical


def assembled(
    vertical: Vertical,
    start: EncoderConfig,
    train: Dataset,
    encoder: TextEncoder,
    config: FitConfig,
    watch: Watch | None = None,
    reader: CrossEncoder | None = None,
) -> Engine:
    """Fit signals and rankers around an encoder; return the engine that they make.

    Args:
        vertical: what the domain declares.
        start: what the encoder was tuned from; kept in the bundle.
        train: what to learn from.
        encoder: reads the catalogue and the queries.
        config: how.
        watch: told how good the user model is at each check.
        reader: what reads the answers of a search, if anything does.

    Raises:
        DataError: too little is left to train on.
    """
    _, histories = train.sequences()
    config = replace(config, user_model=suited(config.user_model, histories))
    fit, validation = train.carve()
    base, held = fit.rehearse()
    only_searched = train.interactions.is_empty() and not base.queries.is_empty()
    if base.positives.is_empty() and not only_searched:
        raise DataError("Too few relevant events: nothing is left to train on.")
    texts = render(vertical.item_text, train.items)
    shared = shared_signals(vertical, train.items, texts, encoder, config.index)
    checks = {"seed": config.seed, "checks": config.user_model.checks}
    by_model = model_alone(validation, shared["repeatable"], watch, **checks)
    signals, share = learn_signals(fit, shared, config, by_model)
    fading = learn_fading(signals, validation, config.seed)
    signals = fading.to(signals)
    early, _ = learn_signals(base, shared, config, share=share, fading=fading)
    searcher, relevance = fit_searcher(early, encoder, held, validation, config)
    second = None
    if reader:
        read = what_is_read(train.items, texts, config)
        probe = read.head(PROBED).to_list()
        second = fit_reader(
            pair_scorer(reader, probe[::-1], probe),
            searcher, early, encoder, read, held, validation, config,
        )  # fmt: skip
    lessons = Lessons(early, signals, encoder, held, validation)
    recommender, check = fit_recommender(lessons, config)
    return Engine(
        vertical=vertical,
        items=train.items,
        encoder=encoder,
        signals=signals,
        recommender=recommender,
        newcomers=fit_newcomers(lessons, config),
        chances=fit_chances_of(recommender, check, lessons, config),
        searcher=searcher,
        reader=second,
        relevance=relevance,
        confidence=fit_sureness(searcher, early, encoder, held, validation, config),
        per_retriever=config.ranker.per_retriever,
        about={
            "protocol": asdict(train.protocol) if train.protocol else None,
            "encoder": asdict(start),
            "fit": asdict(config),
            "padding waste": round(encoder.padding.waste, 4),
            "user model share": share,
        },
    )
