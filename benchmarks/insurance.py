"""Insurance: which of the products that a customer may have will they buy next?

Bruun et al., "Learning Recommendations from User Actions in the Item-poor Insurance Domain", RecSys
2022, extended data. Sixteen products without names or texts, and for each purchase those that
the business allows at that moment. A case is one purchase of the test with what the same
customer bought before; four in five have bought nothing. The models of the paper read the clicks
of the session, which are not among these files: its figures do not apply.

corank ranks all sixteen, and what is not allowed is left out of the answer, as `where` does in
`Engine.recommend`. Texts say nothing here, so the encoder is not tuned. To corank a product that is
bought again is no event of its own: it learns who bought what first, and one purchase in six of
those who come back is of something they have.
"""

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.datasets import PublicSet
from corank import Dataset, FitConfig, Interaction, Item, Pipeline, Vertical, labeling_function
from corank.data.context import nothing_known
from corank.data.dataset import Cases
from corank.data.ragged import Ragged
from corank.evaluate.baselines import Baseline
from corank.evaluate.relevance import Run, judge
from corank.evaluate.report import OURS, Row, compared, measured, verdict
from corank.evaluate.task import Task
from corank.retrieve.cooccurrence import ItemItem, item_knn
from corank.runs import rank_histories

METRICS = ("mrr@3", "hr@3")
TRAIN, TEST, ALLOWED = "purchase_events_train.csv", "purchase_events_test.csv", "filter_test.csv"

INSURANCE = PublicSet(
    name="insurance",
    domain="finance",
    home_page="https://github.com/simonebbruun/cross-sessions_RS (folder extended)",
    licence="none is stated",
    files={
        TRAIN: "columns event_id, user_id, event_time, item_id",
        TEST: "the same",
        ALLOWED: "columns event_id, item_id: what may be shown",
    },
    protocols=("next-purchase",),
)


class Product(Item):
    """Known by a number."""


@labeling_function
def purchased() -> pl.Expr:
    """Bought."""
    return pl.when(pl.col("event") == "purchase").then(3)


PRODUCTS = Vertical(
    name="insurance-products",
    items=Product,
    interactions=Interaction,
    labeling_functions=(purchased,),
    metrics=("mrr@3",),
)


def run(seeds: Sequence[int]) -> tuple[list[Row], Path]:
    """Fit on the purchases before the test, ask for every purchase of the test, and store."""
    current_commit()  # as it is now; the run is long
    train, asked = read(INSURANCE.source())
    engines = [Pipeline(PRODUCTS).fit(train, FitConfig(seed=seed, epochs=0)) for seed in seeds]
    task = Task.of(asked.cases, engines[0].signals.repeatable)
    runs = {OURS: [rank_histories(each, task.histories, task.moments) for each in engines]}
    runs |= {each.name: [task.run(each.score, each.name)] for each in baselines(train)}
    runs = {name: [only(run, asked.allowed) for run in each] for name, each in runs.items()}
    users = task.users.to_physical().rank("dense").to_numpy()
    rows: list[Row] = []
    back = task.histories.lengths > 0
    slices = {"all": np.ones(len(back), np.bool_), "came back": back, "new customers": ~back}
    for name, here in slices.items():
        qrels, groups = task.qrels.subset(here), users[here]
        judged = {
            system: [judge(run[here], qrels) for run in each] for system, each in runs.items()
        }
        for system, each in judged.items():
            rows += measured(system, name, METRICS, each, groups, seeds[0])
        ours = judged.pop(OURS)
        rows += compared(name, METRICS[0], ours, judged, groups, seeds[0])
    cases = {name: int(here.sum()) for name, here in slices.items()}
    said = f"{verdict(rows, METRICS[0])}; purchases ranked among what was allowed, no clicks"
    about = {"cases": cases, "seeds": [*seeds]}
    return rows, store(INSURANCE, INSURANCE.protocols[0], said, rows, about=about)


class Asked(NamedTuple):
    """A case per purchase of the test, and what it may be answered with."""

    cases: Cases
    allowed: NDArray[np.bool_]  # (n, n_items)


def read(source: Path) -> tuple[Dataset, Asked]:
    """Return training data, and what the test asks."""
    columns = ["event_id", "user_id", "event_time", "item_id"]
    before, test = (
        pl.read_csv(source / name, columns=columns, schema_overrides={"user_id": pl.String})
        .with_columns(pl.col("event_time").str.to_datetime(time_unit="us"))
        .sort("event_time", "event_id", maintain_order=True)
        for name in (TRAIN, TEST)
    )
    filters = pl.read_csv(source / ALLOWED)
    ids = sorted({*before["item_id"], *filters["item_id"]}, key=lambda name: (len(name), name))
    with tempfile.TemporaryDirectory() as folder:
        titles = [name.replace("_", " ") for name in ids]
        pl.DataFrame({"item_id": ids, "title": titles}).write_parquet(f"{folder}/items.parquet")
        before.select(
            "user_id",
            "item_id",
            pl.lit("purchase").alias("event"),
            pl.col("event_time").alias("timestamp"),
        ).write_parquet(f"{folder}/interactions.parquet")
        train = PRODUCTS.read(folder)
    number = {name: place for place, name in enumerate(ids)}
    owned: defaultdict[str, dict[int, None]] = defaultdict(dict)  # in order, each once
    for user, name in before.select("user_id", "item_id").iter_rows():
        owned[user].setdefault(number[name])
    events = test.group_by("event_id", "user_id", maintain_order=True).agg("item_id")
    may = dict(filters.group_by("event_id").agg("item_id").iter_rows())
    histories, relevant = [], []
    allowed = np.zeros((events.height, len(ids)), np.bool_)
    for row, (event, user, names) in enumerate(events.iter_rows()):
        bought = [*dict.fromkeys(number[name] for name in names)]
        histories.append([*owned[user]])
        relevant.append(bought)
        owned[user] |= dict.fromkeys(bought)
        allowed[row, [number[name] for name in may[event]]] = True
    cases = Cases(
        events["user_id"], Ragged.of(histories), Ragged.of(relevant), nothing_known(events.height)
    )
    return train, Asked(cases, allowed)


def baselines(train: Dataset) -> list[Baseline]:
    """Popularity; how often who had one bought the other later; and the cosine of their buyers.

    Popularity decides between equals, so it is the answer to new customers.
    """
    _, histories = train.sequences()
    n_items = train.items.height
    count = train.item_counts().astype(np.float32)
    share = count / count.sum()
    users, items = histories.rows(), histories.items
    pairs = [
        (items[:-s][users[:-s] == users[s:]], items[s:][users[:-s] == users[s:]])
        for s in range(1, int(histories.lengths.max()))
    ]
    first, then = (np.concatenate(each) for each in zip(*pairs, strict=True))
    follows = ItemItem.of(first, then, 1 / count[first], n_items, decay=1.0)
    near = item_knn(histories, n_items, decay=1.0)
    return [
        Baseline("popularity", lambda asked: np.tile(share, (len(asked), 1))),
        Baseline("transitions", lambda asked: follows.score(asked) + 1e-3 * share),
        Baseline("item-knn", lambda asked: near.score(asked) + 1e-3 * share),
    ]


def only(run: Run, allowed: NDArray[np.bool_]) -> Run:
    """Leave what is allowed of complete rankings, in the same order: (n, k), -1 pads."""
    kept = (run >= 0) & allowed[np.arange(len(run))[:, None], run]
    order = np.argsort(~kept, axis=1, kind="stable")
    left: Run = np.take_along_axis(np.where(kept, run, -1), order, axis=1)
    return left
