"""Quality of a day's data: figures of its delivery, each beside the range of the days before.

Rows by stage and by file, shares that break a rule of the contract, the time of publication and the
seconds that steps took. A figure is worth a look (`watch`) if it lies outside its usual range
(`core.monitoring.usual`) and differs by more than a reviewed least change.

Counts are published to the nearest 5, shares are made from such counts, and a part of 1 to 19 rows
has no figure (`tasks/core/disclosure.py`). It is judged all the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from typing import Final, NamedTuple

from tasks.core.contract.report import ContractReport
from tasks.core.day.manifest import Manifest
from tasks.core.disclosure import LEAST_ROWS, is_enough, is_none_or_enough, rounded_count
from tasks.core.monitoring.metrics import LAST_DAYS, WHOLE_DAY, Level, Metric
from tasks.core.monitoring.quality_figures import QUALITY_FIGURES, QualityFigure, Scale
from tasks.core.monitoring.usual import LEAST_LIKE_DAYS, PastDay, UsualRange, usual_number, usual_share

FALSE_ALARMS: Final = 0.005
"""Probability, 0 to 1, that a metric leaves its range on a day on which nothing changed; all its
slices together (Bonferroni). There are about eight metrics, hence 4 % of days."""
MOST_UNUSUAL_DAYS: Final = 0.25
"""Share of the days before of one weekday, 0 to 1, that are left out because they were worth a look
themselves. If there are more of them, they are the new normal."""
LEAST_PRESENCE: Final = 0.5
"""Share of the days before, 0 to 1, that had a file whose absence counts as no rows."""
_HIDDEN_ROWS: Final = LEAST_ROWS / 2
"""Rows taken for a part that is not shown because it has 1 to 19."""


class _Measured(NamedTuple):
    """Figure of the day, not yet judged or made fit to show."""

    metric: str
    slice: str
    value: float
    """A share's numerator in rows; else the figure itself."""
    n: int
    """Rows behind the figure; a share's denominator."""


def quality_metrics(
    manifest: Manifest,
    report: ContractReport,
    recent: Mapping[date, Sequence[Metric]],
    *,
    zone: tzinfo = UTC,
    false_alarms: float = FALSE_ALARMS,
) -> list[Metric]:
    """Figures of a published day's quality, with the range that is usual on such days.

    `watch`: outside the range by the least change or more. `insufficient`: too few days
    before to compare with, or fewer than 20 rows behind a share. `rows_quarantined`, `_duplicate` and
    `_replaced` are counts without a range: their shares are judged, and by rule `rule_broken_share`.

    Args:
        manifest: that of the published revision.
        report: its contract report.
        recent: published day to its metrics, as this function made them; of the days before this
            one the newest 28 count.
        zone: that of the business day, for the hours from its beginning until publication.
        false_alarms: probability, 0 to 1, that a metric leaves its range though nothing changed.
    """
    days = sorted(day for day in recent if day < manifest.as_of)[-LAST_DAYS:]
    past: dict[tuple[str, str], dict[date, Metric]] = defaultdict(dict)
    for day in days:
        for metric in recent[day]:
            if metric.metric in QUALITY_FIGURES:
                past[metric.metric, metric.slice][day] = metric
    measured = [*_rows(manifest), *_files(manifest, past, len(days)), *_rules(report), *_times(manifest, zone)]
    slices = Counter(each.metric for each in measured)
    weekday = manifest.as_of.weekday()
    judged = [
        _judge(each, past[each.metric, each.slice], weekday, false_alarms / slices[each.metric]) for each in measured
    ]
    return [*judged, *_counts(manifest)]


def _rows(manifest: Manifest) -> Iterator[_Measured]:
    """Rows of the day by stage; what became of the others as shares of the rows received."""
    totals = manifest.totals
    yield _Measured("rows_received", WHOLE_DAY, totals.rows, totals.rows)
    yield _Measured("rows_decided", WHOLE_DAY, totals.decided, totals.decided)
    yield _Measured("quarantined_share", WHOLE_DAY, totals.quarantined, totals.rows)
    yield _Measured("duplicate_share", WHOLE_DAY, totals.duplicates_dropped, totals.rows)
    yield _Measured("replaced_share", WHOLE_DAY, totals.replaced, totals.rows)


def _files(manifest: Manifest, past: Mapping[tuple[str, str], Mapping[date, Metric]], days: int) -> Iterator[_Measured]:
    """Rows of each file; 0 for a file that the days before usually had."""
    rows = {f"file={name}": totals.rows for name, totals in manifest.audited.files.items()}
    least_days = max(LEAST_PRESENCE * days, LEAST_LIKE_DAYS)
    for (metric, place), seen in past.items():
        if metric == "rows_received" and place.startswith("file=") and len(seen) >= least_days:
            rows.setdefault(place, 0)
    for place, count in rows.items():
        yield _Measured("rows_received", place, count, count)


