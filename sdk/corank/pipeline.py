"""Pipeline: the one object a team holds, from data to a bundle.

What comes out of a fit is an `Engine`, and that is what is evaluated and shipped; how one is put
together around an encoder is in `corank.assembling`.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl

from corank import bundle
from corank.assembling import assembled
from corank.compress.export import PROBED, text_encoder, torch_encoder
from corank.compress.gate import Compression
from corank.compressing import compressed
from corank.config import from_mapping
from corank.data.dataset import Dataset, Split
from corank.data.grow import grow
from corank.data.text import render
from corank.engine import Engine
from corank.errors import ConfigError, DataError, RequestError
from corank.evaluate.baselines import Baseline
from corank.evaluate.report import Report
from corank.fitting import FitConfig, Watch, exported, text_alone, tune_encoder
from corank.language.adapt import Adaptation, AdaptConfig, adapt
from corank.language.blend import blended
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.processes import go_on_alone
from corank.language.shrink import ShrinkConfig
from corank.language.trainer import Run
from corank.language.vocabulary import extend_tokenizer
from corank.measure import measure
from corank.retrieve.vectors import check_reachable
from corank.searching import check_judged, train_reader
from corank.updating import Update, UpdateConfig, judge, refitted, replayed, slices_of
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

        Raises:
            DataError: it is of another catalogue.
        """
        if not train.items["item_id"].equals(engine.items["item_id"]):
            raise DataError(
                f"The engine was fitted on {engine.items.height:,} items; the data holds "
                f"{train.items.height:,}, others, or in another order. Bring what it was fitted on."
            )
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
            DataError: the data is too small to carve validation data from, or a reranker is asked
                for and no query is judged.
            TrainingError: see `corank.language.trainer.train`.
            UnreachableError: vectors are to be kept in a Milvus, and it does not answer.
        """
        config = config or FitConfig()
        check_reachable(config.index)
        fit, validation = train.carve()
        texts = render(self.vertical.item_text, train.items)
        by_text = None
        if watch or config.patience:
            by_text = text_alone(
                self.vertical, train.items, self.encoder, validation, watch,
                seed=config.seed, checks=config.epochs * config.checks,
            )  # fmt: skip
        seen = fit.rehearse().train  # what rankers learn from is kept from the encoder
        check_judged(seen, config)
        encoder, (_, histories) = self._start(), seen.sequences()
        tune_encoder(encoder, histories, seen, texts, config, run=run, validate=by_text)
        reader = None
        if config.reranker:
            start = self._start()
            reader = train_reader(start, encoder, seen, validation, texts, config, run=run)
        processes = go_on_alone()
        engine = assembled(
            self.vertical, self.encoder, train, exported(encoder, texts), config, watch, reader
        )
        engine.about["processes"] = processes
        self._engine, self._train = engine, train
        return self.refit() if config.refit else engine

    def refit(self) -> Engine:
        """Let the signals learn from all events, those of validation too; return the engine.

        Encoder and rankers stay what they are. The baselines that `evaluate` sets beside what
        was refitted learn from as much.

        Raises:
            RequestError: nothing was fitted.
        """
        engine = self.engine
        assert self._train is not None  # noqa: S101  set wherever the engine is
        if not engine.about.get("refit"):
            config = from_mapping(FitConfig, cast(dict[str, Any], engine.about["fit"]))
            self._engine = refitted(engine, self._train, engine.encoder, config)
        return self.engine

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
        ones, and comes out as an average of what it was and what it became. The rankers learn
        what to trust while the encoder is what it was; then the signals are fitted on all events,
        the last ones too. What reads the answers of a search stays as it is. The engine is
        replaced only if it gains clearly on the last of the new events and loses no more than a
        budget on the old test.

        Args:
            new: what happened since; see `corank.data.grow.grow`.
            test: the other side of the split that was fitted on. What it asks is not learned.
            config: how.
            run: where checkpoints of the encoder's tuning go, and whether to go on from them.

        Returns:
            Whether the update was published, and why; and the data as it is from now on, which
            is what it was where nothing was published.

        Raises:
            RequestError: nothing was fitted.
            DataError: nothing is new, or too little, or it does not go with what there was.
            BundleError: the encoder's graph cannot be trained further.
            TrainingError: see `corank.language.trainer.train`.
            UnreachableError: vectors are kept in a Milvus, and it does not answer.
        """
        config, current = config or UpdateConfig(), self.engine
        assert self._train is not None  # noqa: S101  set wherever the engine is
        if config.index == "auto":
            made = cast(dict[str, Any], current.about["fit"])
            config = replace(config, index=made.get("index", "auto"))
        check_reachable(config.index)
        before = Split(self._train, test)
        grown = grow(before, new, config.test)
        train, slices = grown.split.train, slices_of(grown)
        self.vertical.check_items(train.items)
        texts = render(self.vertical.item_text, train.items)
        encoder = torch_encoder(current.encoder, self.encoder)
        if config.adapter == "prompt":
            encoder.add_virtual_tokens(config.virtual_tokens, texts.to_list())
        histories = replayed(train, grown.since, config.replay, config.seed)
        with blended(encoder, config.keep):
            tune_encoder(encoder, histories, train, texts, config, run=run)
        go_on_alone()
        draft = assembled(self.vertical, self.encoder, train, current.encoder, config)
        draft = replace(draft, reader=current.reader)
        updated = refitted(draft, train, exported(encoder, texts), config)
        judgement = judge(updated, current, slices, config.gate, config.seed)
        if not judgement.publish:
            return Update(judgement, before)
        past = cast(list[object], current.about.get("updates", []))
        updated.about["updates"] = [*past, {"test": config.test, "why": judgement.why}]
        self._engine, self._train = updated, train
        return Update(judgement, grown.split)

    def evaluate(
        self,
        test: Dataset,
        *,
        peers: Sequence[Baseline] = (),
        alike: Sequence[Engine] = (),
        timed: bool = False,
    ) -> Report:
        """Measure the engine and every baseline on the test side of the split.

        Args:
            test: what is asked.
            peers: other systems' scorers, asked the same; fit them on what the baselines learn
                from, ``train.carve().train``, and tune them on the other side of that.
            alike: engines fitted on the same data with other seeds; the report then holds means
                over all of them.
            timed: say how long an answer of each system takes, too; the same seed then no longer
                writes the same report.

        Raises:
            RequestError: nothing was fitted.
            DataError: the test asks nothing that could be answered.
        """
        engine = self.engine
        assert self._train is not None  # noqa: S101  set wherever the engine is
        probe = render(self.vertical.item_text, engine.items.head(PROBED)).to_list()
        frozen = text_encoder(Encoder.load(replace(self.encoder, dim=None)), probe)
        engines = [engine, *alike]
        return measure(engines, self._train, test, frozen=frozen, peers=peers, timed=timed)

    def compress(
        self,
        to: Literal["int8"] = "int8",
        *,
        layers: int | None = None,
        shrink: ShrinkConfig | None = None,
        max_drop: float = 0.005,
        seed: int = 0,
    ) -> Compression:
        """Make the engine smaller and faster; it is replaced only if it does its work as well.

        The encoder is rounded to 8-bit integers (see `corank.compress.int8`) and the catalogue
        encoded again. NDCG@10 on validation data, before and after, says what that costs. What
        reads the answers of a search is rounded too, unless the two together lose more than they
        may.

        Args:
            to: what to round to.
            layers: so many of the transformer's layers stay, and the tokens that the domain uses;
                what is left learns to say what the whole encoder says. None keeps everything.
            shrink: how it learns that; its ``layers`` gives way to the one above.
            max_drop: the share of NDCG@10 that may be lost, of recommendations and of searches.
            seed: of the texts that decide how to round, and of the cases that are asked.

        Raises:
            RequestError: nothing was fitted.
            CompressionError: more would be lost, or it was compressed before.
            ConfigError: there is no such compression, or no such number of layers.
        """
        if to != "int8":
            raise ConfigError(f"There is no compression {to!r}; there is 'int8'.")
        engine = self.engine
        assert self._train is not None  # noqa: S101  set wherever the engine is
        known, validation = self._train.carve()
        if layers is not None:
            shrink = replace(shrink or ShrinkConfig(), layers=layers)
        self._engine, done = compressed(
            engine, known, validation, shrink=shrink, max_drop=max_drop, seed=seed
        )
        return done

    def save(self, path: str | Path, report: Report | None = None) -> None:
        """Write the engine, and a report about it, as one bundle (see `corank.bundle`).

        Raises:
            BundleError: the folder cannot be written.
        """
        bundle.save(self.engine, report, Path(path))
