import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.errors import BundleError, ConfigError, RequestError
from corank.retrieve.analyze import analyze, words
from corank.retrieve.lexical import BM25

TEXTS = [
    "vitamin c serum",
    "vitamin e cream cream",
    "face cream",
    "维生素C精华液 30ml",
    "",
]
ALL = np.arange(len(TEXTS), dtype=np.int32)


@pytest.fixture(scope="module")
def index() -> BM25:
    return BM25.build(TEXTS)


# analyze


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Women's Brushes", ["woman", "brush"]),
        ("the boxes of cherries", ["box", "cherry"]),
        ("headaches, aches, watches, peaches", ["headache", "ache", "watch", "peach"]),
        ("movies shoes lenses glasses", ["movie", "shoe", "lens", "glass"]),
        ("ties basis virus dress gas", ["tie", "basis", "virus", "dress", "gas"]),
        ("500ml 500 ml 500-ml 1.7oz", ["500ml", "500ml", "500ml", "1.7oz"]),
        ("1.7 1,000 2,3 3 large", ["1.7", "1000", "2", "3", "3", "large"]),
        ("L’Oréal ＳＰＦ５０ ½", ["loreal", "spf50", "1", "2"]),
        ("it", ["it"]),
        ("no alcohol in it", ["no", "alcohol"]),
        ("お茶の本", ["お茶", "茶", "茶の", "の本", "本"]),
        ("안녕하 茶", ["안녕", "녕하", "茶"]),
        (" _ -- ", []),
    ],
)
def test_analyze_makes_these_tokens(text: str, tokens: list[str]) -> None:
    assert analyze(text) == tokens


def test_chinese_gives_words_bigrams_and_characters_once_per_stretch() -> None:
    assert analyze("维生素C") == ["维", "维生", "维生素", "生", "生素", "素", "c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(L'Oréal) red, red lamp.", ["L'Oréal", "red", "red", "lamp"]),
        ("Kitchen > Knives & 1.7oz C++ \t— …", ["Kitchen", "Knives", "1.7oz", "C++"]),
        ("维生素C精华液", ["维生素", "C", "精华液"]),
        ("お茶の本 안녕 🎁 हिन्दी", ["お茶の本", "안녕", "🎁", "हिन्दी"]),
        ("", []),
    ],
)
def test_words_are_what_people_see(text: str, expected: list[str]) -> None:
    assert [text[place] for place in words(text)] == expected


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_words_stand_in_order_and_apart(text: str) -> None:
    places = words(text)
    assert all(place.start < place.stop for place in places)
    assert all(one.stop <= two.start for one, two in pairwise(places))
    assert all(text[place].strip() == text[place] for place in places)


def test_loading_jieba_touches_no_shared_file_and_warns_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "jieba.cache").write_bytes(b"planted")
    code = (
        f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
        "from corank.retrieve.analyze import analyze\n"
        "assert '面膜' in analyze('保湿面膜')"
    )
    # Without byte code jieba is compiled anew, which is when Python finds fault with it.
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path / "no"), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("jieba.cache", b"planted")]


