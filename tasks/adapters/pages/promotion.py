"""The page of a verdict: a challenger beside the champion. It works offline and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tasks.adapters.pages.html import template
from tasks.core.model_life.comparison import SHOWN_FIGURES, Comparison
from tasks.core.model_life.gate import GateCheck, failed_checks
from tasks.core.model_life.lines import FIGURE_NAMES
from tasks.core.training.evaluation import Estimate
from tasks.core.words import counted, listed, percent

_HIGHER_IS_BETTER: Final = frozenset({"auc"})
_LOWER_IS_BETTER: Final = frozenset({"cost_per_application", "expected_calibration_error", "brier"})


def promotion_page(
    *,
    name: str,
    versions: tuple[str, str],
    source: str,
    left_out: Mapping[str, int],
    policy: str,
    comparison: Comparison | None,
    checks: Sequence[GateCheck],
    sha256: str,
) -> bytes:
    """Render a verdict as a page. The same verdict gives the same bytes.

    Args:
        name: of the model.
        versions: of the challenger and of the champion.
        source: applications in words; or the sentence that says why nothing was compared.
        left_out: reason for leaving applications out, to their number.
        policy: version of the policy.
        comparison: the figures; None if nothing was compared.
        checks: of the gate.
        sha256: digest of the verdict.
    """
    page = template("promotion_page.html").render(
        name=name,
        ours=versions[0],
        theirs=versions[1],
        source=source,
        left_out=left_out,
        policy=policy,
        comparison=comparison,
        checks=checks,
        title=_title(versions, checks),
        is_passed=bool(checks) and not failed_checks(checks),
        figures=SHOWN_FIGURES,
        figure_names=FIGURE_NAMES,
        standing=_standing,
        number=_number,
        cell=_cell,
        share_text=_share_text,
        sha256=sha256,
    )
    return page.encode()


def _title(versions: tuple[str, str], checks: Sequence[GateCheck]) -> str:
    ours, theirs = versions
    if not checks:
        return f"Version {ours} beside version {theirs}"
    failed = failed_checks(checks)
    if not failed:
        return f"Version {ours} passes the gate: it may score instead of version {theirs}"
    names = listed([check.name for check in failed])
    return f"Version {ours} does not pass the gate; {counted(len(failed), 'check')} failed: {names}"


def _standing(name: str, difference: Estimate) -> str:
    """Colour class of a difference: the challenger is ahead, behind, or not told apart."""
    if not difference.is_told or name not in _HIGHER_IS_BETTER | _LOWER_IS_BETTER:
        return "unjudged"
    sign = 1 if name in _HIGHER_IS_BETTER else -1
    low, high = sorted((sign * difference.low, sign * difference.high))
    if low > 0:
        return "met"
    return "broken" if high < 0 else "unjudged"


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _cell(rows: int | None) -> str:
    return "few" if rows is None else f"{rows:,}"


def _share_text(share: Estimate) -> str:
    return f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})" if share.is_told else "-"
