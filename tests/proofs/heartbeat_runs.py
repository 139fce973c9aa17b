"""Flow runs of one kind, one after the other in a process; they have the options of every flow.

`python -m tests.proofs.heartbeat_runs KIND RUNS SECONDS EVERY`: so many runs, of so many seconds each, that beat
every so many seconds.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from prefect import flow, tags

from tasks.running.heartbeat import WATCHED_TAG, beating
from tasks.running.step import FLOW_OPTIONS


def keep_the_lock(seconds: int) -> None:
    """One call into C that keeps Python's lock: no other thread of the process does anything."""
    ctypes.PyDLL(None).sleep(seconds)


def compute(seconds: int) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def wait(seconds: int) -> None:
    time.sleep(seconds)


def be_killed(seconds: int) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


WORK: Final[Mapping[str, Callable[[int], None]]] = {
    "locked": keep_the_lock,
    "computing": compute,
    "short": wait,
    "killed": be_killed,
}


def run_all(kind: str, runs: int, seconds: int, every_seconds: int) -> None:
    """Run flows named by their kind."""
    options = FLOW_OPTIONS | beating(every_seconds)
    work = flow(name="heartbeat-study", flow_run_name=kind, **options)(WORK[kind])
    with tags(WATCHED_TAG):
        for _ in range(runs):
            work(seconds)


if __name__ == "__main__":
    run_all(sys.argv[1], *map(int, sys.argv[2:]))
