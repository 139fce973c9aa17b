"""Figures of a day by column, for trends and dashboards, and for what is usual between days."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit

from tasks.core.decision.policy import DECISIONS
from tasks.core.disclosure import is_enough, is_enough_for_mean, is_none_or_enough
from tasks.core.monitoring.cells import Role
from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.metrics import DRIFT_SIZE, EXPECTED, MEAN_CREDIT, SHARE, TYPICAL_PD, Level, Metric
from tasks.core.monitoring.psi import stability_indices
from tasks.core.monitoring.reference import PD
from tasks.core.monitoring.verdict import DayVerdict

_BY_ROLE: Final = {
    Role.MISSING: ("missing_share", "missing"),
    Role.SENTINEL: ("sentinel_share", "sentinel"),
    Role.UNLISTED: ("unseen_share", "unseen"),
    Role.LOW: ("low_tail_share", "tail"),
    Role.HIGH: ("high_tail_share", "tail"),
}
"""Role of a cell to the name of its share, and to the statistic that judges it."""


def day_metrics(day: Compared, verdict: DayVerdict) -> list[Metric]:
    """Figures of a judged day: rows, verdict, score, decisions, and those of every column.

    Shares are of counts to the nearest 5, for the whole is known. A share of fewer than 20 rows, and of
    more than none, is not told. Of fewer than 20 applications only the verdict is.
    """
    levels = {(finding.column, finding.what): finding.level for finding in verdict.findings}
    rows = day.day.rows if is_enough(day.day.rows) else 0
    of_verdict = [
        Metric("rows", float(rows) if rows else None, rows),
        Metric("findings", float(len(verdict.findings)), rows, level=verdict.level),
        Metric("drifted_columns", float(len(verdict.columns)), rows, level=verdict.level),
    ]
    if not rows:
        return of_verdict
    return [
        *of_verdict,
        *_score(day, levels),
        *_decisions(day, levels),
        *_credits(day),
        *_columns(day, levels),
        *_sizes(verdict, rows),
        *_cells(day, levels),
    ]


def _score(day: Compared, levels: dict[tuple[str, str], Level]) -> list[Metric]:
    rows = day.day.rows
    if not is_enough_for_mean(rows):
        return []
    low: float | None = None
    high: float | None = None
    if day.frozen.pd.sd:
        expected, reference_rows = day.expected_logit
        margin = 1.96 * day.frozen.pd.sd * float(np.sqrt(1 / day.scored_rows + 1 / reference_rows))
        low, high = float(expit(expected - margin)), float(expit(expected + margin))
    level = levels.get((PD, "score"), "ok")
    typical = float(expit(day.day.logit_sum / rows))
    return [
        Metric(TYPICAL_PD, typical, rows, PD, low=low, high=high, level=level),
        Metric("mean_pd", day.day.pd_sum / rows, rows, PD),
    ]


def _decisions(day: Compared, levels: dict[tuple[str, str], Level]) -> list[Metric]:
    rows, level = day.day.rows, levels.get(("decision", "decisions"), "ok")
    counts = day.day.decisions.tolist()
    if not all(map(is_none_or_enough, counts)):
        return []
    return [
        Metric("decision_share", count / max(1, rows), rows, slice=f"decision={name}", level=level)
        for name, count in zip(DECISIONS, counts, strict=True)
    ]


def _credits(day: Compared) -> list[Metric]:
    """Mean credit asked for by decision. The total of all is known: with a part of few, none is told."""
    rows, credits_ = day.day.decisions.tolist(), day.day.credits.tolist()
    if any(count and not is_enough_for_mean(count) for count in rows):
        return []
    return [
        Metric(MEAN_CREDIT, total / count, count, slice=f"decision={name}")
        for name, count, total in zip(DECISIONS, rows, credits_, strict=True)
        if count
    ]


def _columns(day: Compared, levels: dict[tuple[str, str], Level]) -> list[Metric]:
    psi = stability_indices(day).tolist()
    rows = day.day.rows
    return [
        Metric("psi", index, rows, name, level=levels.get((name, "distribution"), "ok"))
        for name, index in zip(day.layout.names, psi, strict=True)
    ]


def _sizes(verdict: DayVerdict, rows: int) -> list[Metric]:
    """Size of the largest change of each column that is not chance, and the level of its findings."""
    levels: dict[str, Level] = {}
    for finding in verdict.findings:
        if levels.get(finding.column) != "alert":
            levels[finding.column] = finding.level
    return [
        Metric(DRIFT_SIZE, size, rows, column, level=levels.get(column, "ok"))
        for column, size in sorted(verdict.sizes.items())
    ]


def _cells(day: Compared, levels: dict[tuple[str, str], Level]) -> list[Metric]:
    layout, rows = day.layout, day.day.rows
    every = np.arange(len(layout.roles))
    lows, highs = (each.tolist() for each in day.range_of(every))
    shares, expected = day.shares.tolist(), day.expected.tolist()
    counts = day.day.cells.tolist()
    found = []
    for cell, role in enumerate(layout.roles.tolist()):
        position = layout.column_of[cell]
        name = layout.names[position]
        if not counts[cell] and not expected[cell]:
            continue
        share = shares[cell] if is_none_or_enough(counts[cell]) else None
        slice_ = f"cell={cell - layout.starts[position]}"
        found.append(Metric(SHARE, share, rows, name, slice_, lows[cell], highs[cell]))
        found.append(Metric(EXPECTED, expected[cell], rows, name, slice_))
        if role in _BY_ROLE:
            metric, what = _BY_ROLE[Role(role)]
            level = levels.get((name, what), "ok")
            found.append(Metric(metric, share, rows, name, low=lows[cell], high=highs[cell], level=level))
    return found
