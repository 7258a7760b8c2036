"""The ``corank`` command: the SDK's steps, one word each.

Knows arguments and printing; every step is the SDK's. With ``--json`` the answer is one JSON
document on standard output; progress and warnings go to standard error either way.
"""

import argparse
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import corank
from corank.arguments import parser
from corank.bundle import BUNDLE, read_report
from corank.config import from_mapping
from corank.data.dataset import Dataset, Split
from corank.errors import (
    BundleError,
    ConfigError,
    CorankError,
    DataError,
    LeakageWarning,
    MissingExtraError,
    RequestError,
)
from corank.progress import bar
from corank.rank.explain import Answers
from corank.serve.guard import login

if TYPE_CHECKING:
    from corank.vertical import Vertical

EXIT_CODES: dict[type[CorankError], int] = {
    DataError: 3,
    RequestError: 4,
    BundleError: 5,
    MissingExtraError: 6,
    CorankError: 1,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say_warning
            COMMANDS[arguments.command](arguments)
    except CorankError as error:
        print(f"corank: {error}", file=sys.stderr)
        return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
    return 0


def _verticals(arguments: argparse.Namespace) -> None:
    found = corank.verticals()
    about = [_describe(vertical) for vertical in found.values()]
    if arguments.json:
        _print_json(about)
        return
    for each in about:
        print(f"{each['name']}: reads {each['item_text']}")
        print(f"    labels  {', '.join(each['labeling_functions'])}")
        for rule in each["rules"]:
            print(f"    rule    {rule}")


def _describe(vertical: "Vertical") -> dict[str, Any]:
    return {
        "name": vertical.name,
        "item_text": vertical.item_text,
        "labeling_functions": [f.name for f in vertical.labeling_functions],
        "rules": [rule.describe() for rule in vertical.rules],
        "metrics": list(vertical.metrics),
        "sample": vertical.sample is not None,
    }


def _demo(arguments: argparse.Namespace) -> None:
    vertical = corank.load_vertical(arguments.vertical)
    arguments.out = arguments.out or Path("runs") / f"demo-{vertical.name}"
    data = vertical.read_sample()
    result = _fit_and_report(vertical, data, data.split("time"), arguments)
    engine = corank.load(result["bundle"])
    _, test = data.split("time")
    cases = test.cases()
    told = [row for row in range(len(cases.users)) if len(cases.histories[row]) >= 3][:3]
    histories = [data.items["item_id"].gather(cases.histories[row][-5:]).to_list() for row in told]
    answers = {f"search: {q}": engine.search(q, k=5) for q in vertical.example_queries}
    answers |= {f"after {_titles(data, h)}": engine.recommend(h, k=5) for h in histories}
    if arguments.json:
        result["answers"] = {asked: each.to_dict() for asked, each in answers.items()}
        _print_json(result)
        return
    for asked, each in answers.items():
        print(f"\n{asked}")
        _print_answers(each)
    print(
        f"\nThe bundle lies in {result['bundle']}. Try: corank search {result['bundle']} 'a query'"
    )


def _titles(data: Dataset, ids: list[str]) -> str:
    titles = dict(data.items.select("item_id", "title").iter_rows())
    return "; ".join(titles[item] for item in ids)


def _fit(arguments: argparse.Namespace) -> None:
    vertical = corank.load_vertical(arguments.vertical)
    data = _read(vertical, arguments)
    split = data.split(arguments.split, test=arguments.test, seed=arguments.seed)
    result = _fit_and_report(vertical, data, split, arguments)
    if arguments.json:
        _print_json(result)
    else:
        print(f"The bundle lies in {result['bundle']}.")


def _fit_and_report(
    vertical: "Vertical", data: Dataset, split: Split, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Fit on one side, measure on the other, save both; print on the way unless ``--json``."""
    BUNDLE.check_place(arguments.out)
    config = _config(arguments)
    first = os.environ.get("RANK", "0") == "0"  # of several that `accelerate launch` started
    say: Callable[[Any], None] = print if first and not arguments.json else (lambda _: None)
    say(data.intake)
    with pl.Config(
        tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, float_precision=3
    ):
        say(data.label_table().drop("accuracy"))
    say(f"{split.train.positives.height:,} relevant (user, item) pairs to train on")
    pipeline = corank.Pipeline(vertical, arguments.encoder)
    folder = arguments.out.with_name(f"{arguments.out.name}.training")
    pipeline.fit(split.train, config, run=corank.Run(folder, arguments.resume))
    report = pipeline.evaluate(split.test)
    pipeline.save(arguments.out, report)
    shutil.rmtree(folder, ignore_errors=True)
    say(report.markdown())
    return {
        "bundle": str(arguments.out),
        "intake": str(data.intake).splitlines(),
        "report": report.to_dict(),
    }


def _config(arguments: argparse.Namespace) -> "corank.FitConfig":
    given: dict[str, Any] = {}
    if arguments.config:
        try:
            given = dict(json.loads(Path(arguments.config).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"{arguments.config} is no JSON file of options: {error}.") from error
    named = {"seed": arguments.seed, "epochs": arguments.epochs}
    given |= {name: value for name, value in named.items() if value is not None}
    return from_mapping(corank.FitConfig, given)


def _evaluate(arguments: argparse.Namespace) -> None:
    path = Path(arguments.bundle)
    if arguments.data is None:
        report = read_report(path)
    else:
        engine = corank.load(path)
        data = _read(engine.vertical, arguments)
        protocol = BUNDLE.read(path)["about"]["protocol"]
        if protocol is None:
            raise RequestError(f"{path} was fitted on data that was not split: nothing tests it.")
        train, test = data.split(protocol["name"], test=protocol["test"], seed=protocol["seed"])
        report = corank.Pipeline.resume(engine, train).evaluate(test)
    if arguments.json:
        _print_json(report.to_dict())
    else:
        print(report.markdown())


def _search(arguments: argparse.Namespace) -> None:
    engine = corank.load(arguments.bundle)
    answers = engine.search(arguments.query, k=arguments.k, where=_where(arguments))
    _print_json(answers.to_dict()) if arguments.json else _print_answers(answers)


def _recommend(arguments: argparse.Namespace) -> None:
    engine = corank.load(arguments.bundle)
    answers = engine.recommend(arguments.history, k=arguments.k, where=_where(arguments))
    _print_json(answers.to_dict()) if arguments.json else _print_answers(answers)


def _app(arguments: argparse.Namespace) -> None:
    check = login(arguments.host, arguments.user, arguments.password_file, os.environ)
    with bar() as bars:
        bars.add_task(f"opening {arguments.bundle}", total=None)
        from corank.serve.ui import open_app, serve

        demo = open_app(arguments.bundle)

    def say(url: str | None) -> None:
        if arguments.json:
            _print_json({"bundle": arguments.bundle, "url": url})
        else:
            print(f"The app runs at {url} (Ctrl+C stops it)." if url else "The app can be served.")
        sys.stdout.flush()

    if arguments.check:
        say(None)
    else:
        serve(demo, say=say, host=arguments.host, port=arguments.port, check=check)


def _where(arguments: argparse.Namespace) -> pl.Expr | None:
    if arguments.where is None:
        return None
    try:
        condition: pl.Expr = pl.sql_expr(arguments.where)
        return condition
    except pl.exceptions.PolarsError as error:
        raise RequestError(
            f"--where {arguments.where!r} is no condition: {str(error).splitlines()[0]}. "
            "Write it as in SQL: price < 30"
        ) from error


def _read(vertical: "Vertical", arguments: argparse.Namespace) -> Dataset:
    columns = {}
    for pair in arguments.column:
        theirs, equals, ours = pair.partition("=")
        if not (theirs and equals and ours):
            raise ConfigError(f"--column {pair!r} must read THEIRS=OURS, such as asin=item_id.")
        columns[theirs] = ours
    return vertical.read(arguments.data, columns=columns, rejects=arguments.rejects)


def _print_answers(answers: Answers) -> None:
    for place, answer in enumerate(answers, 1):
        print(f"{place:>3}. {answer.title}  [{answer.item_id}]  {answer.score:.3f}")
        if answer.reasons:
            print(f"       {'; '.join(answer.reasons)}")
        parts = sorted(answer.parts.items(), key=lambda part: -abs(part[1]))
        print("       = " + " ".join(f"{value:+.2f} {name}" for name, value in parts if value))
        if answer.rules:
            print(f"       moved by: {', '.join(answer.rules)}")
    if answers.removed:
        removed = ", ".join(f"{count} by {rule}" for rule, count in answers.removed.items())
        print(f"     rules removed {removed}")
    if not len(answers):
        print("     nothing is left to show")


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=1)
    print()


def _say_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, LeakageWarning):
        print(f"corank: warning: {message}", file=sys.stderr)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "verticals": _verticals,
    "demo": _demo,
    "fit": _fit,
    "evaluate": _evaluate,
    "search": _search,
    "recommend": _recommend,
    "app": _app,
}
