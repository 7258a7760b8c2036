"""The command line: each step in one word, one clear line when it cannot be done."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

import corank
from corank import Dataset
from corank.arguments import parser
from corank.bundle import read_report, save
from corank.cli import main
from corank.language.checkpoint import Checkpoint, Checkpoints

COMMANDS = (
    "verticals", "new-vertical", "demo", "fit", "tune", "evaluate", "update", "compress",
    "rollback", "inspect", "export", "encode", "search", "recommend", "why", "monitor", "app",
)  # fmt: skip
CONFIG = {
    "batch_size": 8,
    "max_pairs": 64,
    "precision": "no",
    "user_model": {"dim": 8, "heads": 2, "epochs": 1, "min_steps": 6, "checks": 1},
    "ranker": {"per_retriever": 20, "trees": 5, "patience": 2},
}


class Done(NamedTuple):
    code: int
    out: str
    err: str


def call(*arguments: object) -> Done:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Done(code, out.getvalue(), err.getvalue())


def start(*arguments: object, **environment: str) -> Done:
    """Run a command as a user does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "corank", *map(os.fsdecode, map(_given, arguments))],
        capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def _given(argument: object) -> str | bytes:
    return argument if isinstance(argument, bytes) else str(argument)


def answered(*arguments: object) -> Any:
    """Run a command with ``--json`` and return what it says."""
    done = call(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def refused(done: Done, code: int) -> str:
    """Return the one line that says what is wrong."""
    assert done.code == code
    assert done.out == ""
    assert re.fullmatch(r"corank: [^\n]+\n", done.err), done.err
    return done.err


@pytest.fixture(scope="module")
def data(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What 80 of the sample's shoppers did, as CSV files."""
    folder = tmp_path_factory.mktemp("data")
    users = sample.users.head(80)
    users.write_csv(folder / "users.csv")
    sample.items.write_csv(folder / "items.csv")
    sample.queries.write_csv(folder / "queries.csv")
    kept = sample.interactions.join(users, on="user_id", how="semi", maintain_order="left")
    kept.write_csv(folder / "interactions.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    return folder


@pytest.fixture(scope="module")
def tiny(tiny_encoder: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Arguments that make fitting fast."""
    path = tmp_path_factory.mktemp("config") / "tiny.json"
    path.write_text(json.dumps(CONFIG))
    return ["--encoder", tiny_encoder, "--config", str(path)]


@pytest.fixture(scope="module")
def fitted(data: Path, tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What ``corank fit --json`` says."""
    out = tmp_path_factory.mktemp("runs") / "shop"
    return answered("fit", "ecommerce", "--data", data, "--out", out, "--seed", 5, *tiny)


@pytest.fixture(scope="module")
def runs(fitted: Any) -> Path:
    """The bundle that it wrote."""
    return Path(fitted["bundle"])


def test_verticals_are_listed() -> None:
    done = call("verticals")
    assert done.code == 0
    for name, vertical in corank.verticals().items():
        assert f"{name}: reads {vertical.item_text}\n" in done.out
    shop = next(each for each in answered("verticals") if each["name"] == "ecommerce")
    assert shop["rules"][:1] == ['exclude out_of_stock: [(col("stock")) == (dyn int: 0)]']
    assert shop["sample"] is True


def test_graphs_are_exported_and_described(bundle: Path, tmp_path: Path) -> None:
    out, texts = tmp_path / "out", tmp_path / "texts.txt"
    texts.write_text("coffee grinder\n\na lamp\n", "utf-8")
    done = call("export", bundle, "--out", out, "--texts", texts)
    assert done.code == 0 and f"{out}/encoder/graph.onnx" in done.out
    assert "input ids: tensor(int64), ['batch', 'tokens']" in done.out
    described = json.loads(call("export", bundle, "--out", out, "--json").out)
    assert described["graphs"].keys() == {"encoder", "user_model"}
    texts.write_text("\n \n")
    empty = call("export", bundle, "--out", out, "--texts", texts)
    assert empty.code == 4 and "holds no text" in empty.err
    missing = call("export", bundle, "--out", out, "--texts", tmp_path / "none.txt")
    assert missing.code == 4 and "none.txt cannot be read as text" in missing.err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_parses_and_the_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    example = re.search(r"^example:\n  corank (.+)$", text, re.MULTILINE)
    assert example
    parsed = parser().parse_args(shlex.split(example[1]))
    assert example[1].split()[0] == parsed.command == command
    for line in ("0  done", "3  the data cannot be used", "6  an optional dependency is missing"):
        assert f"\n  {line}" in text


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.findall(r"^    ([\w-]+)", capsys.readouterr().out, re.MULTILINE) == list(COMMANDS)


def test_a_command_that_cannot_be_understood_exits_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = "why a b --query tea --history c"
    for arguments in ("serch", "", "search runs/shop", "search a b -k ten", "why a b", both):
        with pytest.raises(SystemExit) as stopped:
            main(arguments.split())
        assert stopped.value.code == 2
    assert "usage: corank" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"{corank.__version__}\n"


def test_fit_says_what_it_read_and_measured(fitted: Any, runs: Path, data: Path) -> None:
    assert fitted["intake"][0] == "items.csv: 415 rows in = 415 kept + 0 rejected"
    assert fitted["report"] == json.loads((runs / "report.json").read_text("utf-8"))
    about = corank.load(runs).about
    assert isinstance(about["fit"], dict)
    assert (about["fit"]["seed"], about["fit"]["user_model"]["dim"]) == (5, 8)
    assert about["protocol"] == {"name": "time", "test": 0.2, "seed": 5}
    assert not (data / "rejects.parquet").exists()


def test_the_stored_report_is_printed(runs: Path) -> None:
    assert call("evaluate", runs) == Done(0, (runs / "report.md").read_text("utf-8") + "\n", "")
    assert answered("evaluate", runs) == json.loads((runs / "report.json").read_text("utf-8"))


def untimed(report: dict[str, Any]) -> dict[str, Any]:
    """A report without how long answers took, which is never twice the same."""
    assert report["about"]["waits"]
    about = {key: value for key, value in report["about"].items() if key != "waits"}
    return report | {"about": about}


def test_measuring_again_gives_the_same_numbers(fitted: Any, runs: Path, data: Path) -> None:
    assert answered("evaluate", runs, "--data", data) == untimed(fitted["report"])


def test_a_report_is_measured_and_kept(runs: Path, data: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "shop"
    save(corank.load(runs), None, bundle)
    done = call("evaluate", bundle)
    assert f"corank evaluate {bundle} --data FOLDER --save" in refused(done, 5)
    said = answered("evaluate", bundle, "--data", data, "--save")
    assert untimed(said) == untimed(json.loads((runs / "report.json").read_text("utf-8")))
    assert answered("evaluate", bundle) == said
    assert answered("search", bundle, "tea") == answered("search", runs, "tea")


def test_what_was_fitted_and_cannot_be_measured_is_kept(
    data: Path, tiny: list[str], tmp_path: Path
) -> None:
    folder, out = tmp_path / "data", tmp_path / "shop"
    folder.mkdir()
    for name in ("items", "interactions"):
        (folder / f"{name}.csv").write_bytes((data / f"{name}.csv").read_bytes())
    done = call("fit", "ecommerce", "--data", folder, "--out", out, "--test", "0.0001", *tiny)
    assert done.code == 3 and f"{out} is saved, without a report" in done.err
    assert answered("search", out, "tea")["answers"]


def test_columns_are_mapped_and_rejects_are_put_where_they_are_wanted(
    fitted: Any, runs: Path, data: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name in ("items", "users", "interactions", "queries"):
        header, rest = (data / f"{name}.csv").read_text("utf-8").split("\n", 1)
        renamed = header.replace("item_id", "asin").replace("event", "action")
        (theirs / f"{name}.csv").write_text(f"{renamed}\n{rest}", "utf-8")
    first = (theirs / "interactions.csv").read_text().splitlines()[1]
    with (theirs / "interactions.csv").open("a") as file:
        file.write(re.sub(r"[A-Z]{3}-\d{4}", "of no item", first) + "\n")
    again = answered(
        "evaluate", runs, "--data", theirs, "--column", "asin=item_id", "--column", "action=event",
        "--rejects", tmp_path / "bad.parquet",
    )  # fmt: skip
    assert again == untimed(fitted["report"])
    assert pl.read_parquet(tmp_path / "bad.parquet")["reason"].to_list() == [
        "item_id: not among the items"
    ]
    assert not (theirs / "rejects.parquet").exists()


def test_search_prints_places_reasons_and_parts(runs: Path) -> None:
    done = call("search", runs, "coffee grinder", "-k", 3)
    assert (done.code, done.err) == (0, "")
    assert re.findall(r"^ +(\d)\. .+  \[[A-Z]{3}-\d{4}\]  -?\d+\.\d{3}$", done.out, re.M) == [
        "1",
        "2",
        "3",
    ]
    assert len(re.findall(r"^       = [+-]\d+\.\d\d \w+", done.out, re.M)) == 3
    assert "matches " in done.out
    assert "rules removed" in done.out


def test_answers_are_one_json_document(runs: Path) -> None:
    engine = corank.load(runs)
    found = answered("search", runs, "coffee grinder", "-k", 3)
    assert found == json.loads(json.dumps(engine.search("coffee grinder", k=3).to_dict()))
    after = answered("recommend", runs, "--history", "KIT-0001", "KIT-0002")
    assert after == json.loads(json.dumps(engine.recommend(["KIT-0001", "KIT-0002"]).to_dict()))
    assert len(after["answers"]) == 10
    asked = ("recommend", runs, "--history", "KIT-0001", "--session", 1, "--now")
    now = {"timestamp": "2026-03-01 21:00", "price_band": "value"}
    then = answered(*asked, *(f"{name}={value}" for name, value in now.items()))
    expected = engine.recommend(["KIT-0001"], session=1, now=now)
    assert then == json.loads(json.dumps(expected.to_dict()))
    fresh = answered("recommend", runs, "--history", "KIT-0001", "--as-new")
    assert fresh == json.loads(json.dumps(engine.recommend(["KIT-0001"], as_new=True).to_dict()))


@pytest.mark.parametrize(
    "asked",
    [
        {"query": "coffee grinder", "k": 3},
        {"history": ["KIT-0001", "COF-0005"], "session": 1, "interests": "tea"},
        {"history": []},
    ],
)
def test_why_is_one_json_document(runs: Path, asked: dict[str, Any]) -> None:
    given: list[object] = ["-k", asked["k"]] if "k" in asked else []
    for name in asked.keys() - {"k"}:
        given += [f"--{name}", *(asked[name] if isinstance(asked[name], list) else [asked[name]])]
    expected = corank.load(runs).why("COF-0019", **asked)
    assert answered("why", runs, "COF-0019", *given) == json.loads(json.dumps(expected.to_dict()))


def test_why_tells_people_the_place_the_parts_the_words_and_the_history(
    runs: Path, sample: Dataset
) -> None:
    done = call("why", runs, "COF-0019", "--history", "KIT-0001", "COF-0005")
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^     place \d+ of \d+ by the model$", done.out, re.M)
    assert re.search(r"^score -?\d+\.\d{3}\n     = [+-]\d+\.\d\d \w+", done.out, re.M)
    assert re.search(r"^words of COF-0019: cosine .+\n     [+-]0\.\d{3} \w+", done.out, re.M)
    assert re.search(r"^     [+-]\d+\.\d{3} .+  \[KIT-0001\]$", done.out, re.M)
    gone = sample.items.filter(pl.col("stock") == 0)["item_id"][0]
    removed = call("why", runs, gone, "--query", "coffee grinder").out
    assert "     out_of_stock: removed (exclude out_of_stock: " in removed
    missed = call("why", runs, "COF-0019", "--query", "?", "--where", "price < 0").out
    assert "removed by the condition" in missed


def test_recommend_without_a_history_shows_what_is_popular(runs: Path) -> None:
    done = call("recommend", runs, "-k", 2)
    assert done.code == 0
    assert "chosen by" in done.out


def test_new_items_are_for_somebody(runs: Path) -> None:
    assert "new items need a --history" in call("recommend", runs, "--as-new").out
    assert "new items" not in call("recommend", runs, "--as-new", "--history", "KIT-0001").out


def test_whoever_reads_may_stop_reading(runs: Path) -> None:
    command = [sys.executable, "-m", "corank", "inspect", str(runs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 0)


def test_where_narrows_as_in_sql(runs: Path, sample: Dataset) -> None:
    where = "price < 20 AND category LIKE 'Pets%'"
    found = answered("search", runs, "coffee grinder", "--where", where, "-k", 5)
    shown = sample.items.filter(
        pl.col("item_id").is_in([each["item_id"] for each in found["answers"]])
    )
    assert shown.height == 5
    assert (shown["price"] < 20).all()
    assert shown["category"].str.starts_with("Pets").all()
    assert "nothing is left to show" in call("search", runs, "x", "--where", "price < 0").out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("search RUNS ' '", 4, "The query is empty"),
        ("search RUNS coffee -k 0", 4, "k=0; it must lie between 1 and the catalogue's 415 items"),
        ("search RUNS coffee --where 'prise < 3'", 4, "Did you mean 'price'?"),
        ("search RUNS coffee --where 'price <'", 4, "Write it as in SQL: price < 30"),
        ("search RUNS coffee --where 'title < 3'", 4, "cannot be evaluated"),
        ("recommend RUNS --history KIT-001", 4, "'KIT-001' is not among the 415 items"),
        ("why RUNS KIT-001 --query tea", 4, "'KIT-001' is not among the 415 items"),
        ("why RUNS KIT-0001 --query ' '", 4, "The query is empty"),
        ("recommend RUNS --now phone", 4, "Write it as in device=phone"),
        ("search RUNS coffee --now devise=phone", 4, "Did you mean 'device'?"),
        ("search RUNS coffee --now devise=phone --now device=tv", 4, "Did you mean 'device'?"),
        ("search RUNS coffee --now device=phone device=tv", 4, "--now tells 'device' twice"),
        ("recommend RUNS --now devise=phone", 4, "Did you mean 'device'?"),
        ("search EMPTY/runs coffee", 5, "is no bundle: it holds no bundle.json"),
        ("evaluate EMPTY", 5, "is no bundle: it holds no bundle.json"),
        ("inspect EMPTY", 5, "is nothing that corank wrote"),
        ("fit ecommerce --data EMPTY/data --out EMPTY/out TINY", 3, "is not a folder"),
        ("fit ecommerce --data EMPTY --out EMPTY/out TINY", 3, "holds no items file"),
        ("evaluate RUNS --data EMPTY", 3, "holds no items file"),
        ("fit ecommerce --data DATA --out DATA TINY", 5, "exists and is no bundle"),
        ("fit ecomerce --data DATA --out EMPTY/out", 1, "Did you mean 'ecommerce'?"),
        ("demo ecomerce", 1, "Did you mean 'ecommerce'?"),
        ("evaluate RUNS --data DATA --column asin", 1, "'asin' must read THEIRS=OURS"),
        ("evaluate RUNS --data DATA --column asin=", 1, "must read THEIRS=OURS"),
        ("evaluate RUNS --data DATA --column asin=item_id", 3, "no file has such a column"),
        ("monitor RUNS --texts DATA/queries.csv", 5, "shop.topic is not there"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: str, code: int, message: str,
    runs: Path, data: Path, tiny: list[str], tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "empty").mkdir()
    places = {
        "RUNS": str(runs),
        "DATA": str(data),
        "EMPTY": str(tmp_path / "empty"),
        "TINY": shlex.join(tiny),
    }
    for name, place in places.items():
        arguments = arguments.replace(name, place)
    assert message in refused(call(*shlex.split(arguments)), code)
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('{"batchsize": 8}', "Unknown option 'batchsize'; .* Did you mean 'batch_size'?"),
        ('{"ranker": {"tree": 5}}', "Unknown option 'ranker.tree'; .* Did you mean 'trees'?"),
        ('{"ranker": 5}', "Option 'ranker' is 5; expected"),
        ('{"epochs": "two"}', "Option 'epochs' is 'two'; expected int"),
        ("[1, 2]", "is no JSON file of options"),
        ("epochs: 3", "is no JSON file of options"),
    ],
)
def test_a_config_that_cannot_be_read_is_said_in_one_line(
    options: str, message: str, data: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(options)
    done = call("fit", "ecommerce", "--data", data, "--out", tmp_path / "out", "--config", config)
    assert re.search(message.replace("?", r"\?"), refused(done, 1))
    assert not (tmp_path / "out").exists()


def test_a_bundle_that_nothing_tests_cannot_be_measured_again(
    runs: Path, data: Path, tmp_path: Path
) -> None:
    engine = corank.load(runs)
    save(replace(engine, about=engine.about | {"protocol": None}), None, tmp_path / "shop")
    done = call("evaluate", tmp_path / "shop", "--data", data)
    assert "was fitted on data that was not split" in refused(done, 4)


def test_a_damaged_bundle_names_the_file(runs: Path, pipeline: Any, tmp_path: Path) -> None:
    pipeline.save(tmp_path / "shop")
    (tmp_path / "shop" / "items.parquet").write_bytes(b"PAR1")
    done = start("search", tmp_path / "shop", "coffee")
    assert "items.parquet is not what was saved" in refused(done, 5)


def test_bytes_that_are_no_text_are_refused_in_one_line(runs: Path) -> None:
    assert "is not text" in refused(start("search", runs, b"caf\xe9"), 4)


def test_commands_leave_the_processs_warnings_alone(runs: Path) -> None:
    before = warnings.showwarning
    call("search", runs, "coffee")
    assert warnings.showwarning is before


def test_a_leaking_split_warns_and_its_report_is_stamped(
    data: Path, tiny: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "shop"
    done = start(
        "fit", "ecommerce", "--data", data, "--out", out, "--split", "leave-one-out",
        "--epochs", 0, *tiny,
    )  # fmt: skip
    assert done.code == 0, done.err
    warned = [line for line in done.err.splitlines() if line.startswith("corank: ")]
    assert len(warned) == 1
    assert warned[0].startswith("corank: warning: This split leaks: ")
    assert "items.csv: 415 rows in = 415 kept + 0 rejected\n" in done.out
    assert re.search(r"^│ purchased +┆ 3 ", done.out, re.M)
    assert "relevant (user, item) pairs to train on\n" in done.out
    assert "\n> Leak: " in done.out
    assert done.out.endswith(f"The bundle lies in {out}.\n")
    assert read_report(out).leaks
    assert read_report(out).markdown() in done.out


BLOCKER = """
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Hide())
"""


def test_without_torch_fitting_says_what_to_install_and_serving_works(
    runs: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    without = {"PYTHONPATH": str(tmp_path)}
    done = start("fit", "ecommerce", "--data", data, "--out", tmp_path / "out", **without)
    assert "requires extra 'train'. Install it with: pip install 'corank[train]'" in refused(
        done, 6
    )
    assert not (tmp_path / "out").exists()
    served = start("search", runs, "coffee grinder", "--json", **without)
    assert json.loads(served.out) == answered("search", runs, "coffee grinder")


def test_a_run_is_resumed_only_with_the_settings_it_was_begun_with(
    data: Path, tiny: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "shop"
    left = Checkpoints(tmp_path / "shop.training", {"batch_size": 4})
    left.save(Checkpoint(3, {}, {}))
    stopped = call("fit", "ecommerce", "--data", data, "--out", out, "--resume", *tiny)
    assert stopped.code == 1
    assert "step-00000003 was made with" in stopped.err.splitlines()[-1]
    assert left.folder.exists() and not out.exists()
    done = call("fit", "ecommerce", "--data", data, "--out", out, *tiny)  # starts over
    assert done.code == 0, done.err
    assert out.exists() and not left.folder.exists()


def test_the_demo_goes_the_whole_way(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("demo", "ecommerce", *tiny)
    assert done.code == 0, done.err
    shop = corank.load_vertical("ecommerce")
    for query in shop.example_queries:
        assert f"\nsearch: {query}\n  1. " in done.out
    assert len(re.findall(r"^after .+\n  1\. ", done.out, re.M)) == 3
    bundle = Path("runs") / "demo-ecommerce"
    assert done.out.endswith(f"Try: corank search {bundle} 'a query'\n")
    assert f"**{read_report(bundle).verdict}**" in done.out

    again = answered("demo", "ecommerce", *tiny)
    assert again["report"] == read_report(bundle).to_dict() | {
        "rows": [vars(row) for row in read_report(bundle).rows],
        "leaks": [],
    }
    assert f"**{again['report']['verdict']}**" in done.out  # the same seed, the same numbers
    asked = [f"search: {query}" for query in shop.example_queries]
    assert list(again["answers"])[:3] == asked
    assert all(len(each["answers"]) == 5 for each in again["answers"].values())
