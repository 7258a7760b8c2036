"""What each step costs as a catalogue grows, and by which power of its size.

A catalogue of each size is generated (see `generated`), encoded, indexed, fitted and served, in a
process of its own (see `growing`). Time = a * size ** b is fitted to the logarithms; the exponent
b says what ten times as many items cost: 10 ** b times as much. What was measured is kept, size
by size, so that a run can be stopped and started again.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.accuracy import RUNS
from benchmarks.answering import environment, searching
from benchmarks.peers.run import ROOT
from benchmarks.reporting.results import Kept, current_commit, store
from benchmarks.sets.generated import GENERATED, queries, shop
from corank import EncoderConfig, FitConfig, Pipeline, load_vertical
from corank.errors import ConfigError
from corank.evaluate.report import OURS, Row
from corank.threads import allowed

SIZES = (10_000, 100_000, 1_000_000)
START = 2_000
"""Items of the catalogue that the encoder is put into 8 bits with, and the rankers learned on."""
MAX_DROP = 0.05
QUERIES = 500
GROWING = (
    *("encode_seconds", "index_seconds", "words_seconds", "fit_seconds", "nearest_p50_ms"),
    *("search_p50_ms", "first_answer_seconds", "memory_mb", "peak_memory_mb", "bundle_mb"),
)


def run(
    sizes: Sequence[int], *, seed: int, encoder: EncoderConfig | None = None
) -> tuple[list[Row], Path]:
    """Measure each size, fit the exponents and store both.

    Args:
        sizes: of the catalogues, two at least.
        seed: of the catalogues.
        encoder: what reads them, if not the default.

    Raises:
        ConfigError: one size says nothing of growth.
    """
    sizes = sorted({*sizes})
    if len(sizes) < 2:
        raise ConfigError("growth needs two sizes at least, such as --items 10000 --items 100000.")
    current_commit()  # as it is now; the run is long
    kept = Kept(GENERATED.name, "growth", (seed, encoder, START, QUERIES, allowed()))
    start = RUNS / f"growth-{kept.path.stem.removeprefix('.')}"
    for n in sizes:
        if str(n) not in kept.folds:
            if not start.exists() or start.name.endswith("-dirty"):
                shutil.rmtree(start, ignore_errors=True)
                _small(seed, encoder).save(start)
            kept.add(str(n), _measured(start, n, seed))
            print(f"{n:,} items: {kept.folds[str(n)]}", flush=True)
    found: dict[int, dict[str, float]] = {n: kept.folds[str(n)] for n in sizes}
    rows = [Row(OURS, f"{n:,} items", m, value) for n in sizes for m, value in found[n].items()]
    rows += [Row(OURS, "growth", name, value) for name, value in exponents(found).items()]
    verdict = (
        f"{sizes[0]:,} to {sizes[-1]:,} generated items on {allowed()} threads, one run each; "
        f"answers in {environment()}"
    )
    path = store(GENERATED, "growth", verdict, rows)
    return rows, path


def exponents(found: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """Return the power of the size by which each figure grows, by least squares of logarithms.

    Args:
        found: size -> figures. One that is 0 somewhere was too small to be timed: it has none.
    """
    sizes = np.log([*found])
    values = {name: [found[n][name] for n in found] for name in GROWING}
    return {
        f"{name}_exponent": float(np.polyfit(sizes, np.log(each), 1)[0])
        for name, each in values.items()
        if min(each) > 0
    }


def _small(seed: int, encoder: EncoderConfig | None) -> Pipeline:
    """A shop small enough to be fitted in a minute, its encoder in 8 bits."""
    pipeline = Pipeline(load_vertical("ecommerce"), encoder)
    pipeline.fit(shop(START, seed).split("time", seed=seed)[0], FitConfig(epochs=0, seed=seed))
    pipeline.compress(max_drop=MAX_DROP, seed=seed)
    return pipeline


def _measured(start: Path, n: int, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        bundle = Path(place) / "shop"
        child = [sys.executable, "-m", "benchmarks.growing", str(start), str(n), str(seed)]
        done = subprocess.run([*child, str(bundle)], capture_output=True, text=True, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(f"{n:,} items could not be measured:\n{done.stderr[-2_000:]}")
        made: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return made | searching(bundle, queries(shop(n, seed).items, QUERIES, seed))
