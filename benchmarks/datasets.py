"""The public data sets: what each is, what its files are, and how they become a vertical's.

Nothing is downloaded. A set is looked for in ``$CORANK_DATA/<name>``; when a file is missing the
error names it, its format, and where its owners publish it.
"""

import csv
import hashlib
import html
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from corank.data.files import atomic
from corank.data.split import ProtocolName
from corank.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Published:
    """A figure from a paper, and the protocol that it was measured under."""

    system: str
    source: str
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class BenchmarkDataset:
    """One public data set."""

    name: str
    vertical: str
    home_page: str
    licence: str
    files: dict[str, str]  # file name -> what it is
    prepare: Callable[[Path, Path], None]  # from the public files to the vertical's folder
    protocols: tuple[ProtocolName, ...]
    published: tuple[Published, ...] = ()

    def source(self) -> Path:
        """Return the folder of public files.

        Raises:
            DataError: a file is missing.
        """
        root = os.environ.get("CORANK_DATA")
        folder = Path(root or "data") / self.name
        missing = {name: what for name, what in self.files.items() if not (folder / name).is_file()}
        if missing:
            wanted = "\n".join(f"  {name}: {what}" for name, what in missing.items())
            raise DataError(
                f"{self.name} needs files that are not in {folder}:\n{wanted}\n"
                f"They are published at {self.home_page} ({self.licence}). Put them there, or "
                "point CORANK_DATA at the folder that holds the folder of this set."
            )
        return folder

    def sha256(self) -> str:
        """Return one hash over all the public files, in the order of their names."""
        digest = hashlib.sha256()
        folder = self.source()
        for name in sorted(self.files):
            digest.update((folder / name).read_bytes())
        return digest.hexdigest()


START = datetime(2000, 1, 1)


def prepare_amazon_beauty(source: Path, out: Path) -> None:
    """Write items.parquet and interactions.parquet.

    The public sequences hold the order of each shopper's reviews and no time, so the n-th
    review of every shopper is given day n: "leave-one-out" means what the papers mean by it,
    and a split by time would not.
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
        events += [(user, ids[item], day) for day, item in enumerate(sequence)]
    interactions = pl.DataFrame(events, schema=["user_id", "item_id", "day"], orient="row").select(
        "user_id",
        "item_id",
        pl.lit("purchase").alias("event"),
        (pl.lit(START) + pl.duration(days="day")).cast(pl.Datetime("us")).alias("timestamp"),
    )
    with atomic(out / "items.parquet") as part:
        frame.write_parquet(part)
    with atomic(out / "interactions.parquet") as part:
        interactions.write_parquet(part)


DATASETS = {
    dataset.name: dataset
    for dataset in (
        BenchmarkDataset(
            name="amazon-beauty",
            vertical="ecommerce",
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
            published=(
                Published(
                    system="S3-Rec",
                    source="Zhou et al., CIKM 2020, all_rank figures of the authors' repository",
                    metrics={"hr@10": 0.0647, "ndcg@10": 0.0327},
                ),
                Published(
                    system="TIGER",
                    source="Rajput et al., NeurIPS 2023",
                    metrics={"hr@10": 0.0648, "ndcg@10": 0.0384},
                ),
                Published(
                    system="ActionPiece",
                    source="Hou et al., ICML 2025",
                    metrics={"hr@10": 0.0775, "ndcg@10": 0.0424},
                ),
                Published(
                    system="SASRec+sampled-softmax",
                    source="eSASRec study, RecSys 2025, the authors' own re-run",
                    metrics={"hr@10": 0.0921, "ndcg@10": 0.0531},
                ),
                Published(
                    system="eSASRec",
                    source="eSASRec study, RecSys 2025",
                    metrics={"hr@10": 0.0928, "ndcg@10": 0.0523},
                ),
            ),
        ),
    )
}
