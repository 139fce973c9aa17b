"""All days of the store as a page tells them: a line a day, and the days that went wrong.

Lines hold counts, shares and sentences that others have published already; no applicant's value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from tasks.core.monitoring.metrics import Level

MISSING: Final = "missing"
"""State of a day of which nothing came, though the calendar demands applications."""
PUBLISHED: Final = "published"
"""State of a day whose newest decisions readers see."""
WITHDRAWN: Final = "withdrawn"
"""State of a day whose decisions were taken back. Readers see none until it is scored again."""
LATE: Final = "Late"
SHORT: Final = "Short"
UNUSUAL: Final = "Unusual"
REVISED: Final = "Revised"
REFUSED_SINCE: Final = "Refused since"
"""First words of remarks on a day; a colon and a sentence follow."""
LOOKED_BACK_DAYS: Final = 30
"""Days of the calendar, up to the newest, within which a day went wrong."""
MOST_WRONG_DAYS: Final = 12
"""Days that the page names as those that went wrong."""
_NOTHING_CAME: Final = "the calendar expects applications, and nothing was delivered."
_ONE_DAY: Final = timedelta(days=1)


class ColumnDrift(NamedTuple):
    """Change of one column on one day."""

    column: str
    size: float | None
    """In units of the size of `watch`; None if an earlier program did not write it."""
    level: Level
    """`ok` if it is not a finding."""


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day as its line tells it. A figure that is not known, or may not be told, is None."""

    as_of: date
    state: str
    """State in words, as `tasks.publication.day_status` says it, or `MISSING`."""
    verdict: str = ""
    """Level of the verdict, or the reason why there is none; empty if the day was never published."""
    sentence: str = ""
    """Sentence of the first finding, or the verdict's headline; of a refused day the reason."""
    remarks: tuple[str, ...] = ()
    """Sentences that begin with `LATE`, `SHORT`, `UNUSUAL`, `REVISED` or `REFUSED_SINCE` and a colon."""
    received: int | None = None
    decided: int | None = None
    approval_rate: float | None = None
    mean_pd: float | None = None
    quarantine_share: float | None = None
    missing_share: float | None = None
    """Mean of the columns' shares of missing values, over the columns whose share is told."""
    cost: float | None = None
    """Expected cost per application, in units of a lost good customer."""
    cost_low: float | None = None
    cost_high: float | None = None
    realised_cost: float | None = None
    """Realised cost per application, of those that were not refused and whose outcome is known."""
    realised_expected: float | None = None
    """Cost that was expected of the same applications, with the ends of its interval."""
    realised_low: float | None = None
    realised_high: float | None = None
    run_seconds: float | None = None
    """Seconds that all steps of the publishing run worked, up to its publication."""
    revisions: int = 0
    model_name: str = ""
    model_version: str = ""
    page: str = ""
    """Address of the day's page, relative to the page of all days; empty if there is none."""
    drift: tuple[ColumnDrift, ...] = ()
    """Findings first, then by falling size; not all columns."""

    @property
    def is_published(self) -> bool:
        """True if decisions of the day were published, whatever became of them."""
        return self.revisions > 0


class WrongDay(NamedTuple):
    """A day that went wrong, with all that is to be said of it."""

    line: DayLine
    reasons: tuple[str, ...]
    """Sentences, the gravest first."""


class DriftedColumn(NamedTuple):
    """A column over all days of the page."""

    column: str
    days_found: int
    """Days with a finding on it."""
    days_alerted: int
    last_found: date | None
    largest: float | None
    """Largest size on any day, in units of the size of `watch`; None if no size was written."""


def with_missing_days(lines: Iterable[DayLine], excuse: Callable[[date], str | None]) -> list[DayLine]:
    """Lines by day, oldest first, with one for each missing day between the first and the newest.

    Lines of missing days that are among `lines` are made anew. Days after the newest are not told:
    nobody here knows the time.

    Args:
        lines: a line for each day that the store knows.
        excuse: maps a day to the reason for which the feed may stay away, None if it may not.

    >>> first, last = DayLine(date(2026, 11, 5), PUBLISHED), DayLine(date(2026, 11, 9), PUBLISHED)
    >>> lines = with_missing_days([last, first], lambda day: "weekend" if day.weekday() > 4 else None)
    >>> [(line.as_of.day, line.state) for line in lines]
    [(5, 'published'), (6, 'missing'), (9, 'published')]
    """
    by_day = {line.as_of: line for line in lines if line.state != MISSING}
    if not by_day:
        return []
    days = by_day.keys() | set(demanded_days(min(by_day), max(by_day), excuse))
    return [by_day.get(day) or DayLine(day, MISSING) for day in sorted(days)]


