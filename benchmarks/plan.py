"""Everything that is measured, as a list of commands that can be stopped and gone on with.

A step is done when the result that it writes is there, of the commit that is checked out and of as
many seeds. One that fails, or takes three times as long as it should, is told of in the end, and
the rest goes on.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy import RUNS
from benchmarks.eight_bit import device
from benchmarks.peers.run import ROOT
from benchmarks.reporting.results import RESULTS, Result, current_commit

PATIENCE = 3.0
"""Times as long as it should: then a step is stopped."""


@dataclass(frozen=True)
class Step:
    """One measurement: the words after ``python -m benchmarks``, and what it writes.

    Args:
        result: dataset and protocol of the result, as its file is called.
        words: of the command.
        minutes: that it takes on two cores, about, with one seed where it takes seeds.
        seeded: whether it takes ``--seeds``; then each costs as much again.
    """

    result: str
    words: tuple[str, ...]
    minutes: float
    seeded: bool = False

    def command(self, seeds: int) -> list[str]:
        """Return the words for so many seeds."""
        return [*self.words, *(("--seeds", str(seeds)) if self.seeded else ())]


def _accuracy(name: str, protocol: str, minutes: float, *more: str) -> Step:
    words = ("accuracy", "--dataset", name, "--protocol", protocol, *more)
    return Step(f"{name}-{protocol}", words, minutes, seeded=True)


QUICK = (Step("samples-quick", ("quick",), 8),)
FULL = (
    *QUICK,
    Step("core-install", ("install-size",), 2),
    Step("crowdflower-latency", ("latency", "--dataset", "crowdflower"), 20),
    Step("banking77-latency", ("latency", "--dataset", "banking77"), 15),
    Step("amazon-beauty-latency", ("latency", "--dataset", "amazon-beauty"), 20),
    Step("medquad-latency", ("latency", "--dataset", "medquad"), 25),
    Step("upworthy-latency", ("latency", "--dataset", "upworthy"), 15),
    Step("crowdflower-precisions", ("precisions",), 15),
    Step("amazon-beauty-training-speed", ("training-speed",), 20),
    Step("generated-serving-100000", ("serving",), 30),
    Step("generated-growth", ("growth",), 100),
    Step("finance-sample-replay", ("replay", "--streams", "40"), 15),
    Step(f"crowdflower-8-bit-{device()}", ("8-bit",), 10),
    Step("medquad-adaptation", ("adaptation",), 40),
    Step("openbandit-off-policy", ("accuracy", "--dataset", "openbandit"), 2),
    Step("insurance-next-purchase", ("accuracy", "--dataset", "insurance"), 5, seeded=True),
    Step("upworthy-pairs", ("accuracy", "--dataset", "upworthy"), 5, seeded=True),
    _accuracy("banking77", "8-shot", 2),
    _accuracy("banking77", "10-per-class", 10),
    _accuracy("banking77", "full", 20),
    _accuracy("banking77", "faq", 20),
    _accuracy("banking77", "7-steps", 25),
    _accuracy("clinc150", "full", 20),
    _accuracy("phrasebank", "50agree-10-fold", 30),
    _accuracy("phrasebank", "50agree-functions", 20),
    _accuracy("medquad", "liveqa", 15),
    _accuracy("crowdflower", "10-fold", 200),
    _accuracy("ml-100k", "time", 15),
    _accuracy("ml-1m", "leave-one-out", 60),
    _accuracy("ml-1m", "time", 60),
    _accuracy("amazon-beauty", "leave-one-out", 30, "--refit"),
    _accuracy("amazon-beauty", "cold-items", 35),
    Step("amazon-beauty-leave-one-out-ablation", ("ablation",), 40),
    Step("banking77-compression", ("compression", "--dataset", "banking77"), 15),
    Step("amazon-beauty-compression", ("compression", "--dataset", "amazon-beauty"), 15),
)


def run(steps: Sequence[Step], *, seeds: int, patience: float = PATIENCE) -> dict[str, str]:
    """Take the steps that are not done; return those that failed, and why.

    Args:
        steps: which, in order.
        seeds: of those that take any.
        patience: times as long as it should that a step may take.
    """
    commit, failed = current_commit(), dict[str, str]()
    log = RUNS / f"all-{commit}"  # what each step says
    log.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(steps, 1):
        minutes = step.minutes * (seeds if step.seeded else 1)
        told = f"[{number}/{len(steps)}] {step.result}"
        if done(step, commit, seeds):
            print(f"{told}: done", flush=True)
            continue
        print(f"{told}: about {minutes:.0f} minutes", flush=True)
        command = [sys.executable, "-m", "benchmarks", *step.command(seeds)]
        if why := take(command, log / f"{step.result}.txt", 60 * minutes * patience):
            failed[step.result] = why
            print(f"{told}: {why}", flush=True)
    return failed


def done(step: Step, commit: str, seeds: int) -> bool:
    """Whether a step's result is there, of so many seeds; of a changed tree nobody could say."""
    path = RESULTS / f"{step.result}-{commit}.json"
    if commit.endswith("-dirty") or not path.exists():
        return False
    return not step.seeded or max(row.seeds for row in Result.load(path).rows) >= seeds


def take(command: Sequence[str], log: Path, seconds: float) -> str:
    """Run one command; return why it failed, or nothing. Stopped, it takes its children along."""
    began = time.perf_counter()
    with log.open("a") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"stopped after {(time.perf_counter() - began) / 60:.0f} minutes; see {log}"
    if code == 0:
        return ""
    said = log.read_text("utf-8", "replace").strip().splitlines() or [""]
    return f"exit status {code}: {said[-1][:200]}; see {log}"
