"""Which figures of a stored result are shown, and the table that they make."""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.reporting.results import Result
from corank.evaluate.report import OURS, Row

SHOWN = {
    "time": ("recall@20", "ndcg@10"),
    "leave-one-out": ("hr@10", "ndcg@10"),
    "cold-items": ("recall@20", "ndcg@10"),
    "next-purchase": ("hr@3", "mrr@3"),
    "50agree-10-fold": ("minutes", "clear_accuracy", "accuracy"),
    "10-fold": ("mrr@10", "ndcg@10"),
    "liveqa": ("mrr@10", "ndcg@10"),
    "off-policy": ("effective_rounds", "click_rate"),
    "faq": ("oos_recall", "answered_in_scope", "precision_of_answers"),
    "50agree-functions": ("minutes", "clear_accuracy", "accuracy"),
    "pairs": ("calibration_error", "log_loss", "pair_accuracy"),
    "adaptation": ("recall@10", "mrr@10"),
    "7-steps": ("minutes", "forgetting", "accuracy"),
    "training-speed": ("pairs_per_second", "times_as_fast"),
    "latency": (
        *("ndcg@10", "accuracy", "pair_accuracy", "ndcg@10_lost", "accuracy_lost"),
        *("pair_accuracy_lost", "cosine_in_batch", "size_mb"),
        *("peak_memory_mb", "query_p50_ms", "query_p95_ms", "query_p99_ms", "texts_per_second"),
        *("speedup_over/fastembed", "speedup_over/sentence-transformers/onnx-int8"),
        *("speedup_over/sentence-transformers/openvino", "speedup_over/sentence-transformers"),
    ),
    "precisions": (
        *("ndcg@10", "ndcg@10_lost", "cosine", "cosine_in_batch", "size_mb", "texts_per_second"),
        "speedup_over/full precision",
    ),
    "install": ("site_packages_mb",),
    "compression": ("encoder_mb", "ndcg@10_lost", "accuracy_lost", "ndcg@10", "accuracy"),
    "serving-100000": (
        *("bundle_mb", "first_answer_seconds", "memory_mb", "answers_per_second@1"),
        *("answers_per_second@2", "answers_per_second@8", "search_p99_ms", "search_p50_ms"),
    ),
    "quick": ("recall@100", "hr@10", "ndcg@10"),
    "growth": (
        *("peak_memory_mb", "memory_mb", "encode_seconds", "index_seconds", "words_seconds"),
        *("fit_seconds", "first_answer_seconds", "search_p50_ms", "nearest_p50_ms"),
    ),
    "replay": (
        *("topic_accuracy", "sentiment_accuracy", "texts_per_second"),
        *("streams_without_fault", "false_alerts", "heard_in_time"),
    ),
    "screens": ("answers_p95_ms", "answers_p50_ms", "first_screen_s"),
    "8-bit-cpu": ("cosine", "ndcg@10", "weights_mb"),
    "8-bit-cuda": (
        *("cosine", "ndcg@10", "texts_per_second", "pairs_per_second", "weights_mb"),
        "peak_gpu_mb",
    ),
}
"""Metrics shown of a protocol, and of what begins with its name, such as its ablation; as far as
they are there. Systems stand in the order of the last."""
PLAIN = ("all", "encoding", "training")
"""Parts of a result that stand in its table; the systems of all but the first are named by them."""
BY_PART = ("off-policy", "screens", "growth", "quick")
"""Protocols all of whose parts stand in one table."""
SCOPE = ("minutes", "oos_recall", "in_scope_accuracy")
CLASSES = ("minutes", "macro_f1", "accuracy")


class Table(NamedTuple):
    """A result as a reader sees it: figures as text, the best system last."""

    name: str  # what was measured how
    verdict: str
    source: str  # commit, and machine where it is not the usual one
    header: tuple[str, ...]  # "system" and the metrics
    rows: tuple[tuple[str, ...], ...]
    cost: str  # what ours took; "" where that was not measured

    def markdown(self) -> str:
        """Return it as Markdown, ours in bold."""
        lines = [
            f"**{self.name}**: {self.verdict}. {self.source}.",
            "",
            f"| {' | '.join(self.header)} |",
            "|---|" + "---:|" * (len(self.header) - 1),
        ]
        for system, *cells in self.rows:
            name = f"**{system}**" if system == OURS else system
            lines.append(f"| {' | '.join((name, *cells))} |")
        return "\n".join([*lines, *(["", self.cost] if self.cost else [])])


def shown(result: Result) -> list[str]:
    """Return the metrics that are shown of a result, what it is about last."""
    known = {row.metric for row in result.rows}
    protocols = [name for name in SHOWN if result.protocol.startswith(name)]
    usual = SCOPE if SCOPE[1] in known else CLASSES
    metrics = SHOWN[max(protocols, key=len)] if protocols else usual
    return [metric for metric in metrics if metric in known]


def table(result: Result) -> Table:
    """Return every system of a result with what is shown of it."""
    metrics, whole = shown(result), result.protocol in BY_PART
    rows = [row for row in result.rows if whole or row.split in PLAIN]
    found = {(_system(row), row.metric): row for row in rows if row.metric in metrics}
    last = metrics[-1]
    systems = sorted(
        {system for system, metric in found if metric == last},
        key=lambda system: (found[system, last].value, system),
    )
    gpu = result.machine.get("gpu")
    return Table(
        result.name,
        result.verdict,
        f"Commit {result.commit[:12]}" + (f", {gpu}" if gpu else ""),
        ("system", *metrics),
        tuple((one, *(cell(found.get((one, metric))) for metric in metrics)) for one in systems),
        " ".join(_cost(result)),
    )


def cell(row: Row | None) -> str:
    """Return a figure with its interval."""
    if row is None:
        return ""
    if row.low is None or row.high is None:
        return f"{row.value:.4f}"
    return f"{row.value:.4f} ({row.low:.4f} .. {row.high:.4f})"


def _system(row: Row) -> str:
    return row.system if row.split == "all" else f"{row.split}, {row.system}"


def _cost(result: Result) -> Iterator[str]:
    """What ours took, where that was measured; of memory, the most that a seed needed."""
    cost = {row.metric: row for row in result.rows if (row.system, row.split) == (OURS, "cost")}
    if "fit_seconds" not in cost:
        return
    said = f"Fitted in {cost['fit_seconds'].value / 60:.0f} minutes"
    if "evaluate_seconds" in cost:
        said += f" and evaluated in {cost['evaluate_seconds'].value / 60:.0f}"
    said += f" on {result.machine['cores']} cores"
    if memory := cost.get("peak_memory_mb"):
        most = memory.value if memory.high is None else memory.high
        said += f"; peak memory {most / 1024:.1f} GiB"
    if "recommend_p50_ms" in cost:
        p50, p99 = (cost[f"recommend_{name}_ms"].value for name in ("p50", "p99"))
        said += f"; a recommendation takes {p50:.1f} ms (p50), {p99:.1f} (p99)"
    yield f"{said}."
