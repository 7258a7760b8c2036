"""Extended and trained tokenizers, against answers worked out by hand."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.models import Model

from corank import Dataset
from corank.errors import ConfigError, DataError
from corank.language.tokenizer import Tokenizer
from corank.language.vocabulary import extend_tokenizer, origins, train_tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
UNK, CLS, SEP = 1, 2, 3


def wordpiece(*words: str, letters: str = "abcde") -> Tokenizer:
    """A BERT tokenizer that spells with ``letters`` (ids from 5) and knows ``words``."""
    entries = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *words]
    backend = Backend(
        models.WordPiece({entry: i for i, entry in enumerate(entries)}, unk_token=SPECIAL[UNK])
    )
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(cleanup=False)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    backend.add_special_tokens(SPECIAL)
    return Tokenizer(backend, 64)


def added(old: Tokenizer, new: Tokenizer) -> list[str]:
    """What ``new`` has besides, by id."""
    vocabulary = new.backend.get_vocab()
    return sorted(vocabulary.keys() - old.backend.get_vocab().keys(), key=vocabulary.__getitem__)


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    """Tokens of a text, special ones aside."""
    return list(tokenizer.backend.encode(text, add_special_tokens=False).tokens)


# Pieces: abc 3, de 2, ab 2. Saved: abc 3 x 2 = 6, de 5 x 1 = 5, ab 4 x 1 = 4.
COUNTED = ["abc de ab", "ABC, de. ab", "abc de ab de", "ab de a a a a a a"]


@pytest.mark.parametrize(
    ("max_new", "min_frequency", "expected"),
    [
        (9, 1, ["abc", "de", "ab", ",", "."]),
        (9, 4, ["de", "ab"]),
        (2, 3, ["abc", "de"]),
        (1, 3, ["abc"]),
        (9, 6, []),
    ],
)
def test_words_that_save_most_pieces_come_first(
    max_new: int, min_frequency: int, expected: list[str]
) -> None:
    old = wordpiece()
    new = extend_tokenizer(old, COUNTED, max_new=max_new, min_frequency=min_frequency)
    if min_frequency == 1:  # unknown characters come before any word
        expected = [",", ".", "abc", "de", "ab"]
    assert added(old, new) == expected
    first = old.backend.get_vocab_size()
    assert [new.backend.token_to_id(word) for word in expected] == list(
        range(first, first + len(expected))
    )
    assert new.backend.get_vocab_size() == first + len(expected)


def test_a_new_word_keeps_its_endings_and_its_normalisation() -> None:
    old = wordpiece()
    new = extend_tokenizer(old, ["abc"] * 2, min_frequency=2)
    assert tokens(old, "ABCDE") == ["a", "##b", "##c", "##d", "##e"]
    assert tokens(new, "ABCDE ábc eabc") == ["abc", "##d", "##e", "abc", "e", "##a", "##b", "##c"]
    assert new.encode(["abc"]) == [[CLS, 15, SEP]]


def test_unknown_characters_come_first_and_continue_words() -> None:
    old = wordpiece()
    texts = ["abx abx", "x xa abcde abcde abcde abcde"]  # ##x twice; x twice
    assert added(old, extend_tokenizer(old, texts, max_new=2, min_frequency=2)) == ["##x", "x"]
    new = extend_tokenizer(old, texts, max_new=3, min_frequency=2)
    assert added(old, new) == ["##x", "x", "abcde"]
    assert tokens(old, "bx xx") == ["[UNK]", "[UNK]"]
    assert tokens(new, "bx xx") == ["b", "##x", "x", "##x"]


def test_words_in_an_unknown_script_are_worth_what_their_spelling_saves() -> None:
    old = wordpiece()
    new = extend_tokenizer(old, ["мир мир"], min_frequency=2)
    assert added(old, new) == ["##и", "##р", "м", "мир"]
    assert tokens(new, "Мир мри") == ["мир", "м", "##р", "##и"]


def test_chinese_characters_are_learnt_and_joined() -> None:
    old = wordpiece()
    new = extend_tokenizer(old, ["很好", "ab很好!", "很坏"], min_frequency=2)
    assert added(old, new) == ["很", "好", "ab很好"[2:]]  # 很 3, 好 2, then 很好 2 x 1
    assert tokens(new, "很好") == ["很好"]
    assert tokens(new, "ab很好很AB 很 好 坏") == [
        *("a", "##b", "很好", "很", "a", "##b", "很", "好", "[UNK]")
    ]


def test_a_chinese_word_has_four_characters_at_most() -> None:
    text = "一二三四五六七八"
    new = extend_tokenizer(wordpiece(letters=text), [text] * 10)
    assert sorted(tokens(new, text)) == sorted(["一二三四", "五六七八"])


def test_an_extended_tokenizer_can_be_extended() -> None:
    old = wordpiece()
    once = extend_tokenizer(old, ["abc 很好"] * 2, min_frequency=2)
    again = extend_tokenizer(once, ["abc 很好 很好吃 de"] * 3, min_frequency=2)
    assert added(once, again)[0] == "吃" and {"de", "很好吃"} == set(added(once, again)[1:])
    assert tokens(again, "很好吃 很好 abc") == ["很好吃", "很好", "abc"]
    assert added(once, extend_tokenizer(once, ["abc 很好"] * 2, min_frequency=2)) == []


def test_a_known_word_that_an_added_token_cuts_keeps_its_id() -> None:
    old = wordpiece("abc")
    number = old.backend.token_to_id("abc")
    old.backend.add_tokens(["b"])  # a team's own token, matched inside words
    assert tokens(old, "abc") == ["a", "b", "c"]
    assert extend_tokenizer(old, ["abc"] * 9, min_frequency=1).backend.token_to_id("abc") == number


def test_the_given_tokenizer_is_left_alone() -> None:
    old = wordpiece()
    before = old.backend.to_str()
    extend_tokenizer(old, COUNTED, min_frequency=1)
    train_tokenizer(COUNTED, like=old, vocab_size=50)
    assert old.backend.to_str() == before


def test_texts_are_counted_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corank.language.vocabulary.CHUNK", 2)
    old = wordpiece()
    new = extend_tokenizer(old, iter(["abc"] * 5), min_frequency=5)
    assert added(old, new) == ["abc"]
    assert added(old, extend_tokenizer(old, ["很", "好"] * 5, min_frequency=5)) == ["好", "很"]


SMALL = st.text(alphabet="abcdeABCxé ,.-很好手机壳\n🙂", max_size=24)
CORPUS = st.lists(SMALL, min_size=1, max_size=12).map(lambda texts: [*texts, "abcde 手机"])


@given(corpus=CORPUS, texts=st.lists(SMALL, max_size=8), max_new=st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_a_text_with_none_of_the_new_entries_keeps_its_ids(
    corpus: list[str], texts: list[str], max_new: int
) -> None:
    old = wordpiece("bcd", "##cd")
    new = extend_tokenizer(old, corpus, max_new=max_new, min_frequency=1)
    entries = [entry.removeprefix("##") for entry in added(old, new)]
    assert len(entries) <= max_new
    for text in texts:
        seen = old.backend.normalizer.normalize_str(text).replace("  ", "")
        if not any(entry in seen for entry in entries):
            assert new.encode([text]) == old.encode([text])


@given(corpus=CORPUS, max_new=st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_decoded_a_text_reads_as_it_was_normalised(corpus: list[str], max_new: int) -> None:
    old = wordpiece("bcd", "##cd", "很", "好", "手", "机", "壳", letters="abcdex🙂,.-")
    new = extend_tokenizer(old, corpus, max_new=max_new, min_frequency=1)
    for text in corpus:
        ids = new.backend.encode(text).ids
        assert UNK not in ids
        plain = old.backend.normalizer.normalize_str(text)
        assert "".join(new.backend.decode(ids).split()) == "".join(plain.split())
        assert new.backend.encode(new.backend.decode(ids)).ids == ids


@given(corpus=CORPUS, max_new=st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_a_new_token_stands_for_the_pieces_it_replaces(corpus: list[str], max_new: int) -> None:
    old = wordpiece("bcd", "##cd")
    new = extend_tokenizer(old, corpus, max_new=max_new, min_frequency=1)
    size, rows = old.backend.get_vocab_size(), origins(old, new)
    assert len(rows) == new.backend.get_vocab_size()
    assert rows[:size] == [[i] for i in range(size)]
    for token, ids in zip(added(old, new), rows[size:], strict=True):
        assert ids == old.backend.encode(token.removeprefix("##"), add_special_tokens=False).ids


TRAINED = ["low low low low lower lower newest newest newest", "widest 很好, 很好"]


def test_a_trained_tokenizer_is_like_its_model_with_words_of_its_own() -> None:
    like = wordpiece("unrelated")
    new = train_tokenizer(TRAINED, like=like, vocab_size=60)
    vocabulary = new.backend.get_vocab()
    assert sorted(vocabulary, key=vocabulary.__getitem__)[:5] == SPECIAL
    assert "unrelated" not in vocabulary and new.max_tokens == like.max_tokens
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert tokens(new, "LOW newest 很好") == ["low", "newest", "很", "好"]
    assert tokens(new, "slow[MASK]") == ["[UNK]", "[MASK]"]  # no word begins with s
    assert new.encode(["low"]) == [[CLS, vocabulary["low"], SEP]]
    assert new.backend.decode(new.encode(["newest low"])[0]) == "newest low"


def test_the_post_processor_follows_the_special_tokens() -> None:
    like = wordpiece()
    entries = ["a", *SPECIAL]  # special tokens at other ids than they will have
    like.backend.model = models.WordPiece(
        {entry: i for i, entry in enumerate(entries)}, unk_token=SPECIAL[UNK]
    )
    for processor in (
        processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3)),
        processors.Sequence([processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3))]),
        processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
        ),
    ):
        backend = Backend(like.backend.model)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.post_processor = processor
        new = train_tokenizer(["aa aa"], like=Tokenizer(backend, 8), vocab_size=20)
        assert new.backend.token_to_id("[CLS]") != 3
        ids = new.encode(["aa"])[0]
        assert [new.backend.id_to_token(i) for i in ids] == ["[CLS]", "aa", "[SEP]"]


@given(corpus=CORPUS, vocab_size=st.integers(45, 80))
@settings(max_examples=60, deadline=None)
def test_a_trained_tokenizer_knows_every_character_within_its_size(
    corpus: list[str], vocab_size: int
) -> None:
    new = train_tokenizer(corpus, like=wordpiece(), vocab_size=vocab_size, min_frequency=1)
    assert new.backend.get_vocab_size() <= vocab_size
    assert all(UNK not in ids for ids in new.encode(corpus))


def test_rare_characters_are_not_learnt() -> None:
    new = train_tokenizer(["ab ab q", "很很好"], like=wordpiece(), vocab_size=30, min_frequency=2)
    assert sorted(new.backend.get_vocab().keys() - set(SPECIAL)) == ["##b", "a", "ab", "b", "很"]


TWICE = """
import hashlib, sys
from corank.language.tokenizer import Tokenizer
from corank.language.vocabulary import extend_tokenizer, train_tokenizer
from pathlib import Path
like = Tokenizer.load(Path(sys.argv[1]), 64)
texts = Path(sys.argv[2]).read_text("utf-8").split("\\n")
for new in (extend_tokenizer(like, texts, min_frequency=2),
            train_tokenizer(texts, like=like, vocab_size=400)):
    print(new.backend.get_vocab_size(), hashlib.sha256(new.backend.to_str().encode()).hexdigest())
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""


def test_every_process_learns_the_same_without_torch(tmp_path: Path, sample: Dataset) -> None:
    rng = random.Random(0)  # noqa: S311
    texts = [
        *sample.items["title"],
        *("".join(rng.choices("手机很好用壳", k=9)) for _ in range(99)),
    ]
    (tmp_path / "texts").write_text("\n".join(texts), "utf-8")
    wordpiece(letters="abcdefghijklmnopqrstuvwxyz").save(tmp_path / "tokenizer.json")
    path = os.pathsep.join(sys.path)
    answers = {
        subprocess.run(
            [
                sys.executable,
                "-c",
                TWICE,
                str(tmp_path / "tokenizer.json"),
                str(tmp_path / "texts"),
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1
    assert int(answers.pop().split()[0]) > 100


def other(model: Model, *, cut: bool = True) -> Tokenizer:
    backend = Backend(model)
    if cut:
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Tokenizer(backend, 8)


def extend(tokenizer: Tokenizer) -> None:
    extend_tokenizer(tokenizer, ["a"])


def train(tokenizer: Tokenizer) -> None:
    train_tokenizer(["a"], like=tokenizer, vocab_size=9)


@pytest.mark.parametrize("act", [extend, train])
@pytest.mark.parametrize(
    ("model", "name"),
    [
        (models.BPE(), "BPE"),
        (models.Unigram(), "Unigram"),
        (models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"), "WordLevel"),  # noqa: S106
    ],
)
def test_other_models_are_refused(
    act: Callable[[Tokenizer], None], model: Model, name: str
) -> None:
    with pytest.raises(ConfigError, match=f"model is {name}; only WordPiece"):
        act(other(model))


def test_a_tokenizer_that_cuts_no_words_is_refused() -> None:
    whole = other(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"), cut=False)  # noqa: S106
    with pytest.raises(ConfigError, match="with a pre-tokenizer"):
        extend_tokenizer(whole, ["a"])


@pytest.mark.parametrize("texts", [[], [""], [" \n", "\t"]])
def test_texts_without_a_word_are_refused(texts: list[str]) -> None:
    with pytest.raises(DataError, match="hold no word"):
        extend_tokenizer(wordpiece(), texts)
    with pytest.raises(DataError, match="hold no word"):
        train_tokenizer(texts, like=wordpiece(), vocab_size=50)


def test_numbers_below_one_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"max_new=0 is too small\. Give 1 or more"):
        extend_tokenizer(wordpiece(), ["a"], max_new=0)
    with pytest.raises(ConfigError, match="min_frequency=-1"):
        extend_tokenizer(wordpiece(), ["a"], min_frequency=-1)
    with pytest.raises(ConfigError, match="vocab_size=0"):
        train_tokenizer(["a"], like=wordpiece(), vocab_size=0)
    with pytest.raises(ConfigError, match="vocab_size=6 cannot hold 5 special tokens and 3 char"):
        train_tokenizer(["ab ab"], like=wordpiece(), vocab_size=6)
