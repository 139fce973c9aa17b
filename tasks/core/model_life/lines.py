"""Lines about a comparison, as every command prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tasks.core.model_life.comparison import SHOWN_FIGURES, Comparison, SwapCell
from tasks.core.model_life.gate import GateCheck
from tasks.core.words import counted, percent

FIGURE_NAMES: Final = {
    "cost_per_application": "Cost per application",
    "auc": "AUC",
    "calibration_slope": "Calibration slope",
    "expected_calibration_error": "Calibration error",
    "brier": "Brier",
    "refusal_share": "Share refused",
}
"""Figures of a comparison, to their names for people."""
_WIDE: Final = 22


def comparison_lines(
    comparison: Comparison, versions: tuple[str, str], *, source: str, left_out: Mapping[str, int]
) -> list[str]:
    """Lines about a comparison.

    Args:
        comparison: the figures.
        versions: of the challenger and of the champion.
        source: applications in words.
        left_out: reason for leaving applications out, to their number.
    """
    ours, theirs = (f"version {version}" for version in versions)
    lines = [f"  {'Compared on':<{_WIDE}}{source}: {counted(comparison.rows, 'application')}"]
    lines += [f"  {'Left out':<{_WIDE}}{counted(rows, 'application')} {why}" for why, rows in left_out.items()]
    if comparison.challenger:
        lines += ["", f"  {'(95 %)':<{_WIDE}}{ours:<30}{theirs:<30}difference"]
        for name in SHOWN_FIGURES:
            three = (comparison.challenger[name], comparison.champion[name], comparison.differences[name])
            first, second, difference = (each.text() for each in three)
            lines.append(f"  {FIGURE_NAMES[name]:<{_WIDE}}{first:<30}{second:<30}{difference}")
    lines += ["", *_swap_lines(comparison.swaps, versions)]
    if comparison.expected_costs:
        lines += _expected_lines(comparison, versions)
    share = comparison.reasons.share
    told = f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})" if share.is_told else "too few"
    refused = counted(comparison.reasons.rows, "application")
    lines.append(f"  {'First reason differs':<{_WIDE}}{told} of {refused} that neither approves")
    ratios = [each for each in comparison.ratios if each.challenger is not None and each.champion is not None]
    if ratios:
        lowest = min(ratios, key=lambda each: each.challenger or 0)
        lines.append(
            f"  {'Lowest ratio':<{_WIDE}}{lowest.challenger:.3f} against {lowest.champion:.3f}: "
            f"approvals of {lowest.grouping} {lowest.kind} over the best kind's"
        )
    return lines


def check_lines(checks: Sequence[GateCheck]) -> list[str]:
    """Lines of the checks of the gate: observed against required."""
    return [f"  {'met   ' if check.is_met else 'FAILED'}  {check.sentence}" for check in checks]


def _swap_lines(swaps: Sequence[SwapCell], versions: tuple[str, str]) -> Iterable[str]:
    for cell in swaps:
        if cell.is_refused_by_challenger == cell.is_refused_by_champion:
            continue
        refuses, other = versions if cell.is_refused_by_challenger else versions[::-1]
        rows = "too few to tell" if cell.rows is None else counted(cell.rows, "application")
        rate = "" if cell.default_rate is None else f", {percent(cell.default_rate)} defaulted"
        name = f"Refused by {refuses} only"
        yield f"  {name:<{_WIDE}}{rows}{rate}; version {other} does not refuse them"


def _expected_lines(comparison: Comparison, versions: tuple[str, str]) -> Iterable[str]:
    ours, theirs = (comparison.expected_costs[name] for name in ("challenger", "champion"))
    for place, version in enumerate(versions):
        name = f"Expected cost by {version}"
        yield (
            f"  {name:<{_WIDE}}{ours[place]:.4f} with the decisions of version {versions[0]}, "
            f"{theirs[place]:.4f} with those of version {versions[1]}"
        )
