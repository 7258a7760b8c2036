"""``python -m benchmarks``: list, prepare, accuracy, ablation, report, and more."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import (
    ablation,
    accuracy,
    adaptation,
    classification,
    compression,
    continual,
    eight_bit,
    growth,
    install_size,
    insurance,
    latency,
    openbandit,
    plan,
    precisions,
    quick,
    replay,
    reranking,
    screens,
    serving,
    training_speed,
    upworthy,
)
from benchmarks.peers.run import ROOT
from benchmarks.reporting import report
from benchmarks.reporting.comparing import Change, compare, quality, same_machine
from benchmarks.reporting.page import page
from benchmarks.reporting.results import Result, current_commit, stored
from benchmarks.reranking import RerankingSet
from benchmarks.sets.catalogue import DATASETS, KNOWN, OWN, RANKING
from benchmarks.sets.datasets import RankingSet
from benchmarks.sets.tasks import TASKS
from corank import FitConfig
from corank.classify.training import ClassifierConfig
from corank.config import from_mapping
from corank.data.files import atomic
from corank.errors import ConfigError, CorankError
from corank.evaluate.report import Row

RUNS = {
    insurance.INSURANCE.name: insurance.run,
    openbandit.OPENBANDIT.name: openbandit.run,
    upworthy.UPWORTHY.name: upworthy.run,
}
"""How sets with a protocol of their own are measured."""
DOMAINS = sorted({each.domain for each in (*DATASETS.values(), *OWN.values()) if each.domain})


def main() -> int:
    """Run one command; return its exit code."""
    arguments = _parser().parse_args()
    try:
        return arguments.run(arguments) or 0
    except CorankError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 3


def _list(arguments: argparse.Namespace) -> None:
    for dataset in KNOWN.values():
        print(f"{dataset.name}: for {dataset.domain}; {', '.join(dataset.protocols)}")
        print(f"    {dataset.home_page}\n    {dataset.licence}")
        for name, what in dataset.files.items():
            print(f"    {name}: {what}")


def _prepare(arguments: argparse.Namespace) -> None:
    dataset = RANKING[arguments.dataset]
    dataset.prepare(dataset.source(), arguments.out)
    if not dataset.installed:
        print(f"{arguments.out} is ready, for the vertical that benchmarks declares.")
        return
    print(
        f"{arguments.out} is ready: corank fit {dataset.vertical.name} --data {arguments.out} "
        f"--out runs/{dataset.name} --split {dataset.protocols[0]}"
    )


def _accuracy(arguments: argparse.Namespace) -> None:
    if arguments.vertical:
        for dataset in (*DATASETS.values(), *OWN.values()):
            if dataset.domain == arguments.vertical:
                _measure(dataset.name, arguments)
    else:
        _measure(arguments.dataset, arguments)


def _measure(name: str, arguments: argparse.Namespace) -> None:
    """Measure one data set by each of its protocols, or by those that were asked for."""
    if run := RUNS.get(name):
        _print(*run(_seeds(arguments)))
        return
    dataset = DATASETS[name]
    unknown = set(arguments.protocol or ()) - set(dataset.protocols)
    if unknown:
        raise ConfigError(
            f"{dataset.name} has no protocol {min(unknown)!r}; it has "
            f"{', '.join(dataset.protocols)}."
        )
    for protocol in arguments.protocol or dataset.protocols:
        print(f"# {dataset.name}, {protocol}\n")
        seeds = _seeds(arguments)
        given = json.loads(arguments.config.read_text("utf-8")) if arguments.config else {}
        if isinstance(dataset, RankingSet):
            limit = arguments.peer_minutes * 60 or None
            plain = _merged(asdict(dataset.options), _variant(dataset, arguments.variant))
            found, path = accuracy.run(
                dataset,
                protocol,
                seeds,
                from_mapping(FitConfig, _merged(plain, given)),
                peers=limit,
                refit=arguments.refit,
                variant=arguments.variant,
            )
            print(f"{found.markdown()}\n\nstored in {path}")
        elif isinstance(dataset, RerankingSet):
            how = from_mapping(FitConfig, _merged(asdict(dataset.options), given))
            _print(*reranking.run(dataset, protocol, seeds, how))
        else:
            config = from_mapping(ClassifierConfig, dataset.options.get(protocol, {}) | given)
            if protocol in dataset.in_steps:
                rows, path = continual.run(dataset, protocol, seeds)
            else:
                limit = arguments.peer_minutes * 60 or None
                rows, path = classification.run(dataset, protocol, seeds, config, peers=limit)
            _print(rows, path)


def _seeds(arguments: argparse.Namespace) -> range:
    return range(arguments.seed, arguments.seed + arguments.seeds)


def _variant(dataset: RankingSet, name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    if name not in dataset.variants:
        known = ", ".join(dataset.variants) or "none"
        raise ConfigError(f"{dataset.name} has no variant {name!r}; it has {known}.")
    return dataset.variants[name]


def _merged(plain: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return options of which some are given, those of what lies in them too."""
    both = {
        name: _merged(plain[name], value)
        for name, value in given.items()
        if isinstance(value, dict) and isinstance(plain.get(name), dict)
    }
    return plain | given | both