def test_searching_english_loads_nothing_heavy(index: BM25, tmp_path: Path) -> None:
    index.save(tmp_path)
    code = (
        "import sys, pathlib; from corank.retrieve.lexical import BM25\n"
        f"hits = BM25.load(pathlib.Path({str(tmp_path)!r})).search(['cream'], 1)\n"
        "assert hits.items[0, 0] == 1\n"
        "assert not {'jieba', 'bm25s', 'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_analyze_takes_any_text_and_gives_no_blank_token(text: str) -> None:
    assert all(token and not any(map(str.isspace, token)) for token in analyze(text))


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_analyze_ignores_case(text: str) -> None:
    assert analyze(text.upper()) == analyze(text)


# BM25


def test_score_is_the_formula_worked_out_by_hand() -> None:
    index = BM25.build(["red shoe", "red red hat", "blue hat with long ribbon"], k1=1.2, b=0.75)
    # "with" is a stop word: lengths 2, 3, 4; mean 3; N = 3.
    # red: df 2, idf = ln(1 + (3 - 2 + .5) / (2 + .5)) = ln(1.6); hat: df 2, the same.
    # item 0: tf(red) 1, 1 / (1 + 1.2 * (.25 + .75 * 2/3)) = 1 / 1.9
    # item 1: tf(red) 2, 2 / (2 + 1.2 * (.25 + .75 * 3/3)) = 2 / 3.2; tf(hat) 1, 1 / 2.2
    # item 2: tf(hat) 1, 1 / (1 + 1.2 * (.25 + .75 * 4/3)) = 1 / 2.5
    idf = math.log(1.6)
    expected = [idf / 1.9, idf * (2 / 3.2 + 1 / 2.2), idf / 2.5]
    assert index.scores("red hat", np.array([0, 1, 2], np.int32)) == pytest.approx(expected)
    hits = index.search(["red hat", "hat"], k=3)
    assert hits.items.tolist() == [[1, 0, 2], [1, 2, -1]]
    assert hits.scores[0] == pytest.approx([expected[1], expected[0], expected[2]])


def test_a_word_of_the_title_counts_as_if_the_text_held_it_more_often() -> None:
    texts = ["red shoe. goes with a hat", "hat. goes with a red shoe", ""]
    told = BM25.build(texts, ["red shoe", "Hat, not in the text", "hat"])
    same = BM25.build([f"{texts[0]} red shoe red shoe", f"{texts[1]} hat hat", ""])
    for query in ("red hat", "shoe goes"):
        assert told.score_all([query]).tolist() == same.score_all([query]).tolist()
    assert told.search(["hat"], 3).items.tolist() == [[1, 0, -1]]
    assert "text" not in told.vocabulary


def test_titles_change_nothing_where_texts_say_no_more() -> None:
    texts = ["red red shoe", "a hat"]
    told, plain = BM25.build(texts, ["Red, red shoe!", "hat"]), BM25.build(texts)
    assert told.weights.tolist() == plain.weights.tolist()


def test_a_repeated_query_word_counts_each_time(index: BM25) -> None:
    once, twice = index.scores("cream", ALL), index.scores("cream cream", ALL)
    assert twice == pytest.approx(2 * once)


def test_k1_and_b_change_what_counts() -> None:
    texts = ["cream cream", "cream", "cream with a long list of other words"]
    flat = BM25.build(texts, k1=0, b=0).search(["cream"], 3)
    assert flat.items.tolist() == [[0, 1, 2]]  # repeats and length ignored: a tie
    assert len(set(flat.scores[0].tolist())) == 1
    short_first = BM25.build(texts, k1=1.2, b=1).search(["cream"], 3)
    assert short_first.items[0, -1] == 2


@pytest.mark.parametrize(("k1", "b"), [(-1.0, 0.75), (1.2, 1.1), (math.nan, 0.75)])
def test_impossible_k1_or_b_is_refused(k1: float, b: float) -> None:
    with pytest.raises(ConfigError, match="k1"):
        BM25.build(TEXTS, k1=k1, b=b)


def test_matched_names_the_words_and_their_parts_of_the_score(index: BM25) -> None:
    query = "Creams with vitamin E, vitamin K"
    parts = index.matched(query, 1)
    assert [token for token, _ in parts] == ["cream", "vitamin", "e"]
    assert sum(part for _, part in parts) == pytest.approx(float(index.scores(query, ALL)[1]))
    assert index.matched(query, 4) == ()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("pqrstu"), max_size=6).map(" ".join), max_size=8),
    st.lists(st.sampled_from("pqrstuv"), max_size=5).map(" ".join),
    st.integers(1, 10),
)
def test_search_scores_and_matched_agree(texts: list[str], query: str, k: int) -> None:
    index = BM25.build(texts)
    scores = index.scores(query, np.arange(len(texts), dtype=np.int32))
    for item, score in enumerate(scores):
        assert sum(part for _, part in index.matched(query, item)) == pytest.approx(float(score))
    best = [i for i in sorted(range(len(texts)), key=lambda i: (-scores[i], i)) if scores[i] > 0]
    hits = index.search([query], k)
    assert hits.items.tolist() == [(best + [-1] * k)[:k]]
    found = best[:k]
    assert hits.scores[0, : len(found)].tolist() == scores[found].tolist()


