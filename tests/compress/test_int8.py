"""Every kind of encoder in 8 bits: about the same vectors, the same alone and in any batch."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from corank.compress import int8
from corank.compress.export import text_encoder, torch_encoder
from corank.compress.runtime import TextEncoder, session
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


ODD = [
    "", "a", "\N{HOT BEVERAGE}\N{DIRECT HIT}" * 9,
    "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER BEH} " * 5,
    "\N{CJK UNIFIED IDEOGRAPH-8336}\N{CJK UNIFIED IDEOGRAPH-58F6}", "lamp " * 20_000, "\n\t ",
    "\N{COMBINING ACUTE ACCENT}", "a\x00b",
]  # fmt: skip


@pytest.mark.parametrize("small", [False, True])
def test_odd_texts_have_a_vector_alone_and_in_a_batch(exact: TextEncoder, small: bool) -> None:
    encoder = rounded(exact) if small else exact
    vectors = encoder.encode_items(ODD)
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    alone = np.concatenate([encoder.encode_items([text]) for text in ODD])
    assert (alone * vectors).sum(axis=1) == pytest.approx(1, abs=1e-5)


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


def test_a_weight_that_two_activations_share_is_rounded_for_each() -> None:
    random = np.random.default_rng(0)
    weight = random.standard_normal((8, 8)).astype(np.float32)
    far = np.array([1, 1, 300, 1, 0.01, 1, 1, 50], np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["first"], name="one"),
        helper.make_node("Mul", ["first", "far"], ["second"], name="between"),
        helper.make_node("MatMul", ["second", "w"], ["vector"], name="two"),
    ]
    graph = helper.make_model(
        helper.make_graph(
            nodes,
            "shared",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 8])],
            [helper.make_tensor_value_info("vector", onnx.TensorProto.FLOAT, ["n", 8])],
            [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(far, "far")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    rows = random.standard_normal((200, 8)).astype(np.float32)
    how = int8.roundings(graph, int8.observe(graph, [{"x": rows}]))  # type: ignore[dict-item]
    assert list(how) == ["w at one", "w at two"]
    small = session(int8.rewritten(graph, how), "shared")
    exact = (rows @ weight * far) @ weight
    got = small.run(["vector"], {"x": rows})[0]
    assert ((got - exact) ** 2).mean() / (exact**2).mean() < 1e-3
