"""What Search and Recommend show: answers in, markup out.

Pure functions. Buttons carry ``data-do`` (what to do) and ``data-item`` (with which item); the
page's script turns a press into an event. Knows neither gradio nor the engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corank.policy import language_of
from corank.rank.explain import Answer, Answers
from corank.serve.catalogue import Facts
from corank.serve.markup import Html, join, tag
from corank.serve.words import Words


@dataclass(frozen=True)
class Shown:
    """A list of answers on the screen and what it answers: a query, or titles of a history."""

    answers: Answers
    query: str | None = None
    history: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()  # the history's items
    maximum: float | None = None  # the highest price
    known: Mapping[str, Any] = field(default_factory=dict)  # of whoever asks, by column

    def asked(self, words: Words) -> str:
        """Say in one line what was asked."""
        if self.query is not None:
            return words("asked", query=self.query)
        if not self.history:
            return words("after_nothing")
        return words("after", titles=" → ".join(self.history))

    def answer(self, item_id: str) -> Answer | None:
        """Return the answer that shows an item, if one does."""
        return next((each for each in self.answers if each.item_id == item_id), None)


def about(name: str, n_items: int, source: str, notice: str, words: Words) -> Html:
    """The page's head, with the disclaimer if there is one."""
    line = words("about", items=f"{n_items:,}", source=source)
    return view(
        words,
        tag("h1", "corank", tag("span", name, class_="cr-vertical")),
        tag("p", line),
        tag("p", notice, class_="cr-notice", role="note") if notice else None,
        class_="cr-head",
    )


def empty(words: Words, key: str, **values: object) -> Html:
    """What stands where nothing has been asked for yet."""
    return view(
        words,
        tag("p", words(key), class_="cr-empty-what"),
        tag("p", words(f"{key}_help", **values)),
        class_="cr-empty",
    )


def problem(message: str, words: Words) -> Html:
    """What stands where a request could not be answered; the message is corank's own."""
    return view(words, tag("p", message, role="alert", lang="en"), class_="cr-problem")


def found(shown: Shown, facts: Mapping[str, Facts], words: Words) -> Html:
    """The answers to a search, or what comes after a history, as cards."""
    count = len(shown.answers)
    if shown.answers.alarm:
        return _alarm(shown.answers, words)
    if shown.answers.withheld:
        chance = f"{shown.answers.confidence or 0:.0%}"
        return join(empty(words, "unsure", chance=chance), _removed(shown.answers, words))
    if not count:
        return join(empty(words, "nothing"), _removed(shown.answers, words))
    if shown.query is not None:
        heading = words.counted("found", count, query=shown.query)
    elif shown.history:
        heading = words.counted("next", len(shown.history))
    else:
        heading = words("popular")
    cards = [
        _card(place, answer, facts[answer.item_id], words, addable=shown.query is not None)
        for place, answer in enumerate(shown.answers, 1)
    ]
    return view(
        words,
        tag("div", tag("h2", heading), role="status"),
        tag("ol", *cards, class_="cr-cards"),
        _sure(shown.answers, words),
        _removed(shown.answers, words),
        _notice(shown.answers, words),
    )


def _notice(answers: Answers, words: Words) -> Html | None:
    """The disclaimer, where it is told in another language than the page's head tells it."""
    language = language_of(answers.notice)
    if not answers.notice or words.language.startswith(language):
        return None
    return tag("p", answers.notice, class_="cr-notice", role="note", lang=language)


def _alarm(answers: Answers, words: Words) -> Html:
    """What answers an emergency, in the language that it was told in."""
    language = language_of(answers.message)
    message = tag("p", answers.message, role="alert", lang=language)
    return view(words, message, class_="cr-alarm")


