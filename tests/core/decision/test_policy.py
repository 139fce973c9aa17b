import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.decision.policy import DECISIONS, break_even_cutoff, cost_per_application, decide, resolve_policy

BANDS = [("A", 0.25), ("B", 0.5), ("C", 1.0), ("D", 2.0), ("E", None)]


@pytest.mark.parametrize(
    ("pd", "decision", "band"),
    [
        (0.0, "approve", "A"),
        (0.0499999, "approve", "B"),
        (0.05, "refer", "C"),
        (0.0999999, "refer", "C"),
        (0.1, "refuse", "D"),
        (0.2, "refuse", "E"),
        (1.0, "refuse", "E"),
    ],
)
def test_a_row_at_a_threshold_belongs_to_the_worse_side(pd: float, decision: str, band: str) -> None:
    policy = resolve_policy("1", 0.1, refer_from=0.5, bands=BANDS)
    decided = decide(np.array([pd]), policy)
    assert DECISIONS[decided.decision[0]] == decision
    assert policy.bands[decided.band[0]].name == band


@given(
    st.lists(st.floats(0, 1), min_size=1),
    st.floats(0.001, 0.999),
    st.sampled_from([None, 0.25, 0.5, 1.0]),
)
def test_bands_never_contradict_decisions(pds: list[float], cutoff: float, refer_from: float | None) -> None:
    decided = decide(np.array(pds), resolve_policy("1", cutoff, refer_from=refer_from, bands=BANDS))
    for band in set(decided.band):
        assert len(set(decided.decision[decided.band == band])) == 1
    order = np.argsort(pds)
    assert (np.diff(decided.decision[order]) >= 0).all()
    assert (np.diff(decided.band[order]) >= 0).all()


def test_without_a_refer_band_nobody_is_referred() -> None:
    decided = decide(np.linspace(0, 1, 1001), resolve_policy("1", 0.1, refer_from=None, bands=BANDS))
    assert set(decided.decision) == {0, 2}


@pytest.mark.parametrize(
    ("cutoff", "refer_from", "bands", "message"),
    [
        (0.0, None, BANDS, "cut-off is 0.0"),
        (1.0, None, BANDS, "cut-off is 1.0"),
        (0.1, 0.8, BANDS, "a band must end at 0.8 times"),
        (0.1, 2.0, BANDS, "refer_from is 2.0"),
        (0.1, None, [("A", 0.5), ("B", None)], "a band must end at 1.0 times"),
        (0.1, None, [("A", 1.0), ("B", 0.5), ("C", None)], "must rise"),
        (0.1, None, [("A", 1.0)], "the last must be null"),
        (0.1, None, [("A", 1.0), ("A", None)], "two risk bands have one name"),
    ],
)
def test_a_policy_that_would_contradict_itself_is_refused(
    cutoff: float, refer_from: float | None, bands: list[tuple[str, float | None]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_policy("1", cutoff, refer_from=refer_from, bands=bands)


def test_costs_ten_to_one_break_even_at_one_eleventh() -> None:
    assert break_even_cutoff(false_negative=10, false_positive=1) == 1 / 11


def test_cost_counts_missed_defaults_and_lost_customers() -> None:
    pd, defaulted = np.array([0.05, 0.05, 0.2, 0.2]), np.array([True, False, True, False])
    assert cost_per_application(pd, defaulted, 0.1, false_negative=10, false_positive=1) == (10 + 1) / 4
