"""What many tests share: a tiny random encoder, and a shop fitted with it on the sample.

The tiny encoder is a BERT of two narrow layers with random weights and a WordPiece vocabulary
made from the sample's words: real code paths in milliseconds, no download.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import corank
from corank import (
    Dataset,
    EncoderConfig,
    FitConfig,
    Pipeline,
    RankerConfig,
    RerankerConfig,
    UserModelConfig,
)
from corank.data.dataset import Split
from corank.language.encoder import Encoder

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach a hub
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny matrices: threads would only wait

TINY_FIT = FitConfig(
    epochs=1,
    batch_size=16,
    max_pairs=160,
    precision="no",
    user_model=UserModelConfig(dim=16, heads=2, epochs=1, min_steps=20, checks=2),
    ranker=RankerConfig(per_retriever=40, trees=20, patience=5),
)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory, sample: Dataset) -> str:
    """A folder that transformers can load."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = sorted(set(re.findall(r"\w\w+", " ".join(sample.items["title"]).lower())))
    vocabulary = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    backend = Tokenizer(
        models.WordPiece({w: i for i, w in enumerate(vocabulary)}, unk_token=special[1])
    )
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
        )
    )
    folder = tmp_path_factory.mktemp("tiny-encoder")
    model.save_pretrained(folder)
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    tokens = dict(zip(names, special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=backend, **tokens).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return str(folder)


@pytest.fixture(scope="session")
def encoder(tiny_encoder: str) -> Encoder:
    """The tiny encoder, loaded. Not to be trained: tests share it."""
    return Encoder.load(EncoderConfig(name=tiny_encoder, max_tokens=32))


@pytest.fixture(scope="session")
def tiny_fit() -> FitConfig:
    """Settings that fit the sample in seconds."""
    return TINY_FIT


@pytest.fixture(scope="session")
def small_fit(tiny_fit: FitConfig) -> FitConfig:
    """Settings that fit what a few people did in a second."""
    return replace(
        tiny_fit,
        batch_size=8,
        max_pairs=64,
        user_model=UserModelConfig(dim=8, heads=2, epochs=1, min_steps=6, checks=1),
        ranker=RankerConfig(per_retriever=30, trees=5, patience=2),
    )


@pytest.fixture(scope="session")
def small_reader() -> RerankerConfig:
    """How searches are read in a fit of that size."""
    return RerankerConfig(
        epochs=1, max_tokens=32, precision="no", list_size=4, negatives=2, depth=15
    )


@pytest.fixture(scope="session")
def few(sample: Dataset) -> Split:
    """What 80 of the sample's shoppers did, and every judged query, split by time."""
    users = sample.users["user_id"].head(80)
    kept = sample.interactions.filter(pl.col("user_id").is_in(users.implode()))
    return replace(sample, interactions=kept).split("time")


@pytest.fixture(scope="session")
def sample() -> Dataset:
    """The e-commerce sample, read through the vertical's own door."""
    return corank.load_vertical("ecommerce").read_sample()


@pytest.fixture(scope="session")
def split(sample: Dataset) -> Split:
    """The sample, split by time."""
    return sample.split("time")


@pytest.fixture(scope="session")
def pipeline(split: Split, tiny_encoder: str) -> Pipeline:
    """A pipeline fitted on the sample with the tiny encoder."""
    fitted = Pipeline(
        corank.load_vertical("ecommerce"), EncoderConfig(name=tiny_encoder, max_tokens=32)
    )
    fitted.fit(split.train, TINY_FIT)
    return fitted


@pytest.fixture(scope="session")
def bundle(pipeline: Pipeline, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That pipeline's bundle, with its report."""
    path = tmp_path_factory.mktemp("bundles") / "shop"
    pipeline.save(path, pipeline.evaluate(split.test, timed=True))
    return path
