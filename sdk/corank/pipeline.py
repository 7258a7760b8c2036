"""Pipeline: the one object a team holds, from data to a bundle.

Fitting carves the training data twice, the way the test was split off: ``validation`` chooses
settings and is never trained on; ``held`` teaches the ranker what to trust, from signals that
have not seen it. What comes out is an `Engine`, and that is what is evaluated and shipped.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import polars as pl

from corank import bundle
from corank.compress.export import text_encoder
from corank.compress.runtime import TextEncoder
from corank.config import from_mapping
from corank.data.dataset import Dataset
from corank.data.text import render
from corank.engine import Engine
from corank.errors import DataError, RequestError
from corank.evaluate.report import Report
from corank.fitting import (
    START_RECOMMEND,
    fit_searcher,
    log_price,
    recency,
    recommend_examples,
    repeatable,
    slice_task,
)
from corank.language.adapt import Adaptation, AdaptConfig, adapt
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.pairs import build_pairs
from corank.language.processes import go_on_alone
from corank.language.trainer import Run
from corank.language.tune import EncoderTraining, train_encoder
from corank.language.vocabulary import extend_tokenizer
from corank.measure import measure
from corank.progress import bar
from corank.rank.ranker import RankerConfig, fit_ranker
from corank.rank.sequence import UserModelConfig, train_user_model
from corank.rank.signals import RECOMMEND, Signals
from corank.retrieve.cooccurrence import ease, item_knn
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import Kind, build_index
from corank.vertical import Vertical

DECAY = 0.65  # how fast a history fades in co-occurrence, text and words
TUNING_CASES = 5_000  # validation cases that decide when the user model is done
PROBE = 16  # texts on which an exported encoder is compared with torch


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
        self._adapted: Encoder | None = None

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

    def adapt(
        self,
        corpus: pl.DataFrame | Sequence[str],
        config: AdaptConfig | None = None,
        *,
        general: Sequence[str] = (),
        new_tokens: int = 0,
        seed: int = 0,
        run: Run | None = None,
    ) -> Adaptation:
        """Pre-train the encoder on the domain's own text before it is fitted; once is enough.

        Args:
            corpus: a catalogue, which is rendered as the vertical declares, or texts.
            config: how.
            general: text of no domain, mixed in against forgetting.
            new_tokens: so many of the domain's words, at most, become tokens of their own first.
            seed: of everything that is random.
            run: where checkpoints go.

        Raises:
            DataError: too little text.
            ConfigError: the encoder's tokenizer cannot learn by masked words, or cannot grow.
        """
        if isinstance(corpus, pl.DataFrame):
            corpus = render(self.vertical.item_text, corpus).to_list()
        encoder = self._start()
        if new_tokens:
            grown = extend_tokenizer(encoder.tokenizer, corpus, max_new=new_tokens)
            encoder.change_vocabulary(grown)
        done = adapt(encoder, corpus, config, general=general, seed=seed, run=run)
        self._adapted = encoder
        return done

    def _start(self) -> Encoder:
        """What tuning starts from: the adapted encoder, or the one that was named."""
        return deepcopy(self._adapted) if self._adapted else Encoder.load(self.encoder)

    def fit(
        self, train: Dataset, config: FitConfig | None = None, *, run: Run | None = None
    ) -> Engine:
        """Tune the encoder, train the user model, learn the rankers; return the engine.

        Under `accelerate launch` all processes tune the encoder; then the others end, and the
        first goes on alone.

        Args:
            train: what to learn from.
            config: how.
            run: where checkpoints of the encoder's tuning go, and whether to go on from them.

        Raises:
            DataError: the data is too small to carve validation data from.
            TrainingError: see `corank.language.trainer.train`.
        """
        config = config or FitConfig()
        fit, validation = train.carve()
        base, held = fit.rehearse()
        if base.positives.is_empty():
            raise DataError("Too few relevant events: nothing is left to train on.")
        texts = render(self.vertical.item_text, train.items)
        encoder = self._tune_encoder(fit.carve().train, texts, config, run)
        processes = go_on_alone()
        with bar() as bars:
            task = bars.add_task("encoding items", total=len(texts))
            vectors = encoder.encode_items(texts, progress=lambda n: bars.advance(task, n))
        words = BM25.build(texts.to_list())
        shared = {
            "text_vectors": vectors,
            "text_index": build_index(vectors, config.index),
            "bm25": words,
            "log_price": log_price(train.items, self.vertical.price),
            "repeatable": repeatable(self.vertical, train.items, vectors),
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
                recommend_examples(early, held, config.ranker, seed=config.seed),
                recommend_examples(signals, validation, config.ranker, seed=config.seed),
                config.ranker,
                start=START_RECOMMEND,
                seed=config.seed,
            ),
            searcher=fit_searcher(
                early, encoder, held, validation, config.ranker, seed=config.seed
            ),
            per_retriever=n,
            about={
                "protocol": asdict(train.protocol) if train.protocol else None,
                "encoder": asdict(self.encoder),
                "fit": asdict(config),
                "processes": processes,
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

    def _tune_encoder(
        self, seen: Dataset, texts: pl.Series, config: FitConfig, run: Run | None
    ) -> TextEncoder:
        """Pull texts together that people treated alike; return the encoder, exported."""
        encoder = self._start()
        _, sequences = seen.sequences()
        queries, judged = seen.judged_queries()
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
        train_encoder(encoder, passages + asked, pairs, config, seed=config.seed, run=run)
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
        may = {"at_most": TUNING_CASES, "seed": config.seed}
        if validation and (task := slice_task(validation, shared["repeatable"], **may)):
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
            recency=recency(train.positives, counts),
            **shared,
        )
        return signals, share
