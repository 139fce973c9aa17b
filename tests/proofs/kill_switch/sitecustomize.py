"""Counts what a process does to the files under a folder, and kills it before one of these operations.

Python imports this module first of all where its folder stands on PYTHONPATH, so the program under test is not touched.
Three variables tell it what to do; without them it does nothing.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = "KILL_ROOT"
"""The folder."""
LOG: Final = "KILL_LOG"
"""The file that names each operation, one in a line."""
AT: Final = "KILL_AT"
"""The number of the fatal operation, counted from 1; 0 lets the process live."""
_PATHS: Final = {"open": 0, "os.link": 1, "os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.scandir": 0}
"""Audit event to the position of the path that it is about."""


def watch(root: str, log: int, fatal: int) -> None:
    """Note each operation under `root` before it is done; the fatal one is not done."""
    count = 0

    def meet(operation: str, path: Any) -> bool:
        nonlocal count
        if not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(root):
            return False
        count += 1
        os.write(log, f"{operation} {os.path.relpath(path, root)}\n".encode())
        return count == fatal

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _PATHS and meet(event, arguments[_PATHS[event]]):
            _die()

    sys.addaudithook(audit)
    os.fsync = _torn_at(meet, os.fsync)  # type: ignore[assignment] # nobody names its argument


def _torn_at(meet: Callable[[str, Any], bool], settle: Callable[[Any], None]) -> Callable[[Any], None]:
    """`os.fsync`, which no audit event tells of; the file that is fatal is left half-written."""

    def fsync(descriptor: Any) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if meet("os.fsync", path):
            if path.is_file():
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            _die()
        settle(descriptor)

    return fsync


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if ROOT in os.environ:
    watch(os.environ[ROOT], os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND), int(os.environ[AT]))
