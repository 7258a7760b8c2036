"""What 8 bits save and cost, by bitsandbytes (LLM.int8), on a GPU where there is one.

An encoder is loaded in full and in 8 bits, and orders the products that people judged for the
queries of a shop (CrowdFlower): how large its weights are, how far its vectors move, what becomes
of NDCG@10, and how many texts a second it reads. Then the same pairs are learned from in fp32, in
bf16, by LoRA, and by LoRA beside a base in 8 bits. On a GPU the most memory that each held is
there too. This is to save memory; what makes serving fast is `benchmarks latency`.
"""

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.reporting.results import store
from benchmarks.reranking import PASSAGES
from benchmarks.sets.crowdflower import CROWDFLOWER
from corank.compress.quantize import cosines
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.evaluate.metrics import mean_ndcg
from corank.evaluate.relevance import Qrels, judge
from corank.evaluate.report import Row
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.pairs import build_pairs
from corank.language.tune import EncoderTraining, train_encoder
from corank.retrieve.hits import Hits

MAX_TOKENS = 128
WARM_UP = 64
TRAINING = {
    "fp32": EncoderTraining(precision="no"),
    "bf16": EncoderTraining(),
    "bf16, lora": EncoderTraining(adapter="lora"),
    "bf16, lora beside 8 bits": EncoderTraining(adapter="lora", base_8bit=True),
}


def run(*, queries: int, seed: int) -> tuple[list[Row], Path]:
    """Measure loading and training; store rows named by what was held how.

    Args:
        queries: so many are asked; their judged products are encoded, and learned from once.
        seed: of the choice.
    """
    fold = next(CROWDFLOWER.folds(CROWDFLOWER.source(), "10-fold", seed))
    texts = render(PASSAGES.item_text, fold.train.items).to_list()
    named, judged = fold.train.judged_queries()
    chosen = np.random.default_rng(seed).permutation(len(named))[:queries]
    asked, judged = [named[query] for query in chosen], judged.take(chosen)
    rows = [*_loading(asked, judged, texts), *_training(asked, judged, texts, seed)]
    verdict = f"{len(asked)} queries, {len(judged.items):,} products, by {device()}"
    return rows, store(CROWDFLOWER, f"8-bit-{device()}", verdict, rows)


def device() -> str:
    """Return what encoders run on here."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _loading(asked: list[str], judged: Ragged, texts: list[str]) -> Iterator[Row]:
    items, place = np.unique(judged.items, return_inverse=True)
    read = [texts[item] for item in items]
    exact: NDArray[np.float32] | None = None
    for name, in_8bit in (("fp32", False), ("8-bit", True)):
        _forget()
        encoder = Encoder.load(EncoderConfig(max_tokens=MAX_TOKENS), in_8bit=in_8bit)
        if torch.cuda.is_available():
            encoder.cuda()
        encoder.encode(read[:WARM_UP])
        start = time.perf_counter()
        vectors = encoder.encode(read)
        taken = time.perf_counter() - start
        scores = (encoder.encode(asked)[judged.rows()] * vectors[place]).sum(1)
        run = Hits.of(judged.rows(), judged.items, scores, n=len(asked), k=10).items
        exact = vectors if exact is None else exact
        alike = cosines(vectors, exact)
        yield Row(name, "encoding", "weights_mb", _megabytes(encoder))
        yield from _peak(name, "encoding")
        yield Row(name, "encoding", "cosine", float(alike.mean()), float(alike.min()), 1.0)
        yield Row(name, "encoding", "ndcg@10", mean_ndcg(judge(run, Qrels.of(judged)), 10))
        yield Row(name, "encoding", "texts_per_second", len(read) / taken)


def _training(asked: list[str], judged: Ragged, texts: list[str], seed: int) -> Iterator[Row]:
    pairs = build_pairs(
        Ragged.of([]), judged, len(texts), window=0, max_pairs=0, min_grade=2, seed=seed
    )
    for name, config in TRAINING.items():
        _forget()
        encoder = Encoder.load(EncoderConfig(max_tokens=MAX_TOKENS))
        start = time.perf_counter()
        train_encoder(encoder, [*texts, *asked], pairs, config, seed=seed)
        yield Row(name, "training", "pairs_per_second", len(pairs) / (time.perf_counter() - start))
        yield from _peak(name, "training")


def _megabytes(encoder: Encoder) -> float:
    held = (*encoder.parameters(), *encoder.buffers())
    return sum(each.numel() * each.element_size() for each in held) / 1e6


def _forget() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peak(name: str, split: str) -> Iterator[Row]:
    if torch.cuda.is_available():
        yield Row(name, split, "peak_gpu_mb", torch.cuda.max_memory_allocated() / 1e6)
