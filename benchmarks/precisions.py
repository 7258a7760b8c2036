"""Ways to hold an encoder's numbers, side by side: what each loses, layer by layer and in the end.

Each way makes a graph of the same encoder, which the same runtime reads the same texts with, by
turns and another way first each round; so what differs is the arithmetic. bf16 is torch's, since
onnxruntime has none for processors. What can't be made is named and the rest goes on.

A way is worth having if a text's vector is the same alone and in a batch, and the metric of the set
(see `tasks`) stays; of those the fastest is the one to have. For ways that round activations by
fixed steps there is the error of each layer's products too, alone, as a share of what they are.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.tasks import TASKS, TextTask
from corank.compress.export import text_encoder
from corank.compress.gate import CALIBRATION
from corank.compress.int8 import Find
from corank.compress.quantize import Layer, Quantizer, cosines
from corank.compress.rounding import rounding
from corank.compress.runtime import PROBE, TextEncoder
from corank.evaluate.report import OURS, Row
from corank.evaluate.significance import paired_difference
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.source import DEFAULT_ENCODER

MAX_TOKENS = 128
ALONE = 100
"""So many texts are encoded by themselves too."""
WARM_UP = 64
EXACT = "full precision"
FIXED: dict[str, Find] = {
    "8 bits, fixed steps": partial(rounding, smoothing=(0.0,), compensate=False),
    "8 bits, smoothed by .5": partial(rounding, smoothing=(0.5,), compensate=False),
    "8 bits, smoothed as is best": partial(rounding, compensate=False),
    f"{OURS}/int8": rounding,
}
"""Ways whose steps are found before: name -> how a layer is rounded."""


@dataclass(frozen=True)
class Made:
    """Texts to unit vectors, and what that takes on a disk."""

    encode: Callable[[Sequence[str]], NDArray[np.float32]]
    megabytes: float
    layers: Sequence[Layer] = ()


Way = Callable[[Encoder, TextEncoder, Sequence[str]], Made]
"""The encoder in torch and as a graph, and texts that may decide how to round -> what is made."""


def run(
    name: str, *, texts: int, rounds: int, seed: int, model: str = DEFAULT_ENCODER
) -> tuple[list[Row], Path]:
    """Make every way, measure and store.

    Args:
        name: of the data set, a key of `TASKS`.
        texts: so many are timed, chosen at random.
        rounds: so many times.
        seed: of the choices.
        model: whose numbers they are.
    """
    current_commit()  # as it is now; the run is long
    task, rng = TASKS[name](seed), np.random.default_rng(seed)
    every = [*task.known, *task.asked]
    given = [every[n] for n in rng.permutation(len(every))[:texts]]
    some = [task.known[n] for n in rng.permutation(len(task.known))[:CALIBRATION]]
    whole = Encoder.load(EncoderConfig(name=model, max_tokens=MAX_TOKENS))
    exact = text_encoder(whole, PROBE)
    made: dict[str, Made] = {}
    failed: dict[str, str] = {}
    for way, make in WAYS.items():
        try:
            made[way] = make(whole, exact, some)
        except Exception as error:  # a library's own: whatever it is, the rest goes on
            failed[way] = f"{type(error).__name__}: {error}".splitlines()[0]
        print(way, failed.get(way, "is made"), flush=True)
    before = made[EXACT].encode(every)
    rows: list[Row] = []
    for way, each in made.items():
        rows += _worth(way, each, task, every, before)
        rows += [Row(way, layer.name, "product_error", layer.error) for layer in each.layers]
        rows += [Row(way, layer.name, "cosine", layer.cosine) for layer in each.layers]
    rows += _speed(made, given, rounds)
    verdict = f"median of {rounds} rounds of {texts:,} texts by turns, lowest .. highest"
    about = {"max_tokens": MAX_TOKENS, "ways that failed": failed}
    return rows, store(task.dataset, "precisions", verdict, rows, about=about)


def _worth(
    way: str, made: Made, task: TextTask, every: list[str], before: NDArray[np.float32]
) -> Iterator[Row]:
    """What a way's vectors are, beside those in full precision."""
    own = made.encode(every)
    alone = np.concatenate([made.encode([text]) for text in every[:ALONE]])
    values, exact = task.values(own), task.values(before)
    lost, scale = paired_difference(exact, values), float(np.nanmean(exact))
    similar, batched = cosines(own, before), cosines(own[:ALONE], alone)
    yield Row(way, "all", task.metric, float(np.nanmean(values)))
    name = f"{task.metric}_lost"
    yield Row(way, "all", name, lost.value / scale, lost.low / scale, lost.high / scale)
    yield Row(way, "all", "cosine", float(similar.mean()), float(similar.min()), 1.0)
    yield Row(way, "all", "cosine_in_batch", float(batched.mean()), float(batched.min()), 1.0)
    yield Row(way, "all", "size_mb", made.megabytes)


