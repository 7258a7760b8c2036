"""E-commerce: products, shoppers, events; stock, variants, promotions and returns."""

from corank import Vertical
from corank_ecommerce.contexts import CONTEXTS
from corank_ecommerce.labels import LABELING_FUNCTIONS
from corank_ecommerce.rules import RULES
from corank_ecommerce.sample import folder
from corank_ecommerce.schema import Event, Product, Shopper
from corank_ecommerce.visitors import VISITORS

vertical = Vertical(
    name="ecommerce",
    items=Product,
    interactions=Event,
    users=Shopper,
    item_text="{title}. {brand}. {category}. {description}",
    labeling_functions=LABELING_FUNCTIONS,
    user_text="{interests}",
    contexts=CONTEXTS,
    rules=RULES,
    metrics=("ndcg@10", "recall@100"),
    price="price",
    provider="brand",
    genre="category",
    sample=folder(),
    visitors=VISITORS,
    example_queries=(
        "keeps soup hot on a hike",
        "gift for a coffee lover",
        "gentle cream for sensitive skin",
    ),
)

__all__ = ["vertical"]
