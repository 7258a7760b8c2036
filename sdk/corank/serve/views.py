"""What Search, Recommend and Why show: answers in, markup out.

Pure functions. Buttons carry ``data-do`` (what to do) and ``data-item`` (with which item); the
page's script turns a press into an event. Knows neither gradio nor the engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from corank.rank.explain import Answer, Answers
from corank.rank.rules import Rule
from corank.serve.catalogue import Facts
from corank.serve.markup import Html, join, tag
from corank.serve.words import Words

TINY = 5e-4  # smaller parts of a score are not drawn


@dataclass(frozen=True)
class Shown:
    """A list of answers on the screen and what it answers: a query, or titles of a history."""

    answers: Answers
    query: str | None = None
    history: tuple[str, ...] = ()

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


def about(name: str, n_items: int, source: str, words: Words) -> Html:
    """The page's head."""
    line = words("about", items=f"{n_items:,}", source=source)
    return _view(
        words,
        tag("h1", "corank", tag("span", name, class_="cr-vertical")),
        tag("p", line),
        class_="cr-head",
    )


def empty(words: Words, key: str, **values: object) -> Html:
    """What stands where nothing has been asked for yet."""
    return _view(
        words,
        tag("p", words(key), class_="cr-empty-what"),
        tag("p", words(f"{key}_help", **values)),
        class_="cr-empty",
    )


def problem(message: str, words: Words) -> Html:
    """What stands where a request could not be answered; the message is corank's own."""
    return _view(words, tag("p", message, role="alert", lang="en"), class_="cr-problem")


def found(shown: Shown, facts: Mapping[str, Facts], words: Words) -> Html:
    """The answers to a search, or what comes after a history, as cards."""
    count = len(shown.answers)
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
    return _view(
        words,
        tag("div", tag("h2", heading), role="status"),
        tag("ol", *cards, class_="cr-cards"),
        _removed(shown.answers, words),
    )


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
            tag("span", f"{answer.score:.2f}", class_="cr-score", title=words("score")),
            class_="cr-title",
        ),
        tag("p", " · ".join(facts.short), class_="cr-facts") if facts.short else None,
        *[tag("p", text, class_="cr-long") for text in facts.long],
        tag(
            "div",
            tag(
                "div",
                _reasons(answer) if answer.reasons else None,
                tag("div", *tags, class_="cr-tags") if tags else None,
            ),
            tag("div", _button("explain", answer, words), add, class_="cr-buttons"),
            class_="cr-foot",
        ),
        class_="cr-card",
    )


def _reasons(answer: Answer) -> Html:
    reasons = [tag("li", reason) for reason in answer.reasons]
    return tag("ul", *reasons, class_="cr-reasons", lang="en")


def _button(do: str, answer: Answer, words: Words) -> Html:
    return tag(
        "button",
        words(do),
        type="button",
        data_do=do,
        data_item=answer.item_id,
        aria_label=words(f"{do}_it", title=answer.title),
    )


def _removed(answers: Answers, words: Words) -> Html | None:
    if not answers.removed:
        return None
    counts = [f"{_rule(rule, words)} {count:,}" for rule, count in answers.removed.items()]
    return tag("p", f"{words('removed')}: {', '.join(counts)}", class_="cr-note")


def picks(titles: Mapping[str, str], typed: str, words: Words) -> Html:
    """Items to add to the history, for what was typed."""
    if not typed.strip():
        return _view(words, tag("p", words("pick_help"), class_="cr-note"))
    if not titles:
        return _view(words, tag("p", words("no_pick"), class_="cr-note"))
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
    return _view(words, tag("ul", *[tag("li", each) for each in buttons], class_="cr-picks"))


