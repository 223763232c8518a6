"""Rendering: hits to sound."""
