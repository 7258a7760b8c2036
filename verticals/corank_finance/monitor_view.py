"""Opinion as it comes in: a chart for each topic, and an alert where it turns."""

import math
from collections.abc import Iterator, Sequence

import gradio as gr

from corank.errors import CorankError
from corank.monitor import Alert, Monitor, Window, latest
from corank.opinions import Understanding
from corank.serve import views
from corank.serve.markup import Html, join, tag
from corank.serve.panel import QUIET, WAITED, Booth, Panel
from corank.serve.words import Words
from corank_finance.opinion import stream

WORDS = {
    "en": {
        "monitor": "Monitor",
        "replay": "Replay three days",
        "before_monitor": "Nothing watched yet",
        "before_monitor_help": "Replay three days of texts: each counts for the topics it may be "
        "about, in windows of an hour; an alert tells where far more than usual is negative.",
        "no_models": "The models that read opinions are not there",
        "no_models_help": "Fit them: corank demo finance",
        "read_so_far": "{count} texts read, up to {at}",
        "alerts": "Alerts",
        "no_alerts": "None so far.",
        "raised": "{at}: {share} of all texts are against {topic}, usually {usual}; of {texts} on "
        "it {negative} are negative",
        "over": "{at}: {topic} is back near the usual {usual}",
        "topics": "Share of all texts that are negative about a topic, hour by hour",
        "topics_help": "The line is the window, the dotted one what is usual; shaded while an "
        "alert is on.",
        "chart": "{topic}: {share} now, usually {usual}",
        "one_text": "Try a text",
        "one_text_hint": "A post, a headline, a review",
        "understood": "{topic} ({topic_chance}), {sentiment} ({chance})",
    },
    "zh": {
        "monitor": "监测",
        "replay": "回放三天",
        "before_monitor": "尚未监测",
        "before_monitor_help": "回放三天的文本:每条按可能的主题计入,以小时为窗口,"
        "负面远超平常即告警。",
        "no_models": "缺少读取意见的模型",
        "no_models_help": "请先训练:corank demo finance",
        "read_so_far": "已读 {count} 条,至 {at}",
        "alerts": "告警",
        "no_alerts": "暂无。",
        "raised": "{at}:全部文本中 {share} 针对 {topic},平常为 {usual};"
        "其 {texts} 条中 {negative} 为负面",
        "over": "{at}:{topic} 已回到平常水平 {usual}",
        "topics": "各主题负面文本占全部文本之比,逐小时",
        "topics_help": "实线为当时,虚线为平常水平;告警期间加底色。",
        "chart": "{topic}:目前 {share},平常 {usual}",
        "one_text": "试一条文本",
        "one_text_hint": "帖子、标题或评论",
        "understood": "{topic}({topic_chance}),{sentiment}({chance})",
    },
}
TEXTS = 10_000
SHOWN = 72
"""Windows of a chart."""
REDRAW = 1_000  # texts
WIDE, HIGH = 288, 48
LEAST = 0.1
"""Share up to which every chart reaches at least."""


def chart(topic: str, windows: Sequence[Window], top: float, words: Words) -> Html:
    """One topic's last windows as a line, (width 288, height 48), whose top is a share."""
    step = WIDE / max(SHOWN - 1, 1)

    def line(shares: Sequence[float]) -> str:
        known = [(n, each) for n, each in enumerate(shares) if not math.isnan(each)]
        return " ".join(f"{n * step:.1f},{HIGH * (1 - each / top):.1f}" for n, each in known)

    shades = [
        tag("rect", x=f"{n * step:.1f}", y=0, width=f"{step:.1f}", height=HIGH, class_="cr-alarmed")
        for n, each in enumerate(windows)
        if each.alarmed
    ]
    now = next((each for each in reversed(windows) if not math.isnan(each.share)), windows[-1])
    said = words("chart", topic=topic, share=_share(now.share), usual=_share(now.usual))
    drawn = tag(
        "svg",
        *shades,
        tag("polyline", points=line([each.usual for each in windows]), class_="cr-usual"),
        tag("polyline", points=line([each.share for each in windows]), class_="cr-line"),
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
    shares = [each.share for some in windows.values() for each in some]
    top = max([LEAST, *(each for each in shares if not math.isnan(each))])
    charts = [chart(topic, each, top, words) for topic, each in sorted(windows.items())]
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
        "share": _share(alert.share), "usual": _share(alert.usual),
        "negative": f"{alert.negative:.0%}",
    }  # fmt: skip
    examples = [tag("li", text) for text in alert.examples if alert.kind == "raised"]
    return tag(
        "li",
        tag("p", words(alert.kind, **said), class_=f"cr-{alert.kind}"),
        tag("ul", *examples, class_="cr-reasons") if examples else None,
    )


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1%}"


def replay(understanding: Understanding, words: Words, n: int = TEXTS) -> Iterator[Html]:
    """Yield what is seen as three days of texts come in."""
    rows = stream(n).select("at", "text").iter_rows()
    monitor, told = Monitor(), list[Window | Alert]()
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
        told = {
            "topic": about.best, "topic_chance": f"{about.probability:.0%}",
            "sentiment": how.best, "chance": f"{how.probability:.0%}",
        }  # fmt: skip
        return views.view(words, tag("p", words("understood", **told), role="status"))

    button.click(replayed, None, view, show_progress_on=view, **WAITED)
    text.submit(understood, text, meant, **QUIET)
    booth.loaded(opened, [view])


PANEL = Panel("monitor", WORDS, build)
