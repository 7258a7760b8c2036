"""The steps of making an engine smaller, and of proving that it still does its work.

The engine's encoder is rounded to 8 bits, the catalogue is encoded again with what came of it, and
both engines are asked what validation asks. What loses more than it may is not kept: first the
layers that suffer most stay in full precision, then nothing is changed at all.

Knows engines and datasets; knows nothing of bundles.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from corank.compress.quantize import Layer, Quantizer, cosines, vectors
from corank.compress.runtime import TextEncoder
from corank.data.dataset import Dataset
from corank.data.text import render
from corank.engine import Engine
from corank.errors import CompressionError
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Qrels, judge
from corank.evaluate.significance import paired_difference
from corank.fitting import slice_task
from corank.progress import track
from corank.retrieve.vectors import Kind, build_index

METRIC = "ndcg@10"
CALIBRATION = 300
"""Texts whose activations decide how to round, and as many others that vectors are compared on."""
CASES = 5_000
"""At most so many cases of each kind are asked."""
KEPT = (0, 1, 2, 4, 8)
"""So many of the layers that suffer most stay in full precision, as few as will do."""


@dataclass(frozen=True)
class Change:
    """The metric before and after on the same cases; the interval is of the difference."""

    cases: int
    before: float
    after: float
    low: float
    high: float

    @property
    def lost(self) -> float:
        """Share of the metric that is gone; below 0 where something was gained."""
        return (self.before - self.after) / self.before if self.before else 0.0


@dataclass(frozen=True)
class Compression:
    """What was made, and what it is worth."""

    changes: dict[str, Change]  # recommend, search
    layers: tuple[Layer, ...]  # those that suffer most first
    cosine: float  # of texts' vectors to what they were, mean
    least_cosine: float
    graph_mb: tuple[float, float]  # of the encoder, before and after

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [
            f"encoder: {self.graph_mb[0]:.1f} MB before, {self.graph_mb[1]:.1f} MB after; cosine "
            f"of vectors to what they were {self.cosine:.4f} (least {self.least_cosine:.4f})"
        ]
        for name, change in self.changes.items():
            lines.append(
                f"{name}: {METRIC} {change.before:.4f} before, {change.after:.4f} after, "
                f"{-change.lost:+.2%} of it (difference {change.low:+.4f} .. {change.high:+.4f}, "
                f"{change.cases:,} cases)"
            )
        lines.append("layers that suffer most, by the cosine that each alone would leave:")
        lines += [
            f"  {layer.cosine:.5f}  {layer.name}{', kept as it was' if layer.kept else ''}"
            for layer in self.layers[:8]
        ]
        return "\n".join(lines)


def compressed(
    engine: Engine, known: Dataset, validation: Dataset, *, max_drop: float, seed: int
) -> tuple[Engine, Compression]:
    """Round the encoder to 8 bits, keeping as few layers in full precision as will do.

    Args:
        engine: with an encoder in full precision.
        known: whose queries are among the texts that decide how to round.
        validation: what is asked.
        max_drop: the share of the metric that may be lost.
        seed: of the choice of texts and cases.

    Raises:
        CompressionError: whatever is kept, more is lost.
    """
    random = np.random.default_rng(seed)
    texts = [engine.encoder.passage_prompt + text for text in _texts(engine)]
    queries = [engine.encoder.query_prompt + query for query in known.judged_queries()[0]]
    some = random.permutation(len(texts)).tolist()
    asked = [queries[n] for n in random.permutation(len(queries))[: CALIBRATION // 2]]
    check = [texts[n] for n in some[-CALIBRATION:]]
    quantizer = Quantizer(engine.encoder, [texts[n] for n in some[:CALIBRATION]] + asked, seed=seed)
    layers = quantizer.layers(check[: CALIBRATION // 4])
    before, exact = _measured(engine, validation, seed), vectors(engine.encoder, check)
    for n in sorted({min(n, len(layers) - 1) for n in KEPT}):
        keep = {layer.name for layer in layers[:n]}
        encoder = quantizer.encoder(keep)
        smaller = _with_encoder(engine, encoder)
        similar = cosines(vectors(encoder, check), exact)
        found = Compression(
            changes=_changes(before, _measured(smaller, validation, seed), seed),
            layers=tuple(replace(layer, kept=layer.name in keep) for layer in layers),
            cosine=float(similar.mean()),
            least_cosine=float(similar.min()),
            graph_mb=(len(engine.encoder.graph) / 1e6, len(encoder.graph) / 1e6),
        )
        if max(change.lost for change in found.changes.values()) <= max_drop:
            about = {**engine.about, "compressed": {"to": "int8", **found.to_dict()}}
            return replace(smaller, about=about), found
    raise CompressionError(
        f"In 8 bits more than {max_drop:.2%} of {METRIC} is lost, and nothing was changed.\n"
        f"{found}\nAllow more by max_drop, or give more validation data: on few cases chance "
        "alone moves a metric by this much."
    )


def _texts(engine: Engine) -> list[str]:
    texts: list[str] = render(engine.vertical.item_text, engine.items).to_list()
    return texts


def _with_encoder(engine: Engine, encoder: TextEncoder) -> Engine:
    """Encode the catalogue again. What was learned from events stays."""
    kind = cast(Kind, cast(dict[str, Any], engine.about["fit"])["index"])
    texts = _texts(engine)
    new = encoder.encode_items(track(texts, "encoding items", len(texts)))
    signals = replace(engine.signals, text_vectors=new, text_index=build_index(new, kind))
    return replace(engine, encoder=encoder, signals=signals)


Measured = dict[str, tuple[NDArray[np.float64], NDArray[np.generic] | None]]
"""What was asked -> a value for each case, and what cases belong together."""


def _measured(engine: Engine, validation: Dataset, seed: int) -> Measured:
    found: Measured = {}
    task = slice_task(validation, engine.signals.repeatable, at_most=CASES, seed=seed)
    if task:
        values = compute(METRIC, task.judge(engine.rank(task.histories, task.moments)))
        found["recommend"] = values, task.users.to_physical().rank("dense").to_numpy()
    queries, judged = validation.judged_queries()
    if queries:
        run = engine.rank_queries(queries)
        found["search"] = compute(METRIC, judge(run, Qrels.of(judged))), None
    if not found:
        raise CompressionError(
            "Validation asks nothing, so nobody could say what is lost. Fit on more data."
        )
    return found


def _changes(before: Measured, after: Measured, seed: int) -> dict[str, Change]:
    changes = {}
    for name, (values, groups) in before.items():
        gap = paired_difference(after[name][0], values, groups=groups, seed=seed)
        mean = float(np.nanmean(values))
        changes[name] = Change(len(values), mean, mean + gap.value, gap.low, gap.high)
    return changes
