"""Data: cards and loaders of datasets."""
