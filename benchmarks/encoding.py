"""Texts a second into vectors, and one query, beside sentence-transformers and its back ends.

Every system reads the same texts with the same weights, each time in a process of its own, by
turns; its figure is a ratio to sentence-transformers in full precision within the same round. A
system is timed from texts to vectors, loading and a first pass left out. The texts are products'
titles and descriptions as people judged them in a shop's search (CrowdFlower), cut at 128 tokens.

Of ours in 8 bits there is a profile too, and which share of the processor's own rate it reaches
(see `profile`).

What a system's vectors have to do with those in full precision is told by their cosine, and what
batching does to them by the cosine of a text alone to the same text among others.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.crowdflower import CROWDFLOWER
from benchmarks.peers.encoders import ALONE, MAX_TOKENS, SYSTEMS, timed
from benchmarks.peers.run import ROOT
from benchmarks.profile import limit, operators
from benchmarks.reranking import PASSAGES
from benchmarks.results import current_commit, store
from corank.compress.export import PROBE, text_encoder
from corank.compress.gate import CALIBRATION
from corank.compress.quantize import Quantizer, cosines
from corank.compress.runtime import TextEncoder
from corank.data.text import render
from corank.evaluate.report import OURS, Row
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.source import DEFAULT_ENCODER, resolve

PEER = "sentence-transformers"
BACKENDS = os.environ.get("CORANK_BACKENDS", str(ROOT / ".backends" / "bin" / "python"))
"""A Python that has sentence-transformers with its back ends; `make backends` makes one."""
QUERIES = 200
INT8 = f"{OURS}/int8"


def run(
    *, texts: int, rounds: int, seed: int, model: str = DEFAULT_ENCODER
) -> tuple[list[Row], Path]:
    """Time every system in turns, and store texts a second and ratios."""
    current_commit()  # as it is now; the run is long
    fold = next(CROWDFLOWER.folds(CROWDFLOWER.source(), "10-fold", seed))
    every = render(PASSAGES.item_text, fold.train.items).to_list()
    chosen = np.random.default_rng(seed).permutation(len(every)).tolist()
    given, others = ([every[n] for n in part] for part in (chosen[:texts], chosen[-CALIBRATION:]))
    queries = sorted({*fold.train.queries["query"], *fold.queries})[:QUERIES]
    found: dict[str, list[dict[str, float]]] = {system: [] for system in (*SYSTEMS, OURS, INT8)}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in (("texts", given), ("queries", queries)):
            (folder / f"{file}.json").write_text(json.dumps(content), "utf-8")
        exact = text_encoder(Encoder.load(EncoderConfig(name=model, max_tokens=MAX_TOKENS)), PROBE)
        exact.save(folder / OURS)
        small = Quantizer(exact, others, seed=seed).encoder()
        small.save(folder / INT8)
        for number in range(rounds):
            for system in [each for each in found if each not in failed]:
                try:
                    found[system].append(_timed(system, model, folder))
                except subprocess.CalledProcessError as error:
                    failed[system] = (error.stderr.strip().splitlines() or [str(error)])[-1]
                    continue
                speed = texts / found[system][-1]["seconds"]
                print(f"round {number + 1}: {system} {speed:.0f} texts/s", flush=True)
        rows = [row for s in found if s not in failed for row in _rows(s, found, folder, texts)]
    speed = next(r.value for r in rows if (r.system, r.metric) == (INT8, "texts_per_second"))
    rows.append(Row(INT8, "profile", "share_of_limit", speed / limit(exact, given)))
    for name, share in operators(small, given).items():
        rows.append(Row(INT8, "profile", name, share))
    verdict = f"median of {rounds} rounds of {texts:,} texts by turns, lowest .. highest"
    about = {"max_tokens": MAX_TOKENS, "systems that failed": failed}
    return rows, store(CROWDFLOWER, "encoding", verdict, rows, about=about)


def _timed(system: str, model: str, folder: Path) -> dict[str, float]:
    if system in (OURS, INT8):
        child = [sys.executable, "-m", "benchmarks.encoding", system, str(folder)]
    else:
        python = sys.executable if system == PEER else BACKENDS
        place = str(resolve(model))
        child = [python, "-m", "benchmarks.peers.encoders", system, place, str(folder)]
    try:
        done = subprocess.run(child, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        said = f"{BACKENDS} is not there: make backends, or point CORANK_BACKENDS at a Python"
        raise subprocess.CalledProcessError(1, child, stderr=said) from error
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def _rows(
    system: str, found: dict[str, list[dict[str, float]]], folder: Path, texts: int
) -> list[Row]:
    own, peer = found[system], found[PEER]
    ratios = [p["seconds"] / o["seconds"] for p, o in zip(peer, own, strict=True)]
    vectors, exact = (np.load(folder / f"{s.replace('/', '-')}.npy") for s in (system, PEER))
    together, alone = vectors[:ALONE], vectors[texts:]
    similar, batched = cosines(vectors[:texts], exact[:texts]), cosines(together, alone)

    def median(name: str) -> float:
        return statistics.median(each[name] for each in own)

    rows = [
        Row(system, "all", "texts_per_second", texts / median("seconds")),
        Row(system, "all", f"speedup_over/{PEER}", statistics.median(ratios), min(ratios),
            max(ratios), len(ratios)),
        Row(system, "all", "query_p50_ms", median("query_p50_ms")),
        Row(system, "all", "query_p99_ms", median("query_p99_ms")),
        Row(system, "all", "cosine", float(similar.mean()), float(similar.min()), 1.0),
        Row(system, "all", "cosine_in_batch", float(batched.mean()), float(batched.min()), 1.0),
    ]  # fmt: skip
    size = sum(file.stat().st_size for file in (folder / system).glob("*.*"))
    return [*rows, Row(system, "all", "bundle_mb", size / 1e6)] if size else rows


if __name__ == "__main__":
    _, asked, place = sys.argv
    encoder = TextEncoder.load(Path(place) / asked)
    print(json.dumps(timed(asked.replace("/", "-"), encoder.encode_items, Path(place))))
