"""Progress: a bar on a terminal, nothing where nobody watches; results go to standard output either way.

rich loads only when there is a bar to draw: it costs as much time as a second of music.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Item = TypeVar("Item")


class Display:
    """Shows what is being done, line by line and, on a terminal, with a bar."""

    def __init__(self, n_jobs: int, quiet: bool) -> None:
        self._n_jobs = n_jobs
        self._quiet = quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._done = 0

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            self._progress = _bar()
            self._progress.start()
            self._task = self._progress.add_task("", total=self._n_jobs)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.stop()

    def begin(self, name: str) -> None:
        """Say which file is next."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=name)

    def advance(self, fraction: float) -> None:
        """Take the fraction of the present file that is done, 0..1."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=self._done + fraction)

    def end(self) -> None:
        """Count the present file as done."""
        self._done += 1
        self.advance(0.0)

    def say(self, line: str) -> None:
        """Print a result."""
        if not self._quiet:
            print(_printable(line, sys.stdout.encoding))

    def complain(self, line: str) -> None:
        """Print a problem."""
        print(f"drumlane: {_printable(line, sys.stderr.encoding)}", file=sys.stderr)


def watched(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Pass items on and show how many are done, on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    unseen = not console.is_terminal  # where nobody watches, not even an empty line
    yield from track(items, what, total=total, console=console, transient=True, disable=unseen)


def watched_at_rate(
    items: Iterable[Item], what: str, total: int, seconds_of: Callable[[Item], float]
) -> Iterator[Item]:
    """Pass items on and show on a terminal how many are done, how fast and until when.

    Args:
        items: as they get done.
        what: stands before the bar.
        total: how many there will be.
        seconds_of: seconds of sound that were worked through for an item; the rate is theirs.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    began, seconds = time.monotonic(), 0.0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total, rate="")
        for item in items:
            seconds += seconds_of(item)
            rate = seconds / max(time.monotonic() - began, 1e-3)
            progress.update(task, advance=1, rate=f"{rate:,.0f} times real time" if seconds else "")
            yield item


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # a pipe or a file gets the plain lines
    )


def _printable(line: str, encoding: str | None) -> str:
    """Return the line in one line, and in letters the stream can print."""
    encoding = encoding or "utf-8"
    return " ".join(line.splitlines()).encode(encoding, "backslashreplace").decode(encoding)
