"""Performance of a day before its outcomes are known, estimated from the calibrated pd.

A loan needs months to default, and somebody must look at the day today. If pd is calibrated, it says
how the outcomes will fall on average: this is confidence-based performance estimation, CBPE
(NannyML, "How it works: performance estimation"). Each figure is a sum over the outcomes y, or for
the AUC nearly one:

    figure = constant + sum of slope[i] * y[i],   y[i] = 1 with probability pd[i], otherwise 0

The estimate puts pd[i] in the place of y[i]. The interval is one for the figure that the outcomes
will show, not for its mean. It holds two kinds of chance:

- the outcomes themselves, which are independent. Variance: sum of slope^2 * pd * (1 - pd), skewness
  by the third cumulants (Poisson-binomial distribution; quantiles by Cornish and Fisher 1938,
  "Moments and cumulants in the specification of distributions"). Half of the smallest step that
  one outcome can make is added at either end, the usual correction for counts: without it the
  interval of a rate of 100 rows may hold 92 % of what comes, with it never less than 95 %.
- the calibration, a logistic curve that was fitted on so many rows. Its level and its slope have the
  variances of a logistic regression (inverse of the Fisher information) on rows that are distributed
  like the day.

Both are blind to a relation between application and outcome that has changed: `CONCEPT_DRIFT_CAVEAT`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from tasks.core.decision.policy import DECISIONS, Decided
from tasks.core.disclosure import (
    LEAST_OF_AN_OUTCOME,
    LEAST_ROWS,
    LEAST_ROWS_OF_A_KIND,
    LEAST_ROWS_OF_A_MEAN,
    is_enough,
    is_enough_for_mean,
    is_enough_for_rates,
    is_none_or_enough,
    too_few,
)
from tasks.core.monitoring.metrics import Metric
from tasks.core.training.evaluation import wilson_interval
from tasks.core.words import counted, percent

CONCEPT_DRIFT_CAVEAT: Final = (
    "These figures are estimates that trust the model: they follow a change in who applies, and are "
    "blind to a change in how applicants with the same data repay (concept drift). If that changes, "
    "they stay as they are and are wrong. Only outcomes can show it."
)
"""Sentence that stands beside the figures wherever people read them."""
_APPROVE: Final = DECISIONS.index("approve")
_REFUSE: Final = DECISIONS.index("refuse")
_NORMAL: Final = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: half the width of a 95 % interval, in
standard deviations."""
_NOBODY_APPLIED: Final = "There are no figures of a day without applications."
_TOO_FEW_OF_A_KIND: Final = f"No approval rate is shown: fewer than {LEAST_ROWS} were approved, or were not."
_TOO_FEW_OF_A_MEAN: Final = (
    f"No figure is shown: fewer than {LEAST_ROWS_OF_A_MEAN} were approved, or were not, and their mean pd "
    "could be had from it."
)
_TOO_FEW_TO_RANK: Final = (
    f"No AUC is shown: it needs {LEAST_ROWS_OF_A_KIND} applications, {LEAST_OF_AN_OUTCOME} expected "
    f"defaults and {LEAST_OF_AN_OUTCOME} expected repayments."
)
_NEARLY: Final = float(np.finfo(float).eps)
"""Distance from 0 and 1 within which a pd counts as that far away, so that its log-odds are finite."""


class ExpectedFigure(NamedTuple):
    """One figure, with its 95 % interval."""

    value: float | None
    """The figure; None if there are too few rows to show one."""
    low: float | None
    """Lower end of the interval; None if the figure is, or if it is counted and has no interval."""
    high: float | None
    n: int
    """Rows that the figure is about."""
    sentence: str
    """The figure in words."""


