"""Gate between a challenger and the champion: a pure rule with written limits.

The burden of proof lies on the challenger. It must be shown to cost less: the whole 95 % interval of
the paired difference in cost lies below 0. Of two equally good versions that happens by chance once
in forty, so a promotion by chance is rarer than one in twenty even as counted on some hundred pairs.
Every other check asks that nothing is shown to be bad: it fails if the whole interval lies beyond
its limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks.core.model_life.comparison import CALIBRATION_ERROR, COST, SLOPE, Comparison, KindCost, KindRatio
from tasks.core.words import counted, percent


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Limits of the gate; each is a setting of the section `promotion`, which explains it."""

    least_rows: int
    least_defaulted: int
    most_auc_fall: float
    """In AUC, 0 to 1."""
    most_slope_error: float
    """Distance of the calibration slope from 1."""
    most_calibration_error: float
    """Expected calibration error, 0 to 1."""
    most_kind_cost_rise: float
    """Share of the champion's cost for the kind, 0 to 1."""
    most_ratio_fall: float
    """Share of the champion's ratio of approval rates, 0 to 1."""


class GateCheck(NamedTuple):
    """One check of the gate, in words."""

    name: str
    observed: str
    required: str
    is_met: bool

    @property
    def sentence(self) -> str:
        """Check as a line: observed against required."""
        return f"{self.name}: {self.observed}; required: {self.required}"


def judge_challenger(comparison: Comparison, limits: GateLimits) -> tuple[GateCheck, ...]:
    """Checks of a comparison with outcomes. The challenger passes if all of them are met.

    If the applications are too few, nothing else is checked.
    """
    enough = _enough(comparison, limits)
    if not enough.is_met:
        return (enough,)
    return (
        enough,
        _cost(comparison),
        _auc(comparison, limits),
        _slope(comparison, limits),
        _calibration_error(comparison, limits),
        _kinds(comparison.kind_costs, limits),
        _fairness(comparison.ratios, limits),
    )


def failed_checks(checks: Sequence[GateCheck]) -> list[GateCheck]:
    """Checks that are not met."""
    return [check for check in checks if not check.is_met]


def _enough(comparison: Comparison, limits: GateLimits) -> GateCheck:
    defaulted = comparison.defaulted or 0
    rest = comparison.rows - defaulted
    needed = limits.least_defaulted
    return GateCheck(
        "rows",
        f"{counted(comparison.rows, 'application')} held out of both versions, {defaulted:,} defaulted",
        f"{counted(limits.least_rows, 'application')} at least, {needed:,} of them of each outcome",
        comparison.rows >= limits.least_rows and min(defaulted, rest) >= needed,
    )


def _cost(comparison: Comparison) -> GateCheck:
    difference = comparison.differences[COST]
    required = "the whole 95 % interval of the difference below 0"
    if not difference.is_told:
        observed = "the two versions decide too few applications otherwise to compare their costs"
        return GateCheck("cost", observed, required, is_met=False)
    ours, theirs = comparison.challenger[COST], comparison.champion[COST]
    observed = f"{ours.value:.4f} an application against {theirs.value:.4f}, difference {difference.text()}"
    return GateCheck("cost", observed, required, difference.high < 0)


def _auc(comparison: Comparison, limits: GateLimits) -> GateCheck:
    difference = comparison.differences["auc"]
    ours, theirs = comparison.challenger["auc"], comparison.champion["auc"]
    observed = f"{ours.value:.4f} against {theirs.value:.4f}, difference {difference.text()}"
    required = f"not clearly more than {limits.most_auc_fall:g} lower"
    return GateCheck("AUC", observed, required, difference.high >= -limits.most_auc_fall)


def _slope(comparison: Comparison, limits: GateLimits) -> GateCheck:
    slope = comparison.challenger[SLOPE]
    low, high = 1 - limits.most_slope_error, 1 + limits.most_slope_error
    is_met = slope.high >= low and slope.low <= high
    return GateCheck("calibration slope", slope.text(3), f"not clearly outside {low:g} to {high:g}", is_met)


def _calibration_error(comparison: Comparison, limits: GateLimits) -> GateCheck:
    error = comparison.challenger[CALIBRATION_ERROR]
    observed = f"{percent(error.value)} ({percent(error.low)} to {percent(error.high)})"
    most = limits.most_calibration_error
    return GateCheck("calibration error", observed, f"not clearly above {percent(most)}", error.low <= most)


def _kinds(kinds: Sequence[KindCost], limits: GateLimits) -> GateCheck:
    most = limits.most_kind_cost_rise
    worse = [each for each in kinds if each.difference.low > most * each.champion]
    required = f"no kind clearly more than {percent(most)} dearer than by the champion"
    if not kinds:
        return GateCheck("kinds of applicants", "no kind has enough applicants to compare", required, is_met=True)
    if not worse:
        return GateCheck("kinds of applicants", f"none of {counted(len(kinds), 'kind')}", required, is_met=True)
    named = "; ".join(
        f"{each.grouping} {each.kind}: {each.challenger:.3f} against {each.champion:.3f}, "
        f"difference {each.difference.text(3)}"
        for each in worse
    )
    return GateCheck("kinds of applicants", named, required, is_met=False)


def _fairness(ratios: Sequence[KindRatio], limits: GateLimits) -> GateCheck:
    required = (
        "no kind newly clearly below four fifths, and none that was so with a ratio clearly more than "
        f"{percent(limits.most_ratio_fall)} lower"
    )
    worse = [each for each in ratios if _is_less_fair(each, limits.most_ratio_fall)]
    if not worse:
        told = [each for each in ratios if each.quotient.is_told]
        return GateCheck("fairness", f"none of {counted(len(told), 'ratio')}", required, is_met=True)
    named = "; ".join(
        f"{each.grouping} {each.kind}: ratio {_ratio(each.challenger)} against {_ratio(each.champion)}, "
        f"quotient {each.quotient.text(3)}"
        for each in worse
    )
    return GateCheck("fairness", named, required, is_met=False)


def _is_less_fair(ratio: KindRatio, most_fall: float) -> bool:
    if not ratio.is_clearly_below or not ratio.was_clearly_below:
        return ratio.is_clearly_below
    return ratio.quotient.is_told and ratio.quotient.high < 1 - most_fall


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
