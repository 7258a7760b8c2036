"""The page: what lies where, and what each press does.

What is shown is made in `views`, in the browser's language; what one visitor does is kept in that
visitor's session alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from corank.engine import MAX_QUERY, Engine
from corank.evaluate.report import Report
from corank.policy import in_language
from corank.serve import views
from corank.serve.asker import MOST, Question, answer, questions, told
from corank.serve.desk import ANSWERS, Desk
from corank.serve.journal import Journal
from corank.serve.label_desk import LabelDesk
from corank.serve.markup import Html, tag
from corank.serve.panel import QUIET, WAITED, Booth, Panel, load_panels
from corank.serve.report_view import report_view
from corank.serve.views import Shown
from corank.serve.words import PREFIX, Words, labels, words_for

MOST_ANSWERS = 50
WAITING = 64  # requests in the queue; more are turned away
AT_ONCE = 4  # requests that are computed side by side

# A press on a button in our markup becomes the event that its data-do names. After a redraw the
# keyboard's focus goes to the button that took the pressed one's place, not back to the page's top.
PRESSES = """
let place = -1;
const buttons = () => [...element.querySelectorAll('button[data-do]')];
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  const known = ['explain', 'include', 'leave_out', 'start_over', 'grade'];
  if (!known.includes(button?.dataset.do)) return;
  place = buttons().indexOf(button);
  trigger(button.dataset.do, {item: button.dataset.item});
});
watch('value', () => {
  if (place < 0 || document.activeElement !== document.body) return;
  buttons()[Math.min(place, buttons().length - 1)]?.focus();
  place = -1;
});
"""
TO_WHY = "() => requestAnimationFrame(() => document.querySelector('#cr-why h2')?.focus())"


def build(
    engine: Engine,
    report: Report | None,
    source: str,
    journal: Journal | None = None,
    data: Path | None = None,
    model: Callable[[str], Path | None] = lambda name: None,
) -> gr.Blocks:
    """Lay out the app of an engine.

    Args:
        engine: what answers.
        report: what the Report tab shows, if there is any.
        source: the bundle's name, for the head of the page.
        journal: where requests are written down, if they are.
        data: the folder of events that the Labels tab shows; see `LabelDesk`.
        model: where the models lie that the vertical's own tabs need; see `Booth`.
    """
    vertical = engine.vertical
    label_desk = LabelDesk(engine, report, data)
    desk = Desk(engine, journal)
    panels = load_panels(vertical.panels)
    i18n = gr.I18n(**_labels(panels))

    def word(key: str) -> Any:
        return i18n(PREFIX + key)

    def markup(name: str, **options: Any) -> gr.HTML:
        return gr.HTML(elem_id=f"cr-{name}", js_on_load=PRESSES, apply_default_css=False, **options)

    def loaded(fill: Callable[..., Any], outputs: Sequence[Any]) -> None:
        demo.load(fill, None, list(outputs), **QUIET)

    most = min(MOST_ANSWERS, engine.items.height)
    people = desk.visitors()
    demo = gr.Blocks(title=f"corank · {vertical.name}", analytics_enabled=False)
    with demo:
        shown, following, explained = gr.State(), gr.State(), gr.State()
        history = gr.State([])
        head, known = markup("head"), gr.State(dict(vertical.example_asker))
        form = questions(vertical)
        fields: list[Any] = []
        if form:
            with gr.Accordion(word("who"), open=False, elem_id="cr-who"):
                gr.Markdown(word("who_help"))
                with gr.Row():
                    fields = [_field(each) for each in form]
        with gr.Tabs(overflow_behavior="wrap") as tabs:
            with gr.Tab(word("search"), id="search"):
                with gr.Row(equal_height=True, elem_classes="cr-ask"):
                    query = gr.Textbox(
                        label=word("query"),
                        placeholder=word("query_hint"),
                        max_length=MAX_QUERY,
                        lines=1,
                        scale=6,
                        min_width=220,
                        elem_id="cr-query",
                    )
                    ask = gr.Button(word("search"), variant="primary", scale=1, min_width=110)
                with gr.Row(elem_classes="cr-examples"):
                    examples = [
                        gr.Button(text, size="sm", min_width=0) for text in vertical.example_queries
                    ]
                with gr.Row(elem_classes="cr-options"):
                    count = gr.Slider(
                        1,
                        most,
                        min(ANSWERS, most),
                        step=1,
                        label=word("count"),
                        buttons=[],
                        min_width=160,
                    )
                    maximum = gr.Number(
                        0,  # gradio's browser side shows an empty number as 0
                        label=word("maximum"),
                        minimum=0,
                        min_width=160,
                        visible=vertical.price is not None,
                    )
                results = markup("results")
            with gr.Tab(word("recommend"), id="recommend"), gr.Row():
                with gr.Column(scale=2, min_width=280):
                    visitor = gr.Dropdown(
                        list(people),
                        value=None,
                        label=word("visitor"),
                        info=word("visitor_help"),
                        visible=bool(people),
                        elem_id="cr-visitor",
                    )
                    pick = gr.Textbox(
                        label=word("pick"),
                        placeholder=word("pick_hint"),
                        max_length=200,
                        lines=1,
                        elem_id="cr-pick",
                    )
                    picks = markup("picks")
                    chips = markup("chips")
                with gr.Column(scale=3, min_width=320):
                    recommended = markup("recommended")
            with gr.Tab(word("why"), id="why") as why_tab:
                chosen = gr.Dropdown(
                    [], label=word("answer"), info=word("answer_help"), elem_id="cr-chosen"
                )
                why = markup("why")
                left_out = markup("left-out")
            for panel in panels:
                with gr.Tab(word(panel.name), id=panel.name):
                    panel.build(
                        Booth(engine, known, history, word, markup, panel.words_for, loaded, model)
                    )
            with gr.Tab(word("labels"), id="labels") as labels_tab:
                graded = gr.State({})
                labelled = markup("labels")
            with gr.Tab(word("report"), id="report"):
                reported = markup("report")

        explanation = [explained, chosen, why, left_out]
        recommendation = [chips, following, recommended]

        def explanation_of(found: Shown | None, item: str | None, words: Words) -> tuple[Any, ...]:
            answers = found.answers if found else ()
            choices = [(f"{i}. {each.title}", each.item_id) for i, each in enumerate(answers, 1)]
            item = item or (choices[0][1] if choices else None)
            return found, gr.Dropdown(choices, value=item), desk.why(found, item, words), ""

        def opened(request: gr.Request) -> tuple[Any, ...]:
            words = _words(request)
            notice = in_language(vertical.policy.disclaimer, words.language)
            return (
                views.about(vertical.name, engine.items.height, source, notice, words),
                views.empty(words, "before_search"),
                views.picks({}, "", words),
                *desk.welcome(words),
                views.empty(words, "before_why"),
                report_view(report, source, words),
            )

        def searched(
            text: str, k: int, limit: float | None, who: dict[str, Any], request: gr.Request
        ) -> tuple[Any, ...]:
            words = _words(request)
            found, view = desk.search(text, int(k), limit, words, who)
            return found, view, *explanation_of(found, None, words)

        def picked(typed: str, request: gr.Request) -> Html:
            return desk.pick(typed, _words(request))

        def include(kept: list[str], event: gr.EventData, request: gr.Request) -> list[str]:
            item = str(event.item)
            if event.target is results:  # the history is on another tab
                title = desk.catalogue.titles([item]).get(item, "")
                gr.Info(tag("span", _words(request)("added", title=title)), duration=3)
            return desk.add(kept, item)

        def close_up(found: Shown | None, item: str | None, request: gr.Request) -> Html:
            return desk.left_out(found, item, _words(request))

        def leave_out(kept: list[str], event: gr.EventData) -> list[str]:
            return [item for item in kept if item != event.item]

        def start_over() -> list[str]:
            return []

        def become(name: str | None) -> tuple[Any, ...]:
            if name not in people:  # the field was only passed by
                return tuple(gr.skip() for _ in range(2 + len(form)))
            chosen = people[name]
            said = [answer(question, chosen.known) for question in form]
            return [*chosen.history], told(form, said), *said

        def follow(kept: list[str], who: dict[str, Any], request: gr.Request) -> tuple[Any, ...]:
            return desk.follow(kept, _words(request), who)

        def tell(*answers: str) -> dict[str, Any]:
            return told(form, answers)

        def explain(found: Shown, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
            words = _words(request)
            return gr.Tabs(selected="why"), *explanation_of(found, str(event.item), words)

        def choose(found: Shown | None, item: str | None, request: gr.Request) -> Html:
            return desk.why(found, item, _words(request))

        def show_labels(given: dict[str, int], request: gr.Request) -> Html:
            return label_desk.show(given, _words(request))

        def grade(given: dict[str, int], event: gr.EventData) -> dict[str, int]:
            return label_desk.grade(given, str(event.item))

        demo.load(opened, None, [head, results, picks, *recommendation, why, reported], **QUIET)
        asked = [query, count, maximum, known]
        search = {"inputs": asked, "outputs": [shown, results, *explanation], **WAITED}
        search["show_progress_on"] = results
        gr.on([ask.click, query.submit], searched, **search)
        for text, example in zip(vertical.example_queries, examples, strict=True):
            example.click(_same(text), None, query, **QUIET).then(searched, **search)
        pick.input(picked, pick, picks, trigger_mode="always_last", **QUIET)
        # presses that follow fast upon each other all count, one after the other
        kept: dict[str, Any] = {"trigger_mode": "multiple", "outputs": history, **QUIET}
        kept |= {"concurrency_limit": 1, "concurrency_id": "history"}
        for listed_items in (results, picks):
            listed_items.include(include, history, **kept)
        chips.leave_out(leave_out, history, **kept)
        chips.start_over(start_over, None, **kept)
        visitor.input(become, visitor, **(kept | {"outputs": [history, known, *fields]}))
        labels_tab.select(show_labels, graded, labelled, show_progress_on=labelled, **WAITED)
        labelled.grade(grade, graded, graded, **QUIET)
        graded.change(show_labels, graded, labelled, **QUIET)
        recommend = {"inputs": [history, known], "outputs": recommendation, **WAITED}
        recommend["show_progress_on"] = recommended
        history.change(follow, **recommend)
        for each in fields:
            each.change(tell, fields, known, trigger_mode="always_last", **QUIET)
        if fields:
            known.change(follow, **recommend)
        for listed, view in ((shown, results), (following, recommended)):
            view.explain(explain, listed, [tabs, *explanation], **QUIET).then(None, js=TO_WHY)
        chosen.input(choose, [explained, chosen], why, **QUIET)
        for asks in (why_tab.select, chosen.input):  # takes a second, so not with every search
            asks(close_up, [explained, chosen], left_out, show_progress_on=left_out, **WAITED)

    demo.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE)
    demo.i18n_instance = i18n  # also after a hot reload, which launches nothing
    return demo


def _field(question: Question) -> Any:
    """One field of the form about whoever asks; empty where nothing is said."""
    options: dict[str, Any] = {"label": question.label, "info": question.help or None}
    options |= {"min_width": 160, "elem_id": f"cr-who-{question.column}"}
    if question.choices:
        return gr.Dropdown(["", *question.choices], value=question.at_first, **options)
    return gr.Textbox(question.at_first, lines=1, max_length=MOST, **options)


def _words(request: gr.Request) -> Words:
    return words_for(request.headers.get("accept-language", ""))


def _labels(panels: Sequence[Panel]) -> dict[str, dict[str, str]]:
    """Every string that gradio shows, the panels' too, by language."""
    found = labels()
    for panel in panels:
        for language, said in panel.labels().items():
            found[language] |= said
    return found


def _same(text: str) -> Callable[[], str]:
    return lambda: text
