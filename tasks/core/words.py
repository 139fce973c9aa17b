"""Texts for people: counts, shares and Markdown."""

from __future__ import annotations

import re


def counted(number: int, noun: str) -> str:
    """Number of things, in words.

    >>> [counted(number, "file") for number in (0, 1, 2000)]
    ['0 files', '1 file', '2,000 files']
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(share: float) -> str:
    """Share in [0, 1] in percent; a small share never reads as none.

    >>> [percent(share) for share in (0, 0.000_001, 0.000_1, 0.001, 0.5)]
    ['0%', '<0.001%', '0.010%', '0.1%', '50.0%']
    """
    if share >= 0.001:  # noqa: PLR2004 - the least that one decimal shows
        return f"{share:.1%}"
    if share >= 0.000_01:  # noqa: PLR2004 - the least that three decimals show
        return f"{share:.3%}"
    return "<0.001%" if share else "0%"


def in_markdown(text: str) -> str:
    r"""Text escaped so that Markdown shows it as it is, with any characters in it.

    >>> print(in_markdown("a_b.csv"))
    a\_b.csv
    """
    return re.sub(r"([\\`*_{}\[\]()#+!|<>&~])", r"\\\1", text)
