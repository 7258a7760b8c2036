"""Amazon Beauty: the public files, as the e-commerce vertical's tables."""

import csv
import html
import json
from datetime import datetime
from pathlib import Path

import polars as pl

import corank
from benchmarks.sets.datasets import Published, RankingSet
from corank.data.files import atomic

START = datetime(2000, 1, 1)


def prepare_amazon_beauty(source: Path, out: Path) -> None:
    """Write items.parquet and interactions.parquet.

    The public sequences hold the order of each shopper's reviews and no time, so the n-th
    review of every shopper is given week n: "leave-one-out" means what the papers mean by it,
    and a split by time would not. Weeks, so that no weekday or hour tells them apart.
    """
    ids = json.loads((source / "beauty_datamaps.json").read_text("utf-8"))["id2item"]
    number = json.loads((source / "beauty_item_id_to_int.json").read_text("utf-8"))
    with (source / "beauty_products_lookup.csv").open(encoding="utf-8", newline="") as file:
        titles = {int(row["global_product_id"]): row["name"] for row in csv.DictReader(file)}
    items = [(asin, html.unescape(titles.get(number[asin], "")).strip()) for asin in ids.values()]
    frame = pl.DataFrame(items, schema=["item_id", "title"], orient="row").with_columns(
        pl.when(pl.col("title") == "").then(pl.lit("untitled")).otherwise("title").alias("title")
    )
    events = []
    for line in (source / "beauty_sequential_p5ids.txt").read_text("utf-8").splitlines():
        user, *sequence = line.split()
        events += [(user, ids[item], week) for week, item in enumerate(sequence)]
    interactions = pl.DataFrame(events, schema=["user_id", "item_id", "week"], orient="row").select(
        "user_id",
        "item_id",
        pl.lit("purchase").alias("event"),
        (pl.lit(START) + pl.duration(weeks="week")).cast(pl.Datetime("us")).alias("timestamp"),
    )
    with atomic(out / "items.parquet") as part:
        frame.write_parquet(part)
    with atomic(out / "interactions.parquet") as part:
        interactions.write_parquet(part)


AMAZON_BEAUTY = RankingSet(
    name="amazon-beauty",
    domain="ecommerce",
    vertical=corank.load_vertical("ecommerce"),
    home_page="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html "
    "(sequences: github.com/WangXFng/RDRec; titles: "
    "github.com/dh-r/LLM-Sequential-Recommendation)",
    licence="McAuley's Amazon review data of 2014, for research; titles file BSD-3-Clause",
    files={
        "beauty_sequential_p5ids.txt": "a line per shopper: id, then item numbers in order",
        "beauty_datamaps.json": "id2item: item number -> ASIN",
        "beauty_item_id_to_int.json": "ASIN -> product number",
        "beauty_products_lookup.csv": "columns global_product_id (product number), name",
    },
    prepare=prepare_amazon_beauty,
    protocols=("leave-one-out", "cold-items"),
    variants={"interactions": {"objective": "interactions"}},
    published=(
        Published(
            system="S3-Rec",
            source="Zhou et al., CIKM 2020, all_rank figures of the authors' repository",
            protocol="leave-one-out",
            metrics={"hr@10": 0.0647, "ndcg@10": 0.0327},
        ),
        Published(
            system="TIGER",
            source="Rajput et al., NeurIPS 2023",
            protocol="leave-one-out",
            metrics={"hr@10": 0.0648, "ndcg@10": 0.0384},
        ),
        Published(
            system="ActionPiece",
            source="Hou et al., ICML 2025",
            protocol="leave-one-out",
            metrics={"hr@10": 0.0775, "ndcg@10": 0.0424},
        ),
        Published(
            system="SASRec+sampled-softmax",
            source="eSASRec study, RecSys 2025, the authors' own re-run",
            protocol="leave-one-out",
            metrics={"hr@10": 0.0921, "ndcg@10": 0.0531},
        ),
        Published(
            system="eSASRec",
            source="eSASRec study, RecSys 2025",
            protocol="leave-one-out",
            metrics={"hr@10": 0.0928, "ndcg@10": 0.0523},
        ),
    ),
)
