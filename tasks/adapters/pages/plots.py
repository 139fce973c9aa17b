"""matplotlib: the pictures on a training run and on the model card.

They use a few named colours, which a page may replace by those of its own light or dark paper.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, PercentFormatter, StrMethodFormatter

from tasks.core.decision.scoring import Account
from tasks.core.monitoring.expected import ExpectedFigure
from tasks.core.monitoring.policy_trial import Frontier
from tasks.core.outcomes.backtest import BandFigures
from tasks.core.training.evaluation import Estimate, PricedCutoffs, Reliability
from tasks.core.training.importance import Influence
from tasks.core.training.model_shape import TriedShape

_BLUE: Final = "#2b5c8a"
_ORANGE: Final = "#d9822b"
_GREEN: Final = "#1a7f37"
_GREY: Final = "#9aa5b1"
_INK: Final = "#1b1f24"
_ON_A_PAGE: Final = {
    _BLUE: "var(--rows)",
    _GREEN: "var(--met)",
    _GREY: "var(--grey)",
    _INK: "currentColor",
}
_OTHERS: Final = (_ORANGE, _GREEN, _GREY)
_UNUSED_IN_A_PAGE: Final = re.compile(
    r' xmlns(:xlink)?="[^"]*"| id="[\w.]+_\d+"|<defs>\s*<style.*?</style>\s*</defs>', re.DOTALL
)
_INFLUENCES: Final = 20
_DECADE: Final = 10
_SHOWN_NAMES: Final = 8
"""Names of days along an axis, at most twice as many."""


def draw_roc(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    auc: Mapping[str, float],
) -> Figure:
    """Draw ROC curves, the model's first."""
    figure, axes = _canvas("False positive rate", "True positive rate")
    for (name, curve), colour in zip(curves.items(), (_BLUE, *_OTHERS), strict=False):
        label = f"{name}, AUC {auc[name]:.3f}"
        width = 2 if colour == _BLUE else 1
        axes.plot(*curve, color=colour, label=label, linewidth=width)
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1)
    axes.legend(frameon=False, labelcolor=_INK, loc="lower right")
    return figure


def draw_reliability(table: Reliability) -> Figure:
    """Draw observed default rate with interval against predicted pd, in bins of equal count."""
    figure, axes = _canvas("Predicted pd", "Observed default rate")
    observed = table.observed
    top = max(table.predicted.max(), observed.value.max())
    axes.plot([0, top], [0, top], color=_GREY, linestyle="--", linewidth=1)
    spread = np.maximum([observed.value - observed.low, observed.high - observed.value], 0)
    axes.errorbar(
        table.predicted,
        observed.value,
        yerr=spread,
        color=_BLUE,
        fmt="o-",
        markersize=4,
        linewidth=1,
        capsize=2,
    )
    return figure


def draw_bands(bands: Sequence[BandFigures]) -> Figure:
    """Draw the realised default rate of each told risk band, with its interval, against its mean pd."""
    figure, axes = _canvas("Mean pd of the band", "Realised default rate")
    points = [(band.band, band.mean_pd, band.observed) for band in bands if band.observed and band.mean_pd is not None]
    top = max(max(pd, observed.high) for _, pd, observed in points)
    axes.plot([0, top], [0, top], color=_GREY, linestyle="--", linewidth=1)
    for name, pd, observed in points:
        _draw_estimate(axes, pd, observed)
        axes.annotate(name, (pd, observed.value), (6, -3), textcoords="offset points", fontsize=8, color=_INK)
    return figure


