"""The steps of fitting on data: the encoder, what the signals learn, examples for the rankers.

Knows datasets, encoders and signals; knows nothing of engines or bundles.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.compress.export import PROBED, text_encoder
from corank.compress.runtime import TextEncoder
from corank.data.dataset import Dataset
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.errors import DataError
from corank.evaluate.baselines import DECAYS, TextMean
from corank.evaluate.metrics import mean_ndcg
from corank.evaluate.relevance import Qrels, judge
from corank.evaluate.task import Scorer, Task
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.rerank import RerankerConfig
from corank.language.trainer import Run
from corank.language.tune import Embed, EncoderTraining, build_examples, train_encoder
from corank.progress import bar
from corank.rank.fusion import UserModelConfig
from corank.rank.history import UserModel
from corank.rank.lift import Lift
from corank.rank.ranker import RankerConfig
from corank.rank.rules import AlreadySeen, Shelf
from corank.rank.sequence import train_user_model
from corank.rank.signals import Signals
from corank.retrieve.cooccurrence import ease, item_knn
from corank.retrieve.exact import ExactIndex
from corank.retrieve.lexical import BM25
from corank.retrieve.popularity import HALF_LIFE, faded_counts
from corank.retrieve.vectors import build_index, check_kind
from corank.vertical import Vertical

T = TypeVar("T")

DECAY = 0.65
"""How fast a history fades, 1 for not at all, where nothing says better."""
FADING_CASES = 2_000  # validation cases that say how fast
TUNING_CASES = 5_000  # validation cases that decide when training is done

Watch = Callable[[float, float], None]
"""Told on the way how far fitting is, from 0 to 1 while the encoder is tuned and from 1 to 2 while
the user model is trained, and the NDCG@10 on validation of what there is by then."""

ByText = Callable[[Embed], float]
ByModel = Callable[[UserModel], float]
"""What embeds texts, or a user model -> NDCG@10 on validation of what they answer."""


@dataclass(frozen=True, kw_only=True)
class FitConfig(EncoderTraining):
    """Everything about fitting; the encoder's own fields are in `EncoderTraining`.

    Args:
        seed: of everything that is random.
        user_model, ranker: how those are trained.
        reranker: how a cross-encoder is trained on judged queries, to read the first answers of
            each search; None for none. It makes a search slower; see docs/search.md.
        among_judged: whether a search only orders what it is given: its rankers then learn among
            the judged documents of a query, instead of what is found in the catalogue.
        index: vector search; ``auto`` is ``exact`` below 50,000 items and from there on ``faiss``,
            a graph over 8 bits a number; ``binary`` holds one. See `corank.retrieve.approximate`.
            ``milvus:ADDRESS`` moves vectors to a Milvus when the bundle is saved; see
            docs/scale.md.
        refit: whether the signals learn from all events in the end, those of validation too; an
            update's always do.
    """

    seed: int = 0
    user_model: UserModelConfig = field(default_factory=UserModelConfig)
    ranker: RankerConfig = field(default_factory=RankerConfig)
    reranker: RerankerConfig | None = None
    among_judged: bool = False
    index: str = "auto"
    refit: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kind(self.index)


def tune_encoder(
    encoder: Encoder,
    histories: Ragged,
    data: Dataset,
    texts: pl.Series,
    config: FitConfig,
    *,
    run: Run | None = None,
    validate: ByText | None = None,
) -> None:
    """Pull texts together that people treated alike, in place.

    Args:
        encoder: is changed.
        histories: each user's positive items, oldest first.
        data: whose judged queries are learned from too.
        texts: of every item of the catalogue, (n_items,).
        config: how.
        run, validate: see `train_encoder`.

    Raises:
        DataError, TrainingError, ConfigError: see `build_examples` and `train_encoder`.
    """
    queries, judged = data.judged_queries()
    examples = build_examples(histories, judged, len(texts), config, seed=config.seed)
    passages = [encoder.config.passage_prompt + text for text in texts]
    asked = [encoder.config.query_prompt + query for query in queries]
    train_encoder(
        encoder, passages + asked, examples, config, seed=config.seed, run=run, validate=validate
    )


def exported(encoder: Encoder, texts: pl.Series) -> TextEncoder:
    """Export an encoder, compared with torch on the first of these texts."""
    return text_encoder(encoder, texts.head(PROBED).to_list())


def shared_signals(
    vertical: Vertical, items: pl.DataFrame, texts: pl.Series, encoder: TextEncoder, index: str
) -> dict[str, Any]:
    """Return the signals that are not learned from events."""
    with bar() as bars:
        task = bars.add_task("encoding items", total=len(texts))
        vectors = encoder.encode_items(texts, progress=lambda n: bars.advance(task, n))
    return {
        "text_vectors": vectors,
        "text_index": build_index(vectors, index),
        "bm25": BM25.build(texts.to_list(), items["title"].to_list()),
        "log_price": log_price(items, vertical.price),
        "repeatable": repeatable(vertical, items, vectors),
    }


def shared_of(signals: Signals) -> dict[str, Any]:
    """Return those of some signals that are not learned from events; see `shared_signals`."""
    names = ("text_vectors", "text_index", "bm25", "log_price", "repeatable", "without")
    return {name: getattr(signals, name) for name in names}


class Fading(NamedTuple):
    """How fast a history fades, 1 for not at all, to what reads it."""

    together: float = DECAY
    neighbours: float = DECAY
    text: float = DECAY  # and words

    @classmethod
    def of(cls, signals: Signals) -> "Fading":
        """Return how fast it does to some signals."""
        return cls(signals.together.decay, signals.neighbours.decay, signals.decay)

    def to(self, signals: Signals) -> Signals:
        """Return the signals with histories fading so."""
        return replace(
            signals,
            together=replace(signals.together, decay=self.together),
            neighbours=replace(signals.neighbours, decay=self.neighbours),
            decay=self.text,
        )


def learn_fading(signals: Signals, data: Dataset, seed: int) -> Fading:
    """Return the fading with which each signal alone answers best; `DECAY` where nobody asks.

    Args:
        signals: have not seen what is asked.
        data: what is asked.
        seed: of the choice of cases.
    """
    task = slice_task(data, signals.repeatable, at_most=FADING_CASES, seed=seed)
    if task is None:
        return Fading()

    def best(scorer: Callable[[float], Scorer]) -> float:
        return max(DECAYS, key=lambda decay: task.mean(scorer(decay), "ndcg@10"))

    return Fading(
        best(lambda decay: replace(signals.together, decay=decay).score),
        best(lambda decay: replace(signals.neighbours, decay=decay).score),
        best(lambda decay: TextMean(signals.text_vectors, decay).score),
    )


def learn_signals(
    train: Dataset,
    shared: dict[str, Any],
    config: FitConfig,
    validate: ByModel | None = None,
    share: float = 1.0,
    fading: Fading = Fading(),  # noqa: B008  it cannot change
) -> tuple[Signals, float]:
    """Learn from these events alone.

    Args:
        train: the events.
        shared: see `shared_signals`.
        config: how.
        validate: chooses when the user model is done.
        share: of its training, where validation does not choose; see `train_user_model`.
        fading: of histories; see `learn_fading`.

    Returns:
        The signals, and the share of the user model's training that was taken.
    """
    _, histories = train.sequences()
    counts = train.item_counts()
    n_items = len(counts)
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
        together=ease(histories, n_items, decay=fading.together),
        neighbours=item_knn(histories, n_items, decay=fading.neighbours),
        decay=fading.text,
        counts=counts,
        recency=recency(train, counts),
        trend=np.log1p(faded_counts(histories.items, train.lateness(), n_items, HALF_LIFE)),
        lifts=lifts(train),
        **shared,
    )
    return signals, share


def slice_task(
    data: Dataset, repeatable: NDArray[np.bool_], *, at_most: int, seed: int
) -> Task | None:
    """Return what a slice of the data asks; None where nothing new was chosen in it."""
    try:
        return Task.of(data.cases(), repeatable).sample(at_most, seed)
    except DataError:
        return None


def text_alone(
    vertical: Vertical,
    items: pl.DataFrame,
    encoder: EncoderConfig,
    data: Dataset,
    watch: Watch | None,
    *,
    seed: int,
    checks: int,
) -> ByText:
    """Return what says how well texts recommend by themselves, or search where nobody acted.

    Args:
        vertical, items: the catalogue.
        encoder: its prompts.
        data: what is asked.
        watch: is told each answer as well.
        seed: of the cases that are asked.
        checks: how often it will be asked.
    """
    passages = [encoder.passage_prompt + text for text in render(vertical.item_text, items)]
    queries, judged = data.judged_queries()
    asked = [encoder.query_prompt + query for query in queries]

    def ndcg(embed: Embed) -> float:
        vectors = embed(passages)
        again = repeatable(vertical, items, vectors)
        task = slice_task(data, again, at_most=TUNING_CASES, seed=seed)
        if task:
            return task.mean(TextMean(vectors, DECAY).score, "ndcg@10")
        if not asked:
            return 0.0
        found = ExactIndex(vectors).search(embed(asked), 10)
        return mean_ndcg(judge(found.items, Qrels.of(judged)), 10)

    return _watched(ndcg, watch, start=0, checks=checks)


def model_alone(
    data: Dataset, repeatable: NDArray[np.bool_], watch: Watch | None, *, seed: int, checks: int
) -> ByModel | None:
    """Return what says how well a user model recommends; None where nothing new was chosen."""
    task = slice_task(data, repeatable, at_most=TUNING_CASES, seed=seed)
    if task is None:
        return None
    return _watched(lambda model: task.mean(model.score, "ndcg@10"), watch, start=1, checks=checks)


def _watched(
    validate: Callable[[T], float], watch: Watch | None, *, start: float, checks: int
) -> Callable[[T], float]:
    """Return ``validate``, whose answers at each of ``checks`` checks ``watch`` is told."""
    if watch is None:
        return validate
    number = count(1)

    def told(model: T) -> float:
        value = validate(model)
        watch(start + next(number) / checks, value)
        return value

    return told


def repeatable(
    vertical: Vertical, items: pl.DataFrame, vectors: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Items that may be recommended although the history holds them, (n_items,)."""
    shelf = Shelf(items, vectors)
    seen = [rule.repeatable(shelf) for rule in vertical.rules if isinstance(rule, AlreadySeen)]
    return np.logical_and.reduce(seen) if seen else np.ones(items.height, np.bool_)


def recency(train: Dataset, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean time of an item's events, as a share of the training data, drawn towards 1/2."""
    late = np.bincount(train.positives["item"].to_numpy(), train.lateness(), len(counts))
    return ((late + 1) / (counts + 2)).astype(np.float32)


def lifts(data: Dataset) -> dict[str, Lift]:
    """What each context teaches about the items."""
    chosen = data.positives["item"].to_numpy()
    return {
        context.name: Lift.of(chosen, data.positives[context.column], data.items.height)
        for context in data.contexts
    }


def log_price(items: pl.DataFrame, column: str | None) -> NDArray[np.float32]:
    """Log of 1 + price, (n_items,); nan where unknown, everywhere without a price column."""
    if column is None:
        return np.full(items.height, np.nan, np.float32)
    return items[column].cast(pl.Float32).log1p().fill_null(np.nan).to_numpy()
