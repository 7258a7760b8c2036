"""What the ``corank`` command understands. Knows words and options; runs nothing."""

import argparse
from pathlib import Path
from typing import get_args

import corank
from corank.data.split import ProtocolName
from corank.serve.guard import PASSWORD, USER

EPILOG = """exit codes:
  0  done
  1  any other error of corank's
  2  the command line cannot be understood
  3  the data cannot be used
  4  the request cannot be answered (unknown item, k out of range, empty query)
  5  the bundle is damaged, foreign, or cannot be written
  6  an optional dependency is missing; the message says which
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
    fit.add_argument(
        "--split", choices=get_args(ProtocolName), default="time", help="how the test is held out"
    )
    fit.add_argument("--test", type=float, default=0.2, help="share held out (default: 0.2)")
    fit.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint of a run that was killed"
    )
    _add_fitting(fit)

    evaluate = command(
        "evaluate", "Print a bundle's report, or measure it again on data.",
        "corank evaluate runs/shop --data data/shop",
    )  # fmt: skip
    evaluate.add_argument("bundle")
    _add_reading(evaluate, required=False)

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
    recommend.add_argument(
        "--history", nargs="*", default=[], help="item ids, oldest first; none: what is popular"
    )
    _add_asking(recommend)

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
    app.add_argument("--check", action="store_true", help="build the app and stop")
    return root


def _add_fitting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", help="hub name or local folder (default: all-MiniLM-L6-v2)")
    parser.add_argument("--epochs", type=int, help="of encoder tuning; 0 leaves it frozen")
    parser.add_argument("--config", help="a JSON file of FitConfig's options")


def _add_reading(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--data", required=required, help="folder with items.* and interactions.*")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="rename a column; repeat for more",
    )
    parser.add_argument("--rejects", help="where rejected rows go (default: DATA/rejects.parquet)")


def _add_asking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-k", type=int, default=10, help="how many answers (default: 10)")
    parser.add_argument("--where", help='only items for which this holds, as in SQL: "price < 30"')
