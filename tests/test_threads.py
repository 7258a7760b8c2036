"""Pinning changes a process for good, so each case runs in one of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

SHOW = """
import json, sys
import numpy
from threadpoolctl import threadpool_info
from corank.threads import allowed, pin
from corank.compress.runtime import session
if sys.argv[2:]:
    pin(int(sys.argv[2]))
blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
ran = session(open(sys.argv[1], "rb").read(), "model")
options = ran.get_session_options()
print(json.dumps({"allowed": allowed(), "blas": blas, "onnx": options.intra_op_num_threads}))
"""


def shown(bundle: Path, *arguments: object) -> dict[str, object]:
    graph = bundle / "user_model" / "graph.onnx"
    child = [sys.executable, "-c", SHOW, *map(str, (graph, *arguments))]
    done = subprocess.run(child, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_pinned_process_computes_with_so_many_threads(bundle: Path) -> None:
    assert shown(bundle, 1) == {"allowed": 1, "blas": [1], "onnx": 1}


def test_otherwise_there_is_one_for_each_core(bundle: Path) -> None:
    found = shown(bundle)
    assert found["allowed"] == found["onnx"] == len(os.sched_getaffinity(0))
