"""Content: articles, videos and films, readers, what they saw to the end and what they left."""

from corank import Vertical
from corank_content.contexts import CONTEXTS
from corank_content.labels import LABELING_FUNCTIONS
from corank_content.rules import RULES
from corank_content.sample import folder
from corank_content.schema import Content, Event, Reader
from corank_content.visitors import VISITORS

vertical = Vertical(
    name="content",
    items=Content,
    interactions=Event,
    users=Reader,
    item_text="{title}. {genre}. {description}",
    labeling_functions=LABELING_FUNCTIONS,
    user_text="{interests}",
    contexts=CONTEXTS,
    rules=RULES,
    metrics=("ndcg@10", "recall@100"),
    provider="publisher",
    genre="genre",
    sample=folder(),
    visitors=VISITORS,
    example_queries=(
        "something calm about the sea",
        "how do I start saving",
        "films about growing old",
    ),
)

__all__ = ["vertical"]
