"""Verdict of monitoring, read from its JSON for the pages that show it.

Another version of the program may have written it. A fact that it lacks is empty or None here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tasks.core.monitoring.metrics import LEVELS, Level


class ToldFinding(NamedTuple):
    """A difference that counts, as the verdict tells it."""

    column: str
    sentence: str
    level: Level
    """`watch` or `alert`."""
    value: float
    """Figure of the day, in the unit of its statistic."""
    low: float
    """Lower end of the values that 95 of 100 days without drift have."""
    high: float
    of_alert: float | None
    """Size over the size from which it alerts; None if the verdict does not say."""


class ToldFigure(NamedTuple):
    """A figure that is expected before outcomes; its sentence tells the interval."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """Verdict on one day."""

    level: str
    """One of `Level`."""
    revision: int
    """Number of the revision that was judged."""
    headline: str
    advice: str
    findings: tuple[ToldFinding, ...]
    """The heaviest first, alerts before all others."""
    expected: tuple[ToldFigure, ...]
    caveat: str
    """Sentence on what the expected figures are blind to."""
    quality: tuple[str, ...]
    """Sentences on the delivery that are worth a look."""
    fairness: tuple[str, ...]
    """Sentences of the internal control that are worth a look."""
    limits: tuple[str, ...]
    """Sentences on what that control cannot say."""


def read_verdict(data: bytes) -> VerdictRecord | None:
    """Read the JSON of a verdict; None if it is damaged.

    >>> read_verdict(b'{"verdict": "ok", "revision": 1}').level, read_verdict(b'{"verdict": "fine"}')
    ('ok', None)
    """
    try:
        content = json.loads(data)
        return _verdict(content) if content["verdict"] in LEVELS else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _verdict(content: Mapping[str, Any]) -> VerdictRecord:
    expected = dict(content.get("expected") or {})
    caveat = expected.pop("caveat", "")
    fairness = content.get("fairness") or {}
    return VerdictRecord(
        level=content["verdict"],
        revision=int(content["revision"]),
        headline=str(content.get("headline") or ""),
        advice=str(content.get("advice") or ""),
        findings=tuple(map(_finding, content.get("findings") or ())),
        expected=tuple(ToldFigure(name, str(figure["sentence"])) for name, figure in expected.items()),
        caveat=str(caveat),
        quality=_sentences(content.get("quality")),
        fairness=_sentences(fairness.get("worth_a_look")),
        limits=_sentences(fairness.get("limits")),
    )


def _finding(content: Mapping[str, Any]) -> ToldFinding:
    of_alert = content.get("of_alert")
    return ToldFinding(
        str(content["column"]),
        str(content["sentence"]),
        content["level"],
        float(content["value"]),
        float(content["low"]),
        float(content["high"]),
        None if of_alert is None else float(of_alert),
    )


def _sentences(found: Any) -> tuple[str, ...]:
    return tuple(map(str, found or ()))
