"""Range that a figure of a day is expected in, by the same figure of the published days before.

Days differ without anything being wrong: weekends from Mondays, and one Monday from the next. So a
range holds the chance in the rows of the new day, the variance between days, and the doubt about
both, which is great after few days. Days are compared with their own weekday as soon as there are
three of it; the variance is that around each weekday's mean then. Until then they are compared with
all days, and not at all if none of these is of their weekday.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit

LEAST_LIKE_DAYS: Final = 3
"""Days of one weekday from which they alone are the centre of a range. Four weeks hold four, and one
of them may be missing or unusual."""
_HALF_A_ROW: Final = 0.5
"""Rows that are added to both sides of a share. Source: the prior of Jeffreys (1946), "An invariant
form for the prior probability in estimation problems"."""


class PastDay(NamedTuple):
    """Figure of a published day before."""

    weekday: int
    """0 is Monday, 6 is Sunday."""
    value: float
    rows: int
    """Rows behind the figure, 1 or more."""


class UsualRange(NamedTuple):
    """Values that are expected of a day."""

    low: float
    middle: float
    high: float


class _Centred(NamedTuple):
    """Days before, each with the group of days that it is like."""

    group: np.ndarray
    """Number of the group of each day, from 0, shape (days,)."""
    centre: np.ndarray
    """True for the days that the new day is like, shape (days,)."""

    @property
    def freedom(self) -> int:
        """Days less the means that are taken from them."""
        return len(self.group) - len(np.unique(self.group))


def usual_share(past: Sequence[PastDay], *, weekday: int, rows: int, false_alarms: float) -> UsualRange | None:
    """Range of a share of so many rows; None if the days before are too few (`_centred`).

    Shares of days are taken as beta-binomial. Their correlation within days is that of moments
    (Williams 1982, "Extra-binomial variation in logistic linear models"). The day's own share is
    predicted by a beta distribution: without variance between days it is Jeffreys' posterior, and
    its variance is widened by the square of Student's over the normal quantile. The share of the
    rows is drawn from that; the range is that of the beta distribution of its mean and variance,
    up to whole rows.

    Args:
        past: days before, with a share in [0, 1] each.
        weekday: that of the new day, 0 to 6.
        rows: rows of the new day, 1 or more.
        false_alarms: probability, 0 to 1, of a share outside if nothing changed.

    >>> past = [PastDay(day % 7, 0.1, 1000) for day in range(28)]
    >>> [round(share, 3) for share in usual_share(past, weekday=0, rows=1000, false_alarms=0.01)]
    [0.074, 0.1, 0.13]
    """
    days = _centred(past, weekday)
    if days is None:
        return None
    n = np.array([day.rows for day in past], dtype=float)
    shares = np.array([day.value for day in past])
    correlation = _correlation(n, shares, days.group, days.freedom)
    weight = (n / (1 + (n - 1) * correlation))[days.centre]
    known = float(weight.sum()) + 2 * _HALF_A_ROW
    middle = (float(weight @ shares[days.centre]) + _HALF_A_ROW) / known
    doubt = (correlation + (1 - correlation) / (known + 1)) * _widening(days.freedom, false_alarms) ** 2
    spread = doubt + (1 - doubt) / rows
    if doubt >= 1 or spread >= 1:
        return UsualRange(0.0, middle, 1.0)
    strength = 1 / spread - 1
    ends = betaincinv(middle * strength, (1 - middle) * strength, [false_alarms / 2, 1 - false_alarms / 2])
    return UsualRange(math.floor(ends[0] * rows) / rows, middle, math.ceil(ends[1] * rows) / rows)


def usual_number(past: Sequence[PastDay], *, weekday: int, false_alarms: float, is_ratio: bool) -> UsualRange | None:
    """Range of a number; None if the days before are too few (`_centred`).

    It is Student's prediction interval for a new observation, of the logarithm if `is_ratio`.

    Args:
        past: days before; their values are 0 or more if `is_ratio`.
        weekday: that of the new day, 0 to 6.
        false_alarms: probability, 0 to 1, of a number outside if nothing changed.
        is_ratio: True for a size, whose days differ by factors; False for a time.

    >>> past = [PastDay(0, hours, 1) for hours in (6.0, 6.5, 7.0, 6.5)]
    >>> [round(hours, 1) for hours in usual_number(past, weekday=0, false_alarms=0.01, is_ratio=False)]
    [3.8, 6.5, 9.2]
    """
    days = _centred(past, weekday)
    if days is None:
        return None
    values = np.array([day.value for day in past])
    scaled = np.log1p(values) if is_ratio else values
    means = np.bincount(days.group, scaled) / np.bincount(days.group)
    variance = float(np.sum((scaled - means[days.group]) ** 2)) / days.freedom
    middle = float(scaled[days.centre].mean())
    deviation = math.sqrt(variance * (1 + 1 / int(days.centre.sum())))
    reach = float(stdtrit(days.freedom, 1 - false_alarms / 2)) * deviation
    ends = (middle - reach, middle, middle + reach)
    return UsualRange(*(float(np.expm1(end)) if is_ratio else end for end in ends))


def _centred(past: Sequence[PastDay], weekday: int) -> _Centred | None:
    """Days before in their groups; None if there are fewer than two, or none of the weekday."""
    weekdays = np.array([day.weekday for day in past], dtype=int)
    is_like = weekdays == weekday
    if len(past) < 2 or not is_like.any():  # noqa: PLR2004 - a variance needs two
        return None
    if is_like.sum() >= LEAST_LIKE_DAYS:
        _, group = np.unique(weekdays, return_inverse=True)
        return _Centred(group, is_like)
    return _Centred(np.zeros(len(past), dtype=int), np.ones(len(past), dtype=bool))


def _correlation(n: np.ndarray, shares: np.ndarray, group: np.ndarray, freedom: int) -> float:
    """Correlation of two rows of one day, in [0, 1], beside that of their weekday."""
    rows = np.bincount(group, n)[group]
    mean = (np.bincount(group, n * shares)[group] + _HALF_A_ROW) / (rows + 2 * _HALF_A_ROW)
    # Pearson's statistic, whose mean is the freedom if days differ by chance alone.
    found = float(np.sum(n * (shares - mean) ** 2 / (mean * (1 - mean))))
    slope = float(np.sum((n - 1) * (1 - n / rows)))
    return min(max(found - freedom, 0.0) / slope, 1.0) if slope else 0.0


def _widening(freedom: int, false_alarms: float) -> float:
    """Student's quantile over the normal one: the price of a variance from few days; 1 or more."""
    return float(stdtrit(freedom, 1 - false_alarms / 2) / ndtri(1 - false_alarms / 2))
