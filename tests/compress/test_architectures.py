"""Every kind of encoder that is supported: one graph, equal to torch, and back again."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from corank.compress.export import EXPORTABLE, pair_scorer, text_encoder, torch_encoder
from corank.errors import BundleError, ConfigError
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.parameters import count_layers
from corank.language.shrink import keep_layers
from tests.compress.conftest import KINDS

TEXTS = ["coffee grinder", "a lamp", "", "a steel kettle for the kitchen, with a long spout"]


def test_what_an_error_names_as_exportable_is_tested() -> None:
    assert {*KINDS} == {*EXPORTABLE}


def test_one_graph_says_what_torch_says_of_texts_and_pairs(kind: EncoderConfig) -> None:
    encoder, fresh = Encoder.load(kind), Encoder.load(kind)
    with torch.no_grad():  # so that what is read back cannot come from where it was loaded
        for weight in encoder.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    exported = text_encoder(encoder, TEXTS)
    assert exported.encode_items(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-4)
    alone = np.concatenate([exported.encode_items([text]) for text in TEXTS])
    assert (alone * exported.encode_items(TEXTS)).sum(1) == pytest.approx(1, abs=1e-4)
    again = torch_encoder(exported, kind)
    assert again.encode(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-5)
    assert np.abs(fresh.encode(TEXTS) - encoder.encode(TEXTS)).max() > 1e-2

    reader = CrossEncoder(encoder, 32)
    scorer = pair_scorer(reader, TEXTS, TEXTS[::-1])
    assert scorer.score(TEXTS, TEXTS[::-1]) == pytest.approx(
        reader.score(TEXTS, TEXTS[::-1]), abs=1e-3
    )


def test_a_text_longer_than_there_are_positions_is_cut(kind: EncoderConfig) -> None:
    encoder = Encoder.load(replace(kind, max_tokens=100_000))
    long = " ".join(TEXTS * 2_000)
    vectors = encoder.encode([long, long[: len(long) // 2]])
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)
    assert text_encoder(encoder, TEXTS).encode_items([long])[0] == pytest.approx(
        vectors[0], abs=1e-4
    )


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (hf.T5Config(d_model=32, d_ff=64, num_layers=1, num_heads=2, d_kv=16), ConfigError),
        (hf.GPT2Config(n_embd=32, n_layer=1, n_head=2), BundleError),
    ],
)
def test_what_is_no_encoder_is_refused_with_what_is(
    config: hf.PretrainedConfig, error: type[Exception], tiny_encoder: str, tmp_path: Path
) -> None:
    config.vocab_size = 2_000
    hf.AutoModel.from_config(config).save_pretrained(tmp_path)  # type: ignore[no-untyped-call]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(Path(tiny_encoder) / name, tmp_path)
    with pytest.raises(error, match=f"{config.model_type}.* ModernBERT|{config.model_type} cannot"):
        text_encoder(Encoder.load(EncoderConfig(name=str(tmp_path), max_tokens=24)), TEXTS)


def test_every_kind_loses_a_layer(kind: EncoderConfig) -> None:
    encoder = Encoder.load(kind)
    keep_layers(encoder, 1)
    assert count_layers(encoder) == 1
    exported = text_encoder(encoder, TEXTS)
    assert exported.encode_items(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-4)
