"""Domain pre-training: packing and masking by hand, and a corpus with something to learn."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.errors import ConfigError, DataError
from corank.language.adapt import (
    AdaptConfig,
    MaskedLM,
    MaskedWords,
    Packed,
    adapt,
    pack,
    perplexity,
)
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.passes import IGNORED

TOY = AdaptConfig(
    epochs=6,
    batch_size=16,
    max_tokens=16,
    learning_rate=3e-3,
    precision="no",
    holdout=0.2,
    head_steps=20,
    head_rate=3e-3,
)
OBJECTS = ("steel kettle", "coffee grinder", "yoga mat", "tea pot", "bike helmet")
TEXTS = [f"{a} and {b} and {a}" for a, b in itertools.product(OBJECTS, OBJECTS) for _ in range(4)]


def load(tiny_encoder: str) -> Encoder:
    return Encoder.load(EncoderConfig(name=tiny_encoder, max_tokens=32))


def test_texts_stand_one_after_another_in_sequences_of_one_length(encoder: Encoder) -> None:
    packed = pack(["ab", "c", "def"], encoder.tokenizer, 5)  # spelt letter by letter
    id_of = encoder.tokenizer.backend.token_to_id
    a, b, c, d, e, f = (id_of(token) for token in ("a", "##b", "c", "d", "##e", "##f"))
    opening, closing = id_of("[CLS]"), id_of("[SEP]")
    assert packed.ids == [
        [opening, a, b, closing, closing],
        [opening, c, closing, d, closing],
        [opening, e, f, closing, closing],
    ]
    words = [[-1, 0, 0, -1, -1], [-1, 0, -1, 1, -1], [-1, 0, 0, -1, -1]]
    assert [each.tolist() for each in packed.words] == words


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.text("abc xyz", max_size=20), max_size=12),
    st.integers(4, 12),
    st.none() | st.integers(0, 3),
)
def test_packing_keeps_every_token_but_the_last_incomplete_sequence(
    encoder: Encoder, texts: list[str], length: int, at_most: int | None
) -> None:
    packed = pack(texts, encoder.tokenizer, length, at_most=at_most)
    assert all(len(ids) == len(words) == length for ids, words in zip(*packed, strict=True))
    stream = [i for ids in encoder.tokenizer.encode(texts) for i in ids[1:]]  # [CLS] left out
    got = [i for ids in packed.ids for i in ids[1:-1]]
    assert got == stream[: len(got)]
    whole = len(stream) // (length - 2)
    assert len(packed.ids) == (whole if at_most is None else min(whole, at_most))


def test_words_are_hidden_whole(encoder: Encoder) -> None:
    packed = pack(["qzx wvy kqj " * 40], encoder.tokenizer, 32)  # three letters: three pieces
    objective = MaskedWords(packed, 0.3, mask_id=4, vocabulary=100)
    texts = objective.texts(np.arange(len(objective)), np.random.default_rng(0))
    assert texts.labels is not None
    masked = replaced = kept = 0
    for ids, labels, original, words in zip(
        texts.ids, texts.labels, packed.ids, packed.words, strict=True
    ):
        hidden = np.array(labels) != IGNORED
        assert np.array_equal(np.array(original)[hidden], np.array(labels)[hidden])
        assert np.array_equal(np.array(original)[~hidden], np.array(ids)[~hidden])
        for word in np.unique(words[words >= 0]):
            assert hidden[words == word].all() or not hidden[words == word].any()
            one = np.array(ids)[words == word], np.array(original)[words == word]
            masked += bool((one[0] == 4).all())
            replaced += bool((one[0] != 4).any() and (one[0] != one[1]).any())
        assert 0.3 <= hidden[words >= 0].mean() <= 0.4
        kept += hidden.sum()
    assert masked > 4 * replaced > 0 < kept


def test_a_domain_becomes_predictable(tiny_encoder: str) -> None:
    encoder = load(tiny_encoder)
    before = encoder.encode(TEXTS[:3])
    done = adapt(encoder, TEXTS, TOY, seed=0)
    assert done.after < 0.6 * done.before and done.fall == 1 - done.after / done.before
    assert not np.allclose(before, encoder.encode(TEXTS[:3]))
    assert all(p.requires_grad for p in encoder.parameters())
    again = load(tiny_encoder)
    assert adapt(again, TEXTS, TOY, seed=0)[:3] == done[:3]
    assert np.array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


def test_the_head_alone_leaves_the_encoder_as_it_was(tiny_encoder: str) -> None:
    encoder = load(tiny_encoder)
    before = encoder.encode(TEXTS[:3])
    done = adapt(encoder, TEXTS, replace(TOY, epochs=0), seed=0)
    assert np.array_equal(before, encoder.encode(TEXTS[:3]))
    assert done.before == done.after


def test_general_text_is_replayed_in_its_share(tiny_encoder: str) -> None:
    config = replace(TOY, epochs=0, replay=0.5)
    alone = adapt(load(tiny_encoder), TEXTS, config, seed=0).sequences
    general = ["rain jacket and swim cap"] * 500
    assert adapt(load(tiny_encoder), TEXTS, config, general=general).sequences == alone + round(
        alone / 2
    )


def test_perplexity_of_an_even_guess_is_the_size_of_the_vocabulary(encoder: Encoder) -> None:
    model = MaskedLM(encoder)
    torch.nn.init.zeros_(model.norm.weight)  # every logit is 0
    packed = pack(TEXTS, encoder.tokenizer, 16)
    asked = MaskedWords(packed, 0.15, 4, 100).texts(np.arange(3), np.random.default_rng(0))
    size = encoder.tokenizer.backend.get_vocab_size()
    assert perplexity(model, asked, 2) == pytest.approx(size, rel=1e-4)


def test_too_little_text_says_how_much_there_is(tiny_encoder: str) -> None:
    with pytest.raises(DataError, match=r"2 texts fill 0 sequences of 16 tokens"):
        adapt(load(tiny_encoder), ["tea", "pot"], TOY)


def test_a_tokenizer_without_a_mask_is_refused(tiny_encoder: str) -> None:
    encoder = load(tiny_encoder)
    spelt = encoder.tokenizer.backend.to_str().replace("[MASK]", "[HIDE]")
    encoder.tokenizer.backend = encoder.tokenizer.backend.from_str(spelt)
    with pytest.raises(ConfigError, match="no mask token"):
        adapt(encoder, TEXTS, TOY)


def test_an_empty_pack_holds_nothing(encoder: Encoder) -> None:
    assert pack([], encoder.tokenizer, 8) == Packed([], [])
