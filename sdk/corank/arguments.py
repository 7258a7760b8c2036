"""What the ``corank`` command understands. Knows words and options; runs nothing."""

import argparse
import shlex
from pathlib import Path
from typing import get_args

import corank
from corank.data.split import ProtocolName
from corank.serve.guard import PASSWORD, USER

HISTORY = "item ids, oldest first; none: what is popular"
EPILOG = """exit codes:
  0  done
  1  any other error of corank's
  2  the command line cannot be understood
  3  the data cannot be used
  4  the request cannot be answered (unknown item, k out of range, empty query)
  5  the bundle is damaged, foreign, or cannot be written
  6  an optional dependency is missing; the message says which
  7  a service elsewhere, such as a vector database, does not answer
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser; ``command`` is the word that was given."""
    root = argparse.ArgumentParser(
        prog="corank",
        description="Search and recommendation that understand text and behaviour.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=corank.__version__)
    commands = root.add_subparsers(required=True, dest="command", metavar="COMMAND")

    def command(name: str, what: str, example: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=what,
            description=what,
            epilog=f"example:\n  {example}\n\n{EPILOG}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.add_argument("--json", action="store_true", help="print one JSON document")
        return added

    command("verticals", "List the installed verticals.", "corank verticals")

    new = command(
        "new-vertical", "Write a vertical's package to begin with, complete and out of tree.",
        "corank new-vertical legal",
    )  # fmt: skip
    new.add_argument("name", help="what users will type; the package is called corank_NAME")
    new.add_argument("--out", type=Path, help="folder to make; corank-NAME by default")

    demo = command(
        "demo", "Run the whole path on a vertical's own sample, offline, in minutes.",
        "corank demo ecommerce",
    )  # fmt: skip
    demo.add_argument("vertical")
    demo.add_argument("--out", type=Path, help="bundle to write; runs/demo-VERTICAL by default")
    demo.set_defaults(resume=False)
    _add_fitting(demo)

    fit = command(
        "fit", "Fit a vertical's ranker on a folder of data, measure it, save a bundle.",
        "corank fit ecommerce --data data/shop --out runs/shop --split time",
    )  # fmt: skip
    fit.add_argument("vertical")
    _add_reading(fit, required=True)
    fit.add_argument("--out", type=Path, required=True, help="bundle to write")
    _add_splitting(fit)
    fit.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint of a run that was killed"
    )
    _add_fitting(fit)

    tune = command(
        "tune", "Search for the settings that fit best on validation; the test is never looked at.",
        "corank tune ecommerce --data data/shop --out runs/study --trials 20",
    )  # fmt: skip
    tune.add_argument("vertical")
    _add_reading(tune, required=True)
    tune.add_argument(
        "--out", type=Path, required=True, help="folder of the study; goes on where it was left"
    )
    tune.add_argument("--space", help="a JSON file of what may be changed, and how far")
    tune.add_argument("--trials", type=int, default=20, help="in all (default: 20)")
    _add_splitting(tune)
    _add_fitting(tune)

    evaluate = command(
        "evaluate", "Print a bundle's report, or measure it again on data.",
        "corank evaluate runs/shop --data data/shop",
    )  # fmt: skip
    evaluate.add_argument("bundle", type=Path)
    _add_reading(evaluate, required=False, again=True)
    evaluate.add_argument("--save", action="store_true", help="keep the report in the bundle")

    update = command(
        "update", "Learn what happened since a bundle was made; publish only what is better.",
        "corank update runs/shop --data data/shop --new data/march",
    )  # fmt: skip
    update.add_argument("bundle", type=Path)
    _add_reading(update, required=True, again=True)
    update.add_argument("--new", required=True, help="folder with what happened since")
    update.add_argument("--resume", action="store_true", help="go on from a run that was killed")
    _add_fitting(update, encoder=False)

    compress = command(
        "compress",
        "Make a bundle smaller and faster; it is replaced only if it does its work as well.",
        "corank compress runs/shop --data data/shop --max-drop 0.005",
    )
    compress.add_argument("bundle", type=Path)
    _add_reading(compress, required=True, again=True)
    compress.add_argument("--to", choices=["int8"], default="int8", help="(default: int8)")
    compress.add_argument(
        "--layers",
        type=int,
        help="so many of the transformer's stay and learn to do without others",
    )
    compress.add_argument(
        "--max-drop",
        type=float,
        default=0.005,
        metavar="SHARE",
        help="of NDCG@10 on validation that may be lost (default: 0.005)",
    )
    compress.add_argument("--seed", type=int, default=0, help="of what is sampled (default: 0)")

    rollback = command(
        "rollback", "Take back an update or a compression: change the bundle for the one before.",
        "corank rollback runs/shop",
    )  # fmt: skip
    rollback.add_argument("bundle", type=Path)

    inspect = command(
        "inspect", "Say what a bundle holds, whether it is whole, and how it was made.",
        "corank inspect runs/shop",
    )  # fmt: skip
    inspect.add_argument("bundle", help="a bundle, a classifier, an appeal model or an export")
    inspect.add_argument("--files", action="store_true", help="name every file with its SHA-256")

    export = command(
        "export",
        "Write the ONNX graphs of a bundle, a classifier or an encoder, for other runtimes.",
        "corank export runs/shop --out runs/shop-onnx",
    )
    export.add_argument(
        "source", help="a bundle, a classifier, an appeal model, or an encoder's name or folder"
    )
    export.add_argument("--out", type=Path, required=True, help="folder to write")
    export.add_argument(
        "--texts", type=Path, metavar="FILE", help="lines on which graph and original are compared"
    )

    encode = command(
        "encode", "Encode items in shards, by one process or many; go on where a run was stopped.",
        "corank encode runs/shop --items items.parquet --out vectors",
    )  # fmt: skip
    encode.add_argument("bundle", type=Path, help="whose encoder reads")
    encode.add_argument("--items", type=Path, required=True, help="parquet, csv or jsonl")
    encode.add_argument("--edges", type=Path, help="knowledge graph that fills item columns first")
    encode.add_argument("--out", type=Path, required=True, help="folder of the shards")
    encode.add_argument("--shard", type=int, default=50_000, help="items in each (default: 50000)")

    search = command(
        "search",
        "Search a bundle's catalogue.",
        'corank search runs/shop "vitamin c serum"',
    )
    search.add_argument("bundle")
    search.add_argument("query")
    _add_asking(search)

    recommend = command(
        "recommend", "Recommend what comes after a history of items.",
        "corank recommend runs/shop --history B000142FVW",
    )  # fmt: skip
    recommend.add_argument("bundle")
    recommend.add_argument("--history", nargs="*", action="extend", default=[], help=HISTORY)
    _add_visit(recommend)
    _add_asking(recommend)

    why = command(
        "why", "Say why an item stands where it stands, or why it does not.",
        'corank why runs/shop B000142FVW --query "vitamin c serum"',
    )  # fmt: skip
    why.add_argument("bundle")
    why.add_argument("item", help="an item id of the catalogue")
    asked = why.add_mutually_exclusive_group(required=True)
    asked.add_argument("--query", help="what was searched for")
    asked.add_argument("--history", nargs="*", action="extend", help=HISTORY)
    _add_visit(why)
    _add_asking(why)

    monitor = command(
        "monitor", "Watch a stream of texts; tell when opinion of a topic turns.",
        "corank monitor runs/demo-finance --texts stream.jsonl --webhook https://example.com/hook",
    )  # fmt: skip
    monitor.add_argument("bundle", help="whose models, BUNDLE.topic and BUNDLE.sentiment, read")
    monitor.add_argument(
        "--texts", type=Path, required=True, help="csv, jsonl or parquet with columns at and text"
    )
    monitor.add_argument("--minutes", type=float, default=60, help="of one window")
    monitor.add_argument("--least", type=float, help="fewer negative texts raise nothing")
    monitor.add_argument("--times", type=float, help="the usual share that an alert takes")
    monitor.add_argument("--webhook", help="address that each alert is posted to, as JSON")

    app = command(
        "app", "Serve a bundle's web app: search, recommend, why, report.",
        "corank app runs/shop",
    )  # fmt: skip
    app.add_argument("bundle")
    app.add_argument("--host", default="127.0.0.1", help="address to bind to; others need a login")
    app.add_argument("--port", type=int, default=7860)
    app.add_argument("--user", help=f"name to log in with, once there is a password ({USER})")
    app.add_argument(
        "--password-file", type=Path, help=f"its first line is the password (or set {PASSWORD})"
    )
    app.add_argument(
        "--data", type=Path, help="folder of the events that the Labels tab shows and grades"
    )
    app.add_argument(
        "--journal", type=Path, help="file to write requests and answers down in, masked"
    )
    app.add_argument("--check", action="store_true", help="build the app and stop")
    return root


def fit_after(arguments: argparse.Namespace) -> str:
    """Return the command that fits with the best settings a search found, on the same data."""
    words = ["corank", "fit", arguments.vertical, "--data", arguments.data]
    for column in arguments.column:
        words += ["--column", column]
    words += ["--split", arguments.split, "--test", arguments.test, "--seed", arguments.seed]
    if arguments.encoder:
        words += ["--encoder", arguments.encoder]
    words += ["--config", arguments.out / "best.json", "--out", arguments.out / "bundle"]
    return shlex.join(map(str, words))


def _add_splitting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split", choices=get_args(ProtocolName), default="time", help="how the test is held out"
    )
    parser.add_argument("--test", type=float, default=0.2, help="share held out (default: 0.2)")


