"""Evaluation: scores, reports, plots."""
