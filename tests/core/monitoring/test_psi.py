"""The population stability index, by hand, and about none without drift."""

import math

import numpy as np
import pytest

from tasks.core.monitoring.psi import stability_indices
from tests.monitored_days import FROZEN, day_beside, frozen_of

NAME = "NAME_CONTRACT_TYPE"
PLACE = FROZEN.layout.names.index(NAME)
CASH, REVOLVING = "Cash loans", "Revolving loans"


def test_the_index_is_that_of_the_formula_less_what_is_usual() -> None:
    """Two cells of four are used: 3,000 and 1,000 rows of the reference, 500 and 500 of the day."""
    frozen = frozen_of(NAME_CONTRACT_TYPE=[CASH] * 3000 + [REVOLVING] * 1000)
    day = day_beside(1000, frozen=frozen, NAME_CONTRACT_TYPE=[CASH] * 500 + [REVOLVING] * 500)
    p = [3000.5 / 4001, 1000.5 / 4001]
    q = [500.5 / 1001, 500.5 / 1001]
    psi = sum((now - before) * math.log(now / before) for now, before in zip(q, p, strict=True))
    assert stability_indices(day)[PLACE] == pytest.approx(
        psi - (1 / 1000 + 1 / 4000), abs=1e-4
    )  # counts by weekday are rounded


def test_an_empty_cell_of_the_day_or_of_the_reference_is_finite() -> None:
    new = day_beside(1000, NAME_CONTRACT_TYPE=[None] * 500 + ["New"] * 500)
    assert 1 < stability_indices(new)[PLACE] < 20
    assert np.isfinite(stability_indices(day_beside(1000, frozen=frozen_of(0)))).all()


@pytest.mark.parametrize("rows", [500, 2000, 10_000])
def test_without_drift_the_index_is_about_none_whatever_the_rows(rows: int) -> None:
    days = [stability_indices(day_beside(rows, seed=seed)) for seed in range(10, 30)]
    assert np.abs(np.mean(days)) < 0.15 * 12 / rows + 0.002
