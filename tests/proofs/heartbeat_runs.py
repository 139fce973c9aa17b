"""Flow runs of one kind in one process: `python -m tests.proofs.heartbeat_runs KIND RUNS AT_ONCE SECONDS EVERY`.

They have the options of every flow, run so many at once in threads, and beat every so many seconds.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from prefect import flow, tags
from prefect.exceptions import PrefectHTTPStatusError

from tasks.running.flows import OWN_OPTIONS
from tasks.running.heartbeat import WATCHED_TAG, beating


def keep_the_lock(seconds: int) -> None:
    """One call into C that keeps Python's lock: no other thread of the process, no other run in it, does anything."""
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


_ATTEMPTS: Final = 20


def run_all(kind: str, runs: int, at_once: int, seconds: int, every_seconds: int) -> None:
    """Run flows named by their kind; one that Prefect's server is too busy to take is tried again."""
    options = OWN_OPTIONS | beating(every_seconds)
    work = flow(name="heartbeat-study", flow_run_name=kind, **options)(WORK[kind])

    def run(_number: int) -> None:
        for _ in range(_ATTEMPTS):
            with tags(WATCHED_TAG), contextlib.suppress(PrefectHTTPStatusError):
                work(seconds)
                return
        raise RuntimeError(f"Prefect's server took none of {_ATTEMPTS} runs.")

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(run, range(runs)))


if __name__ == "__main__":
    run_all(sys.argv[1], *map(int, sys.argv[2:]))
