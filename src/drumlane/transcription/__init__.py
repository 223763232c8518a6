"""Transcription: sound to hits."""
