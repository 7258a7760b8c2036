"""Opinion as it comes in: a chart for each topic, and an alert where it turns."""

from collections.abc import Iterator, Sequence

import gradio as gr

from corank.errors import CorankError
from corank.monitor import Alert, Monitor, Window, latest
from corank.opinions import Understanding
from corank.serve import views
from corank.serve.markup import Html, join, tag
from corank.serve.panel import QUIET, WAITED, Booth, Panel
from corank.serve.words import Words
from corank_finance.opinion import WATCH, stream

WORDS = {
    "en": {
        "monitor": "Monitor",
        "replay": "Replay three days",
        "before_monitor": "Nothing watched yet",
        "before_monitor_help": "Replay three days of texts: each gets a topic and a sentiment, "
        "each topic an hour's window, and an alert where far more than usual are negative.",
        "no_models": "The models that read opinions are not there",
        "no_models_help": "Fit them: corank demo finance",
        "read_so_far": "{count} texts read, up to {at}",
        "alerts": "Alerts",
        "no_alerts": "None so far.",
        "raised": "{at}: {negative} of {texts} texts on {topic} are negative, usually {usual}",
        "over": "{at}: {topic} is back near the usual {usual}",
        "topics": "Share of negative texts, hour by hour",
        "topics_help": "The line is the window, the dotted one what is usual; shaded while an "
        "alert is on.",
        "chart": "{topic}: {negative} negative now, usually {usual}",
        "one_text": "Try a text",
        "one_text_hint": "A post, a headline, a review",
        "understood": "{topic}, {sentiment} ({chance})",
    },
    "zh": {
        "monitor": "监测",
        "replay": "回放三天",
        "before_monitor": "尚未监测",
        "before_monitor_help": "回放三天的文本:逐条判断主题与情感,按主题和小时开窗,"
        "负面占比远超平常即告警。",
        "no_models": "缺少读取意见的模型",
        "no_models_help": "请先训练:corank demo finance",
        "read_so_far": "已读 {count} 条,至 {at}",
        "alerts": "告警",
        "no_alerts": "暂无。",
        "raised": "{at}:{topic} 的 {texts} 条文本中 {negative} 为负面,平常为 {usual}",
        "over": "{at}:{topic} 已回到平常水平 {usual}",
        "topics": "各主题每小时负面占比",
        "topics_help": "实线为当时,虚线为平常水平;告警期间加底色。",
        "chart": "{topic}:目前负面 {negative},平常 {usual}",
        "one_text": "试一条文本",
        "one_text_hint": "帖子、标题或评论",
        "understood": "{topic},{sentiment}({chance})",
    },
}
TEXTS = 10_000
SHOWN = 72
"""Windows of a chart."""
REDRAW = 1_000  # texts
WIDE, HIGH = 288, 48


def chart(topic: str, windows: Sequence[Window], words: Words) -> Html:
    """One topic's last windows as a line, (width 288, height 48)."""
    step = WIDE / max(SHOWN - 1, 1)
    known = [(place, each) for place, each in enumerate(windows) if each.texts]
    line = " ".join(f"{place * step:.1f},{HIGH * (1 - each.negative):.1f}" for place, each in known)
    usual = " ".join(f"{n * step:.1f},{HIGH * (1 - w.usual):.1f}" for n, w in enumerate(windows))
    shades = [
        tag("rect", x=f"{n * step:.1f}", y=0, width=f"{step:.1f}", height=HIGH, class_="cr-alarmed")
        for n, each in enumerate(windows)
        if each.alarmed
    ]
    now = known[-1][1] if known else windows[-1]
    said = words("chart", topic=topic, negative=f"{now.negative:.0%}", usual=f"{now.usual:.0%}")
    drawn = tag(
        "svg",
        *shades,
        tag("polyline", points=usual, class_="cr-usual"),
        tag("polyline", points=line, class_="cr-line"),
        viewBox=f"0 0 {WIDE} {HIGH}",
        role="img",
        aria_label=said,
    )
    return tag("figure", tag("figcaption", said), drawn, class_="cr-chart")


