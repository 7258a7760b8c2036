"""How fast an encoder reads, and how well, beside sentence-transformers and its back ends.

Every system reads the same texts with the same weights (but for ours with fewer layers), each time
in a process of its own, by turns, another one first each round; its speed is a ratio to those of
the others within the same round. A system is timed from texts to vectors, loading and its first 64
texts left out, with as many threads as there are cores. Texts are cut at 128 tokens; a query has
about ten.

What its vectors are worth is a metric on the test of the set (see `tasks`), and what that loses
against full precision, case by case. Beside it the cosine to the vectors in full precision, and
of a text alone to the same text among others.

Of ours in 8 bits there is a profile too, and which share of the processor's own rate it reaches
(see `profile`).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.encoders import ALONE, BACKENDS, MAX_TOKENS, plain
from benchmarks.peers.run import ROOT
from benchmarks.profile import limit, operators
from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.tasks import TASKS, TextTask
from corank.compress.export import text_encoder
from corank.compress.gate import CALIBRATION
from corank.compress.quantize import Quantizer, cosines
from corank.compress.runtime import PROBE, TextEncoder
from corank.evaluate.report import OURS, Row
from corank.evaluate.significance import bootstrap_mean, paired_difference
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.shrink import ShrinkConfig, shrunk
from corank.language.source import DEFAULT_ENCODER, resolve
from corank.threads import allowed

PEER = "sentence-transformers"
PYTHON = os.environ.get("CORANK_BACKENDS", str(ROOT / ".backends" / "bin" / "python"))
"""A Python that has sentence-transformers with its back ends; `make backends` makes one."""
QUERIES = 200
QUERY_TOKENS = 10
INT8 = f"{OURS}/int8"
SMALL = f"{OURS}/int8, fewer layers"
Timed = dict[str, float]


def run(
    name: str,
    *,
    texts: int,
    rounds: int,
    seed: int,
    shrink: ShrinkConfig | None = None,
    model: str = DEFAULT_ENCODER,
) -> tuple[list[Row], Path]:
    """Ask every system in turns, and store its speed, size and worth.

    Args:
        name: of the data set, a key of `TASKS`.
        texts: so many are timed, chosen at random.
        rounds: so many times.
        seed: of the choices.
        shrink: what the smallest of ours keeps, and how it is taught.
        model: whose weights everybody has.
    """
    current_commit()  # as it is now; the run is long
    task, rng = TASKS[name](seed), np.random.default_rng(seed)
    every = [*task.known, *task.asked]
    given = [every[n] for n in rng.permutation(len(every))[:texts]]
    queries, tokens = _queries(every, model)
    found: dict[str, list[Timed]] = {system: [] for system in (*BACKENDS, OURS, INT8, SMALL)}
    failed: dict[str, str] = {}
    versions: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for file, content in (("every", every), ("texts", given), ("queries", queries)):
            (folder / f"{file}.json").write_text(json.dumps(content), "utf-8")
        exact, small = _make(task, folder, model, shrink, seed)
        for turn, what in enumerate(("make", "read", *["time"] * rounds)):
            systems = [each for each in found if each not in failed]
            for system in systems[turn % len(systems) :] + systems[: turn % len(systems)]:
                if what == "make" and system not in BACKENDS:
                    continue
                try:
                    figures = _asked(system, what, model, folder)
                    if what == "make":
                        versions[system] = figures
                    else:
                        found[system].append(figures)
                except subprocess.CalledProcessError as error:
                    failed[system] = (error.stderr.strip().splitlines() or [str(error)])[-1]
                else:
                    print(f"{what}: {system} {figures}", flush=True)
            for system in {PEER, INT8} & failed.keys():
                raise RuntimeError(f"without {system} there is nothing to say: {failed[system]}")
        rows = [row for s in found if s not in failed for row in _worth(s, task, folder)]
    timed = {system: each for system, each in found.items() if system not in failed}
    rows += [row for system in timed for row in _speed(system, timed, texts)]
    speed = next(r.value for r in rows if (r.system, r.metric) == (INT8, "texts_per_second"))
    rows.append(Row(INT8, "profile", "share_of_limit", speed / limit(exact, given)))
    for operator, share in operators(small, given).items():
        rows.append(Row(INT8, "profile", operator, share))
    verdict = f"median of {rounds} rounds of {texts:,} texts by turns, lowest .. highest"
    about = {
        "max_tokens": MAX_TOKENS, "threads": allowed(), "tokens of a query, mean": tokens,
        "versions of the others": versions, "systems that failed": failed,
    }  # fmt: skip
    return rows, store(task.dataset, "latency", verdict, rows, about=about)


def _queries(texts: list[str], model: str) -> tuple[list[str], float]:
    """Return the texts whose length is nearest to ten tokens, and their mean length."""
    tokenizer = Encoder.load(EncoderConfig(name=model, max_tokens=MAX_TOKENS)).tokenizer
    unique = sorted({*texts})
    lengths = np.array([len(ids) for ids in tokenizer.encode(unique)])
    nearest = np.argsort(np.abs(lengths - QUERY_TOKENS), kind="stable")[:QUERIES]
    return [unique[n] for n in nearest.tolist()], float(lengths[nearest].mean())


def _make(
    task: TextTask, folder: Path, model: str, shrink: ShrinkConfig | None, seed: int
) -> tuple[TextEncoder, TextEncoder]:
    """Save ours: whole, in 8 bits, and in 8 bits with fewer layers; return the first two."""
    whole = Encoder.load(EncoderConfig(name=model, max_tokens=MAX_TOKENS))
    calibration = np.random.default_rng(seed).permutation(len(task.known))[:CALIBRATION]
    some = [task.known[n] for n in calibration]
    exact = text_encoder(whole, PROBE)
    small = Quantizer(exact, some, seed=seed).encoder()
    shallow = text_encoder(shrunk(whole, task.known, shrink, seed=seed), PROBE)
    smallest = Quantizer(shallow, some, seed=seed).encoder()
    for system, encoder in ((OURS, exact), (INT8, small), (SMALL, smallest)):
        encoder.save(folder / plain(system))
    return exact, small


def _asked(system: str, what: str, model: str, folder: Path) -> Timed:
    """Have a process of its own read or time a system's encoder."""
    if system in BACKENDS:
        python = sys.executable if system == PEER else PYTHON
        child = [python, "-m", "benchmarks.peers.encoders", system, what, str(folder)]
        child.append(str(resolve(model)))
    else:
        child = [sys.executable, "-m", "benchmarks.reading", system, what, str(folder)]
    try:
        known = os.environ | {"OMP_NUM_THREADS": str(allowed())}
        done = subprocess.run(child, capture_output=True, text=True, check=True, env=known)
    except FileNotFoundError as error:
        said = f"{PYTHON} is not there: make backends, or point CORANK_BACKENDS at a Python"
        raise subprocess.CalledProcessError(1, child, stderr=said) from error
    figures: Timed = json.loads(done.stdout.splitlines()[-1])
    return figures


