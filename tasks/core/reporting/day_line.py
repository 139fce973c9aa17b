"""A day's line on the page of all days, from what is stored of the day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from tasks.core.contract.report import ContractReport
from tasks.core.day.facts import day_facts
from tasks.core.day.manifest import Manifest
from tasks.core.disclosure import is_none_or_enough
from tasks.core.lender.columns import COLUMNS
from tasks.core.monitoring.metrics import DRIFT_SIZE, WHOLE_DAY, Metric
from tasks.core.monitoring.quality_figures import QUALITY_FIGURES, quality_sentence
from tasks.core.reporting.days_page import LATE, REFUSED_SINCE, REVISED, SHORT, UNUSUAL, ColumnDrift, DayLine
from tasks.core.reporting.realised_record import RealisedRecord
from tasks.core.reporting.verdict_record import VerdictRecord

_COST: Final = "expected_cost_per_application"
_FOUND: Final = ("alert", "watch")
_OF_THE_DAY: Final = ("mean_pd", _COST)
LINE_METRICS: Final = (*_OF_THE_DAY, "missing_share", DRIFT_SIZE, *QUALITY_FIGURES)
"""Metrics that a line is made of, of the whole day alone."""
_LEAST_SIZE: Final = 0.25
"""Size of a change, in units of the size of `watch`, from which a line tells it; the project's own choice."""
_MOST_DRIFTS: Final = 12
"""Columns that a line tells: on a large day nearly every column differs a little."""
_DIGITS: Final = 5
"""Significant digits of a figure. More could not be read, and a thousand days must fit on one page."""


@dataclass(frozen=True, slots=True)
class LineSources:
    """All that is stored of a day for its line."""

    as_of: date
    state: str
    """State in words, as `tasks.publication.day_status` says it."""
    monitoring: str
    """Level of the verdict on the newest revision, or the reason why there is none."""
    newest: Manifest | None = None
    verdict: VerdictRecord | None = None
    """None if the newest revision has no verdict that can be read."""
    metrics: Sequence[Metric] = ()
    """Those of `LINE_METRICS` of the newest revision."""
    refused: ContractReport | None = None
    """Report on the last time that the contract stopped the day, if no publication followed."""
    page: str = ""
    realised: RealisedRecord | None = None
    """Realised cost of the newest revision; None if too few are known."""


def line_of_day(day: LineSources) -> DayLine:
    """Line of a day. Figures are rounded to 5 significant digits, so that it reads back as it is."""
    figures = {
        each.metric: each
        for each in day.metrics
        if (each.slice == WHOLE_DAY and not each.column) or each.metric == "mean_pd"
    }
    cost = figures.get(_COST)
    return DayLine(
        day.as_of,
        day.state,
        verdict=day.monitoring,
        sentence=_sentence(day),
        remarks=tuple(_remarks(day)),
        mean_pd=_rounded(figures["mean_pd"].value) if "mean_pd" in figures else None,
        missing_share=_missing_share(day.metrics),
        cost=_rounded(cost.value) if cost else None,
        cost_low=_rounded(cost.low) if cost else None,
        cost_high=_rounded(cost.high) if cost else None,
        page=day.page,
        drift=_drift(day),
        **_of_outcomes(day.realised),
        **_of_manifest(day),
    )


def _of_outcomes(realised: RealisedRecord | None) -> dict[str, Any]:
    """Fields that the outcomes of a day tell; none without them."""
    if realised is None:
        return {}
    return {
        "realised_cost": _rounded(realised.cost),
        "realised_expected": _rounded(realised.expected),
        "realised_low": _rounded(realised.low),
        "realised_high": _rounded(realised.high),
    }


def _of_manifest(day: LineSources) -> dict[str, Any]:
    """Fields that a published day's manifest tells; of a refused day those of its report.

    A withdrawn day has no figures, and no model has decided it.
    """
    if day.newest is None:
        return {"received": day.refused.rows if day.refused else None}
    if day.newest.is_withdrawn:
        return {"revisions": day.newest.revision}
    facts, totals = day_facts(day.newest), day.newest.totals
    approved = facts.decisions.get("approve")
    is_share_told = totals.rows > 0 and is_none_or_enough(totals.quarantined)
    seconds = day.newest.step_seconds
    return {
        "received": facts.rows.received,
        "decided": facts.rows.became["decided"],
        "approval_rate": _rounded(approved.share) if approved and totals.decided else None,
        "quarantine_share": _rounded(totals.quarantined / totals.rows) if is_share_told else None,
        "run_seconds": _rounded(sum(seconds.values())) if seconds else None,
        "revisions": day.newest.revision,
        "model_name": day.newest.model.name,
        "model_version": day.newest.model.version,
    }


def _sentence(day: LineSources) -> str:
    if day.newest is None:
        return day.refused.stopped if day.refused else ""
    if day.verdict is None:
        return ""
    return day.verdict.findings[0].sentence if day.verdict.findings else day.verdict.headline


def _remarks(day: LineSources) -> Iterator[str]:
    """Sentences on a day's delivery that is unusual, and on what became of it later."""
    watched = {each.metric: each for each in day.metrics if each.metric in QUALITY_FIGURES and each.level == "watch"}
    if "rows_received" in watched:
        watched.pop("rows_decided", None)  # they follow the rows received
    for metric, figure in watched.items():
        yield f"{_word_of(metric, figure)}: {quality_sentence(figure).removeprefix('Day: ')}"
    if day.newest and day.newest.revision > 1:
        because = " ".join((day.newest.reason or "no reason was recorded").split())
        yield f"{REVISED}: revision {day.newest.revision}, because: {because}"
    if day.newest and day.refused:
        yield f"{REFUSED_SINCE}: {day.refused.stopped or 'the contract stopped a later delivery.'}"


def _word_of(metric: str, figure: Metric) -> str:
    """First word of the remark on a figure that is worth a look."""
    if metric == "publication_hours":
        return LATE
    is_low = figure.value is None or (figure.low is not None and figure.value < figure.low)
    return SHORT if metric in {"rows_received", "rows_decided"} and is_low else UNUSUAL


def _missing_share(metrics: Sequence[Metric]) -> float | None:
    """Share of all values of the day that are missing; None if no column's share is told.

    A column that lacks none, or so few that its share is not told, counts as 0.
    """
    shares = [each.value for each in metrics if each.metric == "missing_share" and each.value is not None]
    n_columns = len(COLUMNS) - 1  # the id is never missing
    return _rounded(sum(shares) / n_columns) if shares else None


def _drift(day: LineSources) -> tuple[ColumnDrift, ...]:
    """Findings, and the largest of the other changes; the largest first."""
    findings = day.verdict.findings if day.verdict else ()
    levels = {each.column: each.level for each in reversed(findings)}
    sizes = {each.column: _rounded(each.value) for each in day.metrics if each.metric == DRIFT_SIZE}
    told = {column for column, size in sizes.items() if (size or 0.0) >= _LEAST_SIZE} | set(levels)
    drifts = [ColumnDrift(column, sizes.get(column), levels.get(column, "ok")) for column in told]
    drifts.sort(key=lambda each: (each.level not in _FOUND, -(each.size or 0.0), each.column))
    return tuple(drifts[:_MOST_DRIFTS])


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
