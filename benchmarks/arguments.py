"""What ``python -m benchmarks`` understands. Knows words and options; measures nothing."""

import argparse
from pathlib import Path

from benchmarks import compression
from benchmarks.sets.catalogue import DATASETS, OWN, RANKING
from benchmarks.sets.tasks import TASKS

DOMAINS = sorted({each.domain for each in (*DATASETS.values(), *OWN.values()) if each.domain})
WHAT = "Measure corank beside other systems, on public data and on the samples."


def parser() -> argparse.ArgumentParser:
    """Return the parser; ``command`` is the word that was given."""
    root = argparse.ArgumentParser(prog="python -m benchmarks", description=WHAT)
    commands = root.add_subparsers(required=True, dest="command", metavar="COMMAND")

    commands.add_parser("list", help="what each data set is and which files it needs")

    prepare = commands.add_parser("prepare", help="write a data set in its vertical's format")
    prepare.add_argument("dataset", choices=RANKING)
    prepare.add_argument("--out", type=Path, required=True, help="folder to write")

    measure = commands.add_parser("accuracy", help="fit, measure, print and store the report")
    what = measure.add_mutually_exclusive_group(required=True)
    what.add_argument("--dataset", choices=[*DATASETS, *OWN])
    what.add_argument("--vertical", choices=DOMAINS, help="every data set that speaks to its teams")
    measure.add_argument("--protocol", action="append", help="default: every one of the set")
    measure.add_argument("--seed", type=int, default=0, help="the first")
    measure.add_argument("--seeds", type=int, default=3, help="how many")
    measure.add_argument("--variant", help="another way to fit that the set names")
    measure.add_argument("--config", type=Path, help="JSON of the fit's options")
    measure.add_argument(
        "--peer-minutes", type=float, default=180, help="that each peer may take; 0: no peers"
    )
    measure.add_argument(
        "--refit", action="store_true", help="also learn from validation in the end; apart"
    )

    parts = commands.add_parser("ablation", help="rankers without each signal in turn")
    parts.add_argument("--dataset", choices=RANKING, default="amazon-beauty")
    parts.add_argument("--protocol", help="default: the first of the set")
    parts.add_argument("--seed", type=int, default=0)

    reading = commands.add_parser(
        "adaptation", help="perplexity and retrieval on MedQuAD, with domain pre-training"
    )
    reading.add_argument("--texts", type=int, default=5_000)
    reading.add_argument("--seed", type=int, default=0)

    speed = commands.add_parser(
        "training-speed", help="pairs a second beside sentence-transformers, by turns"
    )
    speed.add_argument("--dataset", choices=RANKING, default="amazon-beauty")
    speed.add_argument("--pairs", type=int, default=4_000)
    speed.add_argument("--rounds", type=int, default=5)

    fast = commands.add_parser(
        "latency", help="encoders beside sentence-transformers and its back ends, by turns"
    )
    fast.add_argument("--dataset", action="append", choices=TASKS)
    fast.add_argument("--texts", type=int, default=2_000)
    fast.add_argument("--rounds", type=int, default=5)
    fast.add_argument("--seed", type=int, default=0)

    held = commands.add_parser(
        "precisions", help="ways to hold an encoder's numbers: what each loses, and its speed"
    )
    held.add_argument("--dataset", choices=TASKS, default="crowdflower")
    held.add_argument("--texts", type=int, default=1_000)
    held.add_argument("--rounds", type=int, default=5)
    held.add_argument("--seed", type=int, default=0)

    smaller = commands.add_parser(
        "compression", help="what encoders in 8 bits, and of three layers, lose on the test"
    )
    smaller.add_argument("--dataset", action="append", choices=compression.SETS)
    smaller.add_argument("--seed", type=int, default=0)

    served = commands.add_parser(
        "serving", help="time a search, memory and start with a generated catalogue"
    )
    served.add_argument("--items", type=int, default=100_000)
    served.add_argument("--seed", type=int, default=0)

    larger = commands.add_parser(
        "growth", help="what encoding, indexing and searching cost as a catalogue grows"
    )
    larger.add_argument("--items", type=int, action="append", help="a size; once more for another")
    larger.add_argument("--seed", type=int, default=0)

    samples = commands.add_parser(
        "quick", help="the samples in minutes; fails where it is worse than what is stored"
    )
    samples.add_argument("--vertical", action="append", help="default: every one installed")
    samples.add_argument("--seed", type=int, default=0)

    everything = commands.add_parser(
        "all", help="every measurement, one after the other; goes on where it was stopped"
    )
    everything.add_argument("--quick", action="store_true", help="those of minutes alone")
    everything.add_argument("--seeds", type=int, default=1, help="of each that takes seeds")
    everything.add_argument(
        "--only", action="append", metavar="TEXT", help="results whose names hold this"
    )
    everything.add_argument("--dry", action="store_true", help="say what would be done, and stop")

    both = commands.add_parser("compare", help="fail where one result is worse than another")
    both.add_argument("before", type=Path, help="a file of benchmarks/results")
    both.add_argument("after", type=Path)
    both.add_argument("--force", action="store_true", help="speeds of different machines, too")

    watched = commands.add_parser(
        "replay", help="streams of opinions with three outbreaks each: what is heard of them"
    )
    watched.add_argument("--streams", type=int, default=20)
    watched.add_argument("--seed", type=int, default=0)

    seen = commands.add_parser(
        "screens", help="what a visitor of an app waits for, in a real browser"
    )
    seen.add_argument("bundles", nargs="+", type=Path, help="as corank demo makes them")

    commands.add_parser(
        "install-size", help="megabytes that the core brings; needs the package index"
    )

    coarse = commands.add_parser(
        "8-bit", help="memory and quality of encoders held in 8 bits, on a GPU where there is one"
    )
    coarse.add_argument("--queries", type=int, default=60)
    coarse.add_argument("--seed", type=int, default=0)

    table = commands.add_parser("report", help="print the stored results as Markdown")
    table.add_argument("--html", type=Path, metavar="FILE", help="write them as one page instead")
    table.add_argument(
        "--write", action="store_true", help="bring README.md, docs and the pictures up to date"
    )
    return root