def _worth(system: str, task: TextTask, folder: Path) -> Iterator[Row]:
    """What a system's vectors are, beside those in full precision."""
    n = len(task.known) + len(task.asked)
    own, exact = (np.load(folder / f"{plain(s)}.npy") for s in (system, PEER))
    similar, batched = cosines(own[:n], exact[:n]), cosines(own[:ALONE], own[n:])
    values, before = task.values(own[:n]), task.values(exact[:n])
    mean, lost = bootstrap_mean(values), paired_difference(before, values)
    scale = float(np.nanmean(before))
    yield Row(system, "all", task.metric, mean.value, mean.low, mean.high)
    yield Row(
        system, "all", f"{task.metric}_lost",
        lost.value / scale, lost.low / scale, lost.high / scale,
    )  # fmt: skip
    yield Row(system, "all", "cosine", float(similar.mean()), float(similar.min()), 1.0)
    yield Row(system, "all", "cosine_in_batch", float(batched.mean()), float(batched.min()), 1.0)


def _speed(system: str, found: dict[str, list[Timed]], texts: int) -> Iterator[Row]:
    read, *own = found[system]
    middle = {name: statistics.median(each[name] for each in own) for name in own[0]}
    yield Row(system, "all", "size_mb", read["size_mb"])
    yield Row(system, "all", "texts_per_second", texts / middle.pop("seconds"))
    for other in {PEER: 0} if system in BACKENDS else BACKENDS:
        if other in found:
            pairs = zip(found[other][1:], own, strict=True)
            ratios = [theirs["seconds"] / ours["seconds"] for theirs, ours in pairs]
            half = statistics.median(ratios)
            yield Row(system, "all", f"speedup_over/{other}", half, min(ratios), max(ratios))
    for name, value in middle.items():
        yield Row(system, "all", name, value)
