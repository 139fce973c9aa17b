"""The model card as an HTML page. It works offline, holds all that it needs, and runs nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from markupsafe import Markup

from tasks.adapters.pages.html import template
from tasks.adapters.pages.plots import as_svg
from tasks.core.lender.feature_list import SWITCHES
from tasks.core.training.evaluation import Estimate
from tasks.core.training.model_card import FIGURES_FILE, ModelCard, approval_ratio, is_better, limits_of
from tasks.core.words import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIGURES: Final = {
    "auc": "AUC",
    "ks": "KS",
    "pr_auc": "PR-AUC",
    "log_loss": "Log-loss",
    "cost_per_application": "Cost per application",
    "defaults_caught": "Defaulters caught",
    "expected_calibration_error": "Calibration error",
}
"""Figures by which models are compared, to their headings."""
_PICTURES: Final = {
    "roc": ("ROC", "Share of defaults caught against share of good applicants refused, over all cut-offs."),
    "cost": ("Cost by cut-off", "Cost per application against the cut-off, with its 95 % interval."),
    "reliability": ("Reliability", "Observed default rate with its 95 % interval against the predicted pd."),
    "contributions": ("What moves the score", "Mean size of each feature family's contribution to the score."),
    "frontier": ("Shapes tried", "Cost and AUC of the shapes of model tried, against the price of exact reasons."),
}


class _Picture(NamedTuple):
    title: str
    alt: str
    svg: Markup


def model_card_page(card: ModelCard, figures: Mapping[str, Figure]) -> bytes:
    """Render the card as a page with its pictures. The same card and pictures give the same bytes.

    The page shows only sentences, counts, and figures over many applicants, all from the card.
    """
    drawn = {name: _drawn(name, figures[name]) for name in _PICTURES if name in figures}
    pictures = [_Picture(*_PICTURES[name], svg) for name, svg in drawn.items()]
    page = template("model_card.html").render(
        card=card,
        compared=_FIGURES,
        pictures=pictures,
        limits=limits_of(card),
        inputs={name.replace("_", " "): name not in card.unused_inputs for name in SWITCHES},
        figures_file=FIGURES_FILE,
        fixed=_fixed,
        signed=_signed,
        interval=_interval,
        share_interval=_share_interval,
        standing=_standing,
        approval_ratio=approval_ratio,
    )
    return page.encode()


def _drawn(name: str, figure: Figure) -> Markup:
    return Markup(as_svg(figure, name=name))  # noqa: S704 - matplotlib escapes every text in it


def _fixed(number: float, digits: int = 4) -> str:
    if math.isnan(number):
        return "-"
    return f"{round(number, digits) + 0.0:.{digits}f}"  # no minus before a nought


def _signed(difference: float, digits: int = 4) -> str:
    if math.isnan(difference):
        return "-"
    return f"{round(difference, digits) + 0.0:+.{digits}f}"


def _interval(estimate: Estimate, digits: int = 4) -> str:
    return f"{_fixed(estimate.low, digits)} to {_fixed(estimate.high, digits)}"


def _share_interval(estimate: Estimate) -> str:
    return f"{percent(estimate.low)} to {percent(estimate.high)}"


def _standing(name: str, difference: Estimate) -> str:
    """Colour class of a difference: this model is ahead, behind, or not told apart."""
    return {True: "met", False: "broken", None: "unjudged"}[is_better(name, difference)]
