"""Calibrating out-of-fold scores without looking at the outcomes they are judged by."""

from __future__ import annotations

import numpy as np

from tasks.core.model.calibration import fit_calibration


def cross_fitted_pd(raw: np.ndarray, defaulted: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The pd of each row by a calibration fitted on the other folds' out-of-fold scores, in [0, 1].

    A curve fitted on the very outcomes it is held against would show a slope of 1 whatever it was worth.

    Args:
        raw: out-of-fold raw scores (log-odds), shape (rows,).
        defaulted: True where the applicant defaulted, shape (rows,).
        fold: which fold held the row out, shape (rows,).

    Raises:
        ValueError: somewhere pd would not rise with the score.
    """
    pd = np.empty(len(raw))
    for held_out in (fold == number for number in np.unique(fold)):
        pd[held_out] = fit_calibration(raw[~held_out], defaulted[~held_out]).pd_of(raw[held_out])
    return pd
