"""The search: the base first, bad trials cut short, killed and gone on with, best.json."""

import json
import logging
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pytest
from optuna.trial import TrialState

from corank.config import from_mapping
from corank.errors import ConfigError, TrainingError
from corank.tune.space import put
from corank.tune.store import opened
from corank.tune.study import Found, Report, search
from tests.tune.quadratic import SPACE, STEPS, Inner, Quadratic, objective, run, value


def trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    with opened(folder / "study.db") as study:
        return study.trials


def settings(folder: Path) -> list[dict[str, Any]]:
    """What was tried, in order, but for what was killed."""
    return [trial.params for trial in trials(folder) if trial.state != TrialState.FAIL]


class Done(NamedTuple):
    folder: Path
    found: Found[Quadratic]
    trials: list[optuna.trial.FrozenTrial]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A search of 14 trials."""
    folder = tmp_path_factory.mktemp("studies") / "study"
    return Done(folder, run(folder, 14), trials(folder))


def test_the_base_settings_come_first_and_the_best_come_out(done: Done) -> None:
    assert done.trials[0].params == {"x": 1.0, "inner.y": 2.0, "n": 3, "fast": False}
    assert done.found.base_value == done.trials[0].value == value(Quadratic())
    whole = [t.value for t in done.trials if t.state == TrialState.COMPLETE and t.value is not None]
    assert done.found.value == max(whole) == value(done.found.best) > value(Quadratic())
    assert done.found.complete + done.found.pruned == len(done.trials) == 14


def test_everything_lies_in_the_folder(done: Done) -> None:
    best = json.loads((done.folder / "best.json").read_text("utf-8"))
    assert from_mapping(Quadratic, best) == done.found.best
    assert (done.folder / "study.png").read_bytes().startswith(b"\x89PNG")
    names = {path.name for path in done.folder.iterdir()}
    assert names == {"study.db", "best.json", "study.png", ".study.lock"}


def test_what_was_found_is_plain_json_and_is_said_in_words(done: Done) -> None:
    found, said = done.found, json.loads(json.dumps(done.found.to_dict()))
    assert said["trials"] == said["complete"] + said["pruned"] + said["failed"] == 14
    assert put(Quadratic(), said["settings"]) == found.best
    base = said["base_value"]
    assert f"best value {found.value:.4f}, of the base settings {base:.4f}" in str(found)


def test_bad_trials_are_cut_short(done: Done) -> None:
    cut = [trial for trial in done.trials if trial.state == TrialState.PRUNED]
    whole = [trial for trial in done.trials if trial.state == TrialState.COMPLETE]
    assert done.found.pruned == len(cut) > 0
    assert all(len(trial.intermediate_values) == STEPS for trial in whole)
    for trial in cut:
        (shown,) = trial.intermediate_values.values()  # at the first step
        before = sorted(t.intermediate_values[0] for t in whole if t.number < trial.number)
        assert shown < before[len(before) // 2]


def test_optuna_says_nothing_and_is_left_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, 1)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == logging.INFO


def test_the_same_seed_tries_the_same(tmp_path: Path) -> None:
    for folder, seed in {"first": 0, "again": 0, "other": 1}.items():
        run(tmp_path / folder, 3, seed=seed)
    first, again, other = (settings(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again != other
    assert len({json.dumps(each) for each in first}) == 3


def test_a_killed_search_goes_on_as_if_it_never_was(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "killed"), "9", "4"]
    command = [sys.executable, "-m", "tests.tune.quadratic", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin and child.stdout
    with child, child.stdin, child.stdout:
        assert child.stdout.readline() == "waiting\n"
        with pytest.raises(ConfigError, match=r"is in use .*: one process searches in a folder"):
            run(tmp_path / "killed", 9)
        child.kill()
    left = trials(tmp_path / "killed")
    assert [trial.state for trial in left[3:]] == [TrialState.RUNNING]
    assert (tmp_path / "killed" / "best.json").exists()

    found, whole = run(tmp_path / "killed", 9), run(tmp_path / "whole", 9)
    assert found == replace(whole, failed=1)
    assert settings(tmp_path / "killed") == settings(tmp_path / "whole")
    assert trials(tmp_path / "killed")[3].state == TrialState.FAIL
    assert trials(tmp_path / "killed")[4].params == left[3].params  # tried again


def test_more_trials_go_on_from_those_there_are(tmp_path: Path) -> None:
    run(tmp_path, 2)
    (tmp_path / "best.json").unlink()
    few = run(tmp_path, 2)  # nothing is left to try
    assert few.complete == 2 and (tmp_path / "best.json").exists()
    more = run(tmp_path, 4)
    assert more.complete + more.pruned == 4
    assert more.base_value == few.base_value


def test_a_base_outside_the_space_is_tried_all_the_same(tmp_path: Path) -> None:
    tried: list[Quadratic] = []

    def remembers(config: Quadratic, report: Report) -> float:
        tried.append(config)
        return value(config)

    base = Quadratic(x=5.0)
    space = {"x": {"low": 0, "high": 1}, "n": [1, 2], "inner.y": [1.0, 2.0]}
    found = search(remembers, base, space, folder=tmp_path, trials=12)
    assert tried[0] == base
    assert found.base_value == value(base)
    assert all(0 <= config.x <= 1 and config.n in (1, 2) for config in tried[1:])
    assert set(found.importance) <= set(space) and found.importance


def test_what_cannot_be_trained_is_a_failed_trial(tmp_path: Path) -> None:
    def unsteady(config: Quadratic, report: Report) -> float:
        if config.fast:
            raise TrainingError("The loss of step 3 is nan.")
        return float("nan") if config.n > 5 else value(config)

    found = search(unsteady, Quadratic(fast=True), SPACE, folder=tmp_path, trials=10)
    errors = [t.user_attrs["error"] for t in trials(tmp_path) if t.state == TrialState.FAIL]
    assert found.base_value is None
    assert found.failed == len(errors)
    assert found.complete == 10 - found.failed
    assert set(errors) == {"The loss of step 3 is nan.", "The objective's value is nan."}
    assert "of the base settings unknown" in str(found)
    with pytest.raises(TrainingError, match=r"None of 1 trials .* The loss of step 3 is nan"):
        search(unsteady, Quadratic(fast=True), SPACE, folder=tmp_path / "one", trials=1)


def test_any_other_error_ends_the_search_and_its_trial_is_tried_again(tmp_path: Path) -> None:
    calls = 0

    def broken(config: Quadratic, report: Report) -> float:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ZeroDivisionError
        return objective(config, report)

    with pytest.raises(ZeroDivisionError):
        search(broken, Quadratic(), SPACE, folder=tmp_path, trials=3)
    assert search(broken, Quadratic(), SPACE, folder=tmp_path, trials=3).failed == 1
    assert trials(tmp_path)[1].params == trials(tmp_path)[2].params


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Options of which each would do alone."""

    dim: int = 24
    heads: int = 2

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ConfigError(f"dim={self.dim} does not divide by heads={self.heads}.")


