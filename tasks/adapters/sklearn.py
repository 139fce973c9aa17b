"""scikit-learn: folds and the field's standard figures of merit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, roc_curve
from sklearn.model_selection import StratifiedKFold


def stratified_folds(defaulted: np.ndarray, *, folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row positions (fitted on, held out) of each fold; every fold has the same default rate."""
    yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(defaulted)), defaulted)


def measure(pd: np.ndarray, defaulted: np.ndarray) -> dict[str, float]:
    """AUC, Gini (2 AUC - 1), KS, PR-AUC, log-loss and Brier score of predicted against observed outcomes."""
    auc = float(roc_auc_score(defaulted, pd))
    false_positives, true_positives, _ = roc_curve(defaulted, pd)
    return {
        "auc": auc,
        "gini": 2 * auc - 1,
        "ks": float(np.max(true_positives - false_positives)),
        "pr_auc": float(average_precision_score(defaulted, pd)),
        "log_loss": float(log_loss(defaulted, pd)),
        "brier": float(brier_score_loss(defaulted, pd)),
    }


def roc(pd: np.ndarray, defaulted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False positive and true positive rates over all cut-offs."""
    false_positives, true_positives, _ = roc_curve(defaulted, pd)
    return false_positives, true_positives