class ExpectedPerformance(NamedTuple):
    """Figures of a day, by the names under which the metrics table holds them."""

    approval_rate: ExpectedFigure
    """Share of the applications that were approved, 0 to 1. It is known; the interval is Wilson's, for
    the rate of days whose applications come from the same people."""
    expected_default_rate_of_approved: ExpectedFigure
    expected_cost_per_application: ExpectedFigure
    """Cost as in `cost_per_application`, in units of the cost matrix. Referred applications count as
    not refused."""
    expected_auc: ExpectedFigure
    """AUC over all applications of the day, also those that will never have an outcome.

    It lies a little low: pd is calibrated on out-of-fold scores, and the model that decides has
    learned from more rows than theirs. Measured: about 0.006 with 20,000 training rows."""
    band_concentration: ExpectedFigure
    """Herfindahl index of the risk bands: sum of squared shares, from 1 / bands to 1. Known."""
    band_concentration_normalised: ExpectedFigure
    """The same from 0 (all bands alike) to 1 (all in one band)."""


def expected_performance(
    pd: np.ndarray,
    decided: Decided,
    *,
    n_bands: int,
    costs: Mapping[str, float],
    calibration_rows: int,
) -> ExpectedPerformance:
    """Estimate the performance of a day's decisions.

    Args:
        pd: calibrated probability of default in [0, 1], float64, shape (rows,).
        decided: decision and risk band of each row.
        n_bands: number of the policy's risk bands, those without a row included.
        costs: `false_negative` and `false_positive`, in units of the cost matrix.
        calibration_rows: rows with outcomes that the model's calibration was fitted on, above 0; the
            fewer, the wider the intervals.
    """
    chance = _Chance(pd, calibration_rows)
    is_approved = decided.decision == _APPROVE
    few = _too_few_of_a_part(is_approved)
    return ExpectedPerformance(
        _approval_rate(is_approved),
        _default_rate(pd, is_approved, chance, few=few),
        _cost(pd, decided.decision == _REFUSE, chance, few=few, **costs),
        _auc(pd, chance),
        *_concentration(decided.band, n_bands),
    )


def expected_metrics(performance: ExpectedPerformance) -> list[Metric]:
    """Rows of the metrics table, one for each figure; one without a value is `insufficient`.

    Rows of 1 to 19 are told as none.
    """
    return [
        Metric(
            name,
            figure.value,
            figure.n if is_enough(figure.n) else 0,
            low=figure.low,
            high=figure.high,
            level="insufficient" if figure.value is None else "ok",
        )
        for name, figure in performance._asdict().items()
    ]


def band_metrics(band: np.ndarray, names: Sequence[str]) -> list[Metric]:
    """Share of the applications in each risk band, a row of the metrics table each.

    None of them is told if a band has 1 to 19 applications: it could be had from the others.

    Args:
        band: index into `names` of each application, shape (rows,).
        names: the policy's risk bands.

    >>> [(each.slice, each.value) for each in band_metrics(np.repeat([0, 1], 20), ("A", "B", "C"))]
    [('band=A', 0.5), ('band=B', 0.5), ('band=C', 0.0)]
    >>> band_metrics(np.repeat([0, 1], [20, 19]), ("A", "B"))
    []
    """
    rows = len(band)
    counts = np.bincount(band, minlength=len(names)).tolist()
    if not is_enough(rows) or not all(map(is_none_or_enough, counts)):
        return []
    return [
        Metric("band_share", count / rows, rows, slice=f"band={name}")
        for name, count in zip(names, counts, strict=True)
    ]


