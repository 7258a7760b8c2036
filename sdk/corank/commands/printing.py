"""What commands print: answers for people, JSON for machines."""

import json
import sys
from pathlib import Path
from typing import Any

from corank.encoding import Encoded, complete
from corank.exporting import Exported
from corank.inspecting import Inspection
from corank.monitor import Alert
from corank.rank.explain import Answers
from corank.rank.why import Why

SHOWN = 10  # words of a text, items of a history


def print_answers(answers: Answers) -> None:
    """Print answers with their reasons, and what the rules and the policy took away."""
    if answers.alarm:
        print(f"     {answers.message}")
        return
    for place, answer in enumerate(answers, 1):
        chance = "" if answer.chance is None else f"  ({answer.chance:.1%} likely)"
        print(f"{place:>3}. {answer.title}  [{answer.item_id}]  {answer.score:.3f}{chance}")
        if answer.provider:
            print(f"       {answer.provider}")
        if answer.reasons:
            print(f"       {'; '.join(answer.reasons)}")
        parts = sorted(answer.parts.items(), key=lambda part: -abs(part[1]))
        print("       = " + " ".join(f"{value:+.2f} {name}" for name, value in parts if value))
        if answer.rules:
            print(f"       moved by: {', '.join(answer.rules)}")
    if answers.removed:
        removed = ", ".join(f"{count} by {rule}" for rule, count in answers.removed.items())
        print(f"     rules removed {removed}")
    if answers.confidence is not None:
        print(f"     the first answer is right with a chance of {answers.confidence:.0%}")
    if not len(answers):
        why = "not sure enough to answer" if answers.withheld else "nothing is left to show"
        print(f"     {why}")
    if answers.notice:
        print(f"     {answers.notice}")


def print_alert(alert: Alert) -> None:
    """Print that opinion of a topic has turned, with the texts that say it most clearly."""
    turned = "turned against" if alert.kind == "raised" else "came back on"
    own = f"; of {alert.texts} on it {alert.negative:.0%} negative" if alert.texts else ""
    print(
        f"{alert.at:%Y-%m-%d %H:%M}  opinion {turned} {alert.topic}: {alert.share:.1%} of all "
        f"texts, usually {alert.usual:.1%}{own}"
    )
    for text in alert.examples if alert.kind == "raised" else ():
        print(f"       {text}")


def print_inspection(found: Inspection, files: bool = False) -> None:
    """Print what a folder holds, part by part or file by file, and how it was made."""
    of = f" of {found.vertical}" if found.vertical else ""
    print(f"{found.path}: {found.kind}{of}, format {found.format}, made by corank {found.corank}")
    print(f"     {len(found.files)} files, {found.bytes / 1e6:.1f} MB, all as they were saved")
    for file in found.files if files else ():
        print(f"     {file.sha256}  {file.bytes:>12,}  {file.name}")
    for part, (count, size) in found.parts().items():
        print(f"     {size / 1e6:8.2f} MB  {part}" + (f" ({count} files)" if count > 1 else ""))
    for option, value in found.made_with():
        print(f"     {option} = {value}")
    print(found.verdict or "     it holds no report")


def print_export(found: Exported) -> None:
    """Print what was written, and what goes into each graph and comes out of it."""
    for name, graph in found.graphs.items():
        print(f"{found.path}/{name}/graph.onnx")
        for way in ("inputs", "outputs"):
            for port, said in graph[way].items():
                print(f"     {way[:-1]} {port}: {said['type']}, {said['shape']}")


def print_encoded(found: Encoded, out: Path) -> None:
    """Print what one process encoded, and whether everything is there."""
    kept = f", {found.before} were there" if found.before else ""
    print(
        f"{out}: {found.made} shards made here{kept}; {found.items_per_second:,.0f} items/s, "
        f"{found.dim} numbers each"
    )
    if complete(found, out):
        print(f"All {found.items:,} items are encoded: pl.scan_parquet('{out}/*.parquet')")
    else:
        print("Not all shards are there yet; run this again for those that nobody is making.")


def print_why(why: Why) -> None:
    """Print what became of an item and why; the strongest words and items of the history."""
    print(f"{why.title}  [{why.item_id}]")
    if why.proposed_by:
        print(f"     proposed by {', '.join(why.proposed_by)}")
    else:
        print("     proposed by nobody, so it is no candidate; as one more it would have:")
    print(f"     place {why.rank_before} of {why.candidates} by the model")
    for rule in why.rules:
        after = "removed" if rule.after is None else f"place {rule.after}"
        print(f"     {rule.rule}: {after} ({rule.says})")
    if why.removed_by == "where":
        print("     removed by the condition of the request")
    for reason in why.reasons:
        print(f"     {reason}")
    parts = sorted(why.parts.items(), key=lambda part: -abs(part[1]))
    print(f"score {why.model_score:.3f}")
    print("     = " + " ".join(f"{value:+.2f} {name}" for name, value in parts if value))
    for feature in why.features:
        if abs(feature.adds) >= 0.005:
            value = "unknown" if feature.value is None else f"{feature.value:.3f}"
            print(f"       {feature.adds:+.2f} {feature.name} = {value}")
    for text in why.words:
        words = sorted(text.words, key=lambda word: -abs(word.effect))[:SHOWN]
        effects = " ".join(f"{word.effect:+.3f} {word.word}" for word in words)
        print(f"words of {text.of}: cosine {text.similarity:.3f}\n     {effects}")
    if why.items:
        print("the score without it would be lower by")
    for item in sorted(why.items, key=lambda item: -abs(item.effect))[:SHOWN]:
        print(f"     {item.effect:+.3f} {item.title}  [{item.item_id}]")


def print_json(value: Any) -> None:
    """Print one JSON document."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=1)
    print()
