"""What names of metrics mean: whether more is better, less is, or neither says how good it is."""

from typing import Literal

MORE = (
    *("ndcg", "hr", "recall", "mrr", "accuracy", "in_scope_accuracy", "clear_accuracy"),
    *("pair_accuracy", "clear_pair_accuracy", "topic_accuracy", "sentiment_accuracy", "macro_f1"),
    *("precision_of_answers", "answered_in_scope", "oos_recall", "oos_auroc", "heard_in_time"),
    *("streams_without_fault", "cosine_in_batch"),
)
LESS = (
    *("log_loss", "calibration_error", "forgetting", "false_alerts", "chance_error"),
    *("chance_log_loss", "ndcg_lost", "accuracy_lost", "pair_accuracy_lost"),
)
"""Names without their cut-off: ``ndcg`` is ndcg@10, too."""
SPEED = ("texts_per_second", "times_as_fast")
"""Rates, of which more is better where both were measured in one run."""


def sense(metric: str) -> Literal[-1, 0, 1]:
    """Return 1 where more of a metric is better, -1 where less is, 0 where it is no quality."""
    before, _, after = metric.partition("@")
    name = before + ("_lost" if after.endswith("_lost") else "")
    return 1 if name in MORE else -1 if name in LESS else 0
