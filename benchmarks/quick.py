"""The whole of corank in minutes, on the samples that come with it: is it as good as it was?

Each vertical's sample is fitted with an encoder as it came and asked its test; that of e-commerce
is the one whose encoder is tuned. An encoder in 8 bits reads the same texts by turns with the one
in full precision, run by transformers as sentence-transformers does it. What comes is stored like
any other result, and compared with what was stored before.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import corank
from benchmarks.clock import Clock
from benchmarks.reporting.results import Result, current_commit, store, stored
from benchmarks.sets.samples import SAMPLES
from corank import EncoderConfig, FitConfig, Pipeline
from corank.compress.export import text_encoder
from corank.compress.quantize import Quantizer
from corank.compress.runtime import PROBE
from corank.data.text import render
from corank.evaluate.report import OURS, Row
from corank.language.encoder import Encoder
from corank.threads import allowed

TUNED = "ecommerce"
PEER = "transformers"
SHOWN = (OURS, "ease+frozen-encoder", "frozen-encoder", "bm25", "popularity")
ROUNDS, TEXTS, AT_ONCE = 3, 256, 32


def run(
    verticals: Sequence[str] = (), *, seed: int = 0, encoder: EncoderConfig | None = None
) -> tuple[list[Row], Path]:
    """Fit, measure and time; return the rows and the file.

    Args:
        verticals: whose samples; by default, those of all that are installed.
        seed: of the splits and fits.
        encoder: what reads them, if not the default.

    Raises:
        UnknownVerticalError: there is none of that name.
    """
    current_commit()  # as it is now
    clock, rows = Clock(), []
    for name in verticals or corank.verticals():
        with clock(f"{name}_seconds"):
            rows += _sample(name, seed, encoder)
        print(f"{name}: {clock.seconds[f'{name}_seconds']:.0f} s", flush=True)
    rows += _reading(encoder or EncoderConfig(), seed)
    rows += [Row(OURS, "cost", name, value) for name, value in clock.figures().items()]
    verdict = "samples written for corank: whether it is as good as it was, not how good it is"
    some = "-".join(["quick", *verticals])  # of all, or of those that were named
    return rows, store(SAMPLES, some, verdict, rows)


def last(besides: Result) -> Result | None:
    """Return the quick result that was stored last before this one, of another commit.

    Of those that measured all that this one did; of it, what this one measured too.
    """
    there = {_of(row) for row in besides.rows}
    found = [
        each
        for each in stored()
        if each.dataset == SAMPLES.name
        and each.protocol.partition("-")[0] == "quick"
        and there <= {_of(row) for row in each.rows}
        and each.commit != besides.commit
        and each.when < besides.when
    ]
    before = max(found, key=lambda each: each.when, default=None)
    if before is None:
        return None
    rows = tuple(row for row in before.rows if _of(row) in there)
    return replace(before, protocol=besides.protocol, rows=rows)


def _of(row: Row) -> str:
    """What a row is of: a vertical, or the reading of texts."""
    return row.split.split(",")[0]


def _sample(name: str, seed: int, encoder: EncoderConfig | None) -> list[Row]:
    vertical = corank.load_vertical(name)
    train, test = vertical.read_sample().split("time", seed=seed)
    pipeline = Pipeline(vertical, encoder)
    pipeline.fit(train, FitConfig(epochs=1 if name == TUNED else 0, seed=seed))
    report = pipeline.evaluate(test)
    return [
        Row(row.system, f"{name}, {row.split}", row.metric, row.value, row.low, row.high)
        for row in report.rows
        if row.split in ("all", "search") and row.system in SHOWN and "_over/" not in row.metric
    ]


def _reading(config: EncoderConfig, seed: int) -> list[Row]:
    """Texts a second, and how many times as fast as the peer, round by round."""
    vertical = corank.load_vertical(TUNED)
    texts = render(vertical.item_text, vertical.read_sample().items).to_list()
    texts = (texts * -(-TEXTS // len(texts)))[:TEXTS]
    whole = Encoder.load(config)
    small = Quantizer(text_encoder(whole, PROBE), texts[:100], seed=seed).encoder()
    systems: dict[str, Callable[[], object]] = {
        f"{OURS}/int8": lambda: small.encode_items(texts),
        PEER: lambda: as_usual(whole, texts),
    }
    taken: dict[str, list[float]] = {name: [] for name in systems}
    for turn in range(ROUNDS + 1):  # the first one warms up
        for name, read in systems.items():
            began = time.perf_counter()
            read()
            if turn:
                taken[name].append(time.perf_counter() - began)
    ratios = [theirs / ours for ours, theirs in zip(*taken.values(), strict=True)]
    rows = [
        Row(name, "reading", "texts_per_second", TEXTS / float(np.median(each)))
        for name, each in taken.items()
    ]
    half = float(np.median(ratios))
    return [*rows, Row(f"{OURS}/int8", "reading", f"speedup_over/{PEER}", half,
                       min(ratios), max(ratios))]  # fmt: skip


@torch.inference_mode()
def as_usual(encoder: Encoder, texts: Sequence[str]) -> torch.Tensor:
    """Encode as sentence-transformers does: by length, 32 at once, in full precision, (n, d)."""
    torch.set_num_threads(allowed())
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    found: list[torch.Tensor] = [torch.empty(0)] * len(texts)
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        batch = encoder.tokenizer.pad(encoder.tokenizer.encode([texts[row] for row in rows]))
        vectors = encoder.eval()(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
        for row, vector in zip(rows, vectors, strict=True):
            found[row] = vector
    return torch.stack(found)
