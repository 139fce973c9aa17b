"""Comparison of two model versions on the same applications, each at its own cut-off.

The challenger is the version that may score, the champion the one that scores. With outcomes, every
difference is paired: both versions are judged on the same applications, and their bootstrap
intervals on the same resamples. Differences are challenger less champion.

The interval of a difference in cost is `mean ± z * standard deviation / sqrt(rows)` of the cost
differences of single applications (the paired z interval). It has no seed, so a gate that hangs on
it gives one answer.

An application counts as refused if its pd reaches the cut-off. One that is referred counts as not
refused, as in every cost of this project. Kinds, cells and swap sets of too few applications have
no figures (`tasks/core/disclosure.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import norm

from tasks.core.decision.migration import count_migrations, told_cell, told_migrations
from tasks.core.decision.policy import DECISIONS, Policy, decide, decision_costs
from tasks.core.disclosure import (
    is_enough_for_mean,
    is_enough_for_rates,
    is_none_or_enough_for_mean,
    rounded_count,
    rounded_rate,
)
from tasks.core.monitoring.fairness import FOUR_FIFTHS, KindFairness, compare_kinds
from tasks.core.training.evaluation import (
    RESAMPLES,
    UNTOLD,
    Estimate,
    Resampled,
    auc_of,
    compare_models,
    estimates_of,
    resample_figures,
    told_differences,
    told_estimates,
    wilson_interval,
)

COST: Final = "cost_per_application"
SLOPE: Final = "calibration_slope"
CALIBRATION_ERROR: Final = "expected_calibration_error"
SHOWN_FIGURES: Final = (COST, "auc", SLOPE, CALIBRATION_ERROR, "brier", "refusal_share")
"""Figures of `tasks.core.training.evaluation` by which two versions are compared."""
_OF_DECISIONS: Final = (COST, "refusal_share")
"""Figures whose difference could be that of a few applications, if few are decided otherwise."""
_OUTSIDE: Final = 0.05
"""Probability, 0 to 1, outside of an interval: 95 % intervals, as everywhere."""


class Side(NamedTuple):
    """Results of one version on the compared applications, each array of shape (rows,)."""

    pd: np.ndarray
    """Probability of default in [0, 1], by trees that never saw the application."""
    reason: np.ndarray
    """Code of the first reason that the registered version states; an empty text if it has none."""
    policy: Policy
    """Policy with the cut-off that it has for this version."""


class SwapCell(NamedTuple):
    """Applications that the two versions decide in one way. Figures of too few are None."""

    is_refused_by_challenger: bool
    is_refused_by_champion: bool
    rows: int | None
    """To the nearest 5; None if there are some, but too few."""
    default_rate: float | None
    """Share in [0, 1]; None without outcomes, too."""
    challenger_pd: float | None
    """Mean pd by the challenger."""
    champion_pd: float | None


class KindCost(NamedTuple):
    """Cost of both versions for one kind of applicants, in units of the cost matrix."""

    grouping: str
    kind: str
    rows: int
    """To the nearest 5."""
    challenger: float
    champion: float
    difference: Estimate
    """Its interval is wide enough for all kinds together (Bonferroni)."""
    challenger_auc: float
    champion_auc: float


class KindRatio(NamedTuple):
    """Approval rate of a kind over that of the reference, by both versions."""

    grouping: str
    kind: str
    rows: int
    challenger: float | None
    """None if it is not told, or if the kind is the reference."""
    champion: float | None
    is_clearly_below: bool
    """True if the challenger's ratio is clearly below four fifths."""
    was_clearly_below: bool
    """True if the champion's is."""
    quotient: Estimate
    """Challenger's ratio over the champion's, paired; below 1 the challenger treats the kind worse.
    `UNTOLD` if a ratio is not told, or the two versions compare the kind with different ones."""


