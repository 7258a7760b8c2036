"""Health: articles, answers and products; what harms somebody is never shown to them."""

from corank import Vertical
from corank_health.contexts import CONTEXTS
from corank_health.labels import LABELING_FUNCTIONS
from corank_health.policy import POLICY
from corank_health.rules import JOINS, RULES, VOCABULARY
from corank_health.sample import folder
from corank_health.schema import Event, Person, Relation, Resource
from corank_health.visitors import VISITORS

vertical = Vertical(
    name="health",
    items=Resource,
    interactions=Event,
    users=Person,
    edges=Relation,
    joins=JOINS,
    item_text="{title}. {topics}. {description}",
    labeling_functions=LABELING_FUNCTIONS,
    user_text="{interests}",
    contexts=CONTEXTS,
    rules=RULES,
    vocabulary=VOCABULARY,
    policy=POLICY,
    metrics=("ndcg@10", "recall@100"),
    provider="source",
    genre="kind",
    sample=folder(),
    visitors=VISITORS,
    example_queries=(
        "something for hay fever that will not make me sleepy",
        "is it safe to take ibuprofen with blood thinners",
        "my toddler has a rash on her tummy",
    ),
    example_asker={
        "age": 41,
        "allergies": "aspirin",
        "conditions": "high_blood_pressure|asthma",
        "medicines": "lisinopril",
        "pregnant": False,
    },
)

__all__ = ["vertical"]
