"""Pipeline: the one object a team holds, from data to a bundle.

Fitting carves the training data twice, the way the test was split off: ``validation`` chooses
settings and is never trained on; ``held`` teaches the ranker what to trust, from signals that
have not seen it. What comes out is an `Engine`, and that is what is evaluated and shipped.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import polars as pl

from corank import bundle
from corank.compress.export import text_encoder, torch_encoder
from corank.config import from_mapping
from corank.data.dataset import Dataset, Split
from corank.data.grow import grow
from corank.data.text import render
from corank.engine import Engine
from corank.errors import DataError, RequestError
from corank.evaluate.report import Report
from corank.fitting import (
    DECAY,
    PROBE,
    START_RECOMMEND,
    ByText,
    FitConfig,
    Watch,
    exported,
    fit_searcher,
    learn_signals,
    log_price,
    model_alone,
    recommend_examples,
    repeatable,
    text_alone,
    tune_encoder,
)
from corank.language.adapt import Adaptation, AdaptConfig, adapt
from corank.language.blend import blended
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.processes import go_on_alone
from corank.language.trainer import Run
from corank.language.vocabulary import extend_tokenizer
from corank.measure import measure
from corank.progress import bar
from corank.rank.ranker import fit_ranker
from corank.rank.signals import RECOMMEND
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import build_index
from corank.updating import Update, UpdateConfig, judge, replayed
from corank.vertical import Vertical


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
        self,
        train: Dataset,
        config: FitConfig | None = None,
        *,
        run: Run | None = None,
        watch: Watch | None = None,
    ) -> Engine:
        """Tune the encoder, train the user model, learn the rankers; return the engine.

        Under `accelerate launch` all processes tune the encoder; then the others end, and the
        first goes on alone.

        Args:
            train: what to learn from.
            config: how.
            run: where checkpoints of the encoder's tuning go, and whether to go on from them.
            watch: told how good things are at each check; what is learned is the same without.

        Raises:
            DataError: the data is too small to carve validation data from.
            TrainingError: see `corank.language.trainer.train`.
        """
        config = config or FitConfig()

        def tune(seen: Dataset, texts: pl.Series, validate: ByText | None) -> Encoder:
            encoder, (_, histories) = self._start(), seen.sequences()
            tune_encoder(encoder, histories, seen, texts, config, run=run, validate=validate)
            return encoder

        self._engine = self._fitted(train, config, tune, watch)
        self._train = train
        return self._engine

    def update(
        self,
        new: Dataset,
        test: Dataset,
        config: UpdateConfig | None = None,
        *,
        run: Run | None = None,
    ) -> Update:
        """Learn what happened since, and keep what is known; publish only what is better.

        The encoder goes on from where it is: it reads the new histories and a sample of the old
        ones, and comes out as an average of what it was and what it became. All else is fitted
        anew on all events. The engine is replaced only if it gains clearly on the last of the
        new events and loses no more than a budget on the old test.

        Args:
            new: what happened since; see `corank.data.grow.grow`.
            test: the other side of the split that was fitted on. It is not learned from.
            config: how.
            run: where checkpoints of the encoder's tuning go, and whether to go on from them.

        Returns:
            Whether the update was published, and why; and the data as it is from now on.

        Raises:
            RequestError: nothing was fitted.
            DataError: nothing is new, or too little.
            BundleError: the encoder's graph cannot be trained further.
            TrainingError: see `corank.language.trainer.train`.
        """
        config, current = config or UpdateConfig(), self.engine
        assert self._train is not None  # noqa: S101  set wherever the engine is
        grown = grow(Split(self._train, test), new, config.test)

        def tune(seen: Dataset, texts: pl.Series, validate: ByText | None) -> Encoder:
            encoder = torch_encoder(current.encoder, self.encoder)
            histories = replayed(seen, grown.since, config.replay, config.seed)
            with blended(encoder, config.keep):
                tune_encoder(encoder, histories, seen, texts, config, run=run, validate=validate)
            return encoder

        updated = self._fitted(grown.split.train, config, tune)
        judgement = judge(updated, current, grown, config.gate, config.seed)
        if judgement.publish:
            before = cast(list[object], current.about.get("updates", []))
            said = {"test": config.test, "why": judgement.why}
            updated.about["updates"] = [*before, said]
            self._engine, self._train = updated, grown.split.train
        return Update(judgement, grown.split)

    def _fitted(
        self,
        train: Dataset,
        config: FitConfig,
        tune: Callable[[Dataset, pl.Series, ByText | None], Encoder],
        watch: Watch | None = None,
    ) -> Engine:
        """Fit all of an engine; ``tune`` makes the encoder from (events, item texts, metric)."""
        fit, validation = train.carve()
        base, held = fit.rehearse()
        if base.positives.is_empty():
            raise DataError("Too few relevant events: nothing is left to train on.")
        texts = render(self.vertical.item_text, train.items)
        by_text = None
        if watch or config.patience:
            checks = {"seed": config.seed, "checks": config.epochs * config.checks}
            by_text = text_alone(self.vertical, train.items, validation, watch, **checks)
        encoder = exported(tune(fit.carve().train, texts, by_text), texts)
        processes = go_on_alone()
        with bar() as bars:
            task = bars.add_task("encoding items", total=len(texts))
            vectors = encoder.encode_items(texts, progress=lambda n: bars.advance(task, n))
        words = BM25.build(texts.to_list())
        shared: dict[str, Any] = {
            "text_vectors": vectors,
            "text_index": build_index(vectors, config.index),
            "bm25": words,
            "log_price": log_price(train.items, self.vertical.price),
            "repeatable": repeatable(self.vertical, train.items, vectors),
            "decay": DECAY,
        }
        checks = {"seed": config.seed, "checks": config.user_model.checks}
        by_model = model_alone(validation, shared["repeatable"], watch, **checks)
        signals, share = learn_signals(fit, shared, config, by_model)
        early, _ = learn_signals(base, shared, config, share=share)
        n = config.ranker.per_retriever
        return Engine(
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
