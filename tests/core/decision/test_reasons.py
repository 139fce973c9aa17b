"""The principal reasons of an application, against a plain Python oracle and on the edges."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.core.decision.reasons import REASONS, Reason, codes_of, principal_reasons
from tasks.core.lender.feature_list import FAMILIES

CODES = ("R3", "R1", "R10", "R2", "R4")
MILLIONTH = 1e-6


def stated(contributions: list[list[float]] | np.ndarray, codes: tuple[str, ...] = CODES) -> list[list[str | None]]:
    """The reasons of each row."""
    found = principal_reasons(np.array(contributions, dtype=float).reshape(-1, len(codes)), codes)
    assert list(found) == list(REASONS)
    return [list(row) for row in zip(*(column.to_pylist() for column in found.values()), strict=True)]


def naive(row: list[float], codes: tuple[str, ...] = CODES) -> list[str | None]:
    """One row after the other, as a person would do it."""
    rounded = {code: round(value, 6) for code, value in zip(codes, row, strict=True)}
    ranked = sorted((code for code in codes if rounded[code] > 0), key=lambda code: (-rounded[code], code))
    return [*ranked, None, None, None, None][:4]


# Multiples of a quarter of a millionth: ties, both zeros, and every edge of rounding, next to any number.
NUMBERS = st.one_of(
    st.integers(-12, 12).map(lambda n: n * MILLIONTH / 4), st.sampled_from([0.0, -0.0, 0.5]), st.floats(-9, 9)
)


@given(arrays(np.float64, st.tuples(st.integers(0, 8), st.just(len(CODES))), elements=NUMBERS))
def test_reasons_are_those_that_a_person_would_find(contributions: np.ndarray) -> None:
    rounded = np.round(contributions, 6)  # not by `round`, which rounds the decimal digits and differs on an exact half
    assert stated(contributions) == [naive(row) for row in rounded.tolist()]


@given(arrays(np.float64, st.tuples(st.integers(1, 8), st.just(len(CODES))), elements=NUMBERS))
def test_an_application_has_the_same_reasons_alone_and_in_a_batch(contributions: np.ndarray) -> None:
    assert stated(contributions) == [row for each in contributions for row in stated([each.tolist()])]
    assert stated(np.asfortranarray(contributions)) == stated(contributions)


@given(st.permutations(range(len(CODES))), arrays(np.float64, (3, len(CODES)), elements=NUMBERS))
def test_the_order_of_the_families_changes_no_reason(order: list[int], contributions: np.ndarray) -> None:
    assert stated(contributions[:, order], tuple(CODES[n] for n in order)) == stated(contributions)


@given(st.lists(NUMBERS, min_size=len(CODES), max_size=len(CODES)))
def test_the_contributions_are_left_as_they_were(row: list[float]) -> None:
    contributions = np.array([row])
    principal_reasons(contributions, CODES)
    assert contributions.tolist() == [row]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1, 2, 3, 4, 5], ["R4", "R2", "R10", "R1"]),
        ([-1, 0, -0.0, -3, 5], ["R4", None, None, None]),
        ([0, 0, 0, 0, 0], [None] * 4),
        ([-1, -2, -3, -4, -5], [None] * 4),
        ([1, 1, 1, 1, 1], ["R1", "R10", "R2", "R3"]),
        ([0.3, 0.3 + 4e-7, 0.3 - 4e-7, 0.3 + 6e-7, 0], ["R2", "R1", "R10", "R3"]),
        ([4.9e-7, 5.1e-7, 0, 0, 0], ["R1", None, None, None]),
        ([5e-7, 0, 0, 0, 0], [None] * 4),
        ([np.nextafter(5e-7, 1), 0, 0, 0, 0], ["R3", None, None, None]),
        ([1.5e-6, 2.5e-6, 0, 0, 0], ["R1", "R3", None, None]),
    ],
)
def test_only_what_pushes_towards_refusal_is_a_reason_and_ties_go_by_code(
    row: list[float], expected: list[str | None]
) -> None:
    assert stated([row]) == [expected]


def test_an_exact_half_of_a_millionth_goes_to_the_even_one() -> None:
    values = [Decimal(n) * Decimal("1e-6") + Decimal("5e-7") for n in range(8)]
    expected = [float(value.quantize(Decimal("1e-6"), ROUND_HALF_EVEN)) for value in values]
    assert np.round(np.array([float(value) for value in values]), 6).tolist() == expected


def test_no_rows_have_no_reasons_and_the_columns_are_text() -> None:
    found = principal_reasons(np.empty((0, len(CODES))), CODES)
    assert {str(column.type) for column in found.values()} == {"string"}
    assert [len(column) for column in found.values()] == [0] * 4


def test_codes_stand_in_the_order_of_the_families_whatever_order_they_are_told_in() -> None:
    told: dict[str, Any] = {family: Reason(f"R{n}", "") for n, family in enumerate(FAMILIES)}
    assert codes_of(dict(reversed(told.items()))) == tuple(f"R{n}" for n in range(len(FAMILIES)))
