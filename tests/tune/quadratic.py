"""A search that is cheap, and has one best answer.

``python -m tests.tune.quadratic FOLDER TRIALS STOP``: says so and waits, to be killed, in the
middle of the trial that would be the STOP-th.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corank.tune.study import Found, Report, search


@dataclass(frozen=True, kw_only=True)
class Inner:
    y: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    x: float = 1.0
    n: int = 3
    fast: bool = False
    inner: Inner = field(default_factory=Inner)


SPACE: dict[str, Any] = {
    "x": {"low": -3, "high": 3},
    "inner.y": {"low": 0.01, "high": 10.0, "log": True},
    "n": {"low": 0, "high": 9},
    "fast": [False, True],
}
STEPS = 3


def value(config: Quadratic) -> float:
    """Return how good it is: 1 at x = 0.3, y = 1, n = 2, and less elsewhere."""
    return 1 - (config.x - 0.3) ** 2 - (config.inner.y - 1) ** 2 - abs(config.n - 2)


def objective(config: Quadratic, report: Report) -> float:
    for step in range(STEPS):
        report(step, value(config))
    return value(config)


def run(folder: Path, trials: int, **options: Any) -> Found[Quadratic]:
    return search(objective, Quadratic(), SPACE, folder=folder, trials=trials, **options)


if __name__ == "__main__":
    tried = 0

    def waits(config: Quadratic, report: Report) -> float:
        global tried
        tried += 1
        report(0, value(config))
        if tried == int(sys.argv[3]):
            print("waiting", flush=True)
            sys.stdin.read()
        return objective(config, report)

    search(waits, Quadratic(), SPACE, folder=Path(sys.argv[1]), trials=int(sys.argv[2]))
