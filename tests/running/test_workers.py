"""Threads change nothing but the time: neither the order of results, nor which error comes, nor after what."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import SourceError
from tasks.running.workers import work_in_order

WORKERS = pytest.mark.parametrize("workers", [1, 2, 5])


def heard(results: Iterator[Any]) -> list[Any]:
    """All results, and last the error, if one came."""
    told: list[Any] = []
    try:
        for result in results:
            told.append(result)  # noqa: PERF402 - what came before an error counts
    except (SourceError, ValueError) as error:
        told.append(repr(error))
    return told


@given(
    st.integers(0, 12),
    st.sets(st.integers(0, 12), max_size=2),
    st.none() | st.integers(0, 12),
    st.integers(2, 4),
)
def test_results_and_errors_come_as_they_would_one_after_the_other(
    pieces: int, failing: set[int], ends_at: int | None, workers: int
) -> None:
    def hand_out() -> Iterator[int]:
        for piece in range(pieces):
            if piece == ends_at:
                raise SourceError(f"cut off at {piece}")
            yield piece

    def work(piece: int) -> int:
        time.sleep(0.0005 * (piece % 3))
        if piece in failing:
            raise ValueError(piece)
        return piece * piece

    alone = heard(work_in_order(work, hand_out(), workers=1))
    assert heard(work_in_order(work, hand_out(), workers=workers)) == alone


@WORKERS
def test_no_more_pieces_are_held_than_one_beyond_the_workers(workers: int) -> None:
    handed: list[int] = []

    def hand_out() -> Iterator[int]:
        for piece in count():
            handed.append(piece)
            yield piece

    results = work_in_order(lambda piece: piece, hand_out(), workers=workers)
    for done, piece in zip(range(1, 20), results, strict=False):
        assert piece == done - 1
        assert len(handed) <= done + workers
    results.close()


def test_workers_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)
    assert list(work_in_order(lambda _: together.wait() >= 0, range(3), workers=3)) == [True] * 3


def test_nothing_goes_on_after_the_reader_has_gone() -> None:
    results = work_in_order(lambda piece: piece, range(1000), workers=2)
    assert next(results) == 0
    before = threading.active_count()
    results.close()
    assert threading.active_count() <= before - 1
