"""Calibration of out-of-fold scores without the outcomes that they are judged by."""

from __future__ import annotations

import numpy as np

from tasks.core.model.calibration import fit_calibration


def cross_fitted_pd(raw: np.ndarray, defaulted: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Pd of each row, in [0, 1], by a calibration fitted on the scores of the other folds.

    A curve that is fitted on the outcomes it is compared with always shows a slope of 1, however
    bad it is.

    Args:
        raw: out-of-fold raw scores (log-odds), shape (rows,).
        defaulted: True if the applicant defaulted, shape (rows,).
        fold: number of the fold that held the row out, shape (rows,).

    Raises:
        ValueError: pd would not rise with the score for one of the folds.
    """
    pd = np.empty(len(raw))
    for held_out in (fold == number for number in np.unique(fold)):
        pd[held_out] = fit_calibration(raw[~held_out], defaulted[~held_out]).pd_of(raw[held_out])
    return pd
