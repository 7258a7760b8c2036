"""What is left of an encoder, and that it learns to say what the whole one says."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, trainers

from corank.errors import ConfigError
from corank.language.encoder import Encoder
from corank.language.parameters import count_layers
from corank.language.shrink import ShrinkConfig, keep_layers, shrunk
from corank.language.tokenizer import Tokenizer
from corank.language.vocabulary import prune_tokenizer

TEXTS = ["coffee grinder", "a steel kettle", "running shoes", "soft blanket", "tea pot", "yoga mat"]
QUICK = ShrinkConfig(
    layers=1, epochs=4, min_steps=120, batch_size=6, learning_rate=2e-3, precision="no"
)


@pytest.fixture
def deep(encoder: Encoder) -> Encoder:
    """An encoder whose second layer has something to say: random weights say next to nothing."""
    loud = deepcopy(encoder)
    with torch.no_grad():
        for name, weight in loud.named_parameters():
            if "layer.1." in name and weight.ndim == 2:
                weight.mul_(15)
    return loud


def test_one_layer_learns_what_two_said(deep: Encoder) -> None:
    before = deepcopy(deep.state_dict())
    untaught, taught = (
        shrunk(deep, TEXTS, replace(QUICK, epochs=epochs, min_steps=400 if epochs else 0))
        for epochs in (0, 4)
    )
    exact = deep.encode(TEXTS)
    at_first, then = ((each.encode(TEXTS) * exact).sum(1).mean() for each in (untaught, taught))
    assert at_first < 0.99 < then
    assert count_layers(taught) == 1 and count_layers(deep) == 2
    assert all(np.array_equal(before[name], value) for name, value in deep.state_dict().items())


def test_the_first_and_the_last_layer_stay(encoder: Encoder) -> None:
    student = deepcopy(encoder)
    keep_layers(student, 2)
    assert student.encode(TEXTS) == pytest.approx(encoder.encode(TEXTS))
    keep_layers(student, 1)
    first = "encoder.layer.0.attention.self.query.weight"
    assert np.array_equal(
        student.model.get_parameter(first).detach(), encoder.model.get_parameter(first).detach()
    )
    for layers in (0, 2):
        with pytest.raises(ConfigError, match=f"layers={layers}, and this encoder has 1"):
            keep_layers(student, layers)


def test_a_pruned_vocabulary_cuts_the_texts_as_before_and_spells_the_rest(encoder: Encoder) -> None:
    old = encoder.tokenizer
    new = prune_tokenizer(old, TEXTS)
    tokens = [
        [[each.backend.id_to_token(i) for i in row] for row in each.encode(TEXTS)]
        for each in (old, new)
    ]
    assert tokens[0] == tokens[1]
    sizes = [each.backend.get_vocab_size() for each in (old, new)]
    assert sizes[1] < sizes[0] / 2
    assert sorted(new.backend.get_vocab().values()) == [*range(sizes[1])]
    strange = new.encode(["zebra"])[0]
    assert len(strange) == 2 + len("zebra") and new.backend.token_to_id("[UNK]") not in strange
    smaller = deepcopy(encoder)
    smaller.change_vocabulary(new)
    assert smaller.encode(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-6)


def test_of_another_tokenizer_every_token_stays(encoder: Encoder) -> None:
    other = deepcopy(encoder)
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=60, special_tokens=special))
    other.tokenizer = Tokenizer(backend, 16)
    small = shrunk(other, TEXTS, QUICK)
    assert count_layers(small) == 1
    assert small.tokenizer.backend.get_vocab() == backend.get_vocab()
    with pytest.raises(ConfigError, match="model is BPE"):
        prune_tokenizer(other.tokenizer, TEXTS)
