"""What a domain does about risk: when nothing is ranked, what is always said, what no log holds.

Declarations, read by the engine and by whoever shows its answers. Texts are given by language, of
which ``en`` is one at least; what is asked in Chinese is answered in Chinese where there is a
``zh``. Wordings are written so that whoever answers for a service can read them:

    chest ... (pain|hurts|tight*)     up to six words between; this or that; how a word begins
    ^what (is|causes), cream$         at the start of what was typed, or at its end
    (吃了|吞了)...(整瓶|电池)           in Chinese up to eight characters between

They are searched in what was typed with case, accents and apostrophes taken away, and the commonest
traditional characters made simplified. Knows words; knows no models.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from corank.errors import DeclarationError
from corank.simplified import SIMPLIFIED

Told = Mapping[str, str]
"""Language -> text."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_MARKS = re.compile("[\u0300-\u036f'’`´\u00ad\u200b-\u200f\u2060\ufeff]")  # also what is not seen
_APOSTROPHES = re.compile("['’‘ʼ′‛´`]")  # before NFKC makes a space of some
_SPACE = re.compile(r"\s+")
_PARTS = re.compile(r" ?\.\.\. ?|.")


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Wording that is answered by a fixed message, never by a ranking.

    Args:
        name: what it is called in answers and logs.
        message: the answer, by language.
        wordings: one that is found raises the alarm.
        calm: wordings that lay it where they are found as well: who asks what a thing is, is not
            in the middle of it. Leave them out where a wrong silence costs more than a wrong
            message.
        anyway: wordings that raise it whatever calm ones are found as well.
        present: wordings that say it is here and now, of somebody near; with one of them calm ones
            lay nothing.

    Raises:
        DeclarationError: a wording cannot be read, or there is none, or no English message.
    """

    name: str
    message: Told
    wordings: tuple[str, ...]
    calm: tuple[str, ...] = ()
    anyway: tuple[str, ...] = ()
    present: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_told(f"Alarm {self.name!r}", self.message)
        if not self.wordings:
            raise DeclarationError(f"Alarm {self.name!r} declares no wording.")
        for wording in (*self.wordings, *self.calm, *self.anyway, *self.present):
            try:
                re.compile(pattern(wording))
            except re.error as error:
                raise DeclarationError(
                    f"Alarm {self.name!r}: the wording {wording!r} cannot be read: {error}."
                ) from error

    def heard(self, text: str) -> bool:
        """Whether a text, as it was typed, raises it."""
        told = folded(text)
        if self.anyway and self._anyway.search(told):
            return True
        if not self._heard.search(told):
            return False
        if self.present and self._present.search(told):
            return True
        return not (self.calm and self._calm.search(told))

    @cached_property
    def _heard(self) -> re.Pattern[str]:
        return _any(self.wordings)

    @cached_property
    def _anyway(self) -> re.Pattern[str]:
        return _any(self.anyway)

    @cached_property
    def _calm(self) -> re.Pattern[str]:
        return _any(self.calm)

    @cached_property
    def _present(self) -> re.Pattern[str]:
        return _any(self.present)


def _any(wordings: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(pattern, wordings)))


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a domain does about risk.

    Args:
        disclaimer: stands with every answer, by language; empty for none.
        abstain_below: a search whose first answer is right with less than this chance is answered
            by nothing; 0 answers always. The chance is learned when the pipeline is fitted, from
            judged queries; where there are too few of them nothing is withheld.
        alarms: wording that is answered by a fixed message. The first that is heard answers.
        masked: columns of users and interactions that no log holds.
        mask_text: whether no log holds what people write themselves either.

    Raises:
        DeclarationError: a part makes no sense.
    """

    disclaimer: Told = field(default_factory=dict)
    abstain_below: float = 0.0
    alarms: tuple[Alarm, ...] = ()
    masked: tuple[str, ...] = ()
    mask_text: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.abstain_below < 1:
            raise DeclarationError(
                f"Policy: abstain_below={self.abstain_below} is a chance; it lies in 0..1."
            )
        if self.disclaimer:
            _check_told("Policy: the disclaimer", self.disclaimer)

    def alarm(self, text: str) -> Alarm | None:
        """Return the first alarm that a text raises, if one does."""
        return next((alarm for alarm in self.alarms if alarm.heard(text)), None)


def pattern(wording: str) -> str:
    """Return a wording as a regular expression over what `folded` returns."""
    chinese = language_of(wording) == "zh"
    gap = ".{0,8}" if chinese else r"\W+(?:\w+\W+){0,6}?"
    into = {"^": "^", "$": "$", "(": "(?:", "|": "|", ")": ")", "*": r"\w*", " ": r"\W+"}
    parts = _PARTS.findall(folded(wording))
    told = "".join(gap if "..." in part else into.get(part, re.escape(part)) for part in parts)
    return told if chinese else rf"(?<![a-z0-9]){told}(?![a-z0-9])"


def folded(text: str) -> str:
    """Return a text as wordings see it.

    NFKC, lower case, no accents or apostrophes, one space, simplified characters.
    """
    told = unicodedata.normalize("NFKC", _APOSTROPHES.sub("", text))
    plain = unicodedata.normalize("NFKD", told.translate(SIMPLIFIED)).casefold()
    return _SPACE.sub(" ", _MARKS.sub("", plain)).strip()


def language_of(text: str) -> str:
    """Return ``zh`` where a text holds a Chinese character, ``en`` otherwise."""
    return "zh" if _HAN.search(text) else "en"


def in_language(told: Told, language: str) -> str:
    """Return a text in a language, such as ``zh-CN``; in English where it has none in that."""
    return told.get(language.partition("-")[0]) or told.get("en", "")


def _check_told(what: str, told: Told) -> None:
    if not told.get("en", "").strip():
        raise DeclarationError(f"{what} says nothing in English: give it an 'en'.")
