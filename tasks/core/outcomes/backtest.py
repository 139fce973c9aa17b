"""Published decisions held against their outcomes, by cohort and by model.

A cohort is the applications of one month, or of one day where all outcomes lie within a month, that
one version of a model decided. Refused applications have no outcome. So every realised figure is one
of the applications that were not refused and whose outcome is known, and so is the expected figure
beside it. `tasks/core/outcomes/limits.py` says what that does to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, Literal, NamedTuple

import numpy as np

from tasks.core.decision.policy import Decided, Policy, decide
from tasks.core.disclosure import is_enough_for_mean, is_enough_for_rates, told_parts
from tasks.core.model.bundle import ModelPin
from tasks.core.monitoring.expected import ExpectedFigure, expected_performance
from tasks.core.outcomes.validation import (
    AucDecline,
    Concentration,
    auc_decline_test,
    concentration_test,
    jeffreys_test,
)
from tasks.core.training.evaluation import RESAMPLES, Estimate, auc_of, estimates_of, resample_figures, wilson_interval

CohortKind = Literal["month", "day"]
ALL_COHORTS: Final = "all"
"""Name of the line of all told cohorts of a model together."""
REALISED: Final = (
    "default_rate", "mean_pd", "cost_per_application", "auc", "gini", "ks", "brier", "log_loss",
    "calibration_intercept", "calibration_slope", "expected_calibration_error",
)  # fmt: skip
"""Figures of a cohort, by the names under which training records them, too."""
_DAYS_OF_DAILY_COHORTS: Final = 31
"""Days between the first and the last that have outcomes, from which cohorts are months."""
_REFUSE: Final = 2
_LEAST_OF_AN_INITIAL_OUTCOME: Final = 2
"""Training rows of either outcome from which there is an AUC with a variance."""


@dataclass(frozen=True, slots=True)
class OutcomeDay:
    """One published day with the outcomes of its applications."""

    as_of: date
    revision: int
    publication: str
    """Digest that no other publication has (`core.day.manifest.Manifest.publication`)."""
    model: ModelPin
    policy: Policy
    pd: np.ndarray
    """Published pd of all applications that the day decided, shape (applications,)."""
    rows: np.ndarray
    """Positions in `pd` of those that were not refused and whose outcome is known, shape (outcomes,)."""
    defaulted: np.ndarray
    """True if the applicant defaulted, shape (outcomes,)."""


class InitialValidation(NamedTuple):
    """Out-of-fold predictions by which a model was judged in training."""

    pd: np.ndarray
    """Calibrated pd, shape (training rows,)."""
    defaulted: np.ndarray


@dataclass(frozen=True, slots=True)
class BandFigures:
    """One risk band of a cohort; None for all figures if there are too few to tell."""

    band: str
    rows: int | None
    defaults: int | None
    mean_pd: float | None
    observed: Estimate | None
    """Realised default rate, with Wilson's interval."""
    p_value: float | None
    """Of Jeffreys' test: small if pd was too low."""


@dataclass(frozen=True, slots=True)
class AucTests:
    """Realised AUC beside that of training."""

    of_all: AucDecline
    """Against the AUC of all training rows, as the instructions ask. It fails where many are refused."""
    initial: float
    of_not_refused: AucDecline | None
    """Against that of the training rows that the same policy would not have refused; None if they have no AUC."""
    initial_not_refused: float | None


@dataclass(frozen=True, slots=True)
class CohortFigures:
    """Figures of a cohort, or of all told cohorts of a model."""

    name: str
    """`2026-11`, `2026-11-02`, or `ALL_COHORTS`."""
    first: date
    last: date
    model: ModelPin
    decided: int
    """Applications that its days decided."""
    refused: int
    rows: int
    """Outcomes."""
    defaults: int
    realised: Mapping[str, Estimate]
    """Figure of `REALISED` to its estimate, with a 95 % interval."""
    expected: Mapping[str, ExpectedFigure]
    """`default_rate`, `cost_per_application` and `auc` as they were expected of the same rows."""
    bands: tuple[BandFigures, ...]
    p_value: float
    """Of Jeffreys' test of the portfolio."""
    auc: AucTests | None
    """None if the store does not hold the predictions by which the model was judged."""
    concentration: Concentration | None
    """Over all that was decided; None as above, or if the policy has one band."""

    def is_as_expected(self, name: str) -> bool | None:
        """True if a realised figure lies in the interval that was expected; None if none was."""
        expected = self.expected[name]
        if expected.low is None or expected.high is None:
            return None
        return expected.low <= self.realised[name].value <= expected.high


@dataclass(frozen=True, slots=True)
class DayRealised:
    """Expected and realised cost of one day's applications with an outcome."""

    as_of: date
    revision: int
    publication: str
    model_name: str
    model_version: str
    rows: int
    defaults: int
    realised: Estimate
    """Cost per application, in units of the cost matrix; the interval is Wilson's."""
    expected: ExpectedFigure
    """The same as it was expected before the outcomes."""

    @property
    def is_as_expected(self) -> bool:
        """True if the realised cost lies in the interval that was expected."""
        low, high = self.expected.low, self.expected.high
        return low is not None and high is not None and low <= self.realised.value <= high


