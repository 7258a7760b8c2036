"""``python -m benchmarks``: list, prepare, accuracy, report."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from benchmarks import accuracy, report
from benchmarks.datasets import DATASETS
from corank.data.split import ProtocolName
from corank.errors import CorankError


def main() -> int:
    """Run one command; return its exit code."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except CorankError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 3
    return 0


def _list(arguments: argparse.Namespace) -> None:
    for dataset in DATASETS.values():
        print(f"{dataset.name}: vertical {dataset.vertical}; {', '.join(dataset.protocols)}")
        print(f"    {dataset.home_page}\n    {dataset.licence}")
        for name, what in dataset.files.items():
            print(f"    {name}: {what}")


def _prepare(arguments: argparse.Namespace) -> None:
    dataset = DATASETS[arguments.dataset]
    dataset.prepare(dataset.source(), arguments.out)
    print(
        f"{arguments.out} is ready: corank fit {dataset.vertical} --data {arguments.out} "
        f"--out runs/{dataset.name} --split {dataset.protocols[0]}"
    )


def _accuracy(arguments: argparse.Namespace) -> None:
    dataset = DATASETS[arguments.dataset]
    for protocol in arguments.protocol or dataset.protocols:
        found, path = accuracy.run(dataset, protocol, seed=arguments.seed)
        print(f"# {dataset.name}, {protocol}\n\n{found.markdown()}\nstored in {path}")


def _report(arguments: argparse.Namespace) -> None:
    if arguments.readme:
        report.write(arguments.readme)
    print(report.markdown())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="what each data set is and which files it needs")
    listing.set_defaults(run=_list)

    prepare = commands.add_parser("prepare", help="write a data set in its vertical's format")
    prepare.add_argument("dataset", choices=DATASETS)
    prepare.add_argument("--out", type=Path, required=True, help="folder to write")
    prepare.set_defaults(run=_prepare)

    measure = commands.add_parser("accuracy", help="fit, measure, print and store the report")
    measure.add_argument("--dataset", choices=DATASETS, required=True)
    protocols = get_args(ProtocolName)
    measure.add_argument(
        "--protocol",
        action="append",
        choices=protocols,
        help="default: every one",
    )
    measure.add_argument("--seed", type=int, default=0)
    measure.set_defaults(run=_accuracy)

    table = commands.add_parser("report", help="print the stored results as Markdown")
    table.add_argument("--readme", type=Path, help="also put them between this README's markers")
    table.set_defaults(run=_report)
    return parser


if __name__ == "__main__":
    sys.exit(main())
