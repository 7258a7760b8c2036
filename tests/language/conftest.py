"""The tiny encoder, loaded, on one thread: its layers are too small to share out."""

from collections.abc import Iterator

import pytest
import torch

from corank.language.encoder import Encoder, EncoderConfig


@pytest.fixture(scope="session")
def encoder(tiny_encoder: str) -> Encoder:
    """Not to be trained: tests share it."""
    return Encoder.load(EncoderConfig(name=tiny_encoder, max_tokens=32))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
