"""Commands that learn or measure: from a folder of data to a bundle and its report."""

import argparse
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import polars as pl

import corank
from corank.arguments import fit_after
from corank.bundle import (
    BUNDLE,
    check_places,
    identity,
    publish,
    put_report,
    read_report,
    roll_back,
)
from corank.commands.printing import print_answers, print_json
from corank.config import from_mapping
from corank.data.dataset import Dataset, Split
from corank.data.grow import grow
from corank.errors import ConfigError, DataError, RequestError
from corank.plugin import beside, named
from corank.progress import bar

if TYPE_CHECKING:
    from corank.vertical import Vertical

T = TypeVar("T")


def demo(arguments: argparse.Namespace) -> None:
    """``corank demo``."""
    vertical = corank.load_vertical(arguments.vertical)
    arguments.out = arguments.out or Path("runs") / f"demo-{vertical.name}"
    data = vertical.read_sample()
    result = _fit_and_report(vertical, data, data.split("time"), arguments)
    result["models"] = _models(vertical, arguments)
    engine = corank.load(result["bundle"])
    _, test = data.split("time")
    cases = test.cases()
    told = [row for row in range(len(cases.users)) if len(cases.histories[row]) >= 3][:3]
    histories = [data.items["item_id"].gather(cases.histories[row][-5:]).to_list() for row in told]
    who = vertical.example_asker
    answers = {f"search: {q}": engine.search(q, k=5, now=who) for q in vertical.example_queries}
    answers |= {f"after {_titles(data, h)}": engine.recommend(h, k=5, now=who) for h in histories}
    if arguments.json:
        result["answers"] = {asked: each.to_dict() for asked, each in answers.items()}
        print_json(result)
        return
    for asked, each in answers.items():
        print(f"\n{asked}")
        print_answers(each)
    print(
        f"\nThe bundle lies in {result['bundle']}. Try: corank search {result['bundle']} 'a query'"
    )


def _models(vertical: "Vertical", arguments: argparse.Namespace) -> dict[str, str]:
    """Fit what the vertical needs beside a ranker, and keep it beside the bundle."""
    kept = {}
    encoder = corank.EncoderConfig(name=arguments.encoder) if arguments.encoder else None
    for name, function in vertical.models.items():
        folder = beside(arguments.out, name)
        with bar() as bars:
            bars.add_task(f"fitting {name}", total=None)
            model = named(function, FunctionType)(encoder, arguments.seed)
        model.save(folder)
        kept[name] = str(folder)
        if not arguments.json:
            print(f"{name} lies in {folder}.")
    return kept


def _titles(data: Dataset, ids: list[str]) -> str:
    titles = dict(data.items.select("item_id", "title").iter_rows())
    return "; ".join(titles[item] for item in ids)


def fit(arguments: argparse.Namespace) -> None:
    """``corank fit``."""
    vertical = corank.load_vertical(arguments.vertical)
    data = _read(vertical, arguments, arguments.data)
    split = data.split(arguments.split, test=arguments.test, seed=arguments.seed)
    result = _fit_and_report(vertical, data, split, arguments)
    if arguments.json:
        print_json(result)
    else:
        print(f"The bundle lies in {result['bundle']}.")


