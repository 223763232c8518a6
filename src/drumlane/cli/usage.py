"""Usage: a wrong setting becomes one line and the exit code of wrong usage."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from drumlane.errors import ConfigError


@contextmanager
def usage(option: str) -> Iterator[None]:
    """Turn a wrong setting into one line about ``option`` and exit with 2."""
    try:
        yield
    except ConfigError as error:
        print(f"drumlane: {option}: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
