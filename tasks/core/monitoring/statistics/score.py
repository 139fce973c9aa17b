"""Mean score of the day: a z-test on the mean of logit(pd), against out-of-fold predictions."""

from __future__ import annotations

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from tasks.core.disclosure import is_enough_for_mean
from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.reference import PD
from tasks.core.monitoring.statistics.record import Tests


def score_tests(day: Compared) -> Tests:
    """Shift of the mean logit(pd), in standard deviations of the reference.

    No test if the reference has no score, or if the day has too few rows for a mean.
    """
    expected, reference_rows = day.expected_logit
    sd = day.frozen.pd.sd
    count = int(sd > 0 and is_enough_for_mean(day.day.rows))
    mean = day.day.logit_sum / max(1, day.day.rows)
    error = np.sqrt(1 / day.scored_rows + 1 / reference_rows) if count else 1.0
    shift = (mean - expected) / sd if count else 0.0
    z = shift / error
    typical, usual = float(expit(mean)), float(expit(expected))
    margin = 1.96 * error * sd

    def sentence(_: int) -> str:
        way = "riskier" if shift > 0 else "less risky"
        return f"Applicants are {way}: the typical pd is {typical:.1%}, instead of {usual:.1%}."

    return Tests(
        (PD,) * count,
        np.full(count, 2 * norm.sf(abs(z))),
        np.full(count, abs(shift)),
        np.full(count, typical),
        np.full(count, usual),
        np.full(count, float(expit(expected - margin))),
        np.full(count, float(expit(expected + margin))),
        sentence,
    )
