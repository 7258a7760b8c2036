"""Everything in a row: what is done is not done again, what fails or hangs stops nothing else."""

import json
import sys
import time
from pathlib import Path

import pytest

from benchmarks import __main__ as commands
from benchmarks import plan
from benchmarks.arguments import parser
from benchmarks.eight_bit import device
from benchmarks.plan import FULL, QUICK, Step
from benchmarks.reporting.tables import SHOWN
from corank.data.files import atomic


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plan, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(plan, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(plan, "current_commit", lambda: "0123456789ab")
    (tmp_path / "results").mkdir()
    return tmp_path


def test_what_fails_and_what_hangs_is_told_and_the_rest_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORANK_DATA", str(place))
    steps = (
        Step("none", ("accuracy", "--dataset", "amazon-beauty"), 1),
        Step("slow", ("list",), 1e-6),
        Step("lists", ("list",), 1),
        Step("stored", ("no-such-command",), 1),
    )
    with atomic(place / "results" / "stored-0123456789ab.json") as part:
        part.write_text("{}")
    failed = plan.run(steps, seeds=1)
    assert [*failed] == ["none", "slow"]
    assert failed["none"].startswith("exit status 3: ") and failed["slow"].startswith("stopped")
    log = place / "runs" / "all-0123456789ab"
    assert "beauty_sequential_p5ids.txt" in (log / "none.txt").read_text()
    assert "amazon-beauty: for ecommerce" in (log / "lists.txt").read_text()
    assert not (log / "stored.txt").exists()


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
print(child.pid, flush=True)
child.wait()
"""


def test_what_is_stopped_takes_its_children_along(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    said = plan.take([sys.executable, "-c", PARENT], log, 3)
    assert said.startswith("stopped after 0 minutes")
    state = Path(f"/proc/{int(log.read_text())}/stat")
    for _ in range(50):  # a signal takes a moment
        if not state.exists() or state.read_text().split()[2] == "Z":
            break
        time.sleep(0.1)
    else:
        pytest.fail("the child lives on")


def test_a_result_of_fewer_seeds_is_not_done(place: Path) -> None:
    row = {"system": "corank", "split": "all", "metric": "accuracy", "value": 1.0, "seeds": 1}
    known: dict[str, object] = {"dataset": "set", "protocol": "full", "commit": "0123456789ab"}
    known |= {"machine": {}, "versions": {}, "data_sha256": "", "verdict": "so", "rows": [row]}
    (place / "results" / "set-full-0123456789ab.json").write_text(json.dumps(known))
    for seeded, seeds, expected in ((True, 1, True), (True, 3, False), (False, 3, True)):
        step = Step("set-full", ("list",), 1, seeded=seeded)
        assert plan.done(step, "0123456789ab", seeds) == expected


def test_of_a_changed_working_tree_nothing_is_done(place: Path) -> None:
    (place / "results" / "lists-0123456789ab-dirty.json").write_text("{}")
    assert not plan.done(Step("lists", ("list",), 1), "0123456789ab-dirty", 1)


def test_every_step_is_a_command_and_what_it_writes_is_shown() -> None:
    assert len({step.result for step in FULL}) == len(FULL)
    for step in FULL:
        words = [*step.words, *(("--seeds", "3") if step.seeded else ())]
        assert parser().parse_args(words).command in commands.COMMANDS, step
    assert {*QUICK} <= {*FULL}
    whole = " ".join(step.result for step in FULL)
    for protocol in {*SHOWN} - {"screens", "8-bit-cuda", "8-bit-cpu"}:
        assert protocol in whole, protocol
    assert f"crowdflower-8-bit-{device()}" in whole


def test_the_command_says_what_it_would_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "all", "--dry", "--only", "latency"])
    assert commands.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and all("python -m benchmarks latency --dataset" in s for s in lines)
