"""The place of an application among others is told in whole percent, and not of few."""

import numpy as np
import pytest

from tasks.core.decision.place import place_among


@pytest.mark.parametrize(("rows", "is_told"), [(19, False), (20, True)])
def test_the_place_among_few_is_not_told(rows: int, is_told: bool) -> None:
    place = place_among(np.linspace(0, 1, rows), 0.5)
    assert (place.lower_share is not None) == is_told
    assert ("had a lower pd" in place.sentence) == is_told
    assert ("could be one applicant's own" in place.sentence) != is_told


def test_equal_pds_are_not_lower() -> None:
    pds = np.array([0.1] * 30 + [0.2] * 60 + [0.3] * 10)
    assert place_among(pds, 0.2).lower_share == 0.3
    assert place_among(pds, 0.1).lower_share == 0
    assert place_among(pds, 0.3).sentence == "90% of 100 applications had a lower pd."


def test_the_number_of_others_is_rounded() -> None:
    assert "of 105 applications" in place_among(np.linspace(0, 1, 103), 0.5).sentence