def auc_expected(pd: np.ndarray) -> tuple[float, np.ndarray]:
    """AUC expected from calibrated pd, and its slope in each outcome, shape (rows,).

    Every row counts as pd defaults and 1 - pd repayments. At each distinct pd as threshold they give
    expected true and false positives, and the area is under the straight lines between these points,
    so that a tie counts half (NannyML, `estimate_roc_auc`). With D and G the sums of pd and of
    1 - pd, and U the sum over all pairs of pd[i] * (1 - pd[j]) where i ranks above j, AUC = U / (D G).
    Its derivative in y[i] is (G below i - D above i) / (D G) - AUC (1 / D - 1 / G).

    >>> value, slope = auc_expected(np.array([0.5, 0.5]))
    >>> value, slope.tolist()
    (0.5, [0.0, 0.0])

    Raises:
        ZeroDivisionError: no row may default, or none may repay.
    """
    _, place = np.unique(pd, return_inverse=True)
    bad = np.bincount(place, weights=pd)
    good = np.bincount(place, weights=1 - pd)
    all_bad = float(bad.sum())
    all_good = float(good.sum())
    good_below = np.cumsum(good) - good / 2
    bad_above = all_bad - np.cumsum(bad) + bad / 2
    value = float(np.sum(bad * good_below)) / (all_bad * all_good)
    slope = (good_below - bad_above) / (all_bad * all_good) - value * (1 / all_bad - 1 / all_good)
    return value, slope[place]


def herfindahl(counts: np.ndarray) -> tuple[float, float]:
    """Herfindahl index of counts, shape (groups,), and its form from 0 to 1.

    European Central Bank, "Instructions for reporting the validation results of internal models",
    2019, 2.5: the sum of squared shares. Normalised: (H - 1 / groups) / (1 - 1 / groups); one group
    alone is 1, for it holds all.

    >>> herfindahl(np.array([5, 5])), herfindahl(np.array([0, 9])), herfindahl(np.array([9]))
    ((0.5, 0.0), (1.0, 1.0), (1.0, 1.0))
    """
    shares = counts / counts.sum()
    index = float(np.sum(shares**2))
    least = 1 / len(counts)
    if len(counts) == 1:
        return index, 1.0
    return index, (index - least) / (1 - least)


class _Chance:
    """Chance that is in the outcomes of a day, and in the calibration of its pd."""

    def __init__(self, pd: np.ndarray, calibration_rows: int) -> None:
        inside = np.clip(pd, _NEARLY, 1 - _NEARLY)
        log_odds = np.log(inside / (1 - inside))
        self._variance = pd * (1 - pd)
        self._third = self._variance * (1 - 2 * pd)
        information = float(self._variance.sum())
        middle = float(np.sum(self._variance * log_odds)) / information if information else 0.0
        # About this middle, level and slope of the curve are uncorrelated.
        self._tilt = log_odds - middle
        scale = calibration_rows / max(len(pd), 1)
        self._level_information = scale * information
        self._tilt_information = scale * float(np.sum(self._variance * self._tilt**2))

    def interval(self, value: float, slope: np.ndarray, *, lowest: float, highest: float) -> tuple[float, float]:
        """95 % interval of `value` + sum of slope * (outcome - pd), inside what is possible."""
        weighted = self._variance * slope
        variance = float(np.sum(weighted * slope))
        variance += _over(float(np.sum(weighted)) ** 2, self._level_information)
        variance += _over(float(np.sum(weighted * self._tilt)) ** 2, self._tilt_information)
        skewness = _over(float(np.sum(self._third * slope**3)), variance**1.5)
        lean = skewness * (_NORMAL**2 - 1) / 6
        deviation = variance**0.5
        steps = np.abs(slope[weighted != 0])
        half_step = float(steps.min()) / 2 if len(steps) else 0.0
        low = max(lowest, value + deviation * (lean - _NORMAL) - half_step)
        high = min(highest, value + deviation * (lean + _NORMAL) + half_step)
        return low, high


def _over(numerator: float, denominator: float) -> float:
    """Quotient; 0 if nothing is divided by nothing."""
    return numerator / denominator if denominator else 0.0


def _approval_rate(is_approved: np.ndarray) -> ExpectedFigure:
    n = len(is_approved)
    if not is_enough_for_mean(n):
        return _no_figure(n, _too_few(n))
    approved = int(is_approved.sum())
    if not (is_none_or_enough(approved) and is_none_or_enough(n - approved)):
        return _no_figure(n, _TOO_FEW_OF_A_KIND)
    low, high = wilson_interval(np.array([approved]), np.array([n]))
    rate = float(approved / n)
    sentence = f"{percent(rate)} of {counted(n, 'application')} were approved."
    return ExpectedFigure(rate, float(low[0]), float(high[0]), n, sentence)


