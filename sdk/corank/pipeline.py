"""Pipeline: the one object a team holds, from data to a bundle.

Fitting carves the training data twice, the way the test was split off: ``validation`` chooses
settings and is never trained on; ``held`` teaches the ranker what to trust, from signals that
have not seen it. What comes out is an `Engine`, and that is what is evaluated and shipped.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank import bundle
from corank.compress.export import text_encoder
from corank.compress.runtime import TextEncoder
from corank.config import from_mapping
from corank.data.dataset import Dataset
from corank.data.text import render
from corank.engine import Engine
from corank.errors import DataError, RequestError
from corank.evaluate.relevance import Qrels
from corank.evaluate.report import Report
from corank.evaluate.task import Task
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.pairs import build_pairs
from corank.language.tune import EncoderTraining, train_encoder
from corank.measure import measure
from corank.progress import bar, track
from corank.rank.ranker import Examples, Ranker, RankerConfig, fit_ranker
from corank.rank.rules import AlreadySeen, Shelf
from corank.rank.sequence import UserModelConfig, train_user_model
from corank.rank.signals import RECOMMEND, SEARCH, Signals
from corank.retrieve.cooccurrence import ease, item_knn
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import Kind, build_index
from corank.vertical import Vertical

DECAY = 0.65  # how fast a history fades in co-occurrence, text and words
TUNING_CASES = 5_000  # validation cases that decide when the user model is done
PROBE = 16  # texts on which an exported encoder is compared with torch
START_RECOMMEND = {
    "sequence_z": 0.5,
    "together_z": 0.5,
    "neighbours_z": 0.5,
    "text_z": 0.25,
    "popularity": 0.1,
}
START_SEARCH = {"words_share": 0.5, "text": 4.0}
"""Weights of the raw features where there is nothing to learn them from."""


@dataclass(frozen=True, kw_only=True)
class FitConfig(EncoderTraining):
    """Everything about fitting; the encoder's own fields are in `EncoderTraining`.

    Args:
        seed: of everything that is random.
        user_model, ranker: how those are trained.
        index: vector search; ``auto`` is exact below 50,000 items.
    """

    seed: int = 0
    user_model: UserModelConfig = field(default_factory=UserModelConfig)
    ranker: RankerConfig = field(default_factory=RankerConfig)
    index: Kind = "auto"


class Pipeline:
    """Fits a vertical's ranker, measures it, and saves it.

    Args:
        vertical: what the domain declares.
        encoder: a hub name, a local folder, or a full `EncoderConfig`.
    """

    def __init__(self, vertical: Vertical, encoder: str | EncoderConfig | None = None) -> None:
        self.vertical = vertical
        self.encoder = (
            EncoderConfig(name=encoder) if isinstance(encoder, str) else encoder or EncoderConfig()
        )
        self._engine: Engine | None = None
        self._train: Dataset | None = None

    @classmethod
    def resume(cls, engine: Engine, train: Dataset) -> "Pipeline":
        """Return the pipeline that fitted a loaded engine, to evaluate it again.

        ``train`` must be the data it was fitted on: the baselines are fitted on it.
        """
        made_by = from_mapping(EncoderConfig, cast(dict[str, Any], engine.about["encoder"]))
        pipeline = cls(engine.vertical, made_by)
        pipeline._engine, pipeline._train = engine, train
        return pipeline

    @property
    def engine(self) -> Engine:
        """What was fitted.

        Raises:
            RequestError: nothing was.
        """
        if self._engine is None:
            raise RequestError("This pipeline is not fitted. Call fit(train) first.")
        return self._engine

    def fit(self, train: Dataset, config: FitConfig | None = None) -> Engine:
        """Tune the encoder, train the user model, learn the rankers; return the engine.

        Raises:
            DataError: the data is too small to carve validation data from.
        """
        config = config or FitConfig()
        fit, validation = train.carve()
        base, held = fit.rehearse()
        if base.positives.is_empty():
            raise DataError("Too few relevant events: nothing is left to train on.")
        texts = render(self.vertical.item_text, train.items)
        encoder = self._tune_encoder(base, texts, config)
        with bar() as bars:
            task = bars.add_task("encoding items", total=len(texts))
            vectors = encoder.encode_items(texts, progress=lambda n: bars.advance(task, n))
        words = BM25.build(texts.to_list())
        shared = {
            "text_vectors": vectors,
            "text_index": build_index(vectors, config.index),
            "bm25": words,
            "log_price": _log_price(train.items, self.vertical.price),
            "repeatable": _repeatable(self.vertical, train.items, vectors),
            "decay": DECAY,
        }
        signals, share = self._signals(fit, shared, config, validation)
        early, _ = self._signals(base, shared, config, share=share)
        n = config.ranker.per_retriever
        self._engine = Engine(
            vertical=self.vertical,
            items=train.items,
            encoder=encoder,
            signals=signals,
            recommender=fit_ranker(
                tuple(RECOMMEND),
                _recommend_examples(early, held, config),
                _recommend_examples(signals, validation, config),
                config.ranker,
                start=START_RECOMMEND,
                seed=config.seed,
            ),
            searcher=_fit_searcher(early, encoder, held, validation, config),
            per_retriever=n,
            about={
                "protocol": asdict(train.protocol) if train.protocol else None,
                "encoder": asdict(self.encoder),
                "fit": asdict(config),
                "padding waste": round(encoder.padding.waste, 4),
            },
        )
        self._train = train
        return self._engine

    def evaluate(self, test: Dataset) -> Report:
        """Measure the engine and every baseline on the test side of the split.

        Raises:
            RequestError: nothing was fitted.
            DataError: the test asks nothing that could be answered.
        """
        engine = self.engine
        assert self._train is not None  # noqa: S101  set wherever the engine is
        probe = render(self.vertical.item_text, engine.items.head(PROBE)).to_list()
        frozen = text_encoder(Encoder.load(self.encoder), probe)
        return measure(engine, self._train, test, frozen=frozen)

    def save(self, path: str | Path, report: Report | None = None) -> None:
        """Write the engine, and a report about it, as one bundle (see `corank.bundle`).

        Raises:
            BundleError: the folder cannot be written.
        """
        bundle.save(self.engine, report, Path(path))

    def _tune_encoder(self, base: Dataset, texts: pl.Series, config: FitConfig) -> TextEncoder:
        """Pull texts together that people treated alike; return the encoder, exported."""
        encoder = Encoder.load(self.encoder)
        _, sequences = base.sequences()
        queries, judged = base.judged_queries()
        pairs = build_pairs(
            sequences,
            judged,
            len(texts),
            window=config.window,
            max_pairs=config.max_pairs,
            min_grade=config.min_grade,
            seed=config.seed,
        )
        passages = [self.encoder.passage_prompt + text for text in texts]
        asked = [self.encoder.query_prompt + query for query in queries]
        train_encoder(encoder, passages + asked, pairs, config, seed=config.seed)
        return text_encoder(encoder, texts.head(PROBE).to_list())

    def _signals(
        self,
        train: Dataset,
        shared: dict[str, Any],
        config: FitConfig,
        validation: Dataset | None = None,
        share: float = 1.0,
    ) -> tuple[Signals, float]:
        """Learn from these events alone; validation may choose when the user model is done."""
        _, histories = train.sequences()
        counts = train.item_counts()
        n_items = len(counts)
        validate = None
        if validation and (task := _task(validation, shared["repeatable"], config, TUNING_CASES)):
            validate = lambda model: task.mean(model.score, "ndcg@10")  # noqa: E731
        user_model, share = train_user_model(
            histories,
            shared["text_vectors"],
            counts,
            config.user_model,
            seed=config.seed,
            share=share,
            validate=validate,
        )
        signals = Signals(
            user_model=user_model,
            state_index=build_index(user_model.states, config.index),
            together=ease(histories, n_items, decay=DECAY),
            neighbours=item_knn(histories, n_items, decay=DECAY),
            counts=counts,
            recency=_recency(train.positives, counts),
            **shared,
        )
        return signals, share


def _task(
    data: Dataset, repeatable: NDArray[np.bool_], config: FitConfig, at_most: int
) -> Task | None:
    """Return what a slice of the data asks; None where nothing new was chosen in it."""
    try:
        return Task.of(data.cases(), repeatable).sample(at_most, config.seed)
    except DataError:
        return None


def _recommend_examples(signals: Signals, data: Dataset, config: FitConfig) -> Examples:
    task = _task(data, signals.repeatable, config, config.ranker.max_cases)
    if task is None:
        return Examples.empty()
    found = signals.for_histories(task.histories, config.ranker.per_retriever)
    return Examples.of(track(found, "gathering examples", len(task)), task.qrels)


def _fit_searcher(
    signals: Signals,
    encoder: TextEncoder,
    held: Dataset,
    validation: Dataset,
    config: FitConfig,
) -> Ranker:
    """Learn to rank search answers from queries that the encoder was not tuned on."""

    def examples(data: Dataset) -> Examples:
        queries, judged = data.judged_queries()
        if not queries:
            return Examples.empty()
        vectors = encoder.encode_queries(queries)
        found = signals.for_queries(queries, vectors, config.ranker.per_retriever)
        return Examples.of(found, Qrels(judged.indptr, judged.items, judged.values))

    return fit_ranker(
        tuple(SEARCH),
        examples(held),
        examples(validation),
        config.ranker,
        start=START_SEARCH,
        seed=config.seed,
    )


def _repeatable(
    vertical: Vertical, items: pl.DataFrame, vectors: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Items that may be recommended although the history holds them, (n_items,)."""
    shelf = Shelf(items, vectors)
    seen = [rule.repeatable(shelf) for rule in vertical.rules if isinstance(rule, AlreadySeen)]
    return np.logical_and.reduce(seen) if seen else np.ones(items.height, np.bool_)


def _recency(positives: pl.DataFrame, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean time of an item's events, as a share of the training data, drawn towards 1/2."""
    when = positives["timestamp"].rank("average").to_numpy() / positives.height
    late = np.bincount(positives["item"].to_numpy(), when, minlength=len(counts))
    return ((late + 1) / (counts + 2)).astype(np.float32)


def _log_price(items: pl.DataFrame, column: str | None) -> NDArray[np.float32]:
    if column is None:
        return np.full(items.height, np.nan, np.float32)
    return items[column].cast(pl.Float32).log1p().fill_null(np.nan).to_numpy()
