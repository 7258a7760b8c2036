"""Ads: creatives and their audience; what may be shown, ordered by what it is expected to bring."""

from corank import Policy, Vertical
from corank_ads.contexts import CONTEXTS
from corank_ads.labels import EXPOSURE, LABELING_FUNCTIONS
from corank_ads.rules import RULES
from corank_ads.sample import folder
from corank_ads.schema import Creative, Event, Person
from corank_ads.visitors import VISITORS

vertical = Vertical(
    name="ads",
    items=Creative,
    interactions=Event,
    users=Person,
    item_text="{title}. {category}. {description}",
    labeling_functions=LABELING_FUNCTIONS,
    exposure=EXPOSURE,
    user_text="{interests}",
    contexts=CONTEXTS,
    rules=RULES,
    policy=Policy(abstain_below=0.15),  # what does not fit a search is not shown beside it
    metrics=("ndcg@10", "recall@100"),
    provider="advertiser",
    genre="category",
    panels=("corank_ads.what_if:PANEL",),
    sample=folder(),
    visitors=VISITORS,
    example_queries=(
        "a warm jumper that lasts",
        "something to read on the train",
        "learn a language in the evenings",
    ),
    example_asker={
        "age": 36,
        "country": "GB",
        "device": "phone",
        "segments": "gardeners|home-owners|commuters",
    },
)

__all__ = ["vertical"]
