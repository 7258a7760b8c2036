"""A catalogue of any size, made from the shop's sample: to see what growth costs, not to rank.

Each item is one of the sample with the beginning of its title and the end of another's, another's
brand and description of the same department, and a price near its own. The sample's judgements
hold for what was made of an item. The seed decides everything.
"""

from dataclasses import replace

import numpy as np
import polars as pl

import corank
from benchmarks.sets.datasets import PublicSet
from corank import Dataset

JUDGED = 5
"""Of what was made of an item, so many are judged."""
GENERATED = PublicSet(
    name="generated",
    home_page="benchmarks/sets/generated.py",
    licence="that of corank",
    files={},
    protocols=("serving",),
)
WORDS = 3
"""Of a title, in a query."""


def queries(items: pl.DataFrame, n: int, seed: int) -> list[str]:
    """Return ``n`` queries, no two alike: words of an item's title, in their order."""
    rng, found = np.random.default_rng(seed), dict[str, None]()
    titles = items["title"].to_list()
    for _ in range(100 * n):
        words = titles[rng.integers(len(titles))].split()
        kept = np.sort(rng.choice(len(words), min(WORDS, len(words)), replace=False))
        found[" ".join(words[place] for place in kept)] = None
        if len(found) == n:
            return [*found]
    raise ValueError(f"{items.height:,} items have no {n} queries of {WORDS} words")


def shop(n: int, seed: int) -> Dataset:
    """Return a shop of ``n`` items that is only searched."""
    sample = corank.load_vertical("ecommerce").read_sample()
    items, rng = sample.items, np.random.default_rng(seed)
    department = items["category"].str.split(" > ").list.first().to_numpy()
    base = rng.integers(items.height, size=n)
    other = base.copy()
    for name in np.unique(department):
        of, own = department[base] == name, np.flatnonzero(department == name)
        other[of] = rng.choice(own, int(of.sum()))
    titles = [title.split() for title in items["title"]]
    spliced = [
        " ".join([*one[: (len(one) + 1) // 2], *two[len(two) // 2 :]])
        for one, two in ((titles[a], titles[b]) for a, b in zip(base, other, strict=True))
    ]
    made = items[base].with_columns(
        item_id=pl.Series([f"{one}-{number}" for number, one in enumerate(items["item_id"][base])]),
        title=pl.Series(spliced),
        brand=items["brand"][other],
        description=items["description"][other],
        price=(items["price"][base] * rng.uniform(0.7, 1.3, n)).round(2),
        parent_id=pl.lit(None, pl.String),
    )
    copies = pl.DataFrame({"item_id": items["item_id"][base], "copy": made["item_id"]})
    copies = copies.group_by("item_id", maintain_order=True).head(JUDGED)
    queries = (
        sample.queries.join(copies, on="item_id", maintain_order="left")
        .with_columns(item_id="copy")
        .drop("copy")
    )
    return replace(
        sample, items=made, queries=queries, interactions=sample.interactions.clear(),
        users=sample.users.clear(),
    )  # fmt: skip
