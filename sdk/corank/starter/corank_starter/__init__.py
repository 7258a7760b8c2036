"""Documents about law in everyday life, who looks for them, and what helped."""

from corank import Vertical

from .labels import LABELING_FUNCTIONS
from .rules import RULES
from .sample import folder
from .schema import Document, Event, Visitor

vertical = Vertical(
    name="starter",
    items=Document,
    interactions=Event,
    users=Visitor,
    item_text="{title}. {kind}. {description}",
    labeling_functions=LABELING_FUNCTIONS,
    user_text="{interests}",
    rules=RULES,
    metrics=("ndcg@10", "recall@100"),
    genre="topic",
    sample=folder(),
    example_queries=("deposit not returned", "how to cancel a contract", "photos as evidence"),
)

__all__ = ["vertical"]