@dataclass(frozen=True, slots=True)
class Backtest:
    """All figures of a backtest."""

    kind: CohortKind
    cohorts: tuple[CohortFigures, ...]
    """Told cohorts, oldest first."""
    models: tuple[CohortFigures, ...]
    """All told cohorts of each model, in the order in which the models began to decide."""
    days: tuple[DayRealised, ...]
    """Told days of told cohorts, oldest first."""
    untold: tuple[str, ...]
    """Cohorts of too few outcomes, by name and model; they are in no total."""


class _Cohort(NamedTuple):
    name: str
    days: tuple[OutcomeDay, ...]

    @property
    def counts(self) -> np.ndarray:
        """Outcomes and defaults, shape (2,)."""
        return np.sum([_counts_of(day) for day in self.days], axis=0)


def run_backtest(
    days: Iterable[OutcomeDay],
    initial: Mapping[ModelPin, InitialValidation],
    *,
    costs: Mapping[str, float],
    seed: int,
    resamples: int = RESAMPLES,
) -> Backtest:
    """Hold published decisions against their outcomes.

    Args:
        days: published days with outcomes, in any order.
        initial: model to its out-of-fold predictions, of the models that have them.
        costs: `false_negative` and `false_positive`, in units of the cost matrix.
        seed: seed of the resamples.
        resamples: number of resamples of each interval.
    """
    ordered = sorted((day for day in days if len(day.rows)), key=lambda day: day.as_of)
    kind = _kind_of(ordered)
    told: list[_Cohort] = []
    untold: list[str] = []
    for cohort in _cut(ordered, kind):
        model = cohort.days[0].model
        if _is_enough(cohort.counts):
            told.append(cohort)
        else:
            untold.append(f"{cohort.name} of {model.name} {model.version}")

    def figures_of(cohort: _Cohort) -> CohortFigures:
        first_day = cohort.days[0]
        return _figures(cohort, initial.get(first_day.model), costs=costs, seed=seed, resamples=resamples)

    models = dict.fromkeys(cohort.days[0].model for cohort in told)
    wholes = [
        _Cohort(ALL_COHORTS, tuple(day for cohort in told if cohort.days[0].model == model for day in cohort.days))
        for model in models
    ]
    realised = (each for cohort in told for each in _days_of(cohort, initial, costs))
    return Backtest(
        kind,
        tuple(map(figures_of, told)),
        tuple(map(figures_of, wholes)),
        tuple(sorted(realised, key=lambda each: each.as_of)),
        tuple(untold),
    )


def _kind_of(days: Sequence[OutcomeDay]) -> CohortKind:
    is_short = not days or (days[-1].as_of - days[0].as_of).days < _DAYS_OF_DAILY_COHORTS
    return "day" if is_short else "month"


def _cut(days: Sequence[OutcomeDay], kind: CohortKind) -> list[_Cohort]:
    """Days by cohort and model, oldest first."""

    def key(day: OutcomeDay) -> tuple[str, str, str, str]:
        name = f"{day.as_of:%Y-%m}" if kind == "month" else day.as_of.isoformat()
        return name, day.model.name, day.model.version, day.model.digest

    return [_Cohort(each[0], tuple(group)) for each, group in groupby(sorted(days, key=key), key=key)]


def _is_enough(counts: np.ndarray) -> bool:
    return is_enough_for_rates(int(counts[0]), defaulted=int(counts[1]))


def _counts_of(day: OutcomeDay) -> tuple[int, int]:
    return len(day.rows), int(day.defaulted.sum())


def _figures(
    cohort: _Cohort,
    initial: InitialValidation | None,
    *,
    costs: Mapping[str, float],
    seed: int,
    resamples: int,
) -> CohortFigures:
    days = cohort.days
    policy = days[-1].policy
    pd = np.concatenate([day.pd[day.rows] for day in days])
    defaulted = np.concatenate([day.defaulted for day in days])
    decided = [(decide(day.pd, day.policy).decision, day.pd) for day in days]
    # No cut-off of its days refuses a row with an outcome; the highest one keeps all of them approved.
    highest = max(day.policy.cutoff for day in days)
    resampled = resample_figures(
        {"published": pd}, defaulted, cutoff=highest, costs=costs, seed=seed, resamples=resamples
    )
    estimates = estimates_of(resampled["published"])
    all_pd = np.concatenate([each for _, each in decided])
    return CohortFigures(
        name=cohort.name,
        first=days[0].as_of,
        last=days[-1].as_of,
        model=days[0].model,
        decided=len(all_pd),
        refused=sum(int((decision == _REFUSE).sum()) for decision, _ in decided),
        rows=len(pd),
        defaults=int(defaulted.sum()),
        realised={name: estimates[name] for name in REALISED},
        expected=_expected(pd, initial, costs),
        bands=_bands(pd, defaulted, policy),
        p_value=jeffreys_test(float(pd.mean()), defaults=int(defaulted.sum()), rows=len(pd)),
        auc=_auc_tests(pd, defaulted, initial, policy) if initial else None,
        concentration=_concentration(all_pd, initial, policy) if initial and len(policy.bands) > 1 else None,
    )


