"""Realised cost of a day's applications, read from its JSON for the pages that show it."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RealisedRecord:
    """Realised cost of a day's applications with an outcome, and the one that was expected of them."""

    revision: int
    """Number of the revision whose decisions they are."""
    cost: float
    """Realised cost per application, in units of a lost good customer."""
    expected: float | None
    """Expected cost of the same applications; None if it was not told."""
    low: float | None
    """Lower end of the expected 95 % interval; None if there is none."""
    high: float | None
    sentences: tuple[str, ...]


def read_realised(data: bytes) -> RealisedRecord | None:
    """Read the JSON that a backtest leaves of a day; None if it is damaged.

    >>> day = {"revision": 2, "realised": {"value": 0.4}, "expected": {"value": 0.5, "low": 0.4, "high": 0.6}}
    >>> read_realised(json.dumps({**day, "sentences": ["So."]}).encode())
    RealisedRecord(revision=2, cost=0.4, expected=0.5, low=0.4, high=0.6, sentences=('So.',))
    >>> read_realised(b"{}")
    """
    try:
        content = json.loads(data)
        value, low, high = (_number(content["expected"][name]) for name in ("value", "low", "high"))
        return RealisedRecord(
            int(content["revision"]),
            float(content["realised"]["value"]),
            value,
            low,
            high,
            tuple(map(str, content["sentences"])),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
