"""Commands that ask a bundle or what is installed, or write a package: no training here."""

import argparse
import datetime as dt
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import corank
from corank import encoding, inspecting, scaffold
from corank.commands.printing import (
    print_alert,
    print_answers,
    print_encoded,
    print_export,
    print_inspection,
    print_json,
    print_why,
)
from corank.errors import BundleError, RequestError
from corank.monitor import Alert, Monitor, MonitorConfig
from corank.opinions import Understanding, check_webhook, read_stream, send, told
from corank.plugin import beside
from corank.progress import bar, track
from corank.serve.guard import login
from corank.threads import allowed, pin

if TYPE_CHECKING:
    from corank.vertical import Vertical


def verticals(arguments: argparse.Namespace) -> None:
    """``corank verticals``."""
    found = corank.verticals()
    about = [_describe(vertical) for vertical in found.values()]
    if arguments.json:
        print_json(about)
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


def new_vertical(arguments: argparse.Namespace) -> None:
    """``corank new-vertical``."""
    name = arguments.name
    folder = arguments.out or Path("corank-" + name.replace("_", "-"))
    files = [str(file) for file in scaffold.new_vertical(name, folder)]
    if arguments.json:
        print_json({"vertical": name, "folder": str(folder), "files": files})
        return
    print(f"{folder}/")
    for file in files:
        print(f"    {file}")
    print(
        f"\nNext:\n    pip install -e '{folder}[dev]'\n    pytest {folder}\n    corank demo {name}"
        f"\n\n{folder / 'README.md'} says which file holds what."
    )


def inspect(arguments: argparse.Namespace) -> None:
    """``corank inspect``."""
    found = inspecting.inspect(arguments.bundle)
    print_json(found.to_dict()) if arguments.json else print_inspection(found, arguments.files)


def export(arguments: argparse.Namespace) -> None:
    """``corank export``."""
    texts = {}
    if arguments.texts:
        try:
            lines = arguments.texts.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{arguments.texts} cannot be read as text: {error}.") from error
        texts = {"texts": [line for line in lines if line.strip()]}
        if not texts["texts"]:
            raise RequestError(f"{arguments.texts} holds no text. Give one on each line.")
    found = corank.export(arguments.source, arguments.out, **texts)
    print_json(asdict(found)) if arguments.json else print_export(found)


def encode(arguments: argparse.Namespace) -> None:
    """``corank encode``: each process does its part, and the first one tells."""
    share = encoding.Share.told(os.environ)
    if (here := int(os.environ.get("LOCAL_WORLD_SIZE", "1"))) > 1:
        pin(max(allowed() // here, 1))
    given = arguments.bundle, arguments.items, arguments.out
    found = encoding.encode(*given, edges=arguments.edges, shard=arguments.shard, share=share)
    if share.process:
        return
    if arguments.json:
        print_json(encoding.told(found, arguments.out))
    else:
        print_encoded(found, arguments.out)


def search(arguments: argparse.Namespace) -> None:
    """``corank search``."""
    engine = corank.load(arguments.bundle)
    answers = engine.search(arguments.query, **_asked(arguments))
    print_json(answers.to_dict()) if arguments.json else print_answers(answers)


def recommend(arguments: argparse.Namespace) -> None:
    """``corank recommend``."""
    engine = corank.load(arguments.bundle)
    answers = engine.recommend(arguments.history, **_asked(arguments), **_visit(arguments))
    if arguments.json:
        print_json(answers.to_dict())
        return
    print_answers(answers)
    if arguments.as_new and not answers and not (arguments.history or arguments.interests):
        print("     nothing is known of who asks: new items need a --history or --interests")


def why(arguments: argparse.Namespace) -> None:
    """``corank why``."""
    engine = corank.load(arguments.bundle)
    found = engine.why(
        arguments.item,
        query=arguments.query,
        history=arguments.history,
        **_asked(arguments),
        **_visit(arguments),
    )
    print_json(found.to_dict()) if arguments.json else print_why(found)


def monitor(arguments: argparse.Namespace) -> None:
    """``corank monitor``."""
    url = check_webhook(arguments.webhook) if arguments.webhook else None
    given = {"least": arguments.least, "times": arguments.times}
    options = {name: value for name, value in given.items() if value is not None}
    if arguments.times is not None:
        options["near"] = min(MonitorConfig.near, arguments.times)
    config = MonitorConfig(window=dt.timedelta(minutes=arguments.minutes), **options)
    folders = [beside(Path(arguments.bundle), name) for name in ("topic", "sentiment")]
    for folder in folders:
        if not folder.exists():
            raise BundleError(
                f"{folder} is not there: the classifiers of what people say lie beside a bundle. "
                "Fit them on texts of your own with corank.fit_classifier and save them there, or "
                "take those of corank demo finance."
            )
    rows, understanding = read_stream(arguments.texts), Understanding.load(*folders)
    watched = track(rows.iter_rows(), "reading", rows.height)
    found = []
    for each in Monitor(config).watch(understanding.read_all(watched)):
        if isinstance(each, Alert):
            found.append(told(each))
            if not arguments.json:
                print_alert(each)
            if url and (why := send(each, url)):
                print(f"corank: {url} was not told: {why}", file=sys.stderr)
    if arguments.json:
        print_json({"texts": rows.height, "alerts": found})
    elif not found:
        print(f"Nothing turned in {rows.height:,} texts.")


def app(arguments: argparse.Namespace) -> None:
    """``corank app``."""
    check = login(arguments.host, arguments.user, arguments.password_file, os.environ)
    with bar() as bars:
        bars.add_task(f"opening {arguments.bundle}", total=None)
        from corank.serve.ui import open_app, serve

        if not arguments.check:
            pin()
        demo = open_app(arguments.bundle, arguments.journal, arguments.data)

    def say(url: str | None) -> None:
        if arguments.json:
            print_json({"bundle": arguments.bundle, "url": url})
        else:
            print(f"The app runs at {url} (Ctrl+C stops it)." if url else "The app can be served.")
        sys.stdout.flush()

    if arguments.check:
        say(None)
    else:
        serve(demo, say=say, host=arguments.host, port=arguments.port, check=check)


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"k": arguments.k, "where": _where(arguments), "now": _now(arguments)}


def _visit(arguments: argparse.Namespace) -> dict[str, Any]:
    known = {"session": arguments.session, "interests": arguments.interests}
    return known | {"as_new": arguments.as_new}


def _now(arguments: argparse.Namespace) -> dict[str, str]:
    pairs = [given.partition("=") for given in arguments.now]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise RequestError(f"--now {wrong[0]!r} holds no '='. Write it as in device=phone.")
    names = [name for name, _, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise RequestError(
            f"--now tells {twice[0]!r} twice. Write several values as one: {twice[0]}='a|b'."
        )
    return {name: value for name, _, value in pairs}


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
