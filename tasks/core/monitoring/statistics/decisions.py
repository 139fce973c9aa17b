"""Mix of decisions: the share of applications that are refused, and that are not approved.

The reference's out-of-fold pd say what shares the day's own thresholds make expect. On a weekday of
riskier applicants all log-odds lie higher by the difference between the means.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from tasks.core.disclosure import rounded_counts
from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.statistics.record import Tests

DECISION: Final = "decision"
_WORDS: Final = {1: "are not approved", 2: "are refused"}


def decision_tests(day: Compared) -> Tests:
    """Change of a share of decisions, 0 to 1.

    No test if the thresholds are unknown, or if the reference has no score. Without a band of
    referrals the two shares are one, and it is tested once.
    """
    wanted = {threshold: first for first, threshold in enumerate(day.thresholds, start=1)}
    mean, reference_rows = day.expected_logit
    shift = mean - day.frozen.pd.mean
    expected = {threshold: day.frozen.pd.share_from(float(expit(logit(threshold) - shift))) for threshold in wanted}
    known = {threshold: share for threshold, share in expected.items() if share is not None}
    rows = max(1, day.day.rows)
    decided = [day.day.decisions[wanted[threshold] :].sum() for threshold in known]
    value = np.minimum(rounded_counts(np.array(decided, dtype=np.float64)) / rows, 1.0)
    due = np.array(list(known.values()))
    words = [_WORDS[wanted[threshold]] for threshold in known]
    error = np.sqrt(due * (1 - due) * (1 / day.scored_rows + 1 / max(1.0, reference_rows)))
    change = np.abs(value - due)
    p = 2 * norm.sf(np.abs(np.array(decided) / rows - due) / error)

    def sentence(position: int) -> str:
        return f"{value[position]:.1%} of the applications {words[position]}, instead of {due[position]:.1%}."

    low = np.maximum(due - 1.96 * error, 0.0)
    high = np.minimum(due + 1.96 * error, 1.0)
    return Tests((DECISION,) * len(value), p, change, value, due, low, high, sentence)