class ReasonChange(NamedTuple):
    """Applications that neither version approves, and the share whose first reason differs."""

    rows: int
    """To the nearest 5; 0 if they are too few."""
    share: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions on the same applications."""

    rows: int
    defaulted: int | None
    """Applicants who defaulted, to the nearest 5; None without outcomes."""
    challenger_cutoff: float
    champion_cutoff: float
    challenger: Mapping[str, Estimate]
    """Name of a figure to the challenger's; empty without outcomes."""
    champion: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    expected_costs: Mapping[str, tuple[float, float]]
    """Decisions of `challenger` or `champion`, to their expected cost per application by the challenger's pd and by the
    champion's. Each version seems cheapest by its own pd. Empty if few are decided otherwise."""
    swaps: tuple[SwapCell, ...]
    bands: tuple[str, ...]
    migration: tuple[tuple[int | None, ...], ...]
    """Applications by band: a row for each band of the champion, a column for each of the
    challenger. To the nearest 5; None if there are some, but too few."""
    reasons: ReasonChange
    kind_costs: tuple[KindCost, ...]
    ratios: tuple[KindRatio, ...]


def compare_sides(
    challenger: Side,
    champion: Side,
    *,
    defaulted: np.ndarray | None,
    groupings: Mapping[str, np.ndarray],
    protected: Mapping[str, np.ndarray],
    costs: Mapping[str, float],
    seed: int,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two versions on the same applications.

    Args:
        challenger: results of the version that may score.
        champion: results of the version that scores.
        defaulted: True if the applicant defaulted, shape (rows,); None without outcomes.
        groupings: name of a grouping to the kind of each applicant, for costs by kind.
        protected: the same, for the ratios of approval rates.
        costs: `false_negative` and `false_positive`, in units of the cost matrix.
        seed: of the resamples.
        resamples: number of resamples.
    """
    rows = len(challenger.pd)
    refused = [side.pd >= side.policy.cutoff for side in (challenger, champion)]
    is_known = defaulted is not None and 0 < defaulted.sum() < rows
    figures: tuple[Mapping[str, Estimate], ...] = ({}, {}, {})
    kind_costs: tuple[KindCost, ...] = ()
    if defaulted is not None and is_known:
        figures = _figures(challenger, champion, defaulted, costs=costs, seed=seed, resamples=resamples)
        kind_costs = _kind_costs((challenger.pd, champion.pd), refused, defaulted, groupings, costs)
    return Comparison(
        rows=rows,
        defaulted=None if defaulted is None else rounded_count(int(defaulted.sum())),
        challenger_cutoff=challenger.policy.cutoff,
        champion_cutoff=champion.policy.cutoff,
        challenger=figures[0],
        champion=figures[1],
        differences=figures[2],
        expected_costs=_expected_costs(challenger, champion, refused, costs),
        swaps=_swaps(challenger, champion, refused, defaulted),
        bands=tuple(band.name for band in champion.policy.bands),
        migration=_migration(challenger, champion),
        reasons=_reason_change(challenger, champion),
        kind_costs=kind_costs,
        ratios=_ratios(challenger, champion, protected),
    )


def paired_mean(differences: np.ndarray, *, outside: float = _OUTSIDE) -> Estimate:
    """Mean of paired differences with its z interval.

    Args:
        differences: one for each application, two at least.
        outside: probability outside of the interval, both ends together, 0 to 1.

    >>> paired_mean(np.array([1.0, -1.0, 1.0, -1.0])).text(2)
    '0.00 (-1.13 to 1.13)'
    """
    mean = float(differences.mean())
    reach = float(norm.isf(outside / 2) * differences.std(ddof=1) / math.sqrt(len(differences)))
    return Estimate(mean, mean - reach, mean + reach)


def _figures(
    challenger: Side,
    champion: Side,
    defaulted: np.ndarray,
    *,
    costs: Mapping[str, float],
    seed: int,
    resamples: int,
) -> tuple[Mapping[str, Estimate], ...]:
    """Figures of the challenger, of the champion, and their differences.

    One seed gives both the same resamples, so the differences are paired.
    """
    drawn: list[Resampled] = []
    told = []
    for side in (challenger, champion):
        cutoff = side.policy.cutoff
        by_model = resample_figures(
            {"": side.pd}, defaulted, cutoff=cutoff, costs=costs, seed=seed, resamples=resamples
        )
        drawn.append(by_model[""])
        told.append(told_estimates(estimates_of(by_model[""]), side.pd, cutoff=cutoff))
    differences = dict(told_differences(compare_models(*drawn), *told))
    refused = [side.pd >= side.policy.cutoff for side in (challenger, champion)]
    if not _is_apart(*refused):
        untold = dict.fromkeys(_OF_DECISIONS, UNTOLD)
        told[1] = told[1] | untold
        differences |= untold
    elif differences[COST].is_told:
        each = [decision_costs(side, defaulted, **costs) for side in refused]
        differences[COST] = paired_mean(each[0] - each[1])
    return tuple({name: figures[name] for name in SHOWN_FIGURES} for figures in (*told, differences))


def _is_apart(refused: np.ndarray, other: np.ndarray) -> bool:
    """True if no difference is that of the few applications that the two versions decide otherwise."""
    return is_none_or_enough_for_mean(int((refused != other).sum()))


def _expected_costs(
    challenger: Side, champion: Side, refused: list[np.ndarray], costs: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    rows = len(challenger.pd)
    if not is_enough_for_mean(rows) or not _is_apart(*refused):
        return {}
    by = (challenger.pd, champion.pd)
    whose = {"challenger": refused[0], "champion": refused[1]}
    expected = {}
    for name, decisions in whose.items():
        first, second = (float(decision_costs(decisions, pd, **costs).mean()) for pd in by)
        expected[name] = (first, second)
    return expected


def _swaps(
    challenger: Side, champion: Side, refused: list[np.ndarray], defaulted: np.ndarray | None
) -> tuple[SwapCell, ...]:
    cells = []
    for by_challenger in (False, True):
        for by_champion in (False, True):
            chosen = np.flatnonzero((refused[0] == by_challenger) & (refused[1] == by_champion))
            outcomes = None if defaulted is None else defaulted[chosen]
            cells.append(_swap_cell(by_challenger, by_champion, challenger.pd[chosen], champion.pd[chosen], outcomes))
    return tuple(cells)


def _swap_cell(
    by_challenger: bool, by_champion: bool, pd: np.ndarray, other: np.ndarray, defaulted: np.ndarray | None
) -> SwapCell:
    rows = told_cell(len(pd))
    rate = None
    if defaulted is not None and is_enough_for_rates(len(pd), defaulted=int(defaulted.sum())):
        rate = rounded_rate(rounded_count(int(defaulted.sum())) / rounded_count(len(pd)))
    means = [rounded_rate(float(each.mean())) if is_enough_for_mean(len(pd)) else None for each in (pd, other)]
    return SwapCell(by_challenger, by_champion, rows, rate, *means)


def _migration(challenger: Side, champion: Side) -> tuple[tuple[int | None, ...], ...]:
    before, after = (decide(side.pd, side.policy).band for side in (champion, challenger))
    cells = told_migrations(count_migrations(before, after, [band.name for band in champion.policy.bands]))
    return tuple(tuple(row.values()) for row in cells.values())


def _reason_change(challenger: Side, champion: Side) -> ReasonChange:
    is_open = [side.pd >= side.policy.refer_from for side in (challenger, champion)]
    chosen = np.flatnonzero(is_open[0] & is_open[1])
    changed = int(np.sum(challenger.reason[chosen] != champion.reason[chosen]))
    if not is_enough_for_rates(len(chosen), defaulted=changed):
        few = ReasonChange(rounded_count(len(chosen)), UNTOLD)
        same = ReasonChange(rounded_count(len(chosen)), Estimate(0.0, 0.0, 0.0))
        return same if len(chosen) and not changed else few
    low, high = wilson_interval(np.array([changed]), np.array([len(chosen)]))
    share = Estimate(*(rounded_rate(float(each)) for each in (changed / len(chosen), low[0], high[0])))
    return ReasonChange(rounded_count(len(chosen)), share)


def _kind_costs(
    pds: tuple[np.ndarray, np.ndarray],
    refused: list[np.ndarray],
    defaulted: np.ndarray,
    groupings: Mapping[str, np.ndarray],
    costs: Mapping[str, float],
) -> tuple[KindCost, ...]:
    """Costs of each kind with enough applicants, and enough of them decided otherwise."""
    members = {}
    for name, kinds in groupings.items():
        for kind in np.unique(kinds).tolist():
            chosen = np.flatnonzero(kinds == kind)
            is_told = is_enough_for_rates(len(chosen), defaulted=int(defaulted[chosen].sum()))
            if is_told and _is_apart(*(each[chosen] for each in refused)):
                members[name, kind] = chosen
    each_cost = [decision_costs(each, defaulted, **costs) for each in refused]
    found = []
    for (name, kind), chosen in members.items():
        of_kind = [cost[chosen] for cost in each_cost]
        difference = paired_mean(of_kind[0] - of_kind[1], outside=_OUTSIDE / len(members))
        cost, other_cost = (rounded_rate(float(each.mean())) for each in of_kind)
        auc, other_auc = (rounded_rate(auc_of(pd[chosen], defaulted[chosen])) for pd in pds)
        rounded = Estimate(*(rounded_rate(end) for end in difference))
        found.append(KindCost(name, kind, rounded_count(len(chosen)), cost, other_cost, rounded, auc, other_auc))
    return tuple(found)


def _ratios(challenger: Side, champion: Side, protected: Mapping[str, np.ndarray]) -> tuple[KindRatio, ...]:
    sides = (challenger, champion)
    decided = [decide(side.pd, side.policy).decision for side in sides]
    words = np.array(DECISIONS)
    compared = [compare_kinds(protected, words[each], least_ratio=FOUR_FIFTHS) for each in decided]
    approved = [each == DECISIONS.index("approve") for each in decided]
    return tuple(
        KindRatio(
            each.grouping,
            each.kind,
            each.rows,
            _ratio_of(each),
            _ratio_of(other),
            is_clearly_below=each.level == "watch",
            was_clearly_below=other.level == "watch",
            quotient=_ratio_quotient(each, other, protected[each.grouping], approved),
        )
        for each, other in zip(*compared, strict=True)
    )


def _ratio_of(kind: KindFairness) -> float | None:
    """Ratio of a kind; 1 for the reference, None if it is not told."""
    if kind.reference == kind.kind:
        return 1.0
    return kind.ratio.value if kind.ratio else None


def _ratio_quotient(kind: KindFairness, other: KindFairness, kinds: np.ndarray, approved: list[np.ndarray]) -> Estimate:
    """Quotient of two ratios of approval rates of the same applicants.

    Its logarithm is the difference of two log-quotients of paired rates, that of the kind and that
    of the reference, whose variances add up.
    """
    if not kind.ratio or not other.ratio or kind.reference != other.reference:
        return UNTOLD
    names = (kind.kind, kind.reference)
    variance = sum(_paired_log_variance(*(each[kinds == name] for each in approved)) for name in names)
    quotient = kind.ratio.value / other.ratio.value
    reach = math.exp(float(norm.isf(_OUTSIDE / 2)) * math.sqrt(variance))
    return Estimate(*(rounded_rate(each) for each in (quotient, quotient / reach, quotient * reach)))


def _paired_log_variance(approved: np.ndarray, other: np.ndarray) -> float:
    """Variance of the logarithm of the quotient of two paired rates.

    Discordant pairs over the product of both counts (Nam and Blackwelder 2002, "Analysis of the
    ratio of marginal probabilities in a matched-pair setting", Statistics in Medicine 21).
    """
    return float(np.sum(approved != other) / (np.sum(approved) * np.sum(other)))
