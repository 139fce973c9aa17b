"""Corrected probabilities are those that Holm's rule gives by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.monitoring.correction import family_adjusted

probabilities = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 1.0])), min_size=1, max_size=30)


def holm_in_a_loop(p: list[float]) -> list[float]:
    """Holm's step-down rule: the smallest times n, the next times n - 1, and none below one before it."""
    adjusted = [0.0] * len(p)
    largest = 0.0
    for tests_before, place in enumerate(sorted(range(len(p)), key=lambda each: p[each])):
        largest = max(largest, p[place] * (len(p) - tests_before))
        adjusted[place] = min(largest, 1.0)
    return adjusted


@given(probabilities)
def test_any_false_finding_is_controlled_as_by_holm(p: list[float]) -> None:
    assert np.allclose(family_adjusted(np.array(p)), holm_in_a_loop(p))


def test_no_tests_and_one_test_are_corrected_too() -> None:
    assert family_adjusted(np.zeros(0)).tolist() == []
    assert family_adjusted(np.array([0.04])).tolist() == [0.04]


def test_a_probability_that_could_not_be_made_silences_no_other() -> None:
    corrected = family_adjusted(np.array([np.nan, 1e-9, np.nan]))
    assert corrected.tolist() == [1.0, pytest.approx(3e-9), 1.0]
