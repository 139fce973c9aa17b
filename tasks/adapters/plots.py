"""matplotlib: the pictures on a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.core.model_shape import TriedShape

_BLUE, _ORANGE, _GREY = "#2b5c8a", "#d9822b", "#9aa5b1"


def draw_roc(false_positives: np.ndarray, true_positives: np.ndarray, *, auc: float) -> Figure:
    """ROC curve of out-of-fold predictions."""
    figure, axes = _canvas("False positive rate", "True positive rate", f"ROC, out-of-fold: AUC {auc:.3f}")
    axes.plot(false_positives, true_positives, color=_BLUE)
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1)
    return figure


def draw_reliability(pd: np.ndarray, defaulted: np.ndarray, *, bins: int = 20) -> Figure:
    """Observed default rate against predicted pd, in bins of equal count."""
    figure, axes = _canvas("Predicted pd", "Observed default rate", "Reliability, out-of-fold")
    parts = [part for part in np.array_split(np.argsort(pd, kind="stable"), bins) if len(part)]
    predicted = [pd[part].mean() for part in parts]
    observed = [defaulted[part].mean() for part in parts]
    top = max(*predicted, *observed)
    axes.plot([0, top], [0, top], color=_GREY, linestyle="--", linewidth=1)
    axes.plot(predicted, observed, marker="o", color=_BLUE)
    return figure


def draw_cost(cutoffs: np.ndarray, costs: np.ndarray, *, proposed: float) -> Figure:
    """Cost per application against the cut-off, with the proposed one marked."""
    figure, axes = _canvas("Cut-off (pd)", "Cost per application", f"Cost curve; proposed cut-off {proposed:.4f}")
    axes.plot(cutoffs, costs, color=_BLUE)
    axes.axvline(proposed, color=_ORANGE, linestyle="--")
    return figure


def draw_gain(gain: Mapping[str, float], *, top: int = 25) -> Figure:
    """The features that reduce the loss most."""
    figure, axes = _canvas("Share of total gain", "", f"The {top} most useful features")
    total = sum(gain.values()) or 1.0
    best = sorted(gain.items(), key=lambda item: item[1])[-top:]
    axes.barh([name for name, _ in best], [value / total for _, value in best], color=_BLUE)
    axes.tick_params(axis="y", labelsize=7)
    return figure


def draw_frontier(shapes: Sequence[TriedShape]) -> Figure:
    """AUC and cost of every shape tried against the price of its reasons, the chosen one marked."""
    figure, axes = _canvas("Table look-ups for the reasons of one row", "AUC", "Shapes tried, out-of-fold")
    costs = axes.twinx()
    costs.set_ylabel("Cost per application", color=_ORANGE)
    prices = [shape.price for shape in shapes]
    axes.scatter(prices, [shape.auc for shape in shapes], color=_BLUE)
    costs.scatter(prices, [shape.cost for shape in shapes], color=_ORANGE, marker="x")
    for shape in (each for each in shapes if each.is_chosen):
        axes.axvline(shape.price, color=_GREY, linestyle="--")
        axes.annotate(f"chosen: depth {shape.depth}, {shape.n_trees} trees", (shape.price, shape.auc), fontsize=8)
    axes.set_xscale("log")
    return figure


def _canvas(x: str, y: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