def _ablation(arguments: argparse.Namespace) -> None:
    dataset = RANKING[arguments.dataset]
    protocol = arguments.protocol or dataset.protocols[0]
    config = replace(dataset.options, seed=arguments.seed)
    _print(*ablation.run(dataset, protocol, config))


def _adaptation(arguments: argparse.Namespace) -> None:
    _print(*adaptation.run(texts=arguments.texts, seed=arguments.seed))


def _training_speed(arguments: argparse.Namespace) -> None:
    dataset = RANKING[arguments.dataset]
    _print(*training_speed.run(dataset, pairs=arguments.pairs, rounds=arguments.rounds))


def _latency(arguments: argparse.Namespace) -> None:
    for name in arguments.dataset or TASKS:
        _print(
            *latency.run(name, texts=arguments.texts, rounds=arguments.rounds, seed=arguments.seed)
        )


def _precisions(arguments: argparse.Namespace) -> None:
    name, rounds = arguments.dataset, arguments.rounds
    _print(*precisions.run(name, texts=arguments.texts, rounds=rounds, seed=arguments.seed))


def _eight_bit(arguments: argparse.Namespace) -> None:
    _print(*eight_bit.run(queries=arguments.queries, seed=arguments.seed))


def _compression(arguments: argparse.Namespace) -> None:
    for name in arguments.dataset or compression.SETS:
        _print(*compression.run(name, seed=arguments.seed))


def _serving(arguments: argparse.Namespace) -> None:
    _print(*serving.run(items=arguments.items, seed=arguments.seed))


def _growth(arguments: argparse.Namespace) -> None:
    _print(*growth.run(arguments.items or growth.SIZES, seed=arguments.seed))


def _quick(arguments: argparse.Namespace) -> int:
    rows, path = quick.run(arguments.vertical or (), seed=arguments.seed)
    _print(rows, path)
    now = Result.load(path)
    before = quick.last(now)
    if before is None:
        print("Nothing is stored to compare it with.")
        return 0
    if same_machine(before, now):
        return _told(compare(before, now), before)
    print("What is stored is of another machine: speeds are not compared.")
    return _told(quality(before, now), before)


def _all(arguments: argparse.Namespace) -> int:
    steps = [
        step
        for step in (plan.QUICK if arguments.quick else plan.FULL)
        if not arguments.only or any(word in step.result for word in arguments.only)
    ]
    if arguments.dry:
        for step in steps:
            seeds = arguments.seeds
            minutes = step.minutes * (seeds if step.seeded else 1)
            state = "done" if plan.done(step, current_commit(), seeds) else f"{minutes:.0f} min"
            words = " ".join(step.command(seeds))
            print(f"{state:>8}  {step.result}: python -m benchmarks {words}")
        return 0
    failed = plan.run(steps, seeds=arguments.seeds)
    for name, why in failed.items():
        print(f"failed: {name}: {why}")
    return 1 if failed else 0


def _compare(arguments: argparse.Namespace) -> int:
    before, after = Result.load(arguments.before), Result.load(arguments.after)
    return _told(compare(before, after, force=arguments.force), before)


def _told(changes: list[Change], before: Result) -> int:
    """Say what got worse; return the exit code."""
    worse = [each for each in changes if each.worse]
    for each in worse:
        print(
            f"worse: {each.system}, {each.split}: {each.metric} {each.before:.4f} -> "
            f"{each.after:.4f}, allowed {each.allowed:.4f}"
        )
    said = f"{len(worse)} of {len(changes)} figures are worse than those of {before.commit}"
    print(f"{said}, beyond the noise.")
    return 1 if worse else 0


def _replay(arguments: argparse.Namespace) -> None:
    _print(*replay.run(streams=arguments.streams, seed=arguments.seed))


def _screens(arguments: argparse.Namespace) -> None:
    _print(*screens.run(arguments.bundles))


def _install_size(arguments: argparse.Namespace) -> None:
    _print(*install_size.run())


def _print(rows: list[Row], path: Path) -> None:
    for row in rows:
        spread = "" if row.low is None else f" ({row.low:.4f} .. {row.high:.4f})"
        name = row.system if row.split == "all" else f"{row.split}: {row.system}"
        print(f"{name:40} {row.metric:20} {row.value:.4f}{spread}")
    print(f"\nstored in {path}")


