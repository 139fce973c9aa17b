"""Words as people write them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> [counted(number, "file") for number in (0, 1, 2000)]
    ['0 files', '1 file', '2,000 files']
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