def _speed(made: dict[str, Made], given: list[str], rounds: int) -> Iterator[Row]:
    taken: dict[str, list[float]] = {way: [] for way in made}
    for turn in range(rounds):
        ways = [*made]
        for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            made[way].encode(given[:WARM_UP])
            start = time.perf_counter()
            made[way].encode(given)
            taken[way].append(time.perf_counter() - start)
    for way, seconds in taken.items():
        ratios = [exact / own for exact, own in zip(taken[EXACT], seconds, strict=True)]
        yield Row(way, "all", "texts_per_second", len(given) / statistics.median(seconds))
        half = statistics.median(ratios)
        yield Row(way, "all", f"speedup_over/{EXACT}", half, min(ratios), max(ratios))


def _graph(exact: TextEncoder, graph: bytes, layers: Sequence[Layer] = ()) -> Made:
    encoder = replace(exact, graph=graph)
    return Made(encoder.encode_items, len(graph) / 1e6, layers)


def _as_it_is(whole: Encoder, exact: TextEncoder, texts: Sequence[str]) -> Made:
    return _graph(exact, exact.graph)


def _bf16(whole: Encoder, exact: TextEncoder, texts: Sequence[str]) -> Made:
    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        with torch.autocast("cpu", torch.bfloat16):
            return whole.encode(list(texts))

    return Made(encode, len(exact.graph) / 2e6)


def _dynamic(
    whole: Encoder, exact: TextEncoder, texts: Sequence[str], *, per_channel: bool
) -> Made:
    """Steps of activations are found while running, as most exports have it."""
    from onnxruntime.quantization import quantize_dynamic

    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "dynamic.onnx"
        quantize_dynamic(onnx.load_from_string(exact.graph), target, per_channel=per_channel)
        return _graph(exact, target.read_bytes())


def _qdq(whole: Encoder, exact: TextEncoder, texts: Sequence[str]) -> Made:
    """onnxruntime's own static 8 bits, of products with weights."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    tokenizer = exact.tokenizer
    feeds = iter([tokenizer.pad([ids])._asdict() for ids in tokenizer.encode(list(texts))])

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
        def get_next(self) -> dict[str, NDArray[np.int64]] | None:
            return next(feeds, None)

    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "static.onnx"
        quantize_static(
            onnx.load_from_string(exact.graph), target, Reader(), per_channel=True,
            op_types_to_quantize=["MatMul"], activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
        return _graph(exact, target.read_bytes())


def _blocks(whole: Encoder, exact: TextEncoder, texts: Sequence[str], *, bits: int) -> Made:
    """Weights alone, by blocks of 32 of a column; products add up integers."""
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    held = MatMulNBitsQuantizer(
        onnx.load_from_string(exact.graph), bits=bits, block_size=32, is_symmetric=True,
        accuracy_level=4,
    )  # fmt: skip
    held.process()
    return _graph(exact, held.model.model.SerializeToString())


def _fixed(whole: Encoder, exact: TextEncoder, texts: Sequence[str], *, way: str) -> Made:
    quantizer = Quantizer(exact, texts, find=FIXED[way])
    return _graph(exact, quantizer.encoder().graph, quantizer.layers(texts[: CALIBRATION // 4]))


WAYS: dict[str, Way] = {
    EXACT: _as_it_is,
    "bf16, by torch": _bf16,
    "8 bits, steps of a batch": partial(_dynamic, per_channel=False),
    "8 bits, steps of a batch, by channel": partial(_dynamic, per_channel=True),
    "8 bits, onnxruntime's static": _qdq,
    "weights in 8 bits, by blocks": partial(_blocks, bits=8),
    "weights in 4 bits, by blocks": partial(_blocks, bits=4),
    **{way: partial(_fixed, way=way) for way in FIXED},
}
