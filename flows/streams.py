"""Standard streams that may show less than is written, or be gone; no command ends otherwise for it.

Once a day is published, the exit code says so, whatever becomes of the lines that tell of it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Any, Final

_GONE: Final = {errno.EPIPE, errno.EBADF}
"""Errors of writing to a reader who has left, such as `head`, and who misses nothing."""
_STDIN, _STDOUT, _STDERR = range(3)


class LenientOutput(io.FileIO):
    """Standard output or error that takes whatever is written; its first error is kept."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write as much as can be written now; where nothing can, take it all the same."""
        try:
            return super().write(data) or 0
        except OSError as error:
            self.failure = self.failure or error
            return memoryview(data).nbytes


def use_lenient_streams() -> None:
    """Let standard output and error take whatever is written from now on.

    Characters that the terminal cannot show become question marks. Streams that are closed are
    opened on nothing: else a file of the store would get their number, and what others print.
    """
    for number in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest number
    sys.stdout = _lenient(_STDOUT, sys.stdout, errors="replace")
    sys.stderr = _lenient(_STDERR, sys.stderr, errors="backslashreplace")


def end_streams() -> None:
    """Write what is left, and tell on standard error if output was lost to a full disk or the like."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # somebody closed it
            stream.flush()
    output = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = output.failure if isinstance(output, LenientOutput) else None
    if failure and failure.errno not in _GONE:
        sys.stderr.write(f"What was printed could not all be written: {failure.strerror}.\n")
        sys.stderr.flush()


def _lenient(number: int, before: Any, *, errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(LenientOutput(number, "w", closefd=False)),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors=errors,
        line_buffering=number == _STDERR or os.isatty(number),
    )