def drawn(told: Sequence[Window | Alert], count: int, words: Words) -> Html:
    """Everything that was told so far."""
    alerts = [each for each in told if isinstance(each, Alert)]
    windows = latest(told, SHOWN)
    until = max((each[-1].begins for each in windows.values()), default=None)
    said = [_alert(each, words) for each in reversed(alerts)]
    charts = [chart(topic, each, words) for topic, each in sorted(windows.items())]
    at = f"{until:%Y-%m-%d %H:%M}" if until else "–"
    return views.view(
        words,
        tag("h2", words("monitor")),
        tag("p", words("read_so_far", count=f"{count:,}", at=at), role="status"),
        views.block(words("alerts"), tag("ul", *said) if said else tag("p", words("no_alerts"))),
        views.block(
            words("topics"),
            tag("p", words("topics_help"), class_="cr-note"),
            tag("div", *charts, class_="cr-charts"),
        ),
        class_="cr-monitor",
    )


def _alert(alert: Alert, words: Words) -> Html:
    said = {
        "at": f"{alert.at:%a %H:%M}", "topic": alert.topic, "texts": alert.texts,
        "negative": f"{alert.negative:.0%}", "usual": f"{alert.usual:.0%}",
    }  # fmt: skip
    examples = [tag("li", text) for text in alert.examples if alert.kind == "raised"]
    return tag(
        "li",
        tag("p", words(alert.kind, **said), class_=f"cr-{alert.kind}"),
        tag("ul", *examples, class_="cr-reasons") if examples else None,
    )


def replay(understanding: Understanding, words: Words, n: int = TEXTS) -> Iterator[Html]:
    """Yield what is seen as three days of texts come in."""
    rows = stream(n).select("at", "text").iter_rows()
    monitor, told = Monitor(WATCH), list[Window | Alert]()
    count = 0
    for count, opinion in enumerate(understanding.read_all(rows), 1):
        told += monitor.add(opinion)
        if count % REDRAW == 0:
            yield drawn(told, count, words)
    told += monitor.close()
    yield drawn(told, count, words)


def build(booth: Booth) -> None:
    """Lay out the tab."""
    word, folders = booth.word, (booth.model("topic"), booth.model("sentiment"))
    understanding: Understanding | None = None
    button = gr.Button(word("replay"), variant="primary", elem_id="cr-replay")
    view = booth.markup("monitor")
    text = gr.Textbox(
        label=word("one_text"), placeholder=word("one_text_hint"), max_length=2_000, lines=1,
        elem_id="cr-opinion",
    )  # fmt: skip
    meant = booth.markup("meant")

    def ready() -> Understanding | None:
        nonlocal understanding
        topic, sentiment = folders
        if understanding is None and topic and sentiment:
            understanding = Understanding.load(topic, sentiment)
        return understanding

    def opened(request: gr.Request) -> Html:
        words = booth.words(request)
        return views.empty(words, "before_monitor" if all(folders) else "no_models")

    def replayed(request: gr.Request) -> Iterator[Html]:
        words = booth.words(request)
        try:
            reads = ready()
        except CorankError as error:
            yield views.problem(str(error), words)
            return
        if reads is None:
            yield views.empty(words, "no_models")
            return
        yield from replay(reads, words)

    def understood(said: str, request: gr.Request) -> Html:
        words = booth.words(request)
        try:
            reads = ready()
        except CorankError as error:
            return views.problem(str(error), words)
        if not said.strip() or reads is None:
            return join()
        about, how = reads.topic.predict([said])[0], reads.sentiment.predict([said])[0]
        told = {"topic": about.best, "sentiment": how.best, "chance": f"{how.probability:.0%}"}
        return views.view(words, tag("p", words("understood", **told), role="status"))

    button.click(replayed, None, view, show_progress_on=view, **WAITED)
    text.submit(understood, text, meant, **QUIET)
    booth.loaded(opened, [view])


PANEL = Panel("monitor", WORDS, build)
