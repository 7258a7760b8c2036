"""Where the time of an encoder goes, by operator, and how far it is from what the processor can do.

The limit is the rate at which onnxruntime multiplies 8-bit matrices of the encoder's own shape, one
thread each, nothing else done: if an encoder were its products alone, it would reach it.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from corank.compress.int8 import sites
from corank.compress.runtime import BUDGET, TextEncoder, session
from corank.language.tokenizer import token_budget_batches
from corank.threads import allowed

REPEATED = 200
LEAST = 0.01
"""Operators with a smaller share of the time are summed up."""


def operators(encoder: TextEncoder, texts: Sequence[str]) -> dict[str, float]:
    """Return each kind of operator's share of the time, the largest first."""
    tokenizer, options = encoder.tokenizer, ort.SessionOptions()
    ids = tokenizer.encode(list(texts))
    batches = [*token_budget_batches(np.array([len(row) for row in ids]), BUDGET)]
    options.intra_op_num_threads, options.enable_profiling = 1, True
    with tempfile.TemporaryDirectory() as place:
        options.profile_file_prefix = str(Path(place) / "encoder")
        profiled = ort.InferenceSession(encoder.graph, options, providers=["CPUExecutionProvider"])
        for rows in batches:
            profiled.run(["vector"], tokenizer.pad([ids[row] for row in rows])._asdict())
        events = json.loads(Path(profiled.end_profiling()).read_text("utf-8"))
    spent: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[event["args"]["op_name"]] += event["dur"]
    total = sum(spent.values())
    shares = {name: taken / total for name, taken in spent.most_common() if taken >= LEAST * total}
    return shares | {"others": 1 - sum(shares.values())}


def limit(exact: TextEncoder, texts: Sequence[str]) -> float:
    """Return texts a second if nothing took time but the products with weights, in 8 bits.

    Args:
        exact: the encoder in full precision, whose matrices are counted.
        texts: whose tokens are.
    """
    graph = onnx.load_from_string(exact.graph)
    shape = {each.name: tuple(each.dims) for each in graph.graph.initializer}
    matrices = [shape[product.weight] for site in sites(graph) for product in site.products]
    tokens = np.mean([len(row) for row in exact.tokenizer.encode(list(texts))])
    operations = 2 * tokens * sum(rows * columns for rows, columns in matrices)
    return float(_rate(*max(matrices, key=lambda each: each[0] * each[1])) * allowed() / operations)


def _rate(rows: int, columns: int) -> float:
    """Operations a second of one thread, (BUDGET, rows) times (rows, columns)."""
    rng = np.random.default_rng(0)
    weight = helper.make_tensor(
        "weight", TensorProto.INT8, (rows, columns),
        rng.integers(-127, 128, (rows, columns), np.int8).tobytes(), raw=True,
    )  # fmt: skip
    given = helper.make_tensor_value_info("x", TensorProto.UINT8, (BUDGET, rows))
    made = helper.make_tensor_value_info("y", TensorProto.INT32, (BUDGET, columns))
    node = helper.make_node("MatMulInteger", ["x", "weight"], ["y"])
    graph = helper.make_graph([node], "product", [given], [made], [weight])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    product = session(model.SerializeToString(), "product")
    x = {"x": rng.integers(0, 256, (BUDGET, rows), np.uint8)}
    product.run(["y"], x)
    taken = []
    for _ in range(REPEATED):
        start = time.perf_counter()
        product.run(["y"], x)
        taken.append(time.perf_counter() - start)
    return 2 * BUDGET * rows * columns / float(np.median(taken))
