"""Verdict on a day: which differences count, how much, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.special import chndtrinc, ndtri
from scipy.stats import chi2

from tasks.core.disclosure import is_enough, too_few
from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.correction import family_adjusted
from tasks.core.monitoring.metrics import Level
from tasks.core.monitoring.statistics import STATISTICS
from tasks.core.monitoring.statistics.record import Tests
from tasks.core.monitoring.thresholds import Thresholds
from tasks.core.words import counted

ADVICE: Final[Mapping[str, str]] = {
    "alert": (
        "Look at the columns named first, and ask the feed's owner about them. Refused or approved "
        "applications may need a second look. Drift alone gives no reason to train again: without new "
        "outcomes training would fit the old ones once more."
    ),
    "watch": (
        "Look at it today. The same finding on the next day alerts. Drift alone gives no reason to "
        "train again: without new outcomes training would fit the old ones once more."
    ),
    "ok": "Nothing to do.",
    "insufficient": "Too few applications for a verdict; monitor a window of days instead.",
}
_POWER: Final = 0.8
"""Power at which the smallest detectable change is stated (Cohen 1988)."""
_SHARES_A_COLUMN: Final = 2
"""Shares that are tested of a column: missing, and a tail, unseen values or the code for "none"."""
_BINS: Final = 10
"""Bins of a number of many values (`cells.py`)."""
_SD_OF_A_FIFTH: Final = 0.4
"""Standard deviation of one row's part in a share of 0.2: the root of 0.2 times 0.8."""


class Finding(NamedTuple):
    """A difference that counts."""

    column: str
    what: str
    """Name of the statistic, a key of `STATISTICS`."""
    value: float
    low: float
    high: float
    """Lower and upper end of the values that 95 of 100 days without drift have."""
    reference: float
    level: Level
    sentence: str
    weight: float
    """Size over the threshold of `watch`, times 1 + the column's share in the model."""
    of_alert: float
    """Size over the one from which it alerts if it is certain; a repeated finding alerts below 1."""


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """Verdict on a day, with its findings: alerts first, each level by falling weight."""

    level: Level
    rows: int
    findings: tuple[Finding, ...]
    sizes: Mapping[str, float]
    """Column to the size of its largest difference that is not chance, over the threshold of
    `watch`; from 1 on it is a finding. 0 if all its differences may be chance."""
    smallest_detectable: Mapping[str, float]
    """Kind of change to the smallest that a day of so many rows shows with a power of 0.8."""
    note: str = ""
    """Sentence that stands instead of findings where nothing could be compared."""

    @property
    def advice(self) -> str:
        """Sentences that say what to do."""
        return ADVICE[self.level]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the findings, the heaviest first, each once."""
        return tuple(dict.fromkeys(finding.column for finding in self.findings))

    @property
    def headline(self) -> str:
        """Verdict in one sentence."""
        if self.note:
            return self.note
        if self.findings:
            return f"{counted(len(self.findings), 'finding')} on {counted(len(self.columns), 'column')}."
        if self.smallest_detectable:
            told = ", ".join(f"{name} {size:.3g}" for name, size in self.smallest_detectable.items())
            return f"No change found. With so few applications only a larger change than these would be seen: {told}."
        return "No change found."

    def to_json(self) -> dict[str, Any]:
        """Plain values of the verdict, without the facts of the day."""
        return {
            "verdict": self.level,
            "rows": self.rows,
            "headline": self.headline,
            "advice": self.advice,
            "findings": [finding._asdict() for finding in self.findings],
            "smallest_detectable": dict(self.smallest_detectable),
        }


def judge(
    day: Compared | None,
    thresholds: Thresholds,
    *,
    watched_before: Collection[tuple[str, str]] = (),
) -> DayVerdict:
    """Judge a day that was held against its reference.

    Args:
        day: None if there is no application, or nothing to compare it with.
        thresholds: those of `configs/monitoring.yaml`.
        watched_before: column and statistic of the findings of the monitored day before; a finding
            that repeats one of them alerts, unless the day has more rows than the reference: then
            both days may show the same chance of the reference, and the second adds nothing.
    """
    if day is None or not day.day.rows:
        return _not_compared(0, "There is no application to compare.")
    rows = day.day.rows
    if not is_enough(day.frozen.rows):
        return _not_compared(rows, "The reference has too few rows to compare with.")
    if not is_enough(rows):
        return _not_compared(rows, too_few(rows))
    results = {what: statistic(day) for what, statistic in STATISTICS.items() if what in thresholds.statistics}
    adjusted_by_what = _adjusted(results, thresholds)
    findings: list[Finding] = []
    for what, adjusted in adjusted_by_what.items():
        findings += _strongest(_findings(day, what, results[what], adjusted, thresholds, watched_before))
    ordered = tuple(sorted(findings, key=_place))
    levels = {finding.level for finding in ordered}
    smallest = smallest_detectable(day, thresholds) if rows < thresholds.sure_rows else {}
    level: Level = "ok"
    if "alert" in levels:
        level = "alert"
    elif min(rows, day.frozen.rows) < thresholds.least_rows:
        level = "insufficient"
    elif ordered:
        level = "watch"
    return DayVerdict(level, rows, ordered, _sizes(day, results, adjusted_by_what, thresholds), smallest)


def _not_compared(rows: int, note: str) -> DayVerdict:
    """Verdict on a day of which nothing could be compared, with the reason."""
    return DayVerdict("insufficient", rows, (), {}, {}, note)


def _adjusted(results: Mapping[str, Tests], thresholds: Thresholds) -> dict[str, np.ndarray]:
    """Corrected probabilities of each statistic's tests."""
    adjusted = {
        what: family_adjusted(tests.p)
        for what, tests in results.items()
        if thresholds.statistics[what].corrected == "alone"
    }
    together = [what for what in results if what not in adjusted]
    if together:
        corrected = family_adjusted(np.concatenate([results[what].p for what in together]))
        ends = np.cumsum([len(results[what].p) for what in together])
        adjusted |= dict(zip(together, np.split(corrected, ends[:-1]), strict=True))
    return adjusted


