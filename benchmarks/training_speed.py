"""Pairs a second of contrastive training, beside sentence-transformers' own trainer.

Every system trains the same model on the same pairs with the same batch and length, one epoch,
each time in a process of its own, by turns: what else the machine does meets all alike. A system
is timed from texts to trained weights, tokenization included, loading left out; its figure is a
ratio to sentence-transformers as it comes, within the same round.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.reporting.results import current_commit, store
from benchmarks.sets.datasets import RankingSet
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.errors import MissingExtraError
from corank.evaluate.report import Row
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.pairs import Pairs, build_pairs
from corank.language.source import DEFAULT_ENCODER, resolve
from corank.language.tune import EncoderTraining, train_encoder

BATCH, MAX_TOKENS = 64, 48
PEER = "sentence-transformers"


def run(dataset: RankingSet, *, pairs: int, rounds: int) -> tuple[list[Row], Path]:
    """Time every system in turns, and store pairs a second and ratios."""
    current_commit()  # as it is now; the run is long
    train = dataset.split("leave-one-out").train
    texts = render(dataset.vertical.item_text, train.items).to_list()
    _, histories = train.sequences()
    given = {
        "texts": texts,
        "histories": [histories[row].tolist() for row in range(len(histories))],
        "pairs": pairs,
    }
    seconds: dict[str, list[float]] = {system: [] for system in SYSTEMS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pairs.json"
        file.write_text(json.dumps(given), "utf-8")
        for number in range(rounds):
            for system, each in seconds.items():
                each.append(_timed(system, file))
                speed = pairs / each[-1]
                print(f"round {number + 1}: {system} {speed:.0f} pairs/s", flush=True)
    rows = []
    for system, each in seconds.items():
        ratios = [peer / own for peer, own in zip(seconds[PEER], each, strict=True)]
        rows += [
            Row(system, "all", "pairs_per_second", pairs / statistics.median(each)),
            Row(system, "all", "times_as_fast", statistics.median(ratios), min(ratios), max(ratios),
                rounds),
        ]  # fmt: skip
    verdict = f"median of {rounds} rounds of {pairs:,} pairs by turns, lowest .. highest"
    about = {"batch": BATCH, "max_tokens": MAX_TOKENS}
    return rows, store(dataset, "training-speed", verdict, rows, about=about)


def _timed(system: str, file: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training_speed", system, str(file)],
        check=True, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"ACCELERATE_USE_CPU": "true"},
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def _corank(texts: list[str], pairs: Pairs, **options: Any) -> Callable[[], object]:
    encoder = Encoder.load(EncoderConfig(max_tokens=MAX_TOKENS))
    config = EncoderTraining(batch_size=BATCH, max_tokens=MAX_TOKENS, **options)
    return lambda: train_encoder(encoder, texts, pairs, config, seed=0)


def _sentence_transformers(texts: list[str], pairs: Pairs, **options: Any) -> Callable[[], object]:
    try:
        from datasets import Dataset
        from sentence_transformers import (
            SentenceTransformer,
            SentenceTransformerTrainer,
            SentenceTransformerTrainingArguments,
        )
        from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    except ImportError as error:
        raise MissingExtraError("the comparison with sentence-transformers", "bench") from error
    model = SentenceTransformer(str(resolve(DEFAULT_ENCODER)), device="cpu")
    model.max_seq_length = MAX_TOKENS
    columns = {
        "anchor": [texts[text] for text in pairs.anchors],
        "positive": [texts[text] for text in pairs.positives],
    }
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **options,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(columns),
            loss=MultipleNegativesRankingLoss(model),
        )
    return lambda: trainer.train()


SYSTEMS: dict[str, Callable[[list[str], Pairs], Callable[[], object]]] = {
    PEER: _sentence_transformers,
    f"{PEER}, bf16": lambda t, p: _sentence_transformers(t, p, bf16=True),
    "corank, fp32, every layer, dropout": lambda t, p: _corank(
        t, p, frozen_layers=0, dropout=0.1, precision="no"
    ),
    "corank, every layer": lambda t, p: _corank(t, p, frozen_layers=0),
    "corank": _corank,
}


def _time_one(system: str, given: dict[str, Any]) -> float:
    """Seconds of one training; what the pairs are, the histories and the seed decide."""
    texts = given["texts"]
    pairs = build_pairs(
        Ragged.of(given["histories"]),
        Ragged.of([]),
        len(texts),
        window=2,
        max_pairs=given["pairs"],
        min_grade=2,
        seed=0,
    )
    train_once = SYSTEMS[system](texts, pairs)
    start = time.perf_counter()
    train_once()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(_time_one(sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8"))))