def _rules(report: ContractReport) -> Iterator[_Measured]:
    """Rows that break each rule about rows, of those that it judged."""
    for rule in report.rules:
        if rule.scope == "row" and rule.checked is not None:
            judged = rule.checked - (rule.missing or 0)
            yield _Measured("rule_broken_share", f"rule={rule.id}", rule.broken or 0, judged)


def _times(manifest: Manifest, zone: tzinfo) -> Iterator[_Measured]:
    """Hours from the beginning of the business day until its first revision, and seconds by step."""
    rows = manifest.totals.rows
    published_at = manifest.run.get("published_at")
    if published_at and manifest.revision == 1:
        begun = datetime.combine(manifest.as_of, time(), zone)
        waited = datetime.fromisoformat(published_at) - begun
        yield _Measured("publication_hours", WHOLE_DAY, round(waited.total_seconds() / 3600, 2), rows)
    for step, seconds in manifest.step_seconds.items():
        yield _Measured("step_seconds", f"step={step}", seconds, rows)


def _counts(manifest: Manifest) -> Iterator[Metric]:
    """Counts that are shown and not judged."""
    totals = manifest.totals
    by_rule = {f"rule={rule}": rows for rule, rows in manifest.audited.by_rule.items()}
    for place, rows in {WHOLE_DAY: totals.quarantined, **by_rule}.items():
        yield Metric("rows_quarantined", _shown_count(rows), _shown_rows(totals.rows), slice=place)
    yield Metric("rows_duplicate", _shown_count(totals.duplicates_dropped), _shown_rows(totals.rows))
    yield Metric("rows_replaced", _shown_count(totals.replaced), _shown_rows(totals.rows))


def _judge(measured: _Measured, past: Mapping[date, Metric], weekday: int, false_alarms: float) -> Metric:
    figure = QUALITY_FIGURES[measured.metric]
    metric = Metric(measured.metric, None, _shown_rows(measured.n), slice=measured.slice, level="insufficient")
    if figure.scale == "share" and not metric.n:
        return metric
    days = [*_ordinary_days(past, figure.scale)]
    if figure.scale == "share":
        value = measured.value / measured.n
        usual = usual_share(days, weekday=weekday, rows=measured.n, false_alarms=false_alarms)
    else:
        value = measured.value
        is_ratio = figure.scale != "hours"
        usual = usual_number(days, weekday=weekday, false_alarms=false_alarms, is_ratio=is_ratio)
    shown = _shown(measured, figure.scale)
    if usual is None:
        return metric._replace(value=shown)
    is_unusual = _is_unusual(value if shown is None else shown, usual, figure)
    level: Level = "watch" if is_unusual else "ok"
    return metric._replace(value=shown, low=usual.low, high=usual.high, level=level)


def _is_unusual(value: float, usual: UsualRange, figure: QualityFigure) -> bool:
    """True if the value is outside its range, on a side that counts, by the least change or more."""
    is_outside = value > usual.high or (figure.is_low_watched and value < usual.low)
    change = abs(value - usual.middle)
    unit = max(usual.middle, 1.0) if figure.scale == "rows" else 1.0
    return is_outside and change >= figure.least_change * unit


def _ordinary_days(past: Mapping[date, Metric], scale: Scale) -> Iterator[PastDay]:
    """Days before, without those that were worth a look themselves, unless these are many."""
    unusual = {day for day, metric in past.items() if metric.level in ("watch", "alert")}
    days = Counter(day.weekday() for day in past)
    unusual_days = Counter(day.weekday() for day in unusual)
    for day, metric in past.items():
        weekday = day.weekday()
        is_new_normal = unusual_days[weekday] > MOST_UNUSUAL_DAYS * days[weekday]
        value = _past_value(metric, scale)
        if value is not None and (is_new_normal or day not in unusual):
            yield PastDay(weekday, value, max(metric.n, 1))


def _past_value(metric: Metric, scale: Scale) -> float | None:
    """Figure of a day before; that of a hidden part is about the middle of what it can be."""
    if metric.value is not None:
        return metric.value
    if scale == "share":
        return _HIDDEN_ROWS / metric.n if metric.n else None
    return _HIDDEN_ROWS if scale == "rows" else None


def _shown(measured: _Measured, scale: Scale) -> float | None:
    """Figure as it may be shown; None if it is one of too few rows."""
    if scale == "share":
        count = _shown_count(measured.value)
        return None if count is None else count / rounded_count(measured.n)
    return _shown_count(measured.value) if scale == "rows" else measured.value


def _shown_count(rows: float) -> float | None:
    return float(rounded_count(int(rows))) if is_none_or_enough(int(rows)) else None


def _shown_rows(rows: int) -> int:
    """Rows to the nearest 5; 0 if they are too few."""
    return rounded_count(rows) if is_enough(rows) else 0
