"""Figures of a day's quality: how each is judged, and the sentence that tells it.

Pages and the command line read them; `quality.py` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from tasks.core.disclosure import LEAST_ROWS
from tasks.core.monitoring.metrics import Metric
from tasks.core.words import percent

Scale = Literal["share", "rows", "hours", "seconds"]


class QualityFigure(NamedTuple):
    """Judgement of one metric of quality."""

    scale: Scale
    least_change: float
    """Difference from the middle of the usual range that is worth a look: of rows as a share of the
    middle, of others in their own unit."""
    is_low_watched: bool
    """True if a figure below its range is worth a look, too."""
    words: str
    """Name of the figure in a sentence."""


QUALITY_FIGURES: Final[Mapping[str, QualityFigure]] = {
    "rows_received": QualityFigure("rows", 0.2, is_low_watched=True, words="rows received"),
    "rows_decided": QualityFigure("rows", 0.2, is_low_watched=True, words="rows decided"),
    "quarantined_share": QualityFigure("share", 0.005, is_low_watched=False, words="share of rows in quarantine"),
    "duplicate_share": QualityFigure("share", 0.005, is_low_watched=False, words="share of rows that are copies"),
    "replaced_share": QualityFigure("share", 0.01, is_low_watched=False, words="share of rows that were replaced"),
    "rule_broken_share": QualityFigure("share", 0.002, is_low_watched=False, words="share of rows that break it"),
    "publication_hours": QualityFigure("hours", 2.0, is_low_watched=False, words="hours until publication"),
    "step_seconds": QualityFigure("seconds", 60.0, is_low_watched=False, words="seconds of work"),
}
"""Metric to its judgement. The least changes are the project's own choice: a fifth of a day's rows
is more than a weekday's whim; 0.2 points is the floor of drift in tails, where unit errors show; 0.5
points of quarantine are ten times what a clean feed has; two hours and one minute are what somebody
who waits for decisions would notice."""


def quality_sentence(metric: Metric) -> str:
    """Sentence on a figure of quality: its subject, its value and its usual range.

    >>> quality_sentence(Metric("rule_broken_share", 0.04, 2000, slice="rule=income_known", low=0.0, high=0.003))
    'Rule income_known: share of rows that break it 4.0%; usual is 0% to 0.3%.'
    >>> quality_sentence(Metric("rows_received", None, 0))
    'Day: rows received fewer than 20; there are too few days before to compare with.'
    """
    figure = QUALITY_FIGURES[metric.metric]
    kind, _, name = metric.slice.partition("=")
    subject = f"{kind.capitalize()} {name}".rstrip()
    if metric.value is not None:
        value = _written(metric.value, figure.scale)
    elif figure.scale == "rows":
        value = f"fewer than {LEAST_ROWS}"
    elif metric.n:
        value = f"not shown, as it is of fewer than {LEAST_ROWS} rows"
    else:
        return f"{subject}: {figure.words} not known, as there are fewer than {LEAST_ROWS} rows."
    if metric.low is None or metric.high is None:
        return f"{subject}: {figure.words} {value}; there are too few days before to compare with."
    low, high = (_written(end, figure.scale) for end in (metric.low, metric.high))
    return f"{subject}: {figure.words} {value}; usual is {low} to {high}."


def _written(value: float, scale: Scale) -> str:
    if scale == "share":
        return percent(value)
    return f"{value:,.0f}" if scale == "rows" else f"{value:,.1f}"
