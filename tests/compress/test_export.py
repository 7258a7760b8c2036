"""Graphs against the modules they come from."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from corank.compress.export import export, text_encoder, torch_encoder
from corank.compress.runtime import TextEncoder, session
from corank.errors import BundleError, ConfigError
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.vocabulary import extend_tokenizer

TEXTS = ["coffee grinder", "a lamp", "", "a steel kettle for the kitchen, with a long spout " * 3]


class Mean(nn.Module):
    """(b, t, d) -> (b, d)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


class Forgetful(nn.Module):
    """Answers differently each time it is asked."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x.mean(1) + self.calls


class Fixed(nn.Module):
    """Divides by the length of its first example, whatever the input."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(1) / int(x.shape[1])


class Broken(nn.Module):
    """Not a number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1) * float("nan")


class Unsayable(nn.Module):
    """ONNX has no such function."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = torch.special.bessel_j0(x)
        return found.mean(1)


EXAMPLE = [("x", torch.arange(24, dtype=torch.float32).reshape(2, 3, 4))]


def test_a_graph_takes_other_sizes_than_its_example() -> None:
    graph = session(export(Mean(), EXAMPLE, dynamic=("batch", "items")), "mean")
    x = np.random.default_rng(0).standard_normal((5, 7, 4), dtype=np.float32)
    assert graph.run(["vector"], {"x": x})[0] == pytest.approx(x.mean(1), abs=1e-6)


@pytest.mark.parametrize("module", [Forgetful(), Fixed(), Broken()])
def test_a_graph_that_disagrees_is_refused(
    module: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match=r"differs from the torch model by .*nothing was written"):
        export(module, EXAMPLE, dynamic=("batch", "items"))
    assert list(tmp_path.iterdir()) == []


def test_exporting_ends_training_and_changes_no_weight(tiny_encoder: str) -> None:
    encoder = Encoder.load(EncoderConfig(name=tiny_encoder, max_tokens=32)).train()
    before = [p.detach().clone() for p in encoder.parameters()]
    text_encoder(encoder, TEXTS)
    assert not encoder.training
    after = encoder.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_an_exported_encoder_gives_torchs_vectors(tiny_encoder: str, pooling: str) -> None:
    config = EncoderConfig(name=tiny_encoder, max_tokens=32, pooling=pooling)  # type: ignore[arg-type]
    encoder = Encoder.load(config)
    exported = text_encoder(encoder, TEXTS[:2])
    texts = [*TEXTS, *(f"lamp {'shade ' * n}" for n in range(20))]
    vectors = exported.encode_items(texts)
    assert exported.dim == encoder.dim and vectors.dtype == np.float32
    assert vectors == pytest.approx(encoder.encode(texts), abs=1e-4)


def test_exported_twice_it_is_the_same_graph(encoder: Encoder) -> None:
    assert text_encoder(encoder, TEXTS).graph == text_encoder(encoder, TEXTS).graph


def test_training_goes_on_from_the_exported_weights_to_the_bit(
    encoder: Encoder, tmp_path: Path
) -> None:
    encoder = deepcopy(encoder)
    with torch.no_grad():
        for p in encoder.parameters():
            p.add_(torch.randn_like(p) * 0.01)
    text_encoder(encoder, TEXTS).save(tmp_path / "encoder")
    again = torch_encoder(TextEncoder.load(tmp_path / "encoder"), encoder.config)
    theirs = dict(again.named_parameters())
    for name, weight in encoder.named_parameters():
        assert "pooler" in name or torch.equal(weight, theirs[name]), name
    assert again.encode(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-6)


def test_a_grown_vocabulary_comes_back_with_the_weights(encoder: Encoder) -> None:
    encoder = deepcopy(encoder)
    grown = extend_tokenizer(encoder.tokenizer, ["xylophone zither"] * 20, max_new=2)
    encoder.change_vocabulary(grown)
    again = torch_encoder(text_encoder(encoder, TEXTS), encoder.config)
    assert again.tokenizer.encode(["xylophone"]) == encoder.tokenizer.encode(["xylophone"])
    assert again.encode(["xylophone"]) == pytest.approx(encoder.encode(["xylophone"]), abs=1e-6)


def test_rows_beyond_the_vocabulary_come_back_too(encoder: Encoder) -> None:
    encoder = deepcopy(encoder)
    padded = encoder.tokenizer.backend.get_vocab_size() + 8  # as models do, for round shapes
    encoder.model.resize_token_embeddings(padded, mean_resizing=False)
    with torch.no_grad():
        for p in encoder.parameters():
            p.add_(torch.randn_like(p) * 0.01)
    again = torch_encoder(text_encoder(encoder, TEXTS), encoder.config)
    assert again.encode(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-6)


def test_another_transformers_graph_cannot_be_trained_further(encoder: Encoder) -> None:
    other = deepcopy(encoder)
    with torch.no_grad():
        next(other.parameters()).add_(torch.randn_like(next(other.parameters())))
    exported = text_encoder(other, TEXTS)
    graph = onnx.load_from_string(exported.graph)
    for weight in graph.graph.initializer:
        old, weight.name = weight.name, f"other.{weight.name}"
        for node in graph.graph.node:
            node.input[:] = [weight.name if name == old else name for name in node.input]
    renamed = TextEncoder(graph.SerializeToString(), exported.tokenizer)
    with pytest.raises(BundleError, match="cannot be trained further"):
        torch_encoder(renamed, encoder.config)


def test_the_first_numbers_of_a_vector_are_a_vector(tiny_encoder: str) -> None:
    """In torch, exported, read back from the graph, and read by a cross-encoder."""
    config = EncoderConfig(name=tiny_encoder, max_tokens=32)
    whole, cut = Encoder.load(config), Encoder.load(replace(config, dim=5))
    vectors = cut.encode(TEXTS)
    first = whole.encode(TEXTS)[:, :5]
    assert vectors == pytest.approx(first / np.linalg.norm(first, axis=1, keepdims=True), abs=1e-6)
    small = text_encoder(cut, TEXTS)
    assert (cut.dim, small.dim, whole.dim) == (5, 5, cut.width)
    assert small.encode_items(TEXTS) == pytest.approx(vectors, abs=1e-6)
    again = torch_encoder(small, cut.config)
    assert again.encode(TEXTS) == pytest.approx(vectors, abs=1e-6)
    assert np.isfinite(CrossEncoder(cut).score(["lamp"], ["a lamp"])).all()


@pytest.mark.parametrize("dim", [0, -1, 33])
def test_a_vector_is_not_cut_to_what_it_is_not(tiny_encoder: str, dim: int) -> None:
    with pytest.raises(ConfigError, match=rf"dim={dim}, and a vector .* has 32 numbers"):
        Encoder.load(EncoderConfig(name=tiny_encoder, dim=dim))


def test_what_no_graph_can_say_is_refused_with_what_can() -> None:
    said = r"Unsayable cannot be exported: .*bessel_j0.* Encoders of these types can: .*bert"
    with pytest.raises(BundleError, match=said):
        export(Unsayable(), EXAMPLE, dynamic=("batch", "items"))


def test_an_operator_that_the_runtime_lacks_says_what_to_do() -> None:
    graph = onnx.load_from_string(export(Mean(), EXAMPLE, dynamic=("batch", "items")))
    graph.graph.node[0].op_type = "Divine"
    said = r"cannot be loaded by onnxruntime .*Divine.* If it lacks an operator, install a later"
    with pytest.raises(BundleError, match=f"(?s){said}"):
        session(graph.SerializeToString(), "mean")
