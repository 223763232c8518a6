"""Charting: a performance becomes something to play or to read."""
