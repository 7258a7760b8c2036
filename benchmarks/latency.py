"""How long one answer takes, in a process that only answers, as a service does: one thread each.

``python -m benchmarks.latency BUNDLE``, with a list of histories as JSON on standard input.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import corank
from benchmarks.clock import percentiles
from corank.bundle import BUNDLE
from corank.threads import pin


def recommending(bundle: Path, histories: Sequence[Sequence[str]]) -> dict[str, float]:
    """Ten explained answers after rules, one history at a time: recommend_p50_ms and _p99_ms."""
    child = [sys.executable, "-m", __name__, str(bundle)]
    done = subprocess.run(child, input=json.dumps(histories), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"answers from {bundle} could not be timed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return {f"recommend_{name}": value for name, value in found.items()}


def _main() -> None:
    pin(1)
    path, histories = Path(sys.argv[1]), json.load(sys.stdin)
    name = BUNDLE.read(path)["vertical"]
    vertical = None
    if name not in corank.verticals():
        from benchmarks.catalogue import RANKING  # it loads torch

        vertical = next(each.vertical for each in RANKING.values() if each.vertical.name == name)
    engine = corank.load(path, vertical)
    found = percentiles(lambda number: engine.recommend(histories[number], k=10), len(histories))
    print(json.dumps(found))


if __name__ == "__main__":
    _main()
