"""Alarms hear what they should, texts are told in a language, and a policy is checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank import Alarm, Policy
from corank.errors import DeclarationError
from corank.policy import folded, in_language, language_of, pattern

HELP = {"en": "Call for help.", "zh": "请求助。"}


def alarm(*wordings: str, calm: tuple[str, ...] = ()) -> Alarm:
    return Alarm(name="fire", message=HELP, wordings=wordings, calm=calm)


@pytest.mark.parametrize(
    ("wording", "text", "heard"),
    [
        ("fire", "FIRE!", True),
        ("fire", "campfire fires", False),
        ("fire*", "fires", True),
        ("house ... (burns|on fire)", "our house, where I live, burns", True),
        ("house ... (burns|on fire)", "my house is on fire", True),
        ("house ... burns", "house and a b c d e f g burns", False),
        ("cant breathe", "I can’t breathe", True),
        ("cant breathe", "I ca\u200bn't bre\u00adathe", True),
        ("^what is", "what is fire", True),
        ("^what is", "so what is fire", False),
        ("cant breathe", "i can´t breathe", True),
        ("cant breathe", "i can‘t breathe", True),
        ("on fire", "我家on fire了", True),
        ("着火", "我家着火了", True),
        ("(房子|家)...着火", "房子昨天夜里着火", True),
        ("(房子|家)...着火", "房子在二零二四年的一个夜里着火", False),
        ("a.b", "axb", False),
        ("café", "CAFE", True),
    ],
)
def test_a_wording_is_found_as_it_reads(wording: str, text: str, heard: bool) -> None:
    assert alarm(wording).heard(text) is heard


def test_who_asks_about_it_is_not_in_the_middle_of_it() -> None:
    careful = alarm("fire", calm=("^what is", "insurance"))
    assert careful.heard("there is a fire here")
    assert not careful.heard("What is a fire door?")
    assert not careful.heard("cheap fire insurance")


def test_the_first_alarm_that_is_heard_answers() -> None:
    policy = Policy(alarms=(alarm("smoke"), Alarm(name="b", message=HELP, wordings=("smoke", "x"))))
    assert getattr(policy.alarm("smoke!"), "name", None) == "fire"
    assert getattr(policy.alarm("x"), "name", None) == "b"
    assert policy.alarm("tea") is None


@given(st.text())
def test_no_text_breaks_an_alarm_and_folding_twice_changes_nothing(text: str) -> None:
    alarm("fire ... (a|b*)", calm=("^no",)).heard(text)
    assert folded(folded(text)) == folded(text)


@given(st.text(alphabet="ab .*|c", min_size=1).filter(lambda t: "*" not in t and "|" not in t))
def test_a_plain_wording_hears_itself(wording: str) -> None:
    if "..." not in wording and wording.strip()[:1].isalnum() and wording.strip()[-1:].isalnum():
        assert alarm(wording.strip()).heard(wording)


def test_texts_are_told_in_their_language_or_in_english() -> None:
    assert language_of("我头疼") == "zh" and language_of("my head") == "en"
    assert in_language(HELP, "zh-CN") == "请求助。" and in_language(HELP, "fr") == "Call for help."
    assert in_language({}, "en") == ""


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: alarm(), "declares no wording"),
        (lambda: alarm("(open"), "cannot be read"),
        (lambda: Alarm(name="a", message={"zh": "x"}, wordings=("a",)), "give it an 'en'"),
        (lambda: Policy(abstain_below=1.0), "is a chance"),
        (lambda: Policy(disclaimer={"zh": "x"}), "give it an 'en'"),
    ],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(make: object, why: str) -> None:
    assert callable(make)
    with pytest.raises(DeclarationError, match=why):
        make()


def test_a_pattern_is_a_regular_expression_over_folded_text() -> None:
    assert pattern("chest pain") == r"(?<![a-z0-9])chest\W+pain(?![a-z0-9])"