@pytest.mark.parametrize("query", ["维生素", "精华", "精", "维生素c", "30 ml"])
def test_part_of_a_chinese_word_finds_the_item(index: BM25, query: str) -> None:
    assert index.search([query], 1).items.tolist() == [[3]]


def test_mixed_text_is_found_from_both_its_languages(index: BM25) -> None:
    hits = index.search(["C 精华液"], 5)
    assert hits.items.tolist() == [[3, 0, -1, -1, -1]]


@pytest.mark.parametrize("query", ["", "the of", "zzz", "!!"])
def test_a_query_without_a_match_is_all_padding(index: BM25, query: str) -> None:
    hits = index.search([query, "serum"], 2)
    assert hits.items.tolist() == [[-1, -1], [0, -1]]
    assert hits.scores[0].tolist() == [-math.inf, -math.inf]
    assert hits.scores.dtype == np.float32 and hits.items.dtype == np.int32


def test_equal_scores_go_to_the_lower_index() -> None:
    index = BM25.build(["blue hat", "red hat", "red hat", "red hat"])
    assert index.search(["red"], 2).items.tolist() == [[1, 2]]


def test_padding_scores_zero(index: BM25) -> None:
    assert index.scores("cream", np.array([-1, 2, 0], np.int32))[[0, 2]].tolist() == [0, 0]


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_a_catalogue_without_text_has_no_hits(texts: list[str]) -> None:
    assert BM25.build(texts).search(["cream"], 2).items.tolist() == [[-1, -1]]
    assert BM25.build(texts).search([], 2).items.shape == (0, 2)


def test_k_below_one_is_refused(index: BM25) -> None:
    with pytest.raises(RequestError, match="at least 1"):
        index.search(["cream"], 0)


def test_building_leaves_jax_alone(tmp_path: Path) -> None:
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("")
    (tmp_path / "jax" / "lax.py").write_text("raise AssertionError('it would take a GPU')")
    said = subprocess.run(
        [sys.executable, "-c", "import corank.retrieve.lexical as l; l.BM25.build(['hat']);"
         "import jax, sys; print('jax.lax' in sys.modules)"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == "False"


def test_building_shows_no_progress_bar(capfd: pytest.CaptureFixture[str]) -> None:
    BM25.build(TEXTS)
    assert capfd.readouterr() == ("", "")


# On disk


def test_a_loaded_index_answers_the_same(index: BM25, tmp_path: Path) -> None:
    index.save(tmp_path / "lexical")
    loaded = BM25.load(tmp_path / "lexical")
    queries = ["vitamin cream", "维生素", ""]
    before, after = index.search(queries, 4), loaded.search(queries, 4)
    assert np.array_equal(before.scores, after.scores)
    assert np.array_equal(before.items, after.items)
    assert loaded.matched("vitamin", 0) == index.matched("vitamin", 0)
    assert (loaded.k1, loaded.b, loaded.size) == (1.2, 0.75, 5)


def test_load_refuses_a_pickle(index: BM25, tmp_path: Path) -> None:
    index.save(tmp_path)
    np.save(tmp_path / "weights.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BundleError, match=r"allow_pickle=False"):
        BM25.load(tmp_path)


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"tokens": [], "k2": 1}'])
def test_load_says_which_folder_is_damaged(index: BM25, tmp_path: Path, damage: str) -> None:
    index.save(tmp_path)
    (tmp_path / "bm25.json").write_text(damage)
    with pytest.raises(BundleError, match=tmp_path.name):
        BM25.load(tmp_path)
