"""Accuracy and latency on real public data. Never a part of the product."""
