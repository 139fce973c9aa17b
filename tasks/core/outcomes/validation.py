"""Tests that a validator reports of a model of probability of default.

Source of every formula: European Central Bank, "Instructions for reporting the validation results of
internal models: IRB Pillar I models for credit risk", February 2019, section 2.5. Each test has one
side: a small p-value says that the model is worse than it should be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import beta, rankdata


@dataclass(frozen=True, slots=True)
class AucDecline:
    """Comparison of an AUC with that of the initial validation."""

    auc: float
    deviation: float
    """Estimated standard deviation of the AUC."""
    statistic: float | None
    """S: decline in standard deviations; None if there is no deviation and it is infinite."""
    p_value: float


@dataclass(frozen=True, slots=True)
class Concentration:
    """Concentration of applications in the risk bands, beside that of the initial validation."""

    variation: float
    """Coefficient of variation of the bands' shares; 0 if all are alike."""
    herfindahl: float
    """Herfindahl index on the scale of the instructions: 0 for even bands, 1 for one band alone."""
    initial_variation: float
    initial_herfindahl: float
    p_value: float


def jeffreys_test(pd: float, *, defaults: int, rows: int) -> float:
    """p-value of the hypothesis that the pd of a grade or of a portfolio is not too low.

    Section 2.5.3.1: the distribution function at pd of the beta distribution with the parameters
    D + 1/2 and N - D + 1/2, the posterior of the default rate under Jeffreys' prior.

    Args:
        pd: mean probability of default in [0, 1].
        defaults: D, those that defaulted.
        rows: N, all of them; at least 1.

    >>> round(jeffreys_test(0.02, defaults=30, rows=1000), 6)
    0.016238
    """
    return float(beta.cdf(pd, defaults + 0.5, rows - defaults + 0.5))


def auc_deviation(score: np.ndarray, defaulted: np.ndarray) -> tuple[float, float]:
    """AUC, and its standard deviation s.

    Section 2.5.4.1: the AUC is the Mann-Whitney statistic U over the number of pairs, a tie counting
    half. s^2 is the estimate of its variance by DeLong, DeLong and Clarke-Pearson 1988, "Comparing the
    areas under two or more correlated receiver operating characteristic curves": with V10 of a
    defaulter the share of the others that it ranks above, and V01 of one of the others the share of
    defaulters that rank above it, s^2 = var(V10) / D + var(V01) / (N - D), sample variances.

    Args:
        score: higher is riskier, shape (rows,).
        defaulted: True for a defaulter, shape (rows,); at least two of them, and two others.
    """
    bad = score[defaulted]
    good = score[~defaulted]
    rank = rankdata(score)
    above_good = (rank[defaulted] - rankdata(bad)) / len(good)
    below_bad = 1 - (rank[~defaulted] - rankdata(good)) / len(bad)
    variance = float(above_good.var(ddof=1)) / len(bad) + float(below_bad.var(ddof=1)) / len(good)
    return float(above_good.mean()), math.sqrt(variance)


def auc_decline_test(initial: float, score: np.ndarray, defaulted: np.ndarray) -> AucDecline:
    """Test of the hypothesis that the AUC is at least the initial one.

    Section 2.5.4.1: S = (AUC_init - AUC_curr) / s, and p = 1 - Phi(S). The initial AUC is taken as a
    known number. Without any variation of the current one (a perfect ranking), p is 1 or 0.

    Takes what `auc_deviation` takes, and the initial AUC.
    """
    current, deviation = auc_deviation(score, defaulted)
    statistic = _in_deviations(initial - current, deviation)
    told = statistic if math.isfinite(statistic) else None
    return AucDecline(current, deviation, told, float(ndtr(-statistic)))


def concentration_test(initial: np.ndarray, current: np.ndarray) -> Concentration:
    """Test of the hypothesis that the concentration in the bands is not above the initial one.

    Section 2.5.5.3, with K bands and their shares R: CV = sqrt(K * sum((R - 1/K)^2)),
    HI = 1 + ln((CV^2 + 1) / K) / ln K, and
    p = 1 - Phi(sqrt(K - 1) * (CV_curr - CV_init) / sqrt(CV_curr^2 * (1/2 + CV_curr^2))).
    The variance is that of Miller 1991, "Asymptotic test statistics for coefficients of variation".
    Even bands now, where CV_curr is 0, cannot be more concentrated: p is 1, or 1/2 if they were even before.

    Args:
        initial: applications in each band at the initial validation, shape (bands,); two bands or more.
        current: the same now.

    >>> round(concentration_test(np.array([95, 205, 290]), np.array([100, 200, 300])).p_value, 4)
    0.496
    """
    variation, index = _spread(current)
    initial_variation, initial_index = _spread(initial)
    deviation = math.sqrt(variation**2 * (0.5 + variation**2) / (len(current) - 1))
    statistic = _in_deviations(variation - initial_variation, deviation)
    return Concentration(variation, index, initial_variation, initial_index, float(ndtr(-statistic)))


def _in_deviations(difference: float, deviation: float) -> float:
    """A difference in standard deviations; without any deviation it is infinite, or 0."""
    if deviation:
        return difference / deviation
    return math.copysign(math.inf, difference) if difference else 0.0


def _spread(counts: np.ndarray) -> tuple[float, float]:
    """Coefficient of variation of shares, and the Herfindahl index made of it."""
    bands = len(counts)
    shares = counts / counts.sum()
    variation = math.sqrt(bands * float(np.sum((shares - 1 / bands) ** 2)))
    return variation, 1 + math.log((variation**2 + 1) / bands) / math.log(bands)
