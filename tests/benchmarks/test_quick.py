"""The run in minutes, and the guard: what is worse than before is said, and fails."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as commands
from benchmarks import quick
from benchmarks.reporting import results
from benchmarks.reporting.comparing import MARGIN, NOISE, SLOWER, compare, quality, same_machine
from benchmarks.reporting.results import Result
from corank import EncoderConfig
from corank.compress import int8
from corank.errors import ConfigError, UnknownVerticalError
from corank.evaluate.report import Row

MACHINE = {"processor": "x86_64", "model": "a", "cores": 2, "system": "Linux"}
BEFORE = Result(
    "samples", "quick", "0" * 12, MACHINE, {}, "", "so",
    (
        Row("corank", "shop, all", "ndcg@10", 0.5),
        Row("corank", "shop, all", "calibration_error", 0.10),
        Row("corank", "shop, all", "ndcg@10_over/ease", 0.1, 0.0, 0.2),
        Row("corank/int8", "reading", "speedup_over/transformers", 4.0, 3.9, 4.1),
        Row("corank/int8", "reading", "texts_per_second", 400.0),
        Row("corank", "shop, all", "ndcg@10_lost", 0.001),
        Row("corank", "shop, all", "in_scope_accuracy", 0.9, 0.88, 0.92),
        Row("ease", "shop, all", "ndcg@10", 0.4),
    ),
)  # fmt: skip


def after(**values: float) -> Result:
    """The same with some figures changed, by the beginning of their metrics' names."""

    def changed(row: Row) -> float:
        return next((v for name, v in values.items() if row.metric.startswith(name)), row.value)

    rows = [
        row if row.metric[7:] in ("_over/ease", "_lost") else replace(row, value=changed(row))
        for row in BEFORE.rows
    ]
    return replace(BEFORE, commit="1" * 12, rows=tuple(rows))


def worse(result: Result) -> list[str]:
    return [each.metric for each in compare(BEFORE, result) if each.worse]


def test_what_is_worse_than_the_noise_is_found_and_nothing_else() -> None:
    assert worse(after()) == []
    assert worse(after(ndcg=0.5 - 0.9 * NOISE)) == []
    assert worse(after(ndcg=0.5 - 1.1 * NOISE)) == ["ndcg@10"]
    assert worse(after(ndcg=0.9)) == []
    assert worse(after(calibration=0.1 + 1.1 * NOISE)) == ["calibration_error"]
    assert worse(after(in_scope=0.9 - 0.9 * MARGIN * 0.02)) == []
    assert worse(after(in_scope=0.9 - 1.1 * MARGIN * 0.02)) == ["in_scope_accuracy"]
    assert worse(replace(BEFORE, rows=BEFORE.rows[1:])) == ["ndcg@10"]  # no longer measured
    assert worse(after(in_scope=float("nan"))) == ["in_scope_accuracy"]
    lost = [r if r.metric != "ndcg@10_lost" else replace(r, value=0.3) for r in BEFORE.rows]
    assert worse(replace(BEFORE, rows=tuple(lost))) == ["ndcg@10_lost"]
    with pytest.raises(ConfigError, match="nothing of ours"):
        compare(replace(BEFORE, rows=()), BEFORE)
    assert worse(after(speedup=4 * (1 - 0.9 * SLOWER))) == []
    assert worse(after(speedup=4 * (1 - 1.1 * SLOWER))) == ["speedup_over/transformers"]
    assert worse(after(texts=1.0)) == []  # the machine's business


def test_speeds_of_two_machines_are_compared_only_by_force() -> None:
    other = replace(after(speedup=1.0), machine=MACHINE | {"model": "b"})
    assert not same_machine(BEFORE, other)
    with pytest.raises(ConfigError, match="another machine"):
        compare(BEFORE, other)
    assert [c.metric for c in compare(BEFORE, other, force=True) if c.worse] == [
        "speedup_over/transformers"
    ]
    assert {change.metric for change in quality(BEFORE, other)} == {
        "ndcg@10",
        "calibration_error",
        "ndcg@10_lost",
        "in_scope_accuracy",
    }


def test_on_another_machine_half_an_interval_may_be_lost() -> None:
    other = replace(BEFORE, machine=MACHINE | {"model": "b"})
    for lost, fails in ((0.019, False), (0.021, True)):
        rows = tuple(replace(r, value=0.9 - lost) if r.low == 0.88 else r for r in other.rows)
        found = quality(BEFORE, replace(other, rows=rows))
        assert [c.metric for c in found if c.worse] == ["in_scope_accuracy"] * fails


def test_results_of_different_things_are_not_compared() -> None:
    with pytest.raises(ConfigError, match="not the same measurement"):
        compare(BEFORE, replace(BEFORE, protocol="time"))
    with pytest.raises(ConfigError, match="other data"):
        compare(BEFORE, replace(BEFORE, data_sha256="f"))


def stored(folder: Path, result: Result) -> Path:
    path = folder / f"{result.dataset}-{result.protocol}-{result.commit}.json"
    path.write_text(json.dumps(vars(result) | {"rows": [vars(row) for row in result.rows]}))
    return path


def test_the_command_fails_where_something_is_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def called(result: Result, *more: str) -> int:
        paths = [str(stored(tmp_path, each)) for each in (BEFORE, result)]
        monkeypatch.setattr("sys.argv", ["benchmarks", "compare", *paths, *more])
        return commands.main()

    assert called(after()) == 0
    assert "0 of 5 figures are worse" in capsys.readouterr().out
    assert called(after(ndcg=0.3)) == 1
    said = capsys.readouterr().out
    assert "worse: corank, shop, all: ndcg@10 0.5000 -> 0.3000, allowed 0.0200" in said
    other = replace(after(), machine=MACHINE | {"cores": 64})
    assert called(other) == 3
    assert "--force" in capsys.readouterr().err
    assert called(other, "--force") == 0


@pytest.mark.slow
def test_a_sample_is_measured_in_a_quick_run_and_compared_with_the_one_before(
    tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(int8, "TABLE", 100)
    monkeypatch.setattr(quick, "TEXTS", 64)
    rows, path = quick.run(["content"], encoder=EncoderConfig(name=tiny_encoder, max_tokens=32))
    found = {(row.system, row.split, row.metric): row.value for row in rows}
    assert 0 < found["corank", "content, all", "ndcg@10"] <= 1
    assert 0 < found["bm25", "content, search", "ndcg@10"] <= 1
    assert found["corank/int8", "reading", "speedup_over/transformers"] > 0
    now = Result.load(path)
    assert quick.last(now) is None
    shop = tuple(row for row in BEFORE.rows if row.split.startswith("shop"))
    whole = replace(now, protocol="quick", rows=(*now.rows, *shop))
    for commit, when in (("f" * 12, "2020-01-01"), ("0" * 12, "2021-01-01"), ("e" * 12, "2999")):
        stored(tmp_path, replace(whole, commit=commit, when=when))
    stored(tmp_path, replace(BEFORE, commit="d" * 12, when="2022-01-01"))  # of other samples
    before = quick.last(now)
    assert before is not None and before.commit == "0" * 12
    assert before.rows == now.rows  # no shop was measured now
    assert not [each for each in compare(before, now) if each.worse]
    clean = replace(now, commit="f" * 12 + "-dirty")
    assert quick.last(clean) is not None
    assert same_machine(Result.load(path), Result.load(path))
    with pytest.raises(UnknownVerticalError):
        quick.run(["shop"])