def demanded_days(first: date, last: date, excuse: Callable[[date], str | None]) -> Iterator[date]:
    """Days from the first to the last on which the feed may not stay away, oldest first.

    Args:
        first: first day.
        last: last day; before the first there is none.
        excuse: maps a day to the reason for which the feed may stay away, None if it may not.

    >>> week = demanded_days(date(2026, 11, 5), date(2026, 11, 9), lambda day: "weekend" if day.weekday() > 4 else None)
    >>> [day.day for day in week]
    [5, 6, 9]
    """
    every = (first + n * _ONE_DAY for n in range((last - first).days + 1))
    return (day for day in every if not excuse(day))


def wrong_days(lines: Sequence[DayLine]) -> list[WrongDay]:
    """Worst of the last `LOOKED_BACK_DAYS` days, newest first.

    Worst are days without decisions for readers and alerts, then `watch`, then days with a remark.

    Args:
        lines: as `with_missing_days` returns them.
    """
    if not lines:
        return []
    since = lines[-1].as_of - (LOOKED_BACK_DAYS - 1) * _ONE_DAY
    wrong = [line for line in lines if line.as_of >= since and gravity(line)]
    worst = sorted(wrong, key=lambda line: (-gravity(line), -line.as_of.toordinal()))[:MOST_WRONG_DAYS]
    newest_first = sorted(worst, key=lambda line: line.as_of, reverse=True)
    return [WrongDay(line, reasons_of_day(line)) for line in newest_first]


def gravity(line: DayLine) -> int:
    """Gravity of a day: 3 gravest, 0 nothing wrong.

    >>> day = date(2026, 11, 2)
    >>> [gravity(DayLine(day, PUBLISHED, verdict)) for verdict in ("alert", "watch", "insufficient")]
    [3, 2, 0]
    """
    if line.state != PUBLISHED or line.verdict == "alert":
        return 3
    if line.verdict == "watch":
        return 2
    return 1 if line.remarks else 0


def reasons_of_day(line: DayLine) -> tuple[str, ...]:
    """Sentences that say why a day went wrong; none if it did not.

    >>> reasons_of_day(DayLine(date(2026, 11, 2), MISSING))
    ('Missing: the calendar expects applications, and nothing was delivered.',)
    """
    reasons = []
    if line.state == MISSING:
        reasons.append(f"Missing: {_NOTHING_CAME}")
    elif line.state != PUBLISHED:
        state = line.state[:1].upper() + line.state[1:]
        because = f": {line.sentence}" if line.sentence and not line.is_published else "."
        reasons.append(state + because)
    if line.verdict in {"alert", "watch"}:
        reasons.append(f"{line.verdict.capitalize()}: {line.sentence}")
    return (*reasons, *line.remarks)


def drifted_columns(lines: Iterable[DayLine], most: int) -> list[DriftedColumn]:
    """Columns that were found on most days, then those of the largest size; at most so many."""
    by_column: dict[str, list[tuple[date, ColumnDrift]]] = defaultdict(list)
    for line in lines:
        for drift in line.drift:
            by_column[drift.column].append((line.as_of, drift))
    columns = [_over_days(column, drifts) for column, drifts in by_column.items()]
    columns.sort(key=lambda each: (-each.days_found, -(each.largest or 0.0), each.column))
    return columns[:most]


def _over_days(column: str, drifts: Sequence[tuple[date, ColumnDrift]]) -> DriftedColumn:
    found = [day for day, drift in drifts if drift.level in {"alert", "watch"}]
    sizes = [drift.size for _, drift in drifts if drift.size is not None]
    return DriftedColumn(
        column,
        days_found=len(found),
        days_alerted=sum(drift.level == "alert" for _, drift in drifts),
        last_found=max(found, default=None),
        largest=max(sizes, default=None),
    )
