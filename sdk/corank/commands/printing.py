"""What commands print: answers for people, JSON for machines."""

import json
import sys
from typing import Any

from corank.rank.explain import Answers


def print_answers(answers: Answers) -> None:
    """Print answers with their reasons, and what the rules took away."""
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


def print_json(value: Any) -> None:
    """Print one JSON document."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=1)
    print()
