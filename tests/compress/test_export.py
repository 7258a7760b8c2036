"""Graphs against the modules they come from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from corank.compress.export import export, text_encoder
from corank.compress.runtime import session
from corank.errors import BundleError
from corank.language.encoder import Encoder, EncoderConfig

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
