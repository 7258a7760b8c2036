"""Pinning changes a process for good, so each case runs in one of its own."""

import json
import os
import subprocess
import sys
import threading

import pytest

from corank import threads
from corank.threads import side_by_side

SHOW = """
import json, sys
import numpy
from threadpoolctl import threadpool_info
from corank.threads import allowed, pin
if sys.argv[1:]:
    pin(int(sys.argv[1]))
blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
print(json.dumps({"allowed": allowed(), "blas": blas}))
"""


def shown(*arguments: str) -> dict[str, object]:
    child = [sys.executable, "-c", SHOW, *arguments]
    done = subprocess.run(child, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_pinned_process_computes_with_so_many_threads() -> None:
    assert shown("1") == {"allowed": 1, "blas": [1]}


def test_otherwise_there_is_one_for_each_core() -> None:
    assert shown()["allowed"] == len(os.sched_getaffinity(0))


def test_parts_are_worked_on_at_once_and_come_back_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_most", [2])
    both = threading.Barrier(2, timeout=10)  # passed only by two at once

    def work(part: int) -> int:
        both.wait()
        return part * part

    assert list(side_by_side(work, [3, 1, 2, 5])) == [9, 1, 4, 25]
    monkeypatch.setattr(threads, "_most", [1])
    names = set(side_by_side(lambda _: threading.current_thread().name, [1, 2]))
    assert names == {threading.current_thread().name}
    assert list(side_by_side(str, [])) == []