def _fit_and_report(
    vertical: "Vertical", data: Dataset, split: Split, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Fit on one side, measure on the other, save both; print on the way unless ``--json``."""
    BUNDLE.check_place(arguments.out)
    config = _options_of(corank.FitConfig, arguments)
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
    try:
        report = pipeline.evaluate(split.test, timed=True)
    except DataError as error:  # what was fitted is kept
        pipeline.save(arguments.out)
        raise DataError(f"{error} {arguments.out} is saved, without a report.") from error
    pipeline.save(arguments.out, report)
    shutil.rmtree(folder, ignore_errors=True)
    say(report.markdown())
    return {
        "bundle": str(arguments.out),
        "intake": str(data.intake).splitlines(),
        "report": report.to_dict(),
    }


def tune(arguments: argparse.Namespace) -> None:
    """``corank tune``."""
    from corank.tune.fit import tune as search  # needs optuna

    vertical = corank.load_vertical(arguments.vertical)
    data = _read(vertical, arguments, arguments.data)
    train, _ = data.split(arguments.split, test=arguments.test, seed=arguments.seed)
    found = search(
        corank.Pipeline(vertical, arguments.encoder),
        train,
        _options_of(corank.FitConfig, arguments),
        _options(arguments.space) if arguments.space else None,
        folder=arguments.out,
        trials=arguments.trials,
        seed=arguments.seed,
    )
    follow = fit_after(arguments)
    if arguments.json:
        print_json(found.to_dict() | {"study": str(arguments.out), "next": follow})
    else:
        print(f"{found}\nThe best settings lie in {arguments.out}. Next: {follow}")


def _options_of(kind: type[T], arguments: argparse.Namespace) -> T:
    """Build a config from its JSON file and from the options that have a word of their own."""
    given = _options(arguments.config) if arguments.config else {}
    named = {"seed": arguments.seed, "epochs": arguments.epochs}
    given |= {name: value for name, value in named.items() if value is not None}
    return from_mapping(kind, given)


def _options(path: str) -> dict[str, Any]:
    try:
        return dict(json.loads(Path(path).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} is no JSON file of options: {error}.") from error


def evaluate(arguments: argparse.Namespace) -> None:
    """``corank evaluate``."""
    if arguments.data is None:
        report = read_report(arguments.bundle)
    else:
        standing = identity(arguments.bundle)
        pipeline, split = _as_fitted(arguments)
        report = pipeline.evaluate(split.test, timed=arguments.save)
        if arguments.save:
            put_report(pipeline.engine, report, arguments.bundle, made_from=standing)
    if arguments.json:
        print_json(report.to_dict())
    else:
        print(report.markdown())


def update(arguments: argparse.Namespace) -> None:
    """``corank update``."""
    config = _options_of(corank.UpdateConfig, arguments)
    check_places(arguments.bundle)
    standing = identity(arguments.bundle)
    pipeline, split = _as_fitted(arguments)
    new = _read(pipeline.vertical, arguments, arguments.new)
    if not arguments.json:
        print(new.intake)
    folder = arguments.bundle.with_name(f"{arguments.bundle.name}.training")
    run = corank.Run(folder, arguments.resume)
    judgement, grown = pipeline.update(new, split.test, config, run=run)
    result = judgement.to_dict() | {"bundle": str(arguments.bundle)}
    if judgement.publish:
        report = pipeline.evaluate(grown.test, timed=True)
        publish(pipeline.engine, report, arguments.bundle, made_from=standing)
        result["report"] = report.to_dict()
    shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        print_json(result)
        return
    print(judgement.why)
    if judgement.publish:
        print(f"{report.markdown()}\nTo take it back: corank rollback {arguments.bundle}")


def compress(arguments: argparse.Namespace) -> None:
    """``corank compress``."""
    check_places(arguments.bundle)
    standing = identity(arguments.bundle)
    pipeline, split = _as_fitted(arguments)
    done = pipeline.compress(
        arguments.to, layers=arguments.layers, max_drop=arguments.max_drop, seed=arguments.seed
    )
    report = pipeline.evaluate(split.test, timed=True)
    publish(pipeline.engine, report, arguments.bundle, made_from=standing)
    if arguments.json:
        result = {"bundle": str(arguments.bundle), "report": report.to_dict()}
        print_json(done.to_dict() | result)
    else:
        print(f"{done}\n\n{report.markdown()}\nTo take it back: corank rollback {arguments.bundle}")


def rollback(arguments: argparse.Namespace) -> None:
    """``corank rollback``."""
    roll_back(arguments.bundle)
    about = BUNDLE.read(arguments.bundle)["about"]
    updates = [update["why"] for update in about.get("updates", [])]
    if arguments.json:
        print_json({"bundle": str(arguments.bundle), "updates": updates})
    else:
        print(f"{arguments.bundle} is the bundle before, of {len(updates)} updates.")


def _as_fitted(arguments: argparse.Namespace) -> tuple["corank.Pipeline", Split]:
    """The pipeline that made a bundle, and the data as it was then: read again, split again."""
    engine = corank.load(arguments.bundle)
    protocol = cast(dict[str, Any] | None, engine.about["protocol"])
    if protocol is None:
        raise RequestError(
            f"{arguments.bundle} was fitted on data that was not split: nothing tests it."
        )
    updates = cast(list[dict[str, Any]], engine.about.get("updates", []))
    if arguments.rejects and (len(arguments.data) > 1 or hasattr(arguments, "new")):
        raise RequestError(
            "--rejects names one file, and there are several folders to read: each would replace "
            "it. Leave it out, and rejected rows go to each folder's own rejects.parquet."
        )
    if len(arguments.data) != 1 + len(updates):
        raise RequestError(
            f"{arguments.bundle} was fitted once and updated {len(updates)} times; give --data for "
            f"each, in that order: {1 + len(updates)} folders. There are {len(arguments.data)}."
        )
    first, *later = (_read(engine.vertical, arguments, folder) for folder in arguments.data)
    split = first.split(protocol["name"], test=protocol["test"], seed=protocol["seed"])
    for new, made in zip(later, updates, strict=True):
        split = grow(split, new, made["test"]).split
    return corank.Pipeline.resume(engine, split.train), split


def _read(vertical: "Vertical", arguments: argparse.Namespace, folder: str) -> Dataset:
    columns = {}
    for pair in arguments.column:
        theirs, equals, ours = pair.partition("=")
        if not (theirs and equals and ours):
            raise ConfigError(f"--column {pair!r} must read THEIRS=OURS, such as asin=item_id.")
        columns[theirs] = ours
    return vertical.read(folder, columns=columns, rejects=arguments.rejects)
