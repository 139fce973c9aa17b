"""From a raw score (log-odds) to a calibrated probability of default.

The fitted curve is frozen as a table and read by linear interpolation. Interpolation needs only the four basic
operations, which every processor rounds alike; `exp` differs in its last bit between machines, and with it the
published bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

_KNOTS: Final = 2001
_FLATTEST: Final = 0.05  # a slope below this means the score says nothing; refuse rather than freeze a flat table


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising table of knots: raw score to pd. Scores beyond the ends take the end's pd."""

    raw: tuple[float, ...]
    pd: tuple[float, ...]

    def pd_of(self, raw: np.ndarray) -> np.ndarray:
        """The pd of each raw score, in [0, 1], never falling as the score rises."""
        return np.interp(raw, self.raw, self.pd)

    def raw_at(self, pd: float) -> float:
        """The raw score at which a pd is reached; that of the nearer end where none reaches it.

        >>> Calibration((-2.0, 0.0), (0.1, 0.3)).raw_at(0.2)
        -1.0
        """
        return float(np.interp(pd, self.pd, self.raw))


def fit_calibration(raw: np.ndarray, defaulted: np.ndarray) -> Calibration:
    """Platt's logistic curve pd = 1 / (1 + exp(-(a + b * raw))), fitted by maximum likelihood and tabulated.

    Platt 1999, "Probabilistic outputs for support vector machines"; with scores that are log-odds already, a is near 0
    and b near 1. The table reaches half their range beyond the scores seen, and is within a few millionths of the
    curve.

    Args:
        raw: out-of-fold raw scores, shape (n,).
        defaulted: True where the applicant defaulted, shape (n,).

    Raises:
        ValueError: fewer than two outcomes, or pd would not rise with the score.
    """
    from scipy.special import expit

    if defaulted.all() or not defaulted.any():
        raise ValueError("calibration needs applicants who defaulted and applicants who did not")
    intercept, slope = _fit_logistic(raw, defaulted.astype(float))
    if slope < _FLATTEST:
        raise ValueError(f"pd would not rise with the score (slope {slope:.3f}); the model has learned nothing")
    margin = (raw.max() - raw.min()) / 2 + 1.0
    ends = np.floor(raw.min() - margin), np.ceil(raw.max() + margin)  # whole, or they would tell somebody's score
    knots = np.linspace(*ends, _KNOTS)
    return Calibration(tuple(knots.tolist()), tuple(expit(intercept + slope * knots).tolist()))


def calibration_line(raw: np.ndarray, defaulted: np.ndarray) -> tuple[float, float]:
    """Intercept and slope of a logistic regression of the outcome on log-odds; (0, 1) is perfect calibration."""
    return _fit_logistic(raw, defaulted.astype(float))


def expected_calibration_error(pd: np.ndarray, defaulted: np.ndarray, *, bins: int = 10) -> float:
    """Mean distance between predicted and observed default rate over equal-count bins, weighted by rows, in [0, 1].

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning", with equal-count bins.
    """
    order = np.argsort(pd, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(abs(pd[part].mean() - defaulted[part].mean()) * len(part) for part in parts) / len(pd))


def _fit_logistic(raw: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    from scipy.optimize import minimize  # scoring reads the table alone
    from scipy.special import expit

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        odds = line[0] + line[1] * raw
        error = expit(odds) - target
        return float(np.mean(np.logaddexp(0.0, odds) - target * odds)), np.array([error.mean(), (error * raw).mean()])

    intercept, slope = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return float(intercept), float(slope)
