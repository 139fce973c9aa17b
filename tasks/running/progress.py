"""Progress of a day's scoring, as an artifact beside the flow run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Final, NamedTuple
from uuid import UUID

from tasks.core.day.records import Delivery, FileRef
from tasks.core.words import in_markdown
from tasks.running.context import is_in_flow_run
from tasks.running.events import never_in_the_way, show_progress

_SECONDS_BETWEEN: Final = 2.0
"""Least time between two updates. Each is a request to Prefect, which scoring waits for."""
_WHOLE: Final = 100.0


class Progress(NamedTuple):
    """Part of a delivery that is scored."""

    percent: float
    """Share of the rows in [0, 100]; of the bytes, if the rows of a file are not known beforehand."""
    text: str


def progress_of(files: Sequence[FileRef], file: FileRef, rows: int) -> Progress:
    """Progress when `rows` of a file are scored; the files before it are done.

    >>> from dataclasses import replace
    >>> first = FileRef("a.csv", "a.csv", "csv", 10, "", announced_rows=1000)
    >>> files = [first, replace(first, name="b.csv", announced_rows=3000)]
    >>> progress_of(files, files[1], 1000)
    Progress(percent=50.0, text='2,000 of 4,000 rows')
    >>> files = [first, replace(first, name="b.parquet", announced_rows=None)]
    >>> progress_of(files, files[1], 1000)
    Progress(percent=50.0, text='1,000 rows of b.parquet, file 2 of 2')
    """
    place = files.index(file)
    expected = [_expected_rows(each) for each in files]
    known = [each for each in expected if each is not None]
    if len(known) == len(files):
        done, total = sum(known[:place]) + rows, sum(known)
        return Progress(_percent(done, total), f"{done:,} of {max(done, total):,} rows")
    sizes = [each.size_bytes for each in files]
    text = f"{rows:,} rows of {file.name}, file {place + 1} of {len(files)}"
    return Progress(_percent(sum(sizes[:place]), sum(sizes)), text)


def _expected_rows(file: FileRef) -> int | None:
    """Rows that a file should hold: those announced, else its lines without the header; None if neither is known."""
    if file.announced_rows is not None or file.lines is None:
        return file.announced_rows
    return max(file.lines - 1, 0)


def _percent(done: int, total: int) -> float:
    return _WHOLE * min(done / total, 1.0) if total else _WHOLE


class _Shown:
    """The artifact of one attempt of a run; once Prefect fails to take it, no more is sent."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._artifact: UUID | None = None
        self._next_at = 0.0
        self._is_lost = False

    def note(self, file: FileRef, rows: int) -> None:
        """Show the progress, unless it was shown a moment ago."""
        if time.monotonic() >= self._next_at:
            self.show(progress_of(self._delivery.files, file, rows))
            self._next_at = time.monotonic() + _SECONDS_BETWEEN

    def show(self, progress: Progress) -> None:
        """Create the artifact, or renew it."""
        if self._is_lost:
            return
        self._is_lost = True
        with never_in_the_way("progress", done="shown"):
            key = f"progress-{self._delivery.as_of}"
            self._artifact = show_progress(
                progress.percent, key=key, description=in_markdown(progress.text), shown=self._artifact
            )
            self._is_lost = False


_SHOWN: Final[ContextVar[_Shown]] = ContextVar("progress that is shown")


@contextlib.contextmanager
def progress_shown(delivery: Delivery) -> Iterator[None]:
    """Show beside the flow run the progress that the block notes; outside one nothing is shown."""
    if not is_in_flow_run():
        yield
        return
    shown = _Shown(delivery)
    token = _SHOWN.set(shown)
    try:
        yield
    finally:
        _SHOWN.reset(token)
    shown.show(Progress(_WHOLE, "All rows are scored"))


def note_rows(file: FileRef, rows: int) -> None:
    """Note that `rows` of a file are scored, counted from its first row."""
    if shown := _SHOWN.get(None):
        shown.note(file, rows)
