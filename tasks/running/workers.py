"""Work on several processors at once, with the results of work done piece by piece."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Runner(Protocol):
    """Workers that take orders and give results: threads or processes here, or a cluster."""

    @property
    def is_apart(self) -> bool:
        """True if whoever works on an order shares no memory with the run."""

    def run(
        self, work: Callable[[T], R], orders: Iterable[T], *, meanwhile: Callable[[], object] | None = None
    ) -> Generator[R, None, None]:
        """Results of `work` on each order, in their order. An error comes in its turn.

        If `is_apart`, work is a function of a module, orders and results can be pickled, and `meanwhile`
        is called once while others work. The run's own threads would not get on faster by it.
        """


class Threads:
    """Threads of the run."""

    is_apart: Final = False

    def __init__(self, count: int) -> None:
        """Name the number of threads."""
        self._count = count

    def run(
        self,
        work: Callable[[T], R],
        orders: Iterable[T],
        *,
        meanwhile: Callable[[], object] | None = None,  # noqa: ARG002
    ) -> Generator[R, None, None]:
        """Results of `work` on each order, as `work_in_order` gives them."""
        return work_in_order(work, orders, workers=self._count)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def work_in_order(
    work: Callable[[T], R],
    pieces: Iterable[T],
    *,
    workers: int,
) -> Generator[R, None, None]:
    """Results of `work` on each piece, in their order, `workers` of them at a time in threads.

    The next piece is asked for while the others are worked on; at most `workers + 1` are held at a
    time. An error of the work or of the iterator of pieces comes in its turn, as without threads:
    after the results of all pieces before it.
    """
    if workers == 1:
        yield from map(work, pieces)
        return
    begun: deque[Future[R]] = deque()
    cause: Exception | None = None
    with ThreadPoolExecutor(workers) as pool:
        try:
            remaining = iter(pieces)
            while True:
                try:
                    begun.append(pool.submit(work, next(remaining)))
                except StopIteration:
                    break
                except Exception as error:  # noqa: BLE001 - raised below, in its turn
                    cause = error
                    break
                if len(begun) > workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
    if cause is not None:
        raise cause