def _card(place: int, answer: Answer, facts: Facts, words: Words, *, addable: bool) -> Html:
    tags = [tag("span", flag, class_="cr-tag") for flag in facts.flags] + [
        tag("span", words("moved_by", rule=rule), class_="cr-tag cr-rule") for rule in answer.rules
    ]
    add = _button("include", answer, words) if addable else None
    return tag(
        "li",
        tag(
            "div",
            tag("span", str(place), class_="cr-place", aria_hidden="true"),
            tag("h3", answer.title),
            _likely(answer.chance, words) if answer.chance is not None else None,
            tag("span", f"{answer.score:.2f}", class_="cr-score", title=words("score")),
            class_="cr-title",
        ),
        tag("p", " · ".join(facts.short), class_="cr-facts") if facts.short else None,
        *[tag("p", text, class_="cr-long") for text in facts.long],
        tag(
            "div",
            tag(
                "div",
                reasons(answer) if answer.reasons else None,
                tag("div", *tags, class_="cr-tags") if tags else None,
            ),
            tag("div", _button("explain", answer, words), add, class_="cr-buttons"),
            class_="cr-foot",
        ),
        class_="cr-card",
    )


def _likely(chance: float, words: Words) -> Html:
    said = words("likely", chance=f"{chance:.1%}")
    return tag("span", said, class_="cr-likely", title=words("likely_help"))


def reasons(answer: Answer) -> Html:
    """Its sentences."""
    said = [tag("li", reason) for reason in answer.reasons]
    return tag("ul", *said, class_="cr-reasons", lang="en")


def _button(do: str, answer: Answer, words: Words) -> Html:
    return tag(
        "button",
        words(do),
        type="button",
        data_do=do,
        data_item=answer.item_id,
        aria_label=words(f"{do}_it", title=answer.title),
    )


def _sure(answers: Answers, words: Words) -> Html | None:
    if answers.confidence is None:
        return None
    return tag("p", words("sure", chance=f"{answers.confidence:.0%}"), class_="cr-note")


def _removed(answers: Answers, words: Words) -> Html | None:
    if not answers.removed:
        return None
    counts = [f"{rule_name(rule, words)} {count:,}" for rule, count in answers.removed.items()]
    return tag("p", f"{words('removed')}: {', '.join(counts)}", class_="cr-note")


def picks(titles: Mapping[str, str], typed: str, words: Words) -> Html:
    """Items to add to the history, for what was typed."""
    if not typed.strip():
        return view(words, tag("p", words("pick_help"), class_="cr-note"))
    if not titles:
        return view(words, tag("p", words("no_pick"), class_="cr-note"))
    buttons = [
        tag(
            "button",
            title,
            type="button",
            data_do="include",
            data_item=item,
            aria_label=words("include_it", title=title),
        )
        for item, title in titles.items()
    ]
    return view(words, tag("ul", *[tag("li", each) for each in buttons], class_="cr-picks"))


def chips(titles: Mapping[str, str], words: Words) -> Html:
    """The history, oldest first, each with a button that removes it."""
    if not titles:
        return view(
            words, tag("h2", words("history")), tag("p", words("no_history"), class_="cr-note")
        )
    items = [
        tag(
            "li",
            tag("span", title),
            tag(
                "button",
                "×",
                type="button",
                data_do="leave_out",
                data_item=item,
                aria_label=words("leave_out_it", title=title),
            ),
        )
        for item, title in titles.items()
    ]
    clear = tag("button", words("start_over"), type="button", data_do="start_over", data_item="")
    return view(
        words,
        tag("div", tag("h2", words("history")), clear, class_="cr-row"),
        tag("ol", *items, class_="cr-chips"),
    )


def table(heads: Sequence[str], rows: Sequence[Html]) -> Html:
    """A table that scrolls sideways on a narrow screen."""
    cells = [tag("th", text, scope="col") if text else tag("td") for text in heads]
    head = tag("tr", *cells)
    inner = tag("table", tag("thead", head), tag("tbody", *rows), class_="cr-table")
    return tag("div", inner, class_="cr-scroll", tabindex="0")


def block(heading: str, *children: Html | None) -> Html:
    """A section under a heading."""
    return tag("section", tag("h3", heading), *children)


def part_name(part: str, words: Words) -> str:
    """What people call a part of the score."""
    key = f"part_{part}"
    return words(key) if key in words.strings else part


def rule_name(rule: str, words: Words) -> str:
    """What people call a rule."""
    return words("rule_where") if rule == "where" else rule


def view(words: Words, *children: str | None, class_: str = "") -> Html:
    """What a part of the page shows, in its language."""
    return tag("div", *children, class_=f"cr-view {class_}".strip(), lang=words.language)
