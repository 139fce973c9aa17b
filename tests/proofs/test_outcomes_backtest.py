"""Backtests of simulated months: the expected cost beside the realised one, and when it leaves its interval."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from scipy.stats import binomtest

from tasks.core.decision.policy import DECISIONS, decide
from tasks.core.model.bundle import ModelPin
from tasks.core.outcomes.backtest import CohortFigures, InitialValidation, OutcomeDay, run_backtest
from tests.proofs.evidence import IS_WHOLE, note
from tests.proofs.expected_study import SMALL, WHOLE, Judge, Size, drawn, judges

_LEARNED: Final = SMALL.training.model_copy(update={"max_trees": 150})
SIZE: Final[Size] = (
    replace(WHOLE, months=10)
    if IS_WHOLE
    else replace(SMALL, months=6, trained_rows=8_000, held_out_rows=24_000, month_rows=(2_000,), training=_LEARNED)
)
REFUSE: Final = DECISIONS.index("refuse")
LEAST_HELD: Final = 0.9
"""Share of stable months whose realised cost the expected interval must hold."""
MOST_HELD: Final = 0.5
"""Share of months in which the relation has changed that it may hold at most."""
CHANGED_SHARE: Final = 1 / 3
"""Applicants whose outcome is that of another one, in a month in which the relation has changed."""
ALPHA: Final = 0.05
MONTH: Final = date(2026, 11, 2)


class Month(NamedTuple):
    """A simulated month, backtested."""

    rows: int
    is_changed: bool
    figures: CohortFigures


def outcome_day(judge: Judge, model: int, place: np.ndarray, random: np.random.Generator | None) -> OutcomeDay:
    """Held-out applications as one day; with `random`, some have the outcome of another one."""
    pd, defaulted = judge.held_out.pd[place], judge.held_out.defaulted[place]
    if random:
        others = random.permutation(judge.held_out.defaulted)[: len(place)]
        defaulted = np.where(random.random(len(place)) < CHANGED_SHARE, others, defaulted)
    kept = np.flatnonzero(decide(pd, judge.policy).decision != REFUSE)
    return OutcomeDay(MONTH, 1, "p", ModelPin("m", f"{model}", "d"), judge.policy, pd, kept, defaulted[kept])


@pytest.fixture(scope="module")
def months() -> list[Month]:
    found = []
    for model, judge in enumerate(judges(SIZE, None)):
        random = np.random.default_rng(2_000 + model)
        initial = {ModelPin("m", f"{model}", "d"): InitialValidation(judge.reference.pd, judge.reference.defaulted)}
        flat = np.zeros(judge.rows.num_rows)
        for number in range(SIZE.months):
            place = drawn(flat, SIZE.month_rows[number % len(SIZE.month_rows)], random)
            for changing in (None, random):
                day = outcome_day(judge, model, place, changing)
                (whole,) = run_backtest([day], initial, costs=judge.costs, seed=7, resamples=2).models
                found.append(Month(len(place), changing is not None, whole))
    return found


def held(months: list[Month], name: str) -> float:
    return float(np.mean([month.figures.is_as_expected(name) for month in months]))


def most_held(months: list[Month], name: str) -> float:
    """Share held of the whole study; in a sample the upper end of its interval, for a dozen months say little."""
    share = held(months, name)
    if IS_WHOLE:
        return share
    return float(binomtest(round(share * len(months)), len(months)).proportion_ci().high)


def test_the_expected_cost_holds_stable_months_and_not_those_in_which_the_relation_changed(
    months: list[Month],
) -> None:
    stable = [month for month in months if not month.is_changed]
    changed = [month for month in months if month.is_changed]
    assert len(stable) == len(changed) == SIZE.models * SIZE.months
    assert most_held(stable, "cost_per_application") >= LEAST_HELD
    assert held(changed, "cost_per_application") <= MOST_HELD
    note("outcomes-1", "Backtests of simulated months", TOLD, table(months))


def table(months: list[Month]) -> list[dict[str, Any]]:
    return [
        _row(rows, is_changed, [each for each in months if (each.rows, each.is_changed) == (rows, is_changed)])
        for is_changed in (False, True)
        for rows in sorted({each.rows for each in months})
    ]


def _row(rows: int, is_changed: bool, months: list[Month]) -> dict[str, Any]:
    costs = [each.figures for each in months]
    return {
        "relation": "changed" if is_changed else "stable",
        "applications": rows,
        "months": len(months),
        "cost held": f"{held(months, 'cost_per_application'):.0%}",
        "AUC held": f"{held(months, 'auc'):.0%}",
        "mean expected cost": f"{np.mean([each.expected['cost_per_application'].value for each in costs]):.3f}",
        "mean realised cost": f"{np.mean([each.realised['cost_per_application'].value for each in costs]):.3f}",
        "Jeffreys p < 0.05": f"{np.mean([each.p_value < ALPHA for each in costs]):.0%}",
        "AUC decline p < 0.05": f"{np.mean([_has_declined(each) for each in costs]):.0%}",
    }


def _has_declined(figures: CohortFigures) -> bool:
    assert figures.auc
    assert figures.auc.of_not_refused
    return figures.auc.of_not_refused.p_value < ALPHA


TOLD: Final = (
    "Models as in the study above, each with months of applications that it never saw. Refused applications have no "
    "outcome. The interval that is expected before outcomes had to hold the realised cost of those not refused in at "
    "least 90 % of the stable months, and in at most half of the months in which every third applicant has the outcome "
    "of another one. AUC is compared with that of the training rows that would not have been refused; the "
    "instructions take it as a known number."
)
