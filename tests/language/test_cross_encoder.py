"""The cross-encoder before any training, and its scores in batches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer as Backend
from transformers import DistilBertConfig, DistilBertModel, PreTrainedTokenizerFast

from corank.language.cross_encoder import AGREEMENT, CrossEncoder
from corank.language.encoder import Encoder, EncoderConfig
from tests.language.toy import distance, weights

QUERIES = ["steel kettle", "tea", "yoga mat for home", "steel kettle"]
PASSAGES = ["a kettle of steel", "", "rain jacket", "swim cap " * 20]


def shaken(encoder: Encoder) -> CrossEncoder:
    """A cross-encoder whose head is no longer zero."""
    model = CrossEncoder(encoder, 24)
    draws = torch.Generator().manual_seed(0)
    torch.nn.init.normal_(model.head.weight, generator=draws)
    return model.eval()


def test_it_starts_as_the_agreement_of_the_two_segments(encoder: Encoder) -> None:
    model = CrossEncoder(encoder)
    scores = model.score([*QUERIES, "tea pot"], [*PASSAGES, "tea pot"])
    assert scores.shape == (5,) and scores.dtype == np.float32
    assert np.abs(scores).max() <= AGREEMENT
    alike, unlike = model.score(["tea pot", "tea pot"], ["tea pot", "0 1 2 3 4 5 6 7 8 9"])
    assert alike > unlike


def test_the_encoder_stays_as_it_is(encoder: Encoder) -> None:
    before = weights(encoder)
    model = CrossEncoder(encoder, 24)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert distance(before, weights(encoder)) == 0
    assert encoder.tokenizer.max_tokens == 32 and model.encoder.tokenizer.max_tokens == 24
    assert CrossEncoder(encoder, 1_000).encoder.tokenizer.max_tokens == 32


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_pair_has_one_score_alone_and_in_a_batch(tiny_encoder: str, pooling: str) -> None:
    config = EncoderConfig(name=tiny_encoder, max_tokens=32, pooling=pooling)  # type: ignore[arg-type]
    model = shaken(Encoder.load(config))
    together = model.score(QUERIES, PASSAGES)
    alone = [model.score([q], [p])[0] for q, p in zip(QUERIES, PASSAGES, strict=True)]
    assert together == pytest.approx(np.array(alone), abs=1e-4)


def test_order_and_side_matter(encoder: Encoder) -> None:
    model = shaken(encoder)
    one, other = model.score(["tea pot", "milk jug"], ["milk jug", "tea pot"])
    assert abs(one - other) > 1e-3


def test_a_model_without_token_types_reads_pairs_too(tiny_encoder: str, tmp_path: Path) -> None:
    backend = Backend.from_file(str(Path(tiny_encoder) / "tokenizer.json"))
    torch.manual_seed(0)
    DistilBertModel(
        DistilBertConfig(
            vocab_size=backend.get_vocab_size(), dim=32, n_layers=1, n_heads=2, hidden_dim=64
        )
    ).save_pretrained(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=backend).save_pretrained(tmp_path)  # type: ignore[no-untyped-call]
    model = shaken(Encoder.load(EncoderConfig(name=str(tmp_path), max_tokens=24)))
    one, other = model.score(["tea pot", "milk jug"], ["milk jug", "tea pot"])
    assert abs(one - other) > 1e-3
