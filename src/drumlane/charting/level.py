"""Level: the four difficulties of a chart, easiest first."""

from enum import StrEnum


class Level(StrEnum):
    """A difficulty; Expert is the transcription, each easier one a thinned version of the next harder."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"
    EXPERT = "expert"
