"""From a text to the tokens that lexical search compares, the same for items and queries.

English words are folded (NFKC, case, accents), stripped of possessives and plurals, and
dropped when they carry no meaning. Stemming is the S-stemmer of Harman, "How effective is
suffixing?", JASIS 1991, with the sibilant plurals and the few irregular nouns that it gets
wrong: heavier stemmers merge words a shop keeps apart, and need one more dependency. Chinese
is cut into jieba's search words, bigrams and single characters; Japanese and Korean into
bigrams. The module knows no synonyms, and of scripts that write vowels as marks (Devanagari,
Thai) it makes nothing useful.
"""

import re
import unicodedata
import warnings
from functools import cache, lru_cache
from typing import Any

_HAN = "々\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_CJK = _HAN + "\u3040-\u30ff\u31f0-\u31ff\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_LETTER = rf"[^\W_{_CJK}]"  # a letter or digit of a script that puts spaces between words
_UNIT = "cl|cm|g|gb|ghz|kg|l|lb|mah|mb|mcg|mg|ml|mm|oz|tb"

_TOKEN = re.compile(
    rf"(?P<number>\d+(?:,\d{{3}})*(?:\.\d+)*"  # 1,000 and 1.7
    rf"(?:[ -](?:{_UNIT})(?!{_LETTER})|{_LETTER}*))"  # 500 ml, 500-ml and 500ml are one token
    rf"|(?P<word>{_LETTER}+(?:['’]{_LETTER}+)*)"  # l'oreal, women's
    rf"|(?P<cjk>[{_CJK}]+)"
)
_HAN_RUN = re.compile(f"[{_HAN}]+")
_WRITTEN = re.compile(rf"[{_CJK}]+|[^\s{_CJK}]+")
_NOT_IN_NUMBER = re.compile("[ ,-]")
_SAYS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "So"}  # letters, digits, pictures
_ACCENT = re.compile("[\u0300-\u036f]")

# Lucene's English list, less "no" and "not": "no fragrance" is not "fragrance".
_STOP_WORDS = (
    "a an and are as at be but by for if in into is it of on or such that the their then there "
    "these they this to was will with"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())

_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "knives": "knife",
    "leaves": "leaf",
    "lens": "lens",
    "lense": "lens",
    "men": "man",
    "mice": "mouse",
    "potatoe": "potato",
    "scarves": "scarf",
    "series": "series",
    "shelves": "shelf",
    "species": "species",
    "teeth": "tooth",
    "tomatoe": "tomato",
    "women": "woman",
}
_IE_NOUNS = (
    "beanie birdie bootie brownie calorie cookie doggie foodie goalie hoodie indie junkie movie "
    "onesie pixie rookie selfie smoothie veggie zombie"
)
_ENDS_IN_IE = frozenset(_IE_NOUNS.split())


def analyze(text: str) -> list[str]:
    """Return the tokens of ``text`` in reading order, repeats included.

    A text of stop words alone (the film "It") keeps them.
    """
    if not text.isascii():
        bare = _ACCENT.sub("", unicodedata.normalize("NFKD", text))
        text = unicodedata.normalize("NFKC", bare)
    tokens: list[str] = []
    skipped: list[str] = []
    for match in _TOKEN.finditer(text.casefold()):
        kind, token = match.lastgroup, match.group()
        if kind == "cjk":
            tokens += _cjk(token)
        elif kind == "number":
            tokens.append(_NOT_IN_NUMBER.sub("", token))
        elif token in STOP_WORDS:
            skipped.append(token)
        else:
            tokens.append(_stem(token))
    return tokens or skipped


def words(text: str) -> list[slice]:
    """Return where the words of a text stand, in reading order, as people see them.

    Spaces part words, punctuation around them is none of theirs, and each stands for itself
    however often it comes. Chinese is cut into jieba's words; a stretch of kana or hangul is one.
    """
    found = []
    for match in _WRITTEN.finditer(text):
        start, end = match.span()
        if _HAN_RUN.fullmatch(text, start, end):
            cut = _jieba().tokenize(match.group())
            found += [slice(start + first, start + last) for _, first, last in cut]
            continue
        while start < end and unicodedata.category(text[start])[0] == "P":
            start += 1
        while start < end and unicodedata.category(text[end - 1])[0] == "P":
            end -= 1
        if any(unicodedata.category(char) in _SAYS for char in text[start:end]):
            found.append(slice(start, end))
    return found


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    word = word.replace("’", "'").removesuffix("'s").replace("'", "")
    if word not in _IRREGULAR:
        word = _singular(word)
    return _IRREGULAR.get(word, word)


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4 and word[:-1] not in _ENDS_IN_IE:
        return word if word.endswith(("eies", "aies")) else word[:-3] + "y"
    if word.endswith(("sses", "xes", "shes")):
        return word[:-2]
    if word.endswith("ches") and (word.endswith(("eaches", "oaches")) or word[-5:-4] != "a"):
        return word[:-2]  # watches, peaches; but a headache keeps its e
    return word[:-1]


def _cjk(run: str) -> list[str]:
    """Words where a segmenter knows them, and bigrams so that a part of a word is found.

    Each stretch of the run comes out once, ordered by where it starts, then by length.
    """
    spans = {(i, i + 2) for i in range(len(run) - 1)}
    spans |= {(i, i + 1) for i, char in enumerate(run) if len(run) == 1 or _HAN_RUN.match(char)}
    if len(run) > 2 and _HAN_RUN.fullmatch(run):  # no kana or hangul: Chinese
        spans |= {(start, end) for _, start, end in _jieba().tokenize(run, mode="search")}
    return [run[start:end] for start, end in sorted(spans)]


@cache
def _jieba() -> Any:
    """Load jieba's dictionary (a second, once), leaving its cache file alone.

    `jieba.initialize` would `marshal.load` a file of a well-known name in the shared temporary
    folder, where anybody may have put it, and would log what it does.
    """
    with warnings.catch_warnings():
        # jieba 0.42 has invalid escapes in its regular expressions, and asks for pkg_resources.
        warnings.filterwarnings("ignore", ".*(invalid escape sequence|pkg_resources)")
        import jieba

        tokenizer = jieba.Tokenizer()
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer
