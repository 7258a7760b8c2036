"""``python -m benchmarks``: list, prepare, accuracy, ablation, report, and more."""

import argparse
import json
import sys
from collections.abc import Callable
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
from benchmarks.arguments import parser
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


def main() -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args()
    try:
        return COMMANDS[arguments.command](arguments) or 0
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


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "list": _list,
    "prepare": _prepare,
    "accuracy": _accuracy,
    "ablation": _ablation,
    "adaptation": _adaptation,
    "training-speed": _training_speed,
    "latency": _latency,
    "precisions": _precisions,
    "compression": _compression,
    "serving": _serving,
    "growth": _growth,
    "quick": _quick,
    "all": _all,
    "compare": _compare,
    "replay": _replay,
    "screens": _screens,
    "install-size": _install_size,
    "8-bit": _eight_bit,
    "report": _report,
}


if __name__ == "__main__":
    sys.exit(main())
