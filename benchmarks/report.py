"""The stored results as the table that stands in the README."""

import json
from pathlib import Path
from typing import Any

from benchmarks.picture import draw
from benchmarks.results import RESULTS
from corank.evaluate.report import OURS

SHOWN = {
    "time": ("recall@20", "ndcg@10"),
    "leave-one-out": ("hr@10", "ndcg@10"),
    "cold-items": ("recall@20", "ndcg@10"),
    "next-purchase": ("hr@3", "mrr@3"),
    "50agree-10-fold": ("minutes", "clear_accuracy", "accuracy"),
    "10-fold": ("mrr@10", "ndcg@10"),
    "liveqa": ("mrr@10", "ndcg@10"),
    "off-policy": ("effective_rounds", "click_rate"),
    "faq": ("oos_recall", "precision_of_answers", "answered_in_scope"),
    "50agree-functions": ("minutes", "clear_accuracy", "accuracy"),
    "pairs": ("calibration_error", "log_loss", "pair_accuracy"),
    "adaptation": ("recall@10", "mrr@10"),
    "7-steps": ("minutes", "forgetting", "accuracy"),
    "training-speed": ("times_as_fast", "pairs_per_second"),
    "latency": (
        *("ndcg@10", "accuracy", "ndcg@10_lost", "accuracy_lost", "cosine_in_batch", "size_mb"),
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
        *("bundle_mb", "first_answer_seconds", "memory_mb", "search_p99_ms", "search_p50_ms"),
    ),
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
BY_PART = ("off-policy", "screens")
"""Protocols all of whose parts stand in one table."""
SCOPE = ("minutes", "oos_recall", "in_scope_accuracy")
CLASSES = ("minutes", "macro_f1", "accuracy")
PICTURE = Path("docs") / "latency.png"
START, END = "<!-- results: python -m benchmarks report -->", "<!-- end of results -->"


def results() -> list[dict[str, Any]]:
    """Return every stored result, by name of its file; what a run keeps on its way is none."""
    paths = (path for path in sorted(RESULTS.glob("*.json")) if not path.name.startswith("."))
    return [json.loads(path.read_text("utf-8")) for path in paths]


def markdown() -> str:
    """Return a table per stored result: every system, best last, published figures marked."""
    tables = []
    for result in results():
        known = {r["metric"] for r in result["rows"]}
        classes = SCOPE if SCOPE[1] in known else CLASSES
        protocols = [p for p in SHOWN if result["protocol"].startswith(p)]
        shown = SHOWN[max(protocols, key=len)] if protocols else classes
        metrics = [m for m in shown if m in known]
        whole = result["protocol"] in BY_PART
        rows = [
            r for r in result["rows"] if (whole or r["split"] in PLAIN) and r["metric"] in metrics
        ]
        found = {(_system(r), r["metric"]): r for r in rows}
        systems = sorted(
            {system for system, metric in found if metric == metrics[-1]},
            key=lambda s: (found[s, metrics[-1]]["value"], s),
        )
        gpu = result["machine"].get("gpu")
        lines = [
            f"**{result['dataset']}, {result['protocol']}**: {result['verdict']}. "
            f"Commit {result['commit'][:12]}" + (f", {gpu}." if gpu else "."),
            "",
            "| system | " + " | ".join(metrics) + " |",
            "|---|" + "---:|" * len(metrics),
        ]
        for system in systems:
            cells = [_cell(found.get((system, metric))) for metric in metrics]
            name = f"**{system}**" if system == OURS else system
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines += _cost(result)
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _system(row: dict[str, Any]) -> str:
    return str(row["system"] if row["split"] == "all" else f"{row['split']}, {row['system']}")


def _cost(result: dict[str, Any]) -> list[str]:
    """What ours took, where that was measured; of memory, the most that a seed needed."""
    cost = {r["metric"]: r for r in result["rows"] if (r["system"], r["split"]) == (OURS, "cost")}
    if "fit_seconds" not in cost:
        return []
    said = f"Fitted in {cost['fit_seconds']['value'] / 60:.0f} minutes"
    if "evaluate_seconds" in cost:
        said += f" and evaluated in {cost['evaluate_seconds']['value'] / 60:.0f}"
    said += f" on {result['machine']['cores']} cores"
    if "peak_memory_mb" in cost:
        memory = cost["peak_memory_mb"]
        most = memory["value"] if memory["high"] is None else memory["high"]
        said += f"; peak memory {most / 1024:.1f} GiB"
    if "recommend_p50_ms" in cost:
        p50, p99 = (cost[f"recommend_{name}_ms"]["value"] for name in ("p50", "p99"))
        said += f"; a recommendation takes {p50:.1f} ms (p50), {p99:.1f} (p99)"
    return ["", f"{said}."]


def write(readme: Path) -> None:
    """Put the table between the README's markers, and the picture of the engines into docs."""
    if timed := [result for result in results() if result["protocol"] == "latency"]:
        draw(timed, readme.parent / PICTURE)
    text = readme.read_text("utf-8")
    before, rest = text.split(START)
    _, after = rest.split(END)
    readme.write_text(f"{before}{START}\n\n{markdown()}\n\n{END}{after}", "utf-8")


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if row["low"] is None:
        return f"{row['value']:.4f}"
    return f"{row['value']:.4f} ({row['low']:.4f} .. {row['high']:.4f})"
