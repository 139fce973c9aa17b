"""Report of a backtest: everything that its page, its JSON, its table and the terminal tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any, Final

import pyarrow as pa

from tasks.core.outcomes.backtest import Backtest, CohortFigures, DayRealised
from tasks.core.words import counted, percent

WHOLE_COHORT: Final = "cohort"
"""Slice of a figure of a whole cohort; that of a risk band is `band=<name>`."""
NO_INTERVAL: Final = (
    "The store does not hold the predictions by which the model was judged in training, so the expected figures have "
    "no interval, and AUC and concentration have nothing to be compared with."
)
FIGURES_SCHEMA: Final = pa.schema(
    [
        pa.field("as_of", pa.date32(), nullable=False),
        pa.field("cohort", pa.string(), nullable=False),
        pa.field("model_name", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("slice", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("n", pa.int64(), nullable=False),
    ]
)
"""Table of figures, one a row. `realised_*` and `expected_*` stand beside each other; `p_*` are p-values."""


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A delivery of outcomes as a report tells it."""

    number: int
    name: str
    received_at: str
    rows: int
    set_aside: int
    by_rule: Mapping[str, int]
    is_expired: bool


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """Everything that there is to say of a backtest."""

    as_of: date
    """Day until which outcomes were known."""
    maturity_days: int
    deliveries: tuple[DeliveryLine, ...]
    delivered: int
    """Rows of all deliveries that are kept: those set aside and all fates."""
    set_aside: int
    fates: Mapping[str, int]
    backtest: Backtest


def summary_of(report: BacktestReport) -> str:
    """Number of outcomes, and how the realised cost compares, in a sentence or two."""
    rows = report.fates["counted"]
    told = f"{counted(rows, 'outcome')} of {counted(report.delivered, 'delivered row')} known until {report.as_of}."
    if not report.backtest.models:
        return f"{told} Too few of any cohort to tell a figure."
    return " ".join([told, *(_cost_sentence(each) for each in report.backtest.models)])


def _cost_sentence(whole: CohortFigures) -> str:
    realised, expected = whole.realised["cost_per_application"], whole.expected["cost_per_application"]
    told = f"Model {whole.model.version}: realised cost {realised.value:.3f} per application"
    if expected.value is None:
        return f"{told}."
    told = f"{told}, expected {expected.value:.3f}"
    is_inside = whole.is_as_expected("cost_per_application")
    if is_inside is None:
        return f"{told}."
    return f"{told} ({expected.low:.3f} to {expected.high:.3f}): {'as expected' if is_inside else 'not as expected'}."


def realised_sentences(day: DayRealised) -> tuple[str, ...]:
    """Sentences on what the outcomes of a day's applications show.

    They say on whom it is measured.
    """
    expected = day.expected
    rows = counted(day.rows, "application")
    first = (
        f"{percent(day.defaults / day.rows)} of {rows} that were not refused and whose outcome is known have defaulted."
    )
    second = f"They did cost {day.realised.value:.3f} each, in units of a lost good customer"
    if expected.value is None:
        return first, f"{second}."
    second = f"{second}; {expected.value:.3f} was expected of the same applications"
    if expected.low is None or expected.high is None:
        return first, f"{second}."
    place = "inside" if day.is_as_expected else "outside"
    return first, f"{second}, with a 95% interval of {expected.low:.3f} to {expected.high:.3f}: {place} it."


def realised_day_record(day: DayRealised) -> dict[str, Any]:
    """Record of a day that pages read."""
    return {**as_record(day), "is_as_expected": day.is_as_expected, "sentences": list(realised_sentences(day))}


def as_record(value: Any) -> Any:
    """Records and tuples as JSON takes them: with the names of their fields, days in ISO form.

    Numbers that are not finite are null.

    >>> as_record((date(2026, 11, 2), {"a": math.nan}))
    ['2026-11-02', {'a': None}]
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_record(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: as_record(each) for name, each in zip(value._fields, value, strict=True)}
    if isinstance(value, Mapping):
        return {str(name): as_record(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [as_record(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def figures_table(report: BacktestReport) -> pa.Table:
    """All figures of cohorts and models in `FIGURES_SCHEMA`."""
    rows = [
        {
            "as_of": report.as_of,
            "cohort": cohort.name,
            "model_name": cohort.model.name,
            "model_version": cohort.model.version,
            **figure,
        }
        for cohort in (*report.backtest.cohorts, *report.backtest.models)
        for figure in _figures(cohort)
    ]
    return pa.Table.from_pylist(rows, schema=FIGURES_SCHEMA)


def _figures(cohort: CohortFigures) -> Iterator[dict[str, Any]]:
    rows = cohort.rows
    for name, count in {"decided": cohort.decided, "refused": cohort.refused, "outcomes": rows}.items():
        yield _figure(name, float(count), cohort.decided)
    yield _figure("defaults", float(cohort.defaults), rows)
    for name, estimate in cohort.realised.items():
        yield _figure(f"realised_{name}", estimate.value, rows, low=estimate.low, high=estimate.high)
    for name, expected in cohort.expected.items():
        yield _figure(f"expected_{name}", expected.value, rows, low=expected.low, high=expected.high)
    yield _figure("p_jeffreys", cohort.p_value, rows)
    for band in cohort.bands:
        if band.rows is None or band.observed is None:
            continue
        part = f"band={band.band}"
        yield _figure("defaults", float(band.defaults or 0), band.rows, slice_=part)
        yield _figure("realised_mean_pd", band.mean_pd, band.rows, slice_=part)
        observed = band.observed
        yield _figure(
            "realised_default_rate", observed.value, band.rows, low=observed.low, high=observed.high, slice_=part
        )
        yield _figure("p_jeffreys", band.p_value, band.rows, slice_=part)
    if cohort.auc:
        yield _figure("initial_auc", cohort.auc.initial, rows)
        yield _figure("p_auc_decline", cohort.auc.of_all.p_value, rows)
        if cohort.auc.of_not_refused:
            yield _figure("initial_auc_not_refused", cohort.auc.initial_not_refused, rows)
            yield _figure("p_auc_decline_not_refused", cohort.auc.of_not_refused.p_value, rows)
    if cohort.concentration:
        yield _figure("herfindahl", cohort.concentration.herfindahl, cohort.decided)
        yield _figure("initial_herfindahl", cohort.concentration.initial_herfindahl, cohort.decided)
        yield _figure("p_concentration", cohort.concentration.p_value, cohort.decided)


def _figure(
    metric: str,
    value: float | None,
    n: int,
    *,
    low: float | None = None,
    high: float | None = None,
    slice_: str = WHOLE_COHORT,
) -> dict[str, Any]:
    told = {"metric": metric, "value": value, "low": low, "high": high}
    return {"slice": slice_, "n": n, **{name: as_record(each) for name, each in told.items()}}
