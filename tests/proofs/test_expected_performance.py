"""Figures expected of a day's decisions before outcomes, held against what its outcomes show."""

from collections.abc import Sequence
from typing import Final

import pytest

from tests.proofs.evidence import IS_WHOLE, note
from tests.proofs.expected_study import (
    COST,
    SMALL,
    STABLE,
    WHOLE,
    Outcome,
    holds,
    paired_gain,
    run,
    shift_table,
    stable_table,
)
from tests.proofs.reweighting import WEIGHERS

SIZE: Final = WHOLE if IS_WHOLE else SMALL
LEAST_HELD: Final = 0.9
"""Share of stable months whose realised cost the interval must hold."""


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return run(SIZE)


def ways_of(outcomes: Sequence[Outcome], number: int) -> list[Outcome]:
    return [each for each in outcomes if len(each.expected) == number]


def test_the_interval_of_a_stable_month_holds_its_realised_cost(outcomes: list[Outcome]) -> None:
    months = ways_of(outcomes, 1)
    assert len(months) == SIZE.models * SIZE.months
    assert {each.shift for each in months} == {STABLE}
    held = sum(holds(each.expected["CBPE"][COST], each.realised[COST]) for each in months)
    assert held >= LEAST_HELD * len(months)
    note("expected-performance-1", "Expected performance of stable months", STABLE_TOLD, stable_table(outcomes))


def test_a_reference_that_is_weighted_towards_the_day_gives_no_better_estimate(outcomes: list[Outcome]) -> None:
    days = ways_of(outcomes, 1 + len(WEIGHERS))
    assert len(days) == SIZE.models * SIZE.shifted_days * (1 + len(SIZE.shifts))
    shifted = [each for each in days if each.shift != STABLE]
    if IS_WHOLE:
        for way in WEIGHERS:
            assert paired_gain(shifted, way, COST).low <= 0, f"{way} is better: take it into the product"
    note("expected-performance-2", "Expected cost under covariate shift", SHIFT_TOLD, shift_table(outcomes))


STABLE_TOLD: Final = (
    f"{WHOLE.models} models were trained, each on other synthetic applications, and for each of them "
    f"{WHOLE.months} months were drawn from applications that it never saw. The 95 % intervals that are expected "
    "before outcomes had to hold the cost that the outcomes show in at least 90 % of the months. The errors are "
    "expected less realised. `python -m tests.proofs.expected_study FILE` makes the same study of a file of "
    "applications with outcomes."
)
SHIFT_TOLD: Final = (
    f"Days of up to {WHOLE.shifted_rows:,} applications whose mix is shifted in columns that the model uses, or in "
    "columns that no model sees, and the mean absolute error of the expected cost. CBPE takes the pd as it is. The "
    "other ways first weight the out-of-fold predictions by which the model was calibrated towards the day, and "
    "calibrate anew on them (PAPE, arXiv 2401.08348): raked to the day's shares of bins of the ten strongest "
    "features, of the columns kept out for fairness and of pd; or by the odds of a logistic regression, or of "
    "LightGBM, that tells the day from the reference by the same columns. The last columns hold the error of CBPE "
    "less that of the other way, with a 95 % interval over models: above 0 the other way is better. None has its "
    "whole interval above 0 over all shifts, and so the product has CBPE alone. "
    "The model has learned from the columns whose mix shifts, so its pd "
    "follows a shift already, while weights make fewer rows of the reference count."
)