def test_settings_that_do_not_go_together_are_a_failed_trial(tmp_path: Path) -> None:
    def cheap(config: Pair, report: Report) -> float:
        return float(config.dim)

    found = search(cheap, Pair(), {"dim": [24, 8], "heads": [2, 3]}, folder=tmp_path, trials=8)
    failed = [trial for trial in trials(tmp_path) if trial.state == TrialState.FAIL]
    assert found.failed == len(failed) > 0
    assert {t.user_attrs["error"] for t in failed} == {"dim=8 does not divide by heads=3."}
    assert found.best == Pair()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"space": SPACE | {"n": [1, 2]}}, "made with space.n.low = 0, and this one has None"),
        ({"config": Quadratic(inner=Inner(y=3.0))}, "base.inner.y = 2.0, and this one has 3.0"),
        ({"about": {"data": "ffff"}}, "made with data = 'abcd', and this one has 'ffff'"),
        ({"about": {"data": "abcd", "split": {"test": 0.1}}}, "split.test = None, and this one"),
        ({"seed": 3}, "made with seed = 0, and this one has 3"),
    ],
)
def test_another_search_does_not_go_on_with_a_study(
    other: dict[str, Any], message: str, tmp_path: Path
) -> None:
    same: dict[str, Any] = {
        "config": Quadratic(), "space": SPACE, "about": {"data": "abcd"}, "seed": 0
    }  # fmt: skip
    for _ in range(2):
        search(objective, folder=tmp_path, trials=1, **same)
    with pytest.raises(ConfigError, match=re.escape(message)):
        search(objective, folder=tmp_path, trials=2, **same | other)
    assert len(trials(tmp_path)) == 1


def test_places_and_numbers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"trials=0; expected 1 or more\."):
        run(tmp_path / "none", 0)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file cannot hold a study: "):
        run(tmp_path / "file", 1)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "study.db").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigError, match=r"study\.db is no study that this version of Optuna"):
        run(tmp_path / "foreign", 1)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a?b#c%20{d} 'é"
    run(folder, 1)
    assert run(folder, 1).complete == 1
    assert (folder / "study.db").stat().st_size > 0


def test_nothing_that_is_stored_is_a_pickle(done: Done) -> None:
    with closing(sqlite3.connect(done.folder / "study.db")) as database:
        dump = "\n".join(database.iterdump())
        told = database.execute("select value_json from study_user_attributes").fetchall()
        options = database.execute("select distribution_json from trial_params").fetchall()
    assert "X'" not in dump  # no column holds bytes
    for (text,) in told + options:
        assert isinstance(json.loads(text), dict)


def test_a_search_goes_on_without_unpickling(done: Done, tmp_path: Path) -> None:
    shutil.copytree(done.folder, tmp_path / "study")
    code = f"""
import sys
from pathlib import Path
from tests.tune.quadratic import run
seen = []
sys.addaudithook(lambda name, _: seen.append(name) if name.startswith("pickle.") else None)
run(Path({str(tmp_path / "study")!r}), 15)
print(seen)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_without_optuna_the_extra_is_named() -> None:
    code = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "optuna":
            raise ModuleNotFoundError("No module named 'optuna'", name="optuna")
sys.meta_path.insert(0, Hide())
from corank.cli import main
sys.exit(main(["tune", "ecommerce", "--data", "nowhere", "--out", "nowhere"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (6, "")
    assert re.search(r"requires extra 'tune'\. .* pip install 'corank\[tune\]'", done.stderr)
