"""The exported cross-encoder: torch's scores, whatever the batch; and no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from corank.compress.export import pair_scorer
from corank.compress.pair_scorer import PairScorer
from corank.errors import BundleError, DataError
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder

QUERIES = ["steel kettle", "tea", "yoga mat for home", "a lamp " * 20, "steel kettle"]
PASSAGES = ["a kettle of steel", "", "rain jacket", "lamp", "swim cap " * 20]


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> CrossEncoder:
    model = CrossEncoder(encoder, 24)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(0))
    return model


@pytest.fixture(scope="module")
def scorer(model: CrossEncoder) -> PairScorer:
    return pair_scorer(model, QUERIES[:2], PASSAGES[:2])


def test_it_gives_torchs_scores(model: CrossEncoder, scorer: PairScorer) -> None:
    scores = scorer.score(QUERIES, PASSAGES)
    assert scores.shape == (5,) and scores.dtype == np.float32
    assert scores == pytest.approx(model.score(QUERIES, PASSAGES), abs=1e-4)
    assert np.ptp(scores) > 0.1


def test_a_pair_has_one_score_alone_and_in_a_batch(scorer: PairScorer) -> None:
    together = scorer.score(QUERIES, PASSAGES)
    alone = [scorer.score([q], [p])[0] for q, p in zip(QUERIES, PASSAGES, strict=True)]
    assert together == pytest.approx(np.array(alone), abs=1e-4)


def test_it_is_saved_and_loaded_as_it_was(scorer: PairScorer, tmp_path: Path) -> None:
    scorer.save(tmp_path / "reader")
    loaded = PairScorer.load(tmp_path / "reader")
    assert loaded.tokenizer.max_tokens == 24
    assert np.array_equal(loaded.score(QUERIES, PASSAGES), scorer.score(QUERIES, PASSAGES))


def test_a_damaged_graph_is_a_bundle_error(scorer: PairScorer, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    (tmp_path / "graph.onnx").write_bytes(scorer.graph[: len(scorer.graph) // 2])
    with pytest.raises(BundleError, match="The reranker graph cannot be loaded"):
        PairScorer.load(tmp_path)


def test_a_query_without_a_passage_is_refused(scorer: PairScorer) -> None:
    with pytest.raises(DataError, match="2 queries and 1 passages"):
        scorer.score(["tea", "pot"], ["mug"])
    assert scorer.score([], []).shape == (0,)


def test_it_imports_no_torch() -> None:
    code = (
        "import sys, corank.compress.pair_scorer, corank.rank.reader; "
        "print({'torch', 'transformers', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
