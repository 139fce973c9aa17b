"""Figures of a day beside the same figures of the monitored days before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from tasks.core.monitoring.metrics import WHOLE_DAY, Metric
from tasks.core.words import percent

TrendScale = Literal["rows", "share"]


class TrendDay(NamedTuple):
    """Figure of one day."""

    as_of: date
    value: float | None
    """None if it is not known, or is of too few rows to be shown."""
    height: int
    """Height of its column in percent of the highest; 0 if there is none."""


class Trend(NamedTuple):
    """One figure of the day and of the days before it."""

    title: str
    scale: TrendScale
    days: tuple[TrendDay, ...]
    """Oldest first; the last one is the day itself."""
    low: float | None
    """Lower end of the range of the day's figure; None if there is none."""
    high: float | None
    range_name: str
    """Meaning of the range."""
    low_height: int
    """Heights of both ends, as those of the columns; 0 if there is no range."""
    high_height: int

    @property
    def summary(self) -> str:
        """The day's figure and its range in one sentence."""
        value = self.days[-1].value
        if value is None:
            return "not shown, or not known"
        if self.low is None or self.high is None:
            return self.written(value)
        return f"{self.written(value)}; {self.range_name} {self.written(self.low)} to {self.written(self.high)}"

    def on(self, day: date) -> str:
        """Figure of a day in words; a dash if there is none."""
        return self.written(next((each.value for each in self.days if each.as_of == day), None))

    def written(self, value: float | None) -> str:
        """A value of this figure as people write it; a dash if there is none."""
        if value is None:
            return "-"
        return f"{value:,.0f}" if self.scale == "rows" else percent(value)


class _Shown(NamedTuple):
    """Heading and scale of a metric, and the meaning of its range."""

    title: str
    scale: TrendScale
    range_name: str


USUAL: Final = "usual is"
_SHOWN: Final[Mapping[str, _Shown]] = {
    "rows_received": _Shown("Rows received", "rows", USUAL),
    "quarantined_share": _Shown("Share of rows in quarantine", "share", USUAL),
    "approval_rate": _Shown("Approval rate", "share", "95% interval"),
    "expected_default_rate_of_approved": _Shown("Expected default rate of the approved", "share", "95% interval"),
}
TREND_METRICS: Final = tuple(_SHOWN)
"""Metrics that have a trend."""


def trends_of(
    as_of: date,
    today: Sequence[Metric],
    before: Mapping[date, Sequence[Metric]],
    *,
    known: Mapping[str, float],
) -> dict[str, Trend]:
    """Metric to its trend, for each metric of which the day or a day before has a value.

    Args:
        as_of: the day.
        today: its figures; none if it was not monitored.
        before: day before to its figures.
        known: metric to a value of the day that is known without monitoring.
    """
    trends = {}
    for name, shown in _SHOWN.items():
        own = _whole(today, name)
        value = known.get(name) if own is None else own.value
        found = [(day, _value(before[day], name)) for day in sorted(before)] + [(as_of, value)]
        if any(each is not None for _, each in found):
            trends[name] = _trend(shown, found, own)
    return trends


def _trend(shown: _Shown, found: Sequence[tuple[date, float | None]], own: Metric | None) -> Trend:
    low, high = (own.low, own.high) if own else (None, None)
    ends = [] if low is None or high is None else [high]
    most = max([value for _, value in found if value is not None] + ends)
    days = tuple(TrendDay(day, value, _height(value, most)) for day, value in found)
    return Trend(
        shown.title,
        shown.scale,
        days,
        low,
        high,
        shown.range_name,
        _height(low, most),
        _height(high, most),
    )


def _height(value: float | None, most: float) -> int:
    """Whole percent of the highest; at least 1 unless the value is 0 or None."""
    return max(round(100 * value / most), 1) if value and most else 0


def _whole(metrics: Iterable[Metric], name: str) -> Metric | None:
    """Figure of the whole day; None if there is none."""
    return next((each for each in metrics if each.metric == name and each.slice == WHOLE_DAY), None)


def _value(metrics: Iterable[Metric], name: str) -> float | None:
    metric = _whole(metrics, name)
    return metric.value if metric else None