def _default_rate(pd: np.ndarray, is_approved: np.ndarray, chance: _Chance, *, few: str | None) -> ExpectedFigure:
    n = int(is_approved.sum())
    if few or not n:
        nobody = "Nobody was approved, so there is no default rate of the approved."
        return _no_figure(len(is_approved) if few else 0, few or nobody)
    value = float(pd[is_approved].mean())
    low, high = chance.interval(value, is_approved / n, lowest=0.0, highest=1.0)
    sentence = (
        f"{percent(value)} of {counted(n, 'approved application')} are expected to default "
        f"(95% interval {percent(low)} to {percent(high)})."
    )
    return ExpectedFigure(value, low, high, n, sentence)


def _cost(
    pd: np.ndarray,
    is_refused: np.ndarray,
    chance: _Chance,
    *,
    few: str | None,
    false_negative: float,
    false_positive: float,
) -> ExpectedFigure:
    n = len(pd)
    if few or not n:
        return _no_figure(n, few or _NOBODY_APPLIED)
    worst = np.where(is_refused, false_positive, false_negative)
    slope = np.where(is_refused, -false_positive, false_negative) / n
    value = float(np.mean(worst * np.where(is_refused, 1 - pd, pd)))
    low, high = chance.interval(value, slope, lowest=0.0, highest=float(worst.mean()))
    sentence = (
        f"Wrong decisions are expected to cost {value:.3f} per application, in units of a lost good "
        f"customer (95% interval {low:.3f} to {high:.3f})."
    )
    return ExpectedFigure(value, low, high, n, sentence)


def _auc(pd: np.ndarray, chance: _Chance) -> ExpectedFigure:
    n = len(pd)
    if not is_enough_for_rates(n, defaulted=int(pd.sum())):
        return _no_figure(n, _TOO_FEW_TO_RANK)
    value, slope = auc_expected(pd)
    low, high = chance.interval(value, slope, lowest=0.0, highest=1.0)
    sentence = f"The AUC is expected to be {value:.3f} (95% interval {low:.3f} to {high:.3f})."
    return ExpectedFigure(value, low, high, n, sentence)


def _concentration(band: np.ndarray, n_bands: int) -> tuple[ExpectedFigure, ExpectedFigure]:
    n = len(band)
    if not is_enough_for_mean(n):
        return _no_figure(n, _too_few(n)), _no_figure(n, _too_few(n))
    index, normalised = herfindahl(np.bincount(band, minlength=n_bands))
    plain = (
        f"The Herfindahl index of {counted(n_bands, 'risk band')} is {index:.3f}; even bands have "
        f"{1 / n_bands:.3f}, one band alone 1."
    )
    scaled = f"Scaled from 0 for even bands to 1 for one band alone, the concentration is {normalised:.3f}."
    return (
        ExpectedFigure(index, None, None, n, plain),
        ExpectedFigure(normalised, None, None, n, scaled),
    )


def _no_figure(n: int, sentence: str) -> ExpectedFigure:
    return ExpectedFigure(None, None, None, n, sentence)


def _too_few(rows: int) -> str:
    return too_few(rows, needed=LEAST_ROWS_OF_A_MEAN) if rows else _NOBODY_APPLIED


def _too_few_of_a_part(is_approved: np.ndarray) -> str | None:
    """Sentence if the mean pd of the approved, or that of the others, is one of too few rows.

    Either could be had from the other and the mean of the day. None if both may be shown.
    """
    approved = int(is_approved.sum())
    for rows in (approved, len(is_approved) - approved):
        if rows and not is_enough_for_mean(rows):
            return _TOO_FEW_OF_A_MEAN
    return None
