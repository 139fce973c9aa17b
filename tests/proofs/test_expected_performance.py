"""What is expected of a day's decisions before outcomes holds what its outcomes show."""

from typing import Final

from tests.proofs.evidence import IS_WHOLE, note
from tests.proofs.expected_study import COST, SMALL, STABLE, WHOLE, Outcome, holds, run, shift_table, stable_table
from tests.proofs.reweighting import WEIGHERS

LEAST_HELD: Final = 0.9
"""Share of stable months whose realised cost the interval must hold."""


def held_share(months: list[Outcome], place: int) -> float:
    return sum(holds(each.expected["CBPE"][place], each.realised[place]) for each in months) / len(months)


def test_the_interval_of_a_stable_month_holds_its_realised_cost_and_shifted_days_are_estimated_both_ways() -> None:
    outcomes = run(WHOLE if IS_WHOLE else SMALL)
    months = [each for each in outcomes if each.shift == STABLE and len(each.expected) == 1]
    assert len(months) == (200 if IS_WHOLE else 20)
    assert held_share(months, COST) >= LEAST_HELD
    shifted = [each for each in outcomes if len(each.expected) > 1]
    assert {*shifted[0].expected} == {"CBPE", *WEIGHERS}
    note("expected-performance-1", "Expected cost of stable months", STABLE_TOLD, stable_table(outcomes))
    note("expected-performance-2", "Expected cost under covariate shift", SHIFT_TOLD, shift_table(outcomes))


STABLE_TOLD: Final = "…"
SHIFT_TOLD: Final = "…"