def _add_fitting(parser: argparse.ArgumentParser, *, encoder: bool = True) -> None:
    parser.add_argument("--seed", type=int, default=0)
    if encoder:
        parser.add_argument(
            "--encoder", help="hub name or local folder (default: all-MiniLM-L6-v2)"
        )
    parser.add_argument("--epochs", type=int, help="of encoder tuning; 0 leaves it frozen")
    parser.add_argument("--config", help="a JSON file of options")


def _add_reading(parser: argparse.ArgumentParser, *, required: bool, again: bool = False) -> None:
    parser.add_argument(
        "--data",
        required=required,
        action="append" if again else "store",
        help="folder with items.*, and interactions.* or queries.* or both"
        + (" that the bundle was fitted on; once more for each update since" if again else ""),
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="rename a column; repeat for more",
    )
    parser.add_argument("--rejects", help="where rejected rows go (default: DATA/rejects.parquet)")


def _add_visit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--session", type=int, default=0, help="so many of the newest items are of this visit"
    )
    parser.add_argument("--interests", default="", help="what somebody says of themselves")
    parser.add_argument(
        "--as-new", action="store_true", help="judge items as if nobody had touched any yet"
    )


def _add_asking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--now",
        nargs="*",
        action="extend",
        default=[],
        metavar="COLUMN=VALUE",
        help='what is known of the moment: device=phone "timestamp=2026-03-01 21:00"',
    )
    parser.add_argument("-k", type=int, default=10, help="how many answers (default: 10)")
    parser.add_argument(
        "--where",
        help='only items for which this holds, as in SQL: "price < 30", or of a day "released > '
        "DATE '2024-01-01'\"",
    )
