"""Sentences that say on whom each figure of a backtest is measured, and what that does to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MEASURED_ON: Final = (
    "Every realised figure is measured on applications that were not refused and whose outcome is known. Refused "
    "applications have no outcome, because there was no loan. The expected figure beside it is that of the same "
    "applications."
)
LIMITS_OF_FIGURES: Final[Mapping[str, str]] = {
    "default_rate": "It is the rate of those who were not refused, not of all who applied.",
    "cost_per_application": (
        "It holds the cost of loans that defaulted. The cost of refusing applicants who would have repaid is not "
        "in it: nobody can see it."
    ),
    "auc": (
        "Too low: the riskiest applications were refused, so the others are more alike. Compare it with the AUC of "
        "the training rows that the same policy would not have refused, and with the expected AUC; not with that of "
        "all training rows. The same holds for Gini and KS."
    ),
    "brier": (
        "Lower than over all applications, because those with a high pd are missing. Compare it between cohorts; not "
        "with the Brier score of training. The same holds for the log-loss."
    ),
    "calibration": (
        "It says nothing about pd above the cut-off. A slope on so narrow a range of pd has a wide interval."
    ),
    "jeffreys": "Bands from the cut-off on have no outcomes and no line. The portfolio is that of the bands that have.",
    "auc_decline": (
        "Against all training rows the test fails where many are refused, whatever the model does. Read the line of "
        "the training rows that would not have been refused. The initial AUC is taken as a known number; it has an "
        "error of its own, so with few training rows the test fails too often."
    ),
    "concentration": "Over all decided applications, refused ones included, so refusing changes nothing of it.",
}
"""Kind of figure to what the missing outcomes of refused applicants do to it."""
UNCHOSEN: Final = (
    "Not everybody who is approved takes the loan. If those who do differ from the others in what no column tells, "
    "that is in the realised figures, too."
)
EARLIER_REVISIONS: Final = (
    "An outcome is held against the newest revision of its day, also if an earlier one decided otherwise."
)
EVERY_LIMIT: Final = (MEASURED_ON, UNCHOSEN, EARLIER_REVISIONS)
"""Sentences that stand beside all figures."""