def _sizes(
    day: Compared,
    results: Mapping[str, Tests],
    adjusted: Mapping[str, np.ndarray],
    thresholds: Thresholds,
) -> dict[str, float]:
    """Size of the largest difference of each column that is not chance, in units of its threshold."""
    sizes = dict.fromkeys(day.layout.names, 0.0)
    for what, tests in results.items():
        threshold = thresholds.statistics[what]
        counts = np.where(adjusted[what] <= threshold.probability, tests.effect / threshold.watch, 0.0)
        for column, size in zip(tests.columns, counts.tolist(), strict=True):
            sizes[column] = max(sizes.get(column, 0.0), size)
    return sizes


def _findings(
    day: Compared,
    what: str,
    tests: Tests,
    adjusted: np.ndarray,
    thresholds: Thresholds,
    watched_before: Collection[tuple[str, str]],
) -> list[Finding]:
    threshold = thresholds.statistics[what]
    counts = (adjusted <= threshold.probability) & (tests.effect >= threshold.watch)
    found = []
    for position in np.flatnonzero(counts).tolist():
        column = tests.columns[position]
        share = day.frozen.weights.get(column, 1.0)
        effect = float(tests.effect[position])
        factor = 1.0 if share >= thresholds.heavy_share else thresholds.light_factor
        alert_size = threshold.alert * factor
        is_large = effect >= alert_size
        is_sure = adjusted[position] <= thresholds.alert_probability
        is_repeated = (column, what) in watched_before and day.day.rows <= day.frozen.rows
        is_alert = (is_large and is_sure) or is_repeated
        found.append(
            Finding(
                column,
                what,
                float(tests.value[position]),
                float(tests.low[position]),
                float(tests.high[position]),
                float(tests.reference[position]),
                "alert" if is_alert else "watch",
                tests.sentence(position),
                round(effect / threshold.watch * (1.0 + share), 3),
                round(effect / alert_size, 3),
            )
        )
    return found


def _place(finding: Finding) -> tuple[bool, float, str, str]:
    """Place of a finding among others: alerts first, and then the heaviest."""
    return finding.level != "alert", -finding.weight, finding.column, finding.what


def _strongest(findings: list[Finding]) -> list[Finding]:
    """The first finding of each column by `_place`; its sentence counts the others."""
    by_column: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=_place):
        by_column.setdefault(finding.column, []).append(finding)
    strongest = []
    for first, *others in by_column.values():
        more = f" So do {counted(len(others), 'more pair')}." if others and first.what == "dependence" else ""
        strongest.append(first._replace(sentence=first.sentence + more))
    return strongest


def smallest_detectable(day: Compared, thresholds: Thresholds) -> dict[str, float]:
    """Smallest changes that a day of so many rows shows with a power of 0.8.

    For shares and the score a normal approximation of a two-sided test; for the mean of a column
    the non-central chi-square of a test over ten bins. The critical value is that of the smallest
    of all tests of a kind (Holm 1979).
    """
    columns = len(day.layout.names)
    error = float(np.sqrt(1 / day.day.rows + 1 / max(1, day.frozen.rows)))
    power = float(ndtri(_POWER))
    missing, distribution, score = (thresholds.statistics[what] for what in ("missing", "distribution", "score"))
    of_shares = power - float(ndtri(missing.probability / (2 * _SHARES_A_COLUMN * columns)))
    of_score = power - float(ndtri(score.probability / 2))
    critical = chi2.isf(distribution.probability / columns, _BINS - 1)
    of_mean = float(np.sqrt(chndtrinc(critical, _BINS - 1, 1 - _POWER)))
    return {
        "share of a fifth of the rows": round(max(missing.watch, of_shares * error * _SD_OF_A_FIFTH), 3),
        "mean of a column, in sd": round(of_mean * error, 3),
        "mean logit(pd), in sd": round(max(score.watch, of_score * error), 3),
    }
