"""Errors: what can go wrong outside the program, one short tree.

DrumlaneError
├── AudioError          a sound that cannot be read, decoded or written
│   └── DamagedAudioError   a sound that begins well and then breaks off
├── FormatError         a symbolic file (MIDI, csv, json) that cannot be read or written
├── ModelError          a model file that is missing, altered or made for another version
├── DatasetError        material for training or evaluation that is missing or broken
├── ConfigError         a setting with a wrong name or value
└── MissingExtraError   a feature whose optional dependency is not installed

Every message is one line: what, where, what next. The command line prints it and exits with 1.
Programmer errors stay ``ValueError`` and ``TypeError``.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DrumlaneError(Exception):
    """Base of all expected errors; its text is meant for the user."""


class AudioError(DrumlaneError):
    """A sound cannot be read, decoded or written."""


class DamagedAudioError(AudioError):
    """A sound begins well and then breaks off: cut short or damaged on the way."""


class FormatError(DrumlaneError):
    """A symbolic file cannot be read or written."""


class ModelError(DrumlaneError):
    """A model file is missing, altered or made for another version."""


class DatasetError(DrumlaneError):
    """Material for training or evaluation is missing or broken."""


class ConfigError(DrumlaneError):
    """A setting has a wrong name or value."""


class MissingExtraError(DrumlaneError):
    """A feature needs an optional dependency.

    >>> str(MissingExtraError("--plot", "matplotlib", "plot"))
    "--plot needs matplotlib, which is not installed; run: pip install 'drumlane[plot]'"
    """

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs {package}, which is not installed; run: pip install 'drumlane[{extra}]'"
        )


def nearest_first(wrong: str, choices: Iterable[str]) -> str:
    """List the choices for an error message, the most similar ones first.

    >>> nearest_first("snar", ["kick", "snare", "ride"])
    'snare, kick, ride'
    """
    names = list(choices)
    near = get_close_matches(wrong, names, n=3, cutoff=0.5)
    return ", ".join([*near, *(n for n in names if n not in near)])
