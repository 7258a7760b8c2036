"""The steps of making an engine smaller, and of proving that it still does its work.

Its encoder is made shallower where that is asked, then rounded to 8 bits; the catalogue is encoded
again with what came of it, and both engines are asked what validation asks. Then what reads the
answers of a search is rounded as well, unless both together lose too much. Knows engines and
datasets; knows nothing of bundles.
"""

from dataclasses import asdict, fields, replace
from typing import Any, cast

import numpy as np

from corank.compress.gate import (
    CALIBRATION,
    Change,
    Compression,
    Values,
    refuse_twice,
    smallest,
)
from corank.compress.quantize import rounded_scorer
from corank.compress.runtime import TextEncoder
from corank.compress.shallow import shallower
from corank.config import from_mapping
from corank.data.dataset import Dataset
from corank.data.text import render
from corank.engine import Engine
from corank.errors import CompressionError
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Qrels, judge
from corank.fitting import Fading, FitConfig, learn_signals, shared_of, slice_task
from corank.language.shrink import ShrinkConfig
from corank.progress import track
from corank.rank.reader import Reader
from corank.retrieve.vectors import build_index
from corank.runs import rank_histories, rank_queries

METRIC = "ndcg@10"
CASES = 5_000
"""At most so many recommendations are asked for."""


def compressed(
    engine: Engine,
    known: Dataset,
    validation: Dataset,
    *,
    shrink: ShrinkConfig | None = None,
    max_drop: float,
    seed: int,
) -> tuple[Engine, Compression]:
    """Return the engine with an encoder in 8 bits, and what that costs.

    Args:
        engine: with an encoder in full precision. If its signals know what validation asks, they
            are learned again without it, to be asked; the engine that is returned keeps its own.
        known: what they are learned from then; its queries are among the texts that decide how to
            round.
        validation: what is asked.
        shrink: make it shallower first, and how.
        max_drop: the share of the metric that may be lost.
        seed: of the choice of texts and cases.

    Raises:
        CompressionError: more is lost, or it was compressed before.
        BundleError, ConfigError, TrainingError: see `shallower`.
    """
    refuse_twice(engine.about)
    random, encoder = np.random.default_rng(seed), engine.encoder
    texts = [encoder.passage_prompt + text for text in _texts(engine)]
    queries = [encoder.query_prompt + query for query in known.judged_queries()[0]]
    some = random.permutation(len(texts)).tolist()
    asked = [queries[n] for n in random.permutation(len(queries))[: CALIBRATION // 2]]
    start = encoder
    judged = last = _untold(engine, known) if engine.about.get("refit") else engine
    before: dict[str, Values] = {}
    if shrink:
        start = shallower(encoder, _made(engine, "encoder"), [*texts, *queries], shrink, seed=seed)

    def measure(encoder: TextEncoder) -> dict[str, Values]:
        nonlocal last
        if encoder is engine.encoder:
            last = judged
            before.update(_measured(last, validation, seed))
            return before
        last = _with_encoder(judged, encoder)
        return _measured(last, validation, seed)

    best, found = smallest(
        start,
        [texts[n] for n in some[:CALIBRATION]] + asked,
        [texts[n] for n in some[-CALIBRATION:]],
        measure,
        original=encoder,
        metric=METRIC,
        max_drop=max_drop,
        seed=seed,
    )
    made = last if judged is engine else _with_encoder(engine, best)
    if last.reader:
        reader, found = _smaller_reader(last, last.reader, known, validation, before, found, seed)
        made = replace(made, reader=reader)
    how = found.to_dict() | ({"shrunk": asdict(shrink)} if shrink else {})
    return replace(made, about={**engine.about, "compressed": how}), found


def _untold(engine: Engine, known: Dataset) -> Engine:
    """Return the engine with signals that have learned from ``known`` alone."""
    options = {field.name for field in fields(FitConfig)}
    fit = {name: value for name, value in _made(engine, "fit").items() if name in options}
    share = float(cast(float, engine.about["user model share"]))
    shared = shared_of(engine.signals)
    fading, config = Fading.of(engine.signals), from_mapping(FitConfig, fit)
    signals, _ = learn_signals(known, shared, config, share=share, fading=fading)
    return replace(engine, signals=signals)


def _made(engine: Engine, what: str) -> dict[str, Any]:
    """How the engine's encoder, or its fit, was configured."""
    return cast(dict[str, Any], engine.about[what])


def _texts(engine: Engine) -> list[str]:
    texts: list[str] = render(engine.vertical.item_text, engine.items).to_list()
    return texts


def _with_encoder(engine: Engine, encoder: TextEncoder) -> Engine:
    """Encode the catalogue again. What was learned from events stays."""
    kind: str = _made(engine, "fit")["index"]
    texts = _texts(engine)
    new = encoder.encode_items(track(texts, "encoding items", len(texts)))
    signals = replace(engine.signals, text_vectors=new, text_index=build_index(new, kind))
    return replace(engine, encoder=encoder, signals=signals)


def _smaller_reader(
    engine: Engine,
    reader: Reader,
    known: Dataset,
    validation: Dataset,
    before: dict[str, Values],
    found: Compression,
    seed: int,
) -> tuple[Reader, Compression]:
    """Round what reads answers, by what is judged of known queries; or keep it, and say so.

    Args:
        engine, reader: as they are by now.
        known, validation, seed: see `compressed`.
        before: what the engine was worth at first.
        found: what is known of the compression so far.
    """
    queries, judged = known.judged_queries()
    some = np.random.default_rng(seed).permutation(len(judged.items))[:CALIBRATION]
    texts = engine.titles if reader.reads == "title" else _texts(engine)
    known_queries = [queries[row] for row in judged.rows()[some].tolist()]
    read = [texts[item] for item in judged.items[some].tolist()]
    scorer = rounded_scorer(reader.scorer, known_queries, read, seed=seed)
    smaller = replace(reader, scorer=scorer)
    asked = _searched(replace(engine, reader=smaller), validation)
    change = Change.of(before["search"], asked["search"], seed) if asked else None
    kept = change is not None and change.lost <= found.max_drop
    sizes = [len(each.scorer.graph) / 1e6 for each in (reader, smaller if kept else reader)]
    found = replace(found, reader_mb=(sizes[0], sizes[1]), reader=change)
    if change is None or not kept:
        return reader, found
    return smaller, replace(found, changes=found.changes | {"search": change})


def _measured(engine: Engine, validation: Dataset, seed: int) -> dict[str, Values]:
    found = _searched(engine, validation)
    task = slice_task(validation, engine.signals.repeatable, at_most=CASES, seed=seed)
    if task:
        values = compute(METRIC, task.judge(rank_histories(engine, task.histories, task.moments)))
        users = task.users.to_physical().rank("dense").to_numpy()
        found = {"recommend": Values(values, users), **found}
    if not found:
        raise CompressionError(
            "Validation asks nothing, so nobody could say what is lost. Fit on more data."
        )
    return found


def _searched(engine: Engine, validation: Dataset) -> dict[str, Values]:
    """NDCG@10 of every judged query; nothing where there is none."""
    queries, judged = validation.judged_queries()
    if not queries:
        return {}
    run = rank_queries(engine, queries)
    return {"search": Values(compute(METRIC, judge(run, Qrels.of(judged))))}
