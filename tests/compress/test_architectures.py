"""Every kind of encoder that is supported: one graph, equal to torch, and back again."""

import numpy as np
import pytest
import torch

from corank.compress.export import EXPORTABLE, pair_scorer, text_encoder, torch_encoder
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder, EncoderConfig
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