def _expected(
    pd: np.ndarray, initial: InitialValidation | None, costs: Mapping[str, float]
) -> dict[str, ExpectedFigure]:
    """Figures expected of rows that were not refused, with the intervals that monitoring states.

    Without the rows of the calibration nobody knows how wide an interval is, so there is none.
    """
    nobody_refused = Decided(np.zeros(len(pd), dtype=np.int8), np.zeros(len(pd), dtype=np.int8))
    expected = expected_performance(
        pd, nobody_refused, n_bands=1, costs=costs, calibration_rows=len(initial.pd) if initial else 1
    )
    figures = {
        "default_rate": expected.expected_default_rate_of_approved,
        "cost_per_application": expected.expected_cost_per_application,
        "auc": expected.expected_auc,
    }
    if initial:
        return figures
    return {name: each._replace(low=None, high=None, sentence="") for name, each in figures.items()}


def _bands(pd: np.ndarray, defaulted: np.ndarray, policy: Policy) -> tuple[BandFigures, ...]:
    """Figures of each band in which an outcome lies, the best first."""
    band = decide(pd, policy).band
    counts = np.array([[np.sum(band == n), np.sum(defaulted & (band == n))] for n in range(len(policy.bands))])
    is_told = told_parts(counts, lambda each: is_enough_for_mean(int(each[0])))
    return tuple(
        _band(each.name, pd[band == n], int(rows), int(defaults)) if is_told[n] else _untold_band(each.name)
        for n, (each, (rows, defaults)) in enumerate(zip(policy.bands, counts, strict=True))
        if rows
    )


def _band(name: str, pd: np.ndarray, rows: int, defaults: int) -> BandFigures:
    low, high = wilson_interval(np.array([defaults]), np.array([rows]))
    observed = Estimate(defaults / rows, float(low[0]), float(high[0]))
    mean = float(pd.mean())
    return BandFigures(name, rows, defaults, mean, observed, jeffreys_test(mean, defaults=defaults, rows=rows))


def _untold_band(name: str) -> BandFigures:
    return BandFigures(name, None, None, None, None, None)


def _auc_tests(pd: np.ndarray, defaulted: np.ndarray, initial: InitialValidation, policy: Policy) -> AucTests | None:
    """Tests of decline of the AUC; None if the training rows have no AUC."""
    of_all = _initial_auc(initial.pd, initial.defaulted)
    if of_all is None:
        return None
    is_kept = initial.pd < policy.cutoff
    of_kept = _initial_auc(initial.pd[is_kept], initial.defaulted[is_kept])
    return AucTests(
        auc_decline_test(of_all, pd, defaulted),
        of_all,
        None if of_kept is None else auc_decline_test(of_kept, pd, defaulted),
        of_kept,
    )


def _initial_auc(pd: np.ndarray, defaulted: np.ndarray) -> float | None:
    defaults = int(defaulted.sum())
    if min(defaults, len(pd) - defaults) < _LEAST_OF_AN_INITIAL_OUTCOME:
        return None
    return auc_of(pd, defaulted)


def _concentration(pd: np.ndarray, initial: InitialValidation, policy: Policy) -> Concentration:
    before, now = (np.bincount(decide(each, policy).band, minlength=len(policy.bands)) for each in (initial.pd, pd))
    return concentration_test(before, now)


def _days_of(
    cohort: _Cohort, initial: Mapping[ModelPin, InitialValidation], costs: Mapping[str, float]
) -> Iterable[DayRealised]:
    """Told days of a cohort: those that are left out are themselves enough, or none."""
    counts = np.array([_counts_of(day) for day in cohort.days])
    known = initial.get(cohort.days[0].model)
    for day, is_told in zip(cohort.days, told_parts(counts, _is_enough), strict=True):
        if is_told:
            yield _day(day, known, costs)


def _day(day: OutcomeDay, initial: InitialValidation | None, costs: Mapping[str, float]) -> DayRealised:
    rows, defaults = _counts_of(day)
    price = costs["false_negative"]
    low, high = wilson_interval(np.array([defaults]), np.array([rows]))
    return DayRealised(
        day.as_of,
        day.revision,
        day.publication,
        day.model.name,
        day.model.version,
        rows,
        defaults,
        Estimate(price * defaults / rows, price * float(low[0]), price * float(high[0])),
        _expected(day.pd[day.rows], initial, costs)["cost_per_application"],
    )