def _report(arguments: argparse.Namespace) -> None:
    if arguments.write:
        report.write(ROOT)
    if arguments.html:
        with atomic(arguments.html) as part:
            part.write_text(page(stored()), "utf-8")
    if not (arguments.write or arguments.html):
        print(report.markdown())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="what each data set is and which files it needs")
    listing.set_defaults(run=_list)

    prepare = commands.add_parser("prepare", help="write a data set in its vertical's format")
    prepare.add_argument("dataset", choices=RANKING)
    prepare.add_argument("--out", type=Path, required=True, help="folder to write")
    prepare.set_defaults(run=_prepare)

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
    measure.set_defaults(run=_accuracy)

    parts = commands.add_parser("ablation", help="rankers without each signal in turn")
    parts.add_argument("--dataset", choices=RANKING, default="amazon-beauty")
    parts.add_argument("--protocol", help="default: the first of the set")
    parts.add_argument("--seed", type=int, default=0)
    parts.set_defaults(run=_ablation)

    reading = commands.add_parser(
        "adaptation", help="perplexity and retrieval on MedQuAD, with domain pre-training"
    )
    reading.add_argument("--texts", type=int, default=5_000)
    reading.add_argument("--seed", type=int, default=0)
    reading.set_defaults(run=_adaptation)

    speed = commands.add_parser(
        "training-speed", help="pairs a second beside sentence-transformers, by turns"
    )
    speed.add_argument("--dataset", choices=RANKING, default="amazon-beauty")
    speed.add_argument("--pairs", type=int, default=4_000)
    speed.add_argument("--rounds", type=int, default=5)
    speed.set_defaults(run=_training_speed)

    fast = commands.add_parser(
        "latency", help="encoders beside sentence-transformers and its back ends, by turns"
    )
    fast.add_argument("--dataset", action="append", choices=TASKS)
    fast.add_argument("--texts", type=int, default=2_000)
    fast.add_argument("--rounds", type=int, default=5)
    fast.add_argument("--seed", type=int, default=0)
    fast.set_defaults(run=_latency)

    held = commands.add_parser(
        "precisions", help="ways to hold an encoder's numbers: what each loses, and its speed"
    )
    held.add_argument("--dataset", choices=TASKS, default="crowdflower")
    held.add_argument("--texts", type=int, default=1_000)
    held.add_argument("--rounds", type=int, default=5)
    held.add_argument("--seed", type=int, default=0)
    held.set_defaults(run=_precisions)

    smaller = commands.add_parser(
        "compression", help="what encoders in 8 bits, and of three layers, lose on the test"
    )
    smaller.add_argument("--dataset", action="append", choices=compression.SETS)
    smaller.add_argument("--seed", type=int, default=0)
    smaller.set_defaults(run=_compression)

    served = commands.add_parser(
        "serving", help="time a search, memory and start with a generated catalogue"
    )
    served.add_argument("--items", type=int, default=100_000)
    served.add_argument("--seed", type=int, default=0)
    served.set_defaults(run=_serving)

    larger = commands.add_parser(
        "growth", help="what encoding, indexing and searching cost as a catalogue grows"
    )
    larger.add_argument("--items", type=int, action="append", help="a size; once more for another")
    larger.add_argument("--seed", type=int, default=0)
    larger.set_defaults(run=_growth)

    samples = commands.add_parser(
        "quick", help="the samples in minutes; fails where it is worse than what is stored"
    )
    samples.add_argument("--vertical", action="append", help="default: every one installed")
    samples.add_argument("--seed", type=int, default=0)
    samples.set_defaults(run=_quick)

    everything = commands.add_parser(
        "all", help="every measurement, one after the other; goes on where it was stopped"
    )
    everything.add_argument("--quick", action="store_true", help="those of minutes alone")
    everything.add_argument("--seeds", type=int, default=1, help="of each that takes seeds")
    everything.add_argument(
        "--only", action="append", metavar="TEXT", help="results whose names hold this"
    )
    everything.add_argument("--dry", action="store_true", help="say what would be done, and stop")
    everything.set_defaults(run=_all)

    both = commands.add_parser("compare", help="fail where one result is worse than another")
    both.add_argument("before", type=Path, help="a file of benchmarks/results")
    both.add_argument("after", type=Path)
    both.add_argument("--force", action="store_true", help="speeds of different machines, too")
    both.set_defaults(run=_compare)

    watched = commands.add_parser(
        "replay", help="streams of opinions with three outbreaks each: what is heard of them"
    )
    watched.add_argument("--streams", type=int, default=20)
    watched.add_argument("--seed", type=int, default=0)
    watched.set_defaults(run=_replay)

    seen = commands.add_parser(
        "screens", help="what a visitor of an app waits for, in a real browser"
    )
    seen.add_argument("bundles", nargs="+", type=Path, help="as corank demo makes them")
    seen.set_defaults(run=_screens)

    weighed = commands.add_parser(
        "install-size", help="megabytes that the core brings; needs the package index"
    )
    weighed.set_defaults(run=_install_size)

    coarse = commands.add_parser(
        "8-bit", help="memory and quality of encoders held in 8 bits, on a GPU where there is one"
    )
    coarse.add_argument("--queries", type=int, default=60)
    coarse.add_argument("--seed", type=int, default=0)
    coarse.set_defaults(run=_eight_bit)

    table = commands.add_parser("report", help="print the stored results as Markdown")
    table.add_argument("--html", type=Path, metavar="FILE", help="write them as one page instead")
    table.add_argument(
        "--write", action="store_true", help="bring README.md, docs and the pictures up to date"
    )
    table.set_defaults(run=_report)
    return parser


if __name__ == "__main__":
    sys.exit(main())
