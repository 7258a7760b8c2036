"""Business rules: applied after the model, and never overruled by it.

Hard rules (`Exclude`, `Require`, `AlreadySeen`) remove items. They run before the soft ones, so
that a cap or a boost never spends a place on an item that must not be shown, and run again on
the finished answer, so that nothing a soft rule did can bring one back. Soft rules (`Boost`,
`Cap`, `Diversify`, `Calibrate`, `Floor`) reorder, in the order they are declared: where two
disagree, the later one wins. Every answer keeps what each rule did to it.

Rules see catalogue indices, scores, item columns and the history; they do not know models, and
they see only the items that the engine found.
"""

from corank.rank.rules.base import Ranked, Rule, Shelf, apply_rules, in_order
from corank.rank.rules.diverse import Calibrate, Diversify
from corank.rank.rules.hard import AlreadySeen, Exclude, Require
from corank.rank.rules.soft import Boost, Cap, Floor
from corank.rank.rules.value import ExpectedValue

__all__ = [
    "AlreadySeen",
    "Boost",
    "Calibrate",
    "Cap",
    "Diversify",
    "Exclude",
    "ExpectedValue",
    "Floor",
    "Ranked",
    "Require",
    "Rule",
    "Shelf",
    "apply_rules",
    "in_order",
]
