"""Ask the service: an entry with its source, or that nobody knows."""

import gradio as gr

from corank.classify.faq import Faq
from corank.errors import CorankError
from corank.serve import views
from corank.serve.markup import Html, tag
from corank.serve.panel import WAITED, Booth, Panel
from corank.serve.words import Words

WORDS = {
    "en": {
        "service": "Service",
        "your_question": "Your question",
        "your_question_hint": "Ask as you would ask a person",
        "ask_service": "Ask",
        "before_service": "Nothing asked yet",
        "before_service_help": "What is asked often is answered with its source. What no entry "
        "answers is not answered at all.",
        "no_service": "The service's model is not there",
        "no_service_help": "Fit it: corank demo finance",
        "unknown": "I do not know",
        "unknown_help": "The nearest entry is right with a chance of {chance}, which is too "
        "little. A person will help.",
        "answered_by": "{source} · right with a chance of {chance}",
    },
    "zh": {
        "service": "客服",
        "your_question": "您的问题",
        "your_question_hint": "像问人一样提问",
        "ask_service": "提问",
        "before_service": "尚未提问",
        "before_service_help": "常见问题附出处作答;没有条目能回答的,不予作答。",
        "no_service": "缺少客服模型",
        "no_service_help": "请先训练:corank demo finance",
        "unknown": "我不知道",
        "unknown_help": "最接近的条目正确的概率为 {chance},不足以作答。请联系人工客服。",
        "answered_by": "{source} · 正确的概率为 {chance}",
    },
}


def show(faq: Faq, question: str, words: Words) -> Html:
    """The answer to one question, or that there is none."""
    if not question.strip():
        return views.empty(words, "before_service")
    try:
        (found,) = faq.answer([question.strip()])
    except CorankError as error:
        return views.problem(str(error), words)
    chance = f"{found.chance:.0%}"
    if found.entry is None:
        return views.empty(words, "unknown", chance=chance)
    title = dict(faq.entries.select("item_id", "title").iter_rows())[found.entry]
    said = words("answered_by", source=found.source or found.entry, chance=chance)
    card = tag(
        "article",
        tag("h2", title),
        tag("p", found.text),
        tag("p", said, class_="cr-facts"),
        class_="cr-card",
    )
    return views.view(words, tag("div", card, role="status"))


def build(booth: Booth) -> None:
    """Lay out the tab."""
    word, folder = booth.word, booth.model("faq")
    faq: Faq | None = None
    with gr.Row(equal_height=True, elem_classes="cr-ask"):
        question = gr.Textbox(
            label=word("your_question"), placeholder=word("your_question_hint"), max_length=2_000,
            lines=1, scale=6, min_width=220, elem_id="cr-question",
        )  # fmt: skip
        ask = gr.Button(word("ask_service"), variant="primary", scale=1, min_width=110)
    view = booth.markup("service")

    def opened(request: gr.Request) -> Html:
        return views.empty(booth.words(request), "before_service" if folder else "no_service")

    def asked(text: str, request: gr.Request) -> Html:
        nonlocal faq
        words = booth.words(request)
        if folder is None:
            return views.empty(words, "no_service")
        try:
            faq = faq or Faq.load(folder)
        except CorankError as error:
            return views.problem(str(error), words)
        return show(faq, text, words)

    gr.on([ask.click, question.submit], asked, question, view, show_progress_on=view, **WAITED)
    booth.loaded(opened, [view])


PANEL = Panel("service", WORDS, build)
