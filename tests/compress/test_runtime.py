"""The serving encoder: graphs, prompts, batches; and no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from corank.compress.export import text_encoder
from corank.compress.runtime import TextEncoder, session
from corank.errors import BundleError
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.tokenizer import Batch

TEXTS = ["coffee grinder", "a lamp", "", "a steel kettle for the kitchen, with a long spout " * 3]


@pytest.fixture(scope="module")
def exported(encoder: Encoder) -> TextEncoder:
    return text_encoder(encoder, TEXTS)


@pytest.mark.parametrize("graph", [b"", b"not a graph", b"\x08\x01" * 100])
def test_garbage_is_a_bundle_error(graph: bytes) -> None:
    with pytest.raises(BundleError, match="The encoder graph cannot be loaded"):
        session(graph, "encoder")


def test_a_truncated_graph_is_a_bundle_error(exported: TextEncoder) -> None:
    with pytest.raises(BundleError, match="The encoder graph cannot be loaded"):
        TextEncoder(exported.graph[: len(exported.graph) // 2], exported.tokenizer)


def test_vectors_have_unit_length(exported: TextEncoder) -> None:
    assert np.linalg.norm(exported.encode_items(TEXTS), axis=1) == pytest.approx(1, abs=1e-5)


def test_a_text_has_one_vector_alone_and_in_a_batch(exported: TextEncoder) -> None:
    together = exported.encode_items(TEXTS)
    alone = np.concatenate([exported.encode_items([text]) for text in TEXTS])
    assert ((together * alone).sum(1) > 0.99999).all()
    assert exported.encode_queries(TEXTS) == pytest.approx(together, abs=1e-5)


def test_a_query_that_comes_back_is_not_encoded_again(
    exported: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, forward = [], exported._forward

    def counted(batch: Batch) -> NDArray[np.float32]:
        asked.append(batch)
        return forward(batch)

    monkeypatch.setattr(exported, "_forward", counted)
    one, again = (exported.encode_query("a lamp of oak") for _ in range(2))
    assert len(asked) == 1 and one is again
    assert one == pytest.approx(exported.encode_queries(["a lamp of oak"])[0], abs=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        one[0] = 0


def test_queries_and_items_have_their_own_prompts(tiny_encoder: str, exported: TextEncoder) -> None:
    config = EncoderConfig(
        name=tiny_encoder, max_tokens=32, query_prompt="query: ", passage_prompt="passage: "
    )
    prompted = text_encoder(Encoder.load(config), TEXTS)
    plain = exported.encode_items(["query: a lamp", "passage: a lamp"])
    assert prompted.encode_queries(["a lamp"])[0] == pytest.approx(plain[0], abs=1e-5)
    assert prompted.encode_items(["a lamp"])[0] == pytest.approx(plain[1], abs=1e-5)
    assert np.abs(plain[0] - plain[1]).max() > 1e-3


def test_item_texts_stream_to_a_file_and_tell_their_progress(
    exported: TextEncoder, tmp_path: Path
) -> None:
    told: list[int] = []
    out = tmp_path / "vectors.npy"
    streamed = exported.encode_items(iter(TEXTS), out=out, progress=told.append)
    assert isinstance(streamed, np.memmap)
    assert streamed == pytest.approx(exported.encode_items(TEXTS), abs=1e-6)
    assert sum(told) == len(TEXTS)


def test_nothing_to_encode_gives_nothing(exported: TextEncoder) -> None:
    assert exported.encode_items([]).shape == (0, exported.dim)
    assert exported.encode_queries([]).shape == (0, exported.dim)


def test_padding_waste_is_of_item_texts(encoder: Encoder) -> None:
    fresh = text_encoder(encoder, TEXTS)
    fresh.encode_queries(TEXTS)
    assert fresh.padding.positions == 0
    fresh.encode_items(TEXTS)
    lengths = [len(ids) for ids in encoder.tokenizer.encode(TEXTS)]
    assert fresh.padding.tokens == sum(lengths)
    assert fresh.padding.positions == 4 * max(lengths)
    assert fresh.padding.waste == pytest.approx(1 - sum(lengths) / (4 * max(lengths)))


def test_serving_imports_no_torch_and_no_transformers() -> None:
    code = (
        "import sys, corank.compress.runtime, corank.rank.signals, corank.rank.ranker, "
        "corank.rank.explain; print({'torch', 'transformers', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
