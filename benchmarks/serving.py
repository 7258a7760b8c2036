"""What a service needs for a catalogue of some size: milliseconds a search, seconds until the first
answer, and memory, from a bundle with an encoder in 8 bits, in a process that only answers.

The catalogue is generated (see `generated`), so nothing is said here of how well it ranks.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.answering import environment, searching
from benchmarks.clock import Clock
from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.generated import GENERATED, queries, shop
from corank import EncoderConfig, FitConfig, Pipeline, load_vertical
from corank.evaluate.report import OURS, Row

MAX_DROP = 0.05
QUERIES = 500
"""So many are asked in a round, each once: what was asked before is remembered."""
ROUNDS = 5
"""So often a process is started and asked."""


def run(
    *, items: int, seed: int, encoder: EncoderConfig | None = None, max_drop: float = MAX_DROP
) -> tuple[list[Row], Path]:
    """Fit, compress, save and time a shop of so many items; the encoder is not tuned.

    Args:
        items: in the catalogue.
        seed: of the catalogue and the fit.
        encoder: what reads it, if not the default.
        max_drop: what the gate lets go; nobody ranks with this.
    """
    current_commit()  # as it is now; the run is long
    clock, data = Clock(), shop(items, seed)
    train, _ = data.split("time", seed=seed)
    pipeline = Pipeline(load_vertical("ecommerce"), encoder)
    with clock("fit_seconds"):
        pipeline.fit(train, FitConfig(epochs=0, seed=seed))
    with clock("compress_seconds"):
        pipeline.compress(max_drop=max_drop, seed=seed)
    asked = queries(data.items, QUERIES, seed)
    with tempfile.TemporaryDirectory() as place:
        bundle = Path(place) / "shop"
        pipeline.save(bundle)
        size = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file())
        rounds = [searching(bundle, asked) for _ in range(ROUNDS)]
    figures = {**clock.figures(), "bundle_mb": size / 1e6}
    rows = [Row(OURS, "all", name, value) for name, value in figures.items()]
    for name in rounds[0]:
        each = [found[name] for found in rounds]
        rows.append(Row(OURS, "all", name, float(np.median(each)), min(each), max(each)))
    verdict = (
        f"{items:,} generated items, {len(asked)} queries asked once, ten explained answers to "
        f"each; medians of {ROUNDS} processes in {environment()}, what they read in the page cache"
    )
    return rows, store(GENERATED, f"serving-{items}", verdict, rows)