def draw_realised(over_time: Sequence[tuple[str, ExpectedFigure, Estimate]]) -> Figure:
    """Draw the cost that was expected, with its interval, and the realised one; name, expected and realised each."""
    figure, axes = _canvas("", "Cost per application")
    places = np.arange(len(over_time))
    expected = [each.value if each.value is not None else np.nan for _, each, _ in over_time]
    low, high = (
        np.array([getattr(each, end) if getattr(each, end) is not None else np.nan for _, each, _ in over_time])
        for end in ("low", "high")
    )
    axes.fill_between(
        places, low, high, color=_GREY, alpha=0.4, linewidth=0, step="mid", label="expected, 95% interval"
    )
    axes.plot(places, expected, color=_GREY, drawstyle="steps-mid", linewidth=1)
    for place, (_, _, realised) in zip(places, over_time, strict=True):
        _draw_estimate(axes, float(place), realised, label="realised" if not place else None)
    shown = places[:: max(1, len(over_time) // _SHOWN_NAMES)]
    axes.set_xticks(shown, [over_time[place][0] for place in shown], rotation=30, ha="right", fontsize=7)
    axes.set_xlim(-0.5, len(over_time) - 0.5)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, labelcolor=_INK, fontsize=8)
    return figure


def _draw_estimate(axes: Axes, place: float, estimate: Estimate, *, label: str | None = None) -> None:
    spread = [[max(estimate.value - estimate.low, 0)], [max(estimate.high - estimate.value, 0)]]
    axes.errorbar([place], [estimate.value], yerr=spread, color=_BLUE, fmt="o", markersize=4, capsize=2, label=label)


def draw_cost(curve: PricedCutoffs, marked: Mapping[str, float]) -> Figure:
    """Draw cost per application with its interval against the cut-off; mark the named cut-offs."""
    figure, axes = _canvas("Cut-off", "Cost per application")
    cost = curve.cost
    axes.fill_between(curve.cutoffs, cost.low, cost.high, color=_BLUE, alpha=0.2, linewidth=0)
    axes.plot(curve.cutoffs, cost.value, color=_BLUE)
    styles = ("--", ":", "-.")
    for (name, cutoff), colour, style in zip(marked.items(), _OTHERS, styles, strict=False):
        axes.axvline(cutoff, color=colour, linestyle=style, label=f"{name} {cutoff:.4f}")
    axes.legend(frameon=False, labelcolor=_INK)
    return figure


def draw_contributions(influences: Sequence[Influence]) -> Figure:
    """Draw the families of features that move the scores most."""
    figure, axes = _canvas("Mean size of contribution, log-odds", "")
    top = influences[:_INFLUENCES][::-1]
    contributions = [each.contribution for each in top]
    axes.barh([each.family for each in top], contributions, color=_BLUE)
    axes.tick_params(axis="y", labelsize=7)
    return figure


def draw_frontier(shapes: Sequence[TriedShape]) -> Figure:
    """Draw AUC and cost of each shape tried against the price of its reasons; mark the chosen."""
    figure, axes = _canvas("Table look-ups for the reasons of one row", "AUC")
    costs = axes.twinx()
    costs.set_ylabel("Cost per application", color=_ORANGE)
    prices = [shape.price for shape in shapes]
    axes.scatter(prices, [shape.auc for shape in shapes], color=_BLUE)
    costs.scatter(prices, [shape.cost for shape in shapes], color=_ORANGE, marker="x")
    for shape in (each for each in shapes if each.is_chosen):
        label = f"chosen: depth {shape.depth}, {shape.n_trees} trees"
        axes.axvline(shape.price, color=_GREY, linestyle="--", label=label)
    axes.legend(frameon=False, labelcolor=_INK, loc="lower left", bbox_to_anchor=(0, 1))
    axes.set_xscale("log")
    steps = (1,) if max(prices) >= _DECADE * min(prices) else (1, 2, 3, 5)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    costs.tick_params(colors=_INK)
    costs.spines[["top", "left", "bottom"]].set_visible(False)
    costs.spines["right"].set_color(_GREY)
    return figure


def draw_policy_frontier(frontier: Frontier, marks: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw expected cost against the share that is not refused; mark the policies at their places."""
    figure, axes = _canvas("Share not refused", "Expected cost per application")
    axes.plot(frontier.not_refused_share, frontier.cost, color=_BLUE)
    for (name, (share, cost)), colour, form in zip(marks.items(), (_INK, _ORANGE), "os", strict=False):
        axes.plot(share, cost, form, color=colour, label=f"{name}: {share:.1%}, {cost:.4f}")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if marks:
        axes.legend(frameon=False, labelcolor=_INK)
    return figure


def draw_account(account: Account, names: Mapping[str, str], *, title: str) -> Figure:
    """Draw one application's score as a waterfall: from the mean, family by family.

    The largest push is on top. `names` are those of the families, as people read them.
    """
    figure, axes = _canvas("Raw score, log-odds", "")
    figure.set_size_inches(8, 5.2)
    figure.suptitle(title, color=_INK)
    pushes = [(names[family], push) for family, push in account.pushes.items() if push]
    ends = account.base + np.cumsum([push for _, push in pushes])
    for place, ((_, push), end) in enumerate(zip(pushes, ends, strict=True)):
        axes.barh(place, push, left=end - push, color=_ORANGE if push > 0 else _BLUE)
        at = max(end, end - push)
        axes.annotate(
            f"{push:+.3f}",
            (at, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=_INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    marks = {
        f"mean of all in training, pd {account.base_pd:.4f}": (account.base, _GREY, ":"),
        f"this application, pd {account.pd:.4f}": (account.raw, _INK, "-"),
        "refused from here on": (account.cutoff, _GREEN, "--"),
    }
    lines = [
        axes.axvline(level, color=colour, linestyle=style, linewidth=1, label=name)
        for name, (level, colour, style) in marks.items()
    ]
    bars = [
        Patch(color=_ORANGE, label="towards refusal"),
        Patch(color=_BLUE, label="towards approval"),
    ]
    axes.set_yticks(range(len(pushes)), [name for name, _ in pushes], fontsize=8)
    axes.invert_yaxis()
    axes.use_sticky_edges = False
    axes.margins(x=0.08, y=0.02)
    figure.legend(
        handles=[*bars, *lines],
        frameon=False,
        labelcolor=_INK,
        loc="outside lower center",
        ncols=len(marks),
        fontsize=8,
    )
    return figure


def encode_figure(figure: Figure, form: str) -> bytes:
    """Encode a picture as a file, `png` or `svg`."""
    stream = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else None
    figure.savefig(stream, format=form, dpi=150, metadata=metadata)
    return stream.getvalue()


def as_svg(figure: Figure, *, name: str) -> str:
    """Encode a picture in a page's own colours. The same picture gives the same text."""
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    drawn = stream.getvalue()
    drawn = drawn[drawn.index("<svg") :].strip()
    drawn = _UNUSED_IN_A_PAGE.sub("", drawn)
    for colour, in_page in _ON_A_PAGE.items():
        drawn = drawn.replace(colour, in_page)
    return drawn


def _canvas(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.6, 4), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x, color=_INK)
    axes.set_ylabel(y, color=_INK)
    axes.tick_params(colors=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    return figure, axes
