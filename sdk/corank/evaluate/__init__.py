"""Measuring rankings: relevance, metrics, baselines, significance, the report."""
