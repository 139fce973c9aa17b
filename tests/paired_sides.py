"""Two made versions on the same applicants, whose pd are correlated, and what came of them."""

from typing import Final, NamedTuple

import numpy as np
from scipy.special import expit, logit

from tasks.core.decision.policy import Policy, break_even_cutoff, resolve_policy
from tasks.core.model_life.comparison import Comparison, Side, compare_sides

COSTS: Final = {"false_negative": 10.0, "false_positive": 1.0}
BANDS: Final = (("A", 0.25), ("B", 0.5), ("C", 1.0), ("D", 2.0), ("E", None))
POLICY: Final = resolve_policy("1", break_even_cutoff(**COSTS), refer_from=None, bands=BANDS)
_SPREAD: Final = 1.1
"""Standard deviation of the true log-odds; with it a perfect model has an AUC of about 0.77."""
_CENTRE: Final = -2.75


class Applicants(NamedTuple):
    """Applicants with two versions' pd, both calibrated if both are equally noisy."""

    pd: np.ndarray
    other: np.ndarray
    defaulted: np.ndarray
    kinds: np.ndarray


def applicants(rows: int, seed: int, *, noise: float = 0.5, other_noise: float = 0.5) -> Applicants:
    """Draw applicants whose true log-odds two versions see through noise of their own.

    A version's pd is the mean true pd of all applicants to whom it gives the same score, so it is
    calibrated; the more noise, the less it tells.
    """
    truth = true_log_odds(rows, seed)
    random = np.random.default_rng([seed, 1])
    defaulted = random.random(rows) < expit(truth)
    pd, other = (_calibrated(truth + each * random.normal(size=rows), each) for each in (noise, other_noise))
    kinds = np.where(random.random(rows) < 0.5, "F", "M")
    return Applicants(pd, other, defaulted, kinds)


def true_log_odds(rows: int, seed: int) -> np.ndarray:
    """True log-odds of default of the applicants that `applicants` draws."""
    return np.asarray(_CENTRE + _SPREAD * np.random.default_rng(seed).normal(size=rows))


def _calibrated(seen: np.ndarray, noise: float) -> np.ndarray:
    """Mean of the true pd given the noisy log-odds: both are normal, and nine points make the mean."""
    weight = _SPREAD**2 / (_SPREAD**2 + noise**2)
    centre = _CENTRE + weight * (seen - _CENTRE)
    points, weights = np.polynomial.hermite_e.hermegauss(9)
    spread = np.sqrt(_SPREAD**2 * (1 - weight))
    return np.asarray(expit(centre[:, None] + spread * points) @ (weights / weights.sum()))


def side(pd: np.ndarray, policy: Policy = POLICY, reason: np.ndarray | None = None) -> Side:
    """A version with this pd, which states R1 for all unless told otherwise."""
    return Side(pd, np.full(len(pd), "R1") if reason is None else reason, policy)


def compared(drawn: Applicants, *, resamples: int = 60) -> Comparison:
    """Comparison of the two versions, the first as challenger."""
    return compare_sides(
        side(drawn.pd), side(drawn.other), defaulted=drawn.defaulted, groupings={"Gender": drawn.kinds},
        protected={"gender": drawn.kinds}, costs=COSTS, seed=1, resamples=resamples,
    )  # fmt: skip


def made_comparison(rows: int = 6000) -> Comparison:
    """A comparison in which the challenger sees more."""
    return compared(applicants(rows, 3, noise=0.3, other_noise=1.2))


def moved(pd: np.ndarray, by: float) -> np.ndarray:
    """The same pd with log-odds moved by so much."""
    return np.asarray(expit(logit(pd) + by))
