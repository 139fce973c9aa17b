from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_auc_score

from tasks.core.model.bundle import ModelPin
from tasks.core.outcomes.backtest import Backtest, InitialValidation, OutcomeDay, run_backtest
from tests.outcome_days import COSTS, MODEL, POLICY, simulated_day

FIRST = date(2026, 11, 2)


def initial_of(rows: int = 20_000) -> dict[ModelPin, InitialValidation]:
    random = np.random.default_rng(99)
    pd = 1 / (1 + np.exp(2.6 - random.normal(size=rows)))
    return {MODEL: InitialValidation(pd, random.random(rows) < pd)}


def days_of(*sizes: int, shift: float = 0.0, seed: int = 1, apart: int = 1) -> list[OutcomeDay]:
    random = np.random.default_rng(seed)
    return [simulated_day(FIRST + timedelta(days=n * apart), rows, random, shift=shift) for n, rows in enumerate(sizes)]


def backtested(days: list[OutcomeDay], **changes: object) -> Backtest:
    options = {"costs": COSTS, "seed": 7, "resamples": 50, **changes}
    return run_backtest(days, options.pop("initial", initial_of()), **options)


def test_figures_are_those_of_the_outcomes() -> None:
    days = days_of(4000)
    (cohort,) = backtested(days).cohorts
    pd, defaulted = days[0].pd[days[0].rows], days[0].defaulted
    assert (cohort.decided, cohort.rows, cohort.refused) == (4000, len(pd), 4000 - len(pd))
    assert cohort.defaults == defaulted.sum()
    told = {name: each.value for name, each in cohort.realised.items()}
    assert told["auc"] == pytest.approx(roc_auc_score(defaulted, pd))
    assert told["brier"] == pytest.approx(brier_score_loss(defaulted, pd))
    assert told["ks"] == pytest.approx(stats.ks_2samp(pd[defaulted], pd[~defaulted]).statistic)
    assert told["cost_per_application"] == pytest.approx(10 * defaulted.mean())
    assert cohort.expected["cost_per_application"].value == pytest.approx(10 * pd.mean())
    assert cohort.p_value == pytest.approx(stats.beta(defaulted.sum() + 0.5, (~defaulted).sum() + 0.5).cdf(pd.mean()))


def test_bands_hold_all_outcomes_and_none_from_the_cutoff_on() -> None:
    (cohort,) = backtested(days_of(4000)).cohorts
    assert [band.band for band in cohort.bands] == ["A", "B"]
    assert sum(band.rows or 0 for band in cohort.bands) == cohort.rows
    assert sum(band.defaults or 0 for band in cohort.bands) == cohort.defaults
    for band in cohort.bands:
        assert band.rows is not None
        assert band.defaults is not None
        expected = stats.beta(band.defaults + 0.5, band.rows - band.defaults + 0.5).cdf(band.mean_pd)
        assert band.p_value == pytest.approx(expected, abs=1e-5)


def test_concentration_is_over_all_that_was_decided() -> None:
    days = days_of(4000)
    (cohort,) = backtested(days).cohorts
    shares = np.bincount(np.searchsorted([0.05, 0.1], days[0].pd, side="right"), minlength=3) / 4000
    assert cohort.concentration
    assert cohort.concentration.variation == pytest.approx(math.sqrt(3 * np.sum((shares - 1 / 3) ** 2)))


def test_truncation_alone_looks_like_a_decline_and_the_other_line_does_not() -> None:
    (cohort,) = backtested(days_of(20_000)).cohorts
    assert cohort.auc
    assert cohort.auc.of_not_refused
    assert cohort.auc.of_all.p_value < 0.001
    assert cohort.auc.of_not_refused.p_value > 0.01


@pytest.mark.parametrize(("days", "kind"), [(31, "day"), (32, "month")])
def test_cohorts_are_days_within_a_month_and_months_beyond(days: int, kind: str) -> None:
    found = backtested(days_of(600, 600, apart=days - 1), resamples=2)
    assert found.kind == kind
    assert found.cohorts[0].name == ("2026-11-02" if kind == "day" else "2026-11")


def test_a_cohort_of_too_few_outcomes_is_told_by_no_figure_and_is_in_no_total() -> None:
    days = days_of(4000, 90)
    found = backtested(days)
    assert [each.name for each in found.cohorts] == ["2026-11-02"]
    assert found.untold == ("2026-11-03 of credit-default 1",)
    (whole,) = found.models
    assert (whole.name, whole.rows) == ("all", len(days[0].rows))
    assert [day.as_of for day in found.days] == [FIRST]


def test_a_day_that_could_be_had_by_subtraction_takes_another_with_it() -> None:
    sizes = (3000, 40, 2000, 2500)
    days = days_of(*sizes, apart=9)  # one month is left when the last day lies in the next
    random = np.random.default_rng(3)
    days.append(simulated_day(FIRST + timedelta(days=40), 3000, random))
    found = backtested(days, resamples=2)
    assert found.kind == "month"
    told = [day.as_of for day in found.days]
    assert FIRST + timedelta(days=9) not in told
    assert FIRST + timedelta(days=18) not in told  # the smallest of the others hides it
    assert FIRST in told


def test_models_are_kept_apart() -> None:
    random = np.random.default_rng(5)
    other = ModelPin("credit-default", "2", "e")
    days = [simulated_day(FIRST, 3000, random), simulated_day(FIRST, 3000, random, model=other)]
    found = backtested(days)
    assert [(each.name, each.model.version) for each in found.cohorts] == [("2026-11-02", "1"), ("2026-11-02", "2")]
    assert [each.model.version for each in found.models] == ["1", "2"]
    assert found.models[1].auc is None  # nothing is known of its training


def test_without_the_predictions_of_training_there_is_no_expected_interval() -> None:
    found = backtested(days_of(4000), initial={})
    (cohort,) = found.cohorts
    expected = cohort.expected["cost_per_application"]
    assert (expected.low, expected.high, cohort.auc, cohort.concentration) == (None, None, None, None)
    assert expected.value is not None
    assert cohort.is_as_expected("cost_per_application") is None


def test_the_expected_interval_holds_a_stable_month_and_not_a_changed_one() -> None:
    stable, changed = (backtested(days_of(20_000, shift=shift)).models[0] for shift in (0.0, 0.7))
    assert stable.is_as_expected("cost_per_application")
    assert changed.is_as_expected("cost_per_application") is False
    assert changed.p_value < 1e-5 < stable.p_value


def test_nothing_known_gives_no_figures() -> None:
    assert backtested([]) == Backtest("day", (), (), (), ())


def test_the_same_outcomes_give_the_same_figures_in_any_order() -> None:
    days = days_of(1500, 1500)
    assert backtested(days) == backtested(days[::-1])
    assert POLICY.cutoff == 0.1
