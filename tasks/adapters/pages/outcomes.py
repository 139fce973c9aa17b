"""The page of a backtest as HTML. It works offline, holds all that it needs, and runs nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from markupsafe import Markup

from tasks.adapters.pages.html import template
from tasks.adapters.pages.plots import as_svg, draw_bands, draw_realised
from tasks.core.monitoring.expected import ExpectedFigure
from tasks.core.outcomes.backtest import ALL_COHORTS, CohortFigures
from tasks.core.outcomes.limits import EVERY_LIMIT, LIMITS_OF_FIGURES
from tasks.core.outcomes.report import NO_INTERVAL, BacktestReport, summary_of
from tasks.core.outcomes.settling import FATE_SENTENCES
from tasks.core.training.evaluation import Estimate

_COMPARED: Final = {"default_rate": "Default rate", "cost_per_application": "Cost per application", "auc": "AUC"}
"""Figures that were expected, to their headings."""
_REALISED: Final = {
    "gini": "Gini",
    "ks": "KS",
    "brier": "Brier",
    "log_loss": "Log-loss",
    "mean_pd": "Mean pd",
    "calibration_intercept": "Calibration intercept",
    "calibration_slope": "Calibration slope",
    "expected_calibration_error": "Calibration error",
}
"""Figures that have only been realised, to their headings."""
_LEAST_POINTS: Final = 2
"""Days or cohorts of which a picture over time is drawn."""
_SMALL: Final = 0.00001


class _Picture(NamedTuple):
    title: str
    alt: str
    svg: Markup


def outcomes_page(report: BacktestReport) -> bytes:
    """Render a backtest. The same report gives the same bytes.

    The page shows only sentences, counts and figures of many applicants, all from the report.
    """
    backtest = report.backtest
    page = template("outcomes_page.html").render(
        report=report,
        backtest=backtest,
        summary=summary_of(report),
        tone=_tone(report),
        fates=FATE_SENTENCES,
        pictures=list(_pictures(report)),
        compared=_COMPARED,
        realised=_REALISED,
        lines=(*backtest.cohorts, *backtest.models),
        all_cohorts=ALL_COHORTS,
        limits=EVERY_LIMIT,
        limits_of=LIMITS_OF_FIGURES,
        no_interval=NO_INTERVAL,
        has_no_interval=any(each.auc is None for each in backtest.models),
        fixed=_fixed,
        interval=_interval,
        p_value=_p_value,
    )
    return page.encode()


def _tone(report: BacktestReport) -> str:
    """Colour class of the headline; the words say the same."""
    found = [each.is_as_expected("cost_per_application") for each in report.backtest.models]
    if not found or None in found:
        return "unknown"
    return "" if all(found) else "watch"


def _pictures(report: BacktestReport) -> Iterator[_Picture]:
    for whole in report.backtest.models:
        told = [band for band in whole.bands if band.observed]
        if told:
            yield _Picture(
                f"Calibration by risk band, model {whole.model.version}",
                "Realised default rate with its 95% interval against the mean pd of each risk band.",
                _drawn(draw_bands(told), f"bands-{whole.model.version}"),
            )
    over_time = _over_time(report)
    if len(over_time) >= _LEAST_POINTS:
        yield _Picture(
            "Expected against realised cost over time",
            "Cost per application of those who were not refused: the interval that was expected before the outcomes, "
            "and what the outcomes show with its own interval.",
            _drawn(draw_realised(over_time), "over-time"),
        )


def _over_time(report: BacktestReport) -> list[tuple[str, ExpectedFigure, Estimate]]:
    """Name, expected and realised cost of the told days; of cohorts, where fewer than two days are told."""
    days = [(str(day.as_of), day.expected, day.realised) for day in report.backtest.days]
    if len(days) >= _LEAST_POINTS:
        return days
    return [_cost_of(cohort) for cohort in report.backtest.cohorts]


def _cost_of(cohort: CohortFigures) -> tuple[str, ExpectedFigure, Estimate]:
    name = "cost_per_application"
    return cohort.name, cohort.expected[name], cohort.realised[name]


def _drawn(figure: object, name: str) -> Markup:
    return Markup(as_svg(figure, name=name))  # type: ignore[arg-type]  # noqa: S704 - matplotlib escapes every text


def _fixed(number: float | None, digits: int = 3) -> str:
    if number is None or math.isnan(number):
        return "-"
    return f"{round(number, digits) + 0.0:.{digits}f}"  # no minus before a nought


def _interval(figure: Estimate | ExpectedFigure, digits: int = 3) -> str:
    """Ends of an interval; empty if there is none."""
    if figure.low is None or figure.high is None or math.isnan(figure.low):
        return ""
    return f"{_fixed(figure.low, digits)} to {_fixed(figure.high, digits)}"


def _p_value(p: float | None) -> str:
    """A p-value with the five digits to which the instructions compare it.

    >>> _p_value(0.0162384), _p_value(0.0000001), _p_value(None)
    ('0.01624', '<0.00001', '-')
    """
    if p is None:
        return "-"
    return f"<{_SMALL:.5f}" if 0 < p < _SMALL else f"{p:.5f}"
