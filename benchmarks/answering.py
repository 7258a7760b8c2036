"""How long one answer takes, in a process that only answers, as a service does: one thread each.

``python -m benchmarks.answering BUNDLE``, with histories or queries as JSON on standard input.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import corank
from benchmarks.clock import TIMES, peak_memory_mb, percentiles, throughput
from corank.bundle import BUNDLE
from corank.errors import UnknownVerticalError
from corank.threads import pin

ROOT = Path(__file__).parents[1]
SERVING = Path(os.environ.get("CORANK_SERVING", ROOT / ".core" / "bin" / "python"))
"""A Python with what serving needs and nothing else, as `make core` makes one. What else is
installed costs time and memory: lightgbm alone imports scikit-learn and pandas where they are."""
AT_ONCE = (1, 2, 4, 8)
"""So many visitors ask at once."""


def recommending(bundle: Path, histories: Sequence[Sequence[str]]) -> dict[str, float]:
    """Ten explained answers after rules, one history at a time: recommend_p50_ms and so on."""
    found = _timed(bundle, {"histories": histories}, sys.executable)
    return {f"recommend_{name}": found[name] for name in TIMES}


def searching(bundle: Path, queries: Sequence[str]) -> dict[str, float]:
    """Ten explained answers after rules, one query at a time.

    Returns:
        search_p50_ms, search_p95_ms and search_p99_ms; first_answer_seconds, from the start of
        the process; memory_mb, the most that it held; and answers_per_second@1 and so on, when so
        many visitors ask at once, none of whose queries is remembered.
    """
    python = str(SERVING) if SERVING.exists() else sys.executable
    found = _timed(bundle, {"queries": queries}, python)
    times = {f"search_{name}": found.pop(name) for name in TIMES}
    return times | found


def environment() -> str:
    """Say what `searching` runs in."""
    return "an install for serving" if SERVING.exists() else "the development environment"


def _timed(bundle: Path, asked: dict[str, Sequence[object]], python: str) -> dict[str, float]:
    child = [python, "-m", "benchmarks.answering", str(bundle.resolve()), str(time.time())]
    done = subprocess.run(child, input=json.dumps(asked), capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"answers from {bundle} could not be timed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _main() -> None:
    pin(1)
    path, started, asked = Path(sys.argv[1]), float(sys.argv[2]), json.load(sys.stdin)
    name = BUNDLE.read(path)["vertical"]
    try:
        vertical = corank.load_vertical(name)
    except UnknownVerticalError:
        from benchmarks.sets.catalogue import RANKING  # it loads torch

        vertical = next(each.vertical for each in RANKING.values() if each.vertical.name == name)
    engine = corank.load(path, vertical)
    histories, queries = asked.get("histories"), asked.get("queries")

    def answer(number: int) -> object:
        if histories:
            return engine.recommend(histories[number], k=10)
        return engine.search(queries[number], k=10)

    answer(0)
    first = time.time() - started
    found = percentiles(lambda number: answer(number + 1), len(histories or queries) - 1)
    for visitors in AT_ONCE if queries else ():
        engine.encoder.forget()
        found[f"answers_per_second@{visitors}"] = throughput(answer, len(queries), visitors)
    print(json.dumps({**found, "first_answer_seconds": first, "memory_mb": peak_memory_mb()}))


if __name__ == "__main__":
    _main()
