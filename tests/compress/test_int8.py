"""Every kind of encoder in 8 bits: about the same vectors, the same alone and in any batch."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from corank.compress import int8
from corank.compress.export import text_encoder, torch_encoder
from corank.compress.runtime import TextEncoder
from corank.errors import BundleError
from corank.language.encoder import Encoder, EncoderConfig

TEXTS = [
    "coffee grinder", "a lamp", "", "a steel kettle for the kitchen, with a long spout",
    "red chair", "a table of oak", "the blue lamp beside the green chair", "x",
]  # fmt: skip


@pytest.fixture
def exact(kind: EncoderConfig) -> TextEncoder:
    return text_encoder(Encoder.load(kind), TEXTS)


def rounded(exact: TextEncoder, **options: object) -> TextEncoder:
    graph = onnx.load_from_string(exact.graph)
    feeds = [exact.tokenizer.pad([ids])._asdict() for ids in exact.tokenizer.encode(TEXTS)]
    how = int8.roundings(graph, int8.observe(graph, feeds))
    return replace(exact, graph=int8.rewritten(graph, how, **options))  # type: ignore[arg-type]


def kinds_of(encoder: TextEncoder) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(encoder.graph).graph.node]


def test_vectors_stay_what_they_are_alone_and_in_a_batch(
    exact: TextEncoder, kind: EncoderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "TABLE", 100)  # the tiny encoder's vocabulary is small
    small = rounded(exact)
    graph = onnx.load_from_string(exact.graph)
    assert len(int8.sites(graph)) >= 6  # two layers
    assert kinds_of(small).count("MatMulIntegerToFloat") == sum(
        len(site.products) for site in int8.sites(graph)
    )
    assert not int8.sites(onnx.load_from_string(small.graph))
    assert len(small.graph) < 0.6 * len(exact.graph)
    vectors = small.encode_items(TEXTS)
    assert (vectors * exact.encode_items(TEXTS)).sum(axis=1).min() > 0.995
    alone = np.concatenate([small.encode_items([text]) for text in TEXTS])
    assert (alone * vectors).sum(axis=1) == pytest.approx(1, abs=1e-5)
    with pytest.raises(BundleError, match="compressed"):
        torch_encoder(small, kind)


def test_what_is_kept_stays_in_full_precision(exact: TextEncoder) -> None:
    names = [site.name for site in int8.sites(onnx.load_from_string(exact.graph))]
    assert len(set(names)) == len(names)
    small = rounded(exact, keep=names[1:], embeddings=False)
    left = int8.sites(onnx.load_from_string(small.graph))
    assert [site.name for site in left] == names[1:]
    apart = 1 - (small.encode_items(TEXTS) * exact.encode_items(TEXTS)).sum(axis=1)
    assert 0 < apart.max() < 0.005
    with pytest.raises(BundleError, match="Nothing is left to round"):
        rounded(exact, keep=names, embeddings=False)
