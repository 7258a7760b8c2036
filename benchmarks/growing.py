"""Make a bundle of a generated catalogue of some size, step by step, in a process of its own.

``python -m benchmarks.growing START ITEMS SEED OUT``: the encoder in 8 bits, the rankers and all
that does not grow with a catalogue come from the bundle START. Prints what each step took as JSON.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import corank
from benchmarks.clock import Clock, percentiles
from benchmarks.sets.generated import queries, shop
from corank import FitConfig
from corank.bundle import save
from corank.data.text import render
from corank.fitting import learn_signals, log_price, repeatable
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import build_index

ASKED = 200
KIND = "faiss"


def grow(start: Path, n: int, seed: int, out: Path) -> dict[str, float]:
    """Write a bundle of ``n`` items; return what it took.

    Args:
        start: a bundle.
        n: items.
        seed: of the catalogue.
        out: the bundle to write.

    Returns:
        Seconds to encode, to index vectors, to index words and to fit what is learned beside
        (here: without events); ``nearest_p50_ms`` and so on of one search of the vectors alone;
        ``peak_memory_mb``; and the bundle's ``bundle_mb``.
    """
    clock, engine, data = Clock(), corank.load(start), shop(n, seed)
    items, vertical = data.items, engine.vertical
    texts = render(vertical.item_text, items)
    with clock("encode_seconds"):
        vectors = engine.encoder.encode_items(texts)
    with clock("index_seconds"):
        index = build_index(vectors, KIND)
    with clock("words_seconds"):
        words = BM25.build(texts.to_list(), items["title"].to_list())
    shared = {
        "text_vectors": vectors,
        "text_index": index,
        "bm25": words,
        "log_price": log_price(items, vertical.price),
        "repeatable": repeatable(vertical, items, vectors),
    }
    with clock("fit_seconds"):
        signals, _ = learn_signals(data, shared, FitConfig(epochs=0, index=KIND, seed=seed))
    asked = engine.encoder.encode_queries(queries(items, ASKED, seed))
    nearest = percentiles(lambda row: index.search(asked[row : row + 1], 100), len(asked))
    save(replace(engine, items=items, signals=signals), None, out)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    return {
        **clock.figures(),
        **{f"nearest_{name}": value for name, value in nearest.items()},
        "bundle_mb": size / 1e6,
    }


if __name__ == "__main__":
    _, start, n, seed, out = sys.argv
    print(json.dumps(grow(Path(start), int(n), int(seed), Path(out))))
