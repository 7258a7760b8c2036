"""What Why shows: an answer taken apart and, a moment later, what leaving things out does.

Pure functions, as in `views`.
"""

from collections.abc import Iterable, Sequence

from corank.rank.explain import Answer
from corank.rank.features import RECOMMEND, SEARCH
from corank.rank.occlusion import WordEffects
from corank.rank.rules import Rule
from corank.rank.why import Why
from corank.serve.markup import Html, join, tag
from corank.serve.views import Shown, block, part_name, reasons, rule_name, table, view
from corank.serve.words import Words

TINY = 5e-4  # smaller parts of a score are not drawn
FAINT = 0.2  # words with less than this share of the strongest's effect are not marked
STRONGEST = 5  # words that are listed with their effect
MOST = 10  # items of the history that are shown


def why(shown: Shown, answer: Answer, rules: Sequence[Rule], words: Words) -> Html:
    """One answer explained: its score's parts, its reasons, and what the rules did."""
    says = {rule.name: rule.describe() for rule in rules} | {"where": words("rule_where")}
    moved = [
        tag("li", tag("b", rule), f" {says.get(rule, '')}", lang="en") for rule in answer.rules
    ]
    removed = [
        tag(
            "tr",
            tag("th", rule_name(rule, words), scope="row"),
            tag("td", says.get(rule, "")),
            tag("td", f"{count:,}", class_="cr-number"),
        )
        for rule, count in shown.answers.removed.items()
    ]
    parts = [(part_name(part, words), value) for part, value in score_parts(answer).items()]
    return view(
        words,
        tag("h2", answer.title, tabindex="-1"),
        tag("p", shown.asked(words), class_="cr-facts"),
        block(
            words("parts"),
            tag("p", words("parts_help"), class_="cr-note"),
            _bars(parts, total=(words("total"), answer.score)),
        ),
        block(
            words("reasons"),
            reasons(answer) if answer.reasons else tag("p", words("no_reasons")),
        ),
        block(
            words("rules_on_it"),
            tag("ul", *moved, class_="cr-rules") if moved else tag("p", words("no_rules_on_it")),
        ),
        block(
            words("rules_on_list"),
            table([words("rule"), words("rule_means"), words("rule_removed")], removed)
            if removed
            else tag("p", words("no_rules_on_list")),
        ),
        class_="cr-why",
    )


def left_out(shown: Shown, found: Why, words: Words) -> Html:
    """What leaving out each word and each item of the history does, and how the item was found.

    It says of what, because it comes later than the rest.
    """
    titles = {item.item_id: item.title for item in found.items} | {found.item_id: found.title}
    heads = titles | {"query": words("in_query"), "interests": words("in_interests")}
    texts = [_text(heads.get(text.of, text.of), text, words) for text in found.words]
    items = sorted(found.items, key=lambda item: -abs(item.effect))[:MOST]
    return view(
        words,
        tag("p", tag("b", found.title), " · ", shown.asked(words), class_="cr-facts"),
        block(words("words"), tag("p", words("words_help"), class_="cr-note"), *texts)
        if texts
        else None,
        block(
            words("items"),
            tag("p", words("items_help"), class_="cr-note"),
            _bars([(item.title, item.effect) for item in items], class_="cr-items"),
        )
        if items
        else None,
        block(words("way"), _way(found, words)),
        class_="cr-left-out",
    )


def _text(head: str, text: WordEffects, words: Words) -> Html:
    """A text with its words marked by what they do, and the strongest of them in figures."""
    most = max((abs(word.effect) for word in text.words), default=0.0) or 1.0
    shown: list[str] = []
    end = 0
    for word in text.words:
        strength = abs(word.effect) / most
        shown.append(text.text[end : word.start])
        end = word.start + len(word.word)
        kind = "cr-more" if word.effect > 0 else "cr-less"
        style = f"--cr-strength:{strength:.2f}"
        marked = tag("mark", word.word, class_=kind, style=style, title=f"{word.effect:+.3f}")
        shown.append(marked if strength >= FAINT else word.word)
    strongest = sorted(text.words, key=lambda word: -abs(word.effect))[:STRONGEST]
    figures = " · ".join(f"{word.word} {word.effect:+.3f}" for word in strongest)
    return tag(
        "div",
        tag("h4", head, " ", tag("small", words("similarity", value=f"{text.similarity:.3f}"))),
        tag("p", join(*shown, text.text[end:]), class_="cr-text"),
        tag("p", figures, class_="cr-note"),
        class_="cr-of",
    )


def _way(found: Why, words: Words) -> Html:
    """Who proposed it, its place by the score alone, and where each rule left it."""
    part_of = RECOMMEND if found.query is None else SEARCH
    named = dict.fromkeys(part_name(part_of[name], words) for name in found.proposed_by)
    lines = [
        words("proposed", by=", ".join(named)) if named else words("not_proposed"),
        words("place", place=found.rank_before, count=f"{found.candidates:,}"),
    ]
    for rule in found.rules:
        after = words("gone") if rule.after is None else str(rule.after)
        lines.append(words("rule_place", rule=rule.rule, before=rule.before, after=after))
    return tag("ul", *[tag("li", line) for line in lines], class_="cr-rules")


def score_parts(answer: Answer) -> dict[str, float]:
    """The parts that count, largest first; what rules added or took is one of them.

    They add up to the answer's score, but for parts below 0.0005.
    """
    parts = {**answer.parts, "rules": answer.score - sum(answer.parts.values())}
    kept = {part: value for part, value in parts.items() if abs(value) >= TINY}
    return dict(sorted(kept.items(), key=lambda part: -abs(part[1])))


def _bars(
    values: Iterable[tuple[str, float]], *, total: tuple[str, float] | None = None, class_: str = ""
) -> Html:
    """A table whose middle column is a bar from a common zero, left for negative values."""
    values = list(values)
    drawn = [0.0, *(value for _, value in values), *([total[1]] if total else [])]
    span = (max(drawn) - min(drawn)) or 1.0
    zero = -min(drawn) / span

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

    rows = [row(label, value, "cr-plus" if value > 0 else "cr-minus") for label, value in values]
    if total:
        rows.append(row(*total, "cr-sum", total=True))
    return tag("table", tag("tbody", *rows), class_=f"cr-bars {class_}".strip())