def chips(titles: Mapping[str, str], words: Words) -> Html:
    """The history, oldest first, each with a button that removes it."""
    if not titles:
        return _view(
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
    return _view(
        words,
        tag("div", tag("h2", words("history")), clear, class_="cr-row"),
        tag("ol", *items, class_="cr-chips"),
    )


def why(shown: Shown, answer: Answer, rules: Sequence[Rule], words: Words) -> Html:
    """One answer explained: its score's parts, its reasons, and what the rules did."""
    says = {rule.name: rule.describe() for rule in rules} | {"where": words("rule_where")}
    moved = [
        tag("li", tag("b", rule), f" {says.get(rule, '')}", lang="en") for rule in answer.rules
    ]
    removed = [
        tag(
            "tr",
            tag("th", _rule(rule, words), scope="row"),
            tag("td", says.get(rule, "")),
            tag("td", f"{count:,}", class_="cr-number"),
        )
        for rule, count in shown.answers.removed.items()
    ]
    return _view(
        words,
        tag("h2", answer.title, tabindex="-1"),
        tag("p", shown.asked(words), class_="cr-facts"),
        _block(
            words("parts"), tag("p", words("parts_help"), class_="cr-note"), _bars(answer, words)
        ),
        _block(
            words("reasons"),
            _reasons(answer) if answer.reasons else tag("p", words("no_reasons")),
        ),
        _block(
            words("rules_on_it"),
            tag("ul", *moved, class_="cr-rules") if moved else tag("p", words("no_rules_on_it")),
        ),
        _block(
            words("rules_on_list"),
            table([words("rule"), words("rule_means"), words("rule_removed")], removed)
            if removed
            else tag("p", words("no_rules_on_list")),
        ),
        class_="cr-why",
    )


def score_parts(answer: Answer) -> dict[str, float]:
    """The parts that count, largest first; what rules added or took is one of them.

    They add up to the answer's score, but for parts below 0.0005.
    """
    parts = {**answer.parts, "rules": answer.score - sum(answer.parts.values())}
    kept = {part: value for part, value in parts.items() if abs(value) >= TINY}
    return dict(sorted(kept.items(), key=lambda part: -abs(part[1])))


def _bars(answer: Answer, words: Words) -> Html:
    """A table whose middle column is a bar from a common zero, left for negative parts."""
    parts = score_parts(answer)
    low = min(0.0, answer.score, *parts.values())
    high = max(0.0, answer.score, *parts.values())
    span = (high - low) or 1.0
    zero = -low / span

    def row(label: str, value: float, kind: str, *, total: bool = False) -> Html:
        start = zero + min(value, 0.0) / span
        style = f"left:{start:.2%};width:{abs(value) / span:.2%}"
        track = tag(
            "div",
            tag("span", class_="cr-zero", style=f"left:{zero:.2%}"),
            tag("span", class_=f"cr-bar {kind}", style=style),
            class_="cr-track",
            aria_hidden="true",
        )
        return tag(
            "tr",
            tag("th", label, scope="row"),
            tag("td", track, class_="cr-drawn"),
            tag("td", f"{value:.2f}" if total else f"{value:+.2f}", class_="cr-number"),
            class_="cr-total" if total else None,
        )

    rows = [
        row(_part(part, words), value, "cr-plus" if value > 0 else "cr-minus")
        for part, value in parts.items()
    ]
    rows.append(row(words("total"), answer.score, "cr-sum", total=True))
    return tag("table", tag("tbody", *rows), class_="cr-bars")


def table(heads: Sequence[str], rows: Sequence[Html]) -> Html:
    """A table that scrolls sideways on a narrow screen."""
    head = tag("tr", *[tag("th", text, scope="col") for text in heads])
    inner = tag("table", tag("thead", head), tag("tbody", *rows), class_="cr-table")
    return tag("div", inner, class_="cr-scroll", tabindex="0")


def _block(heading: str, *children: Html | None) -> Html:
    return tag("section", tag("h3", heading), *children)


def _part(part: str, words: Words) -> str:
    key = f"part_{part}"
    return words(key) if key in words.strings else part


def _rule(rule: str, words: Words) -> str:
    return words("rule_where") if rule == "where" else rule


def _view(words: Words, *children: str | None, class_: str = "") -> Html:
    return tag("div", *children, class_=f"cr-view {class_}".strip(), lang=words.language)
