"""Finance: products and customers; nobody is offered more risk than they can bear."""

from corank import Vertical
from corank_finance.contexts import CONTEXTS
from corank_finance.labels import LABELING_FUNCTIONS
from corank_finance.rules import RULES
from corank_finance.sample import folder
from corank_finance.schema import Customer, Event, Product
from corank_finance.visitors import VISITORS

vertical = Vertical(
    name="finance",
    items=Product,
    interactions=Event,
    users=Customer,
    item_text="{title}. {kind}. {description}",
    labeling_functions=LABELING_FUNCTIONS,
    user_text="{interests}",
    contexts=CONTEXTS,
    rules=RULES,
    metrics=("ndcg@10", "recall@100"),
    provider="provider",
    genre="kind",
    panels=("corank_finance.service_view:PANEL", "corank_finance.monitor_view:PANEL"),
    models={
        "faq": "corank_finance.service:fit_sample",
        "topic": "corank_finance.opinion:fit_topic",
        "sentiment": "corank_finance.opinion:fit_sentiment",
    },
    sample=folder(),
    visitors=VISITORS,
    example_queries=(
        "somewhere safe for a deposit on a flat",
        "low cost way into the whole world's shares",
        "card without fees abroad",
    ),
    example_asker={
        "jurisdiction": "GB",
        "age": 34,
        "risk_tolerance": 5,
        "statuses": "resident|payroll_customer|no_defaults",
    },
)

__all__ = ["vertical"]
