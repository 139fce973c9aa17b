import numpy as np
import pytest

from tasks.core.training.importance import influences_of

CONTRIBUTIONS = np.array([[1.0, -1.0, 0.5], [2.0, 0.0, -0.5]])


def test_contributions_of_a_family_are_added_up_before_their_size_is_taken() -> None:
    told = influences_of(CONTRIBUTIONS, {"a": 3.0, "b": 1.0, "c": 0.0}, ("a", "b", "c"), {"a": "ab", "b": "ab"})
    assert told == (("ab", 1.0, 1.0), ("c", 0.5, 0.0))


def test_a_feature_without_a_family_is_one_of_its_own() -> None:
    told = influences_of(CONTRIBUTIONS, {"a": 1.0, "b": 1.0, "c": 2.0}, ("a", "b", "c"), {})
    assert [each.family for each in told] == ["a", "b", "c"]
    assert sum(each.gain_share for each in told) == pytest.approx(1)
