"""Who is never shown what, whatever the model thinks.

The rules on what harms are about products, and about what is of no known kind: what is read harms
nobody. What is not known of a product is taken for the worst wherever somebody has said what it
depends on. Who has not said how old they are is shown what suits every age; allergies, conditions,
medicines and a pregnancy that nobody mentioned cannot be guarded against.
"""

import polars as pl

from corank import AlreadySeen, Cap, Diversify, Join, Require, asker

JOINS = (
    Join(column="allergens", of="ingredients", along="contains", none="none"),
    Join(column="avoid_conditions", of="ingredients", along="harms", none="none"),
    Join(column="avoid_medicines", of="ingredients", along="interacts", none="none"),
    Join(column="topics", of="ingredients", along="eases"),
)
"""What an ingredient brings with it, by the knowledge graph; see `corank.data.graph`."""

VOCABULARY = {
    "conditions": ("avoid_conditions",),
    "medicines": ("avoid_medicines",),
}
"""Where words stand that somebody may say of themselves; the schema knows every allergen."""

_read = pl.col("kind").cast(pl.String).is_in(["article", "answer"]).fill_null(False)


def _several(column: pl.Expr) -> pl.Expr:
    return column.str.split("|").list.set_difference(["none"])


def _none_of(column: str, said: str) -> pl.Expr:
    """Whether a product's list and what was said have nothing in common; null: nobody knows."""
    theirs = _several(asker(said)).fill_null([])
    apart = _several(pl.col(column)).list.set_intersection(theirs).list.len() == 0
    return _read | (theirs.list.len() == 0) | apart


_EXPECTING = ["pregnancy", "breastfeeding", "gestational_diabetes"]  # said as conditions
_said = asker("conditions").str.split("|").list.set_intersection(_EXPECTING).list.len() > 0
_pregnant = asker("pregnant").fill_null(False) | _said.fill_null(False)
_safe = pl.col("pregnancy").cast(pl.String) == "safe"
_age = asker("age")

RULES = (
    Require("allergens", _none_of("allergens", "allergies")),
    Require("conditions", _none_of("avoid_conditions", "conditions")),
    Require("medicines", _none_of("avoid_medicines", "medicines")),
    Require("pregnancy", _read | ~_pregnant | _safe),
    Require("old_enough", _read | (pl.col("min_age").fill_null(0) <= _age.fill_null(0))),
    Require("not_too_old", _read | pl.col("max_age").is_null() | (_age <= pl.col("max_age"))),
    AlreadySeen(unless=pl.col("kind").cast(pl.String) == "product"),
    Diversify(relevance=0.85),
    Cap("source", at_most=4, top=10),
)
