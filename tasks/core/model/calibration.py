"""Calibration of a raw score (log-odds) to a probability of default.

The fitted curve is frozen as a table and read by linear interpolation. Interpolation needs only the
four basic operations, which every processor rounds alike. `exp` differs in its last bit between
machines, and published bytes would differ with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

_KNOTS: Final = 2001
# A score with a smaller slope says nothing. It is refused, so that no flat table is frozen.
_FLATTEST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rising table of knots: raw score to pd. A score beyond an end gets the pd of that end."""

    raw: tuple[float, ...]
    pd: tuple[float, ...]

    def pd_of(self, raw: np.ndarray) -> np.ndarray:
        """Pd of each raw score, in [0, 1], never falling as the score rises."""
        return np.interp(raw, self.raw, self.pd)

    def raw_at(self, pd: float) -> float:
        """Raw score at which a pd is reached; if no score reaches it, that of the nearer end.

        >>> Calibration((-2.0, 0.0), (0.1, 0.3)).raw_at(0.2)
        -1.0
        """
        return float(np.interp(pd, self.pd, self.raw))


def fit_calibration(raw: np.ndarray, defaulted: np.ndarray) -> Calibration:
    """Fit Platt's logistic curve pd = 1 / (1 + exp(-(a + b * raw))) and tabulate it.

    The fit is by maximum likelihood (Platt 1999, "Probabilistic outputs for support vector
    machines"). The scores are log-odds already, so a is near 0 and b near 1. The table reaches half
    the range of the scores seen beyond them, and is within a few millionths of the curve.

    Args:
        raw: out-of-fold raw scores, shape (n,).
        defaulted: True if the applicant defaulted, shape (n,).

    Raises:
        ValueError: there are fewer than two outcomes, or pd would not rise with the score.
    """
    from scipy.special import expit

    if defaulted.all() or not defaulted.any():
        raise ValueError("calibration needs applicants who defaulted and applicants who did not")
    intercept, slope = _fit_logistic(raw, defaulted.astype(float))
    if slope < _FLATTEST:
        raise ValueError(f"pd would not rise with the score (slope {slope:.3f}); the model has learned nothing")
    margin = (raw.max() - raw.min()) / 2 + 1.0
    # Whole numbers, because the exact ends would give away two applicants' scores.
    lowest = np.floor(raw.min() - margin)
    highest = np.ceil(raw.max() + margin)
    knots = np.linspace(lowest, highest, _KNOTS)
    pd = expit(intercept + slope * knots)
    return Calibration(tuple(knots.tolist()), tuple(pd.tolist()))


def calibration_line(raw: np.ndarray, defaulted: np.ndarray) -> tuple[float, float]:
    """Intercept and slope of a logistic regression of the outcome on log-odds.

    (0, 1) is perfect calibration.
    """
    return _fit_logistic(raw, defaulted.astype(float))


def expected_calibration_error(pd: np.ndarray, defaulted: np.ndarray, *, bins: int = 10) -> float:
    """Mean distance between predicted and observed default rate over bins, in [0, 1].

    The bins have equal counts, and the mean is weighted by rows. Naeini et al. 2015, "Obtaining
    well calibrated probabilities using Bayesian binning", with equal-count bins.
    """
    order = np.argsort(pd, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    distance = sum(abs(pd[part].mean() - defaulted[part].mean()) * len(part) for part in parts)
    return float(distance / len(pd))


def _fit_logistic(raw: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    from scipy.optimize import minimize  # not needed for scoring, which reads the table alone
    from scipy.special import expit

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        odds = line[0] + line[1] * raw
        error = expit(odds) - target
        value = float(np.mean(np.logaddexp(0.0, odds) - target * odds))
        return value, np.array([error.mean(), (error * raw).mean()])

    start = np.array([0.0, 1.0])
    intercept, slope = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return float(intercept), float(slope)
