"""Work in processes of their own, so that Python works on as many processors as there are.

The processes are copies of one that has imported what they need, and does nothing else: its imports
are paid once, beside those of the run, and a process that dies is replaced within milliseconds. That
one has no threads, so a copy of it cannot hang on a lock that a thread held; a copy of the run, with
the threads of Prefect and Arrow, could.

Only orders and results travel, both small. A process that dies, or is silent for too long, costs the
order that it worked on: another process works on that one again, and no other.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar

from tasks.errors import ScoringError

T = TypeVar("T")
R = TypeVar("R")
_MOST_ATTEMPTS: Final = 3
"""Attempts of one order in all. An order that kills each process is at fault itself, or too large."""
_AHEAD: Final = 2
"""Orders that a process has at most: the one in work, and one that it begins without asking the run."""
_LONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1"}
"""NumPy would start threads where it is imported, and the processes are copied from there."""


class _Failed(NamedTuple):
    """Answer of a process whose work raised an error."""

    error: Exception


class _Worker:
    """One process, and the orders that it has."""

    def __init__(self, make: Callable[[Connection], Any]) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self.process = make(theirs)
        with _no_main_module():
            self.process.start()
        theirs.close()
        self.places: deque[int] = deque()
        """Places of its orders among all; it works on the first."""
        self.due = 0.0
        """Monotonic time at which it counts as hanging."""

    def end(self) -> None:
        """End the process at once, whatever it does."""
        self.connection.close()
        self.process.kill()
        self.process.join()


class WorkerProcesses:
    """WorkerProcesses that work on orders. Started once, they serve as many rounds of work as come."""

    is_apart: Final = True
    """True: what works on an order shares no memory with the run."""

    def __init__(
        self,
        count: int,
        *,
        modules: Sequence[str],
        prepare: Callable[[Any], object],
        argument: Any,
        most_seconds: float,
    ) -> None:
        """Start the processes; returns before they are ready.

        Args:
            count: number of processes.
            modules: modules that are imported once, before the processes are copied.
            prepare: called once in each process, before its first order; an error of ours in it is
                left to the order.
            argument: argument of `prepare`.
            most_seconds: time after which a process counts as hanging.
        """
        self._most_seconds = most_seconds
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(modules))

        def make(connection: Connection) -> Any:
            given = (connection, dict(os.environ), prepare, argument)
            return context.Process(target=_serve, args=given, daemon=True)

        self._make = make
        with _environment(_LONE_THREAD):
            self._workers = [_Worker(make) for _ in range(count)]

    def run(
        self, work: Callable[[T], R], orders: Iterable[T], *, meanwhile: Callable[[], object] | None = None
    ) -> Generator[R, None, None]:
        """Results of `work` on each order, in their order.

        An error of the work comes in its turn, after the results of all orders before it.

        Args:
            work: function of a module; orders and results can be pickled.
            orders: taken as processes become free.
            meanwhile: called once, when each process has something to do.

        Raises:
            ScoringError: three processes died on the same order.
        """
        waiting = deque(enumerate(orders))
        n_orders = len(waiting)
        answers: dict[int, Any] = {}
        attempts: Counter[int] = Counter()
        held = dict(waiting)
        try:
            self._hand_out(work, waiting)
            if meanwhile:
                meanwhile()
            for place in range(n_orders):
                while place not in answers:
                    for lost in self._collect(answers):
                        attempts[lost[0]] += 1
                        self._require_attempts_left(lost[0], attempts)
                        waiting.extendleft((place, held[place]) for place in reversed(lost))
                    self._hand_out(work, waiting)
                answer = answers.pop(place)
                del held[place]
                if isinstance(answer, _Failed):
                    raise answer.error
                yield answer
        finally:
            self._replace([worker for worker in self._workers if worker.places])

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _hand_out(self, work: Callable[[T], R], waiting: deque[tuple[int, T]]) -> None:
        """Hand out orders, one to each process before any has two."""
        for n_held in range(_AHEAD):
            for worker in self._workers:
                if waiting and len(worker.places) == n_held:
                    place, order = waiting.popleft()
                    if not worker.places:
                        worker.due = time.monotonic() + self._most_seconds
                    worker.places.append(place)
                    with suppress(OSError):  # it has died; `_collect` sees that
                        worker.connection.send((work, order, dict(os.environ)))

    def _collect(self, answers: dict[int, Any]) -> list[list[int]]:
        """Wait for something to happen; for each process that is lost, and replaced, the places of its orders."""
        busy = [worker for worker in self._workers if worker.places]
        remaining = min(worker.due for worker in busy) - time.monotonic()
        ready = set(wait([worker.connection for worker in busy], timeout=max(remaining, 0)))
        lost = []
        for worker in busy:
            if worker.connection in ready:
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):
                    lost.append(worker)
                else:
                    answers[worker.places.popleft()] = answer
                    worker.due = time.monotonic() + self._most_seconds
            elif time.monotonic() >= worker.due:
                lost.append(worker)
        places = [list(worker.places) for worker in lost]
        self._replace(lost)
        return places

    def _replace(self, lost: Sequence[_Worker]) -> None:
        for worker in lost:
            worker.end()
            self._workers[self._workers.index(worker)] = _Worker(self._make)

    def _require_attempts_left(self, place: int, attempts: Counter[int]) -> None:
        logging.getLogger("scoring").warning("A process died or hung; part %d of the day is worked on again", place + 1)
        if attempts[place] >= _MOST_ATTEMPTS:
            raise ScoringError(
                f"{_MOST_ATTEMPTS} processes in turn died, or took longer than execution.part_minutes, over part "
                f"{place + 1} of the day. Nothing was published. If the machine ran out of memory (see its kernel's "
                "log), lower scoring.workers or execution.range_megabytes; execution.runner: threads works "
                "without processes."
            )


def _serve(connection: Connection, environ: Mapping[str, str], prepare: Callable[[Any], object], argument: Any) -> None:
    """Work on orders until the run closes the connection, or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C goes to the run, which ends this process
    # Locks that libraries make for processes of their own are then without a name, which a process that is
    # killed would leave behind.
    multiprocessing.set_start_method("fork", force=True)
    _take_over(environ)
    with suppress(ScoringError):
        prepare(argument)
    with suppress(EOFError, OSError):
        while True:
            work, order, environ = connection.recv()
            _take_over(environ)
            try:
                answer = work(order)
            except Exception as error:  # noqa: BLE001 - the run raises it, in its turn
                answer = _Failed(_portable(error))
            connection.send(answer)


def _take_over(environ: Mapping[str, str]) -> None:
    """Make the environment of the run, as it is by now, that of this process."""
    os.environ.clear()
    os.environ.update(environ)


def _portable(error: Exception) -> Exception:
    """The error, or a plain one that names it, if it cannot travel."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever its own methods raise
        return RuntimeError(f"{type(error).__name__} in a process of the run")
    return error


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Hide the program of the run, which a new process would import again: a Prefect engine, or tests."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables set for a while, and then as they were."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_STARTED: Final[dict[int, WorkerProcesses]] = {}


def started_processes(count: int, make: Callable[[], WorkerProcesses]) -> WorkerProcesses:
    """WorkerProcesses of this run: made where they are first asked for, ended with the run.

    Args:
        count: number of them; another number starts others.
        make: starts them.
    """
    if count not in _STARTED:
        end_processes()
        _STARTED[count] = make()
    return _STARTED[count]


@atexit.register
def end_processes() -> None:
    """End the processes of this run, if there are any."""
    while _STARTED:
        _STARTED.popitem()[1].close()
