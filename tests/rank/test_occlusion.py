"""What a word does: the text is read again without it, and nothing else is claimed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.compress.export import text_encoder
from corank.compress.runtime import TextEncoder
from corank.language.encoder import Encoder
from corank.rank.occlusion import WORDS, Read, WordEffects, without, word_effects
from corank.retrieve.analyze import words


@pytest.fixture(scope="module")
def reads(encoder: Encoder) -> TextEncoder:
    exported = text_encoder(encoder, ["red lamp", "coffee grinder"])
    return TextEncoder(exported.graph, exported.tokenizer, query_prompt="coffee ")


TARGET = np.linspace(-1, 1, 32, dtype=np.float32)


def read(text: str, *, query: bool = False) -> Read:
    return Read("it", text, lambda vectors: vectors @ TARGET, query=query)


def effects(found: WordEffects) -> dict[str, float]:
    return {word.word: word.effect for word in found.words}


@pytest.mark.parametrize(
    ("text", "word", "less"),
    [
        ("red steel lamp", "steel", "red lamp"),
        ("red  steel lamp.", "lamp", "red  steel."),
        ("(red) lamp", "red", "() lamp"),
        ("red lamp", "red", "lamp"),
        ("lamp", "lamp", ""),
        ("维生素C精华液", "C", "维生素精华液"),
    ],
)
def test_a_word_goes_with_one_space(text: str, word: str, less: str) -> None:
    (place,) = (place for place in words(text) if text[place] == word)
    assert without(text, place) == less


@given(st.text(alphabet="ab .,()维素"))
def test_what_is_left_has_one_word_less_and_the_same_others(text: str) -> None:
    for place in words(text):
        left = without(text, place)
        assert len(left) < len(text)
        assert left.replace(" ", "") == (text[: place.start] + text[place.stop :]).replace(" ", "")


def test_an_effect_is_the_difference_of_two_readings(reads: TextEncoder) -> None:
    for query, encode in ((False, reads.encode_items), (True, reads.encode_queries)):
        (found,) = word_effects([read("red lamp, red chair", query=query)], reads)
        assert [(word.word, word.start) for word in found.words] == [
            ("red", 0), ("lamp", 4), ("red", 10), ("chair", 14),
        ]  # fmt: skip
        whole, *less = (
            encode([text])[0] @ TARGET
            for text in (found.text, "lamp, red chair", "red, red chair", "red lamp, chair",
                         "red lamp, red")
        )  # fmt: skip
        assert found.similarity == pytest.approx(whole, abs=1e-5)
        for word, similarity in zip(found.words, less, strict=True):
            assert word.effect == pytest.approx(whole - similarity, abs=1e-5)
        assert np.ptp([word.effect for word in found.words]) > 1e-3


def test_each_text_keeps_its_place_and_its_effects_among_others(reads: TextEncoder) -> None:
    texts = [read("red lamp"), read("red lamp", query=True), read(""), read("green table")]
    together = word_effects(texts, reads)
    assert [found.text for found in together] == [text.text for text in texts]
    for text, found in zip(texts, together, strict=True):
        (alone,) = word_effects([text], reads)
        assert effects(found) == pytest.approx(effects(alone), abs=1e-5)
    assert effects(together[0]) != pytest.approx(effects(together[1]), abs=1e-4)
    assert together[2].words == ()
    assert word_effects([], reads) == ()


def test_of_a_long_text_the_first_words_are_tried(reads: TextEncoder) -> None:
    (found,) = word_effects([read(" ".join(["lamp"] * (WORDS + 5)))], reads)
    assert len(found.words) == WORDS
