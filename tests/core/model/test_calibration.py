import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from tasks.core.model.calibration import Calibration, calibration_line, expected_calibration_error, fit_calibration


def sample(rows: int, *, intercept: float = 0.0, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    raw = random.normal(-2.5, 1.0, rows)
    return raw, random.random(rows) < expit(intercept + slope * raw)


def test_the_fitted_line_is_that_of_logistic_regression() -> None:
    raw, defaulted = sample(20_000, intercept=0.4, slope=0.7)
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(raw[:, None], defaulted)
    assert calibration_line(raw, defaulted) == pytest.approx((oracle.intercept_[0], oracle.coef_[0, 0]), abs=1e-5)


def test_the_frozen_table_is_the_logistic_curve_within_a_millionth() -> None:
    raw, defaulted = sample(20_000, intercept=0.4, slope=0.7)
    intercept, slope = calibration_line(raw, defaulted)
    assert np.abs(fit_calibration(raw, defaulted).pd_of(raw) - expit(intercept + slope * raw)).max() < 2e-6


@given(st.lists(st.floats(-40, 40), min_size=2))
def test_pd_never_falls_as_the_score_rises_and_stays_a_probability(scores: list[float]) -> None:
    pd = fit_calibration(*sample(500)).pd_of(np.sort(scores))
    assert (np.diff(pd) >= 0).all()
    assert ((pd >= 0) & (pd <= 1)).all()


def test_the_ends_of_the_table_tell_nobodys_score() -> None:
    raw = np.random.default_rng(0).normal(-2.5, 1, 300)
    table = fit_calibration(raw, np.random.default_rng(1).random(300) < 1 / (1 + np.exp(-raw)))
    assert all(end == round(end) for end in (table.raw[0], table.raw[-1]))


def test_a_score_has_one_pd_alone_and_in_any_batch() -> None:
    calibration, (raw, _) = fit_calibration(*sample(500)), sample(1001)
    together = calibration.pd_of(raw)
    assert [calibration.pd_of(raw[n : n + 1])[0] for n in range(0, 1001, 50)] == together[::50].tolist()


def test_scores_beyond_the_table_take_its_ends() -> None:
    assert Calibration((0.0, 1.0), (0.1, 0.3)).pd_of(np.array([-5.0, 0.5, 9.0])).tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("outcome", [True, False])
def test_one_outcome_alone_cannot_be_calibrated(outcome: bool) -> None:
    with pytest.raises(ValueError, match="who defaulted and applicants who did not"):
        fit_calibration(np.arange(4.0), np.full(4, outcome))


def test_a_score_that_points_the_wrong_way_is_refused() -> None:
    raw, defaulted = sample(2000)
    with pytest.raises(ValueError, match="has learned nothing"):
        fit_calibration(-raw, defaulted)


def test_calibration_error_is_the_mean_gap_between_predicted_and_observed() -> None:
    pd = np.repeat([0.1, 0.4], 10)
    defaulted = np.array([True] * 2 + [False] * 8 + [True] * 4 + [False] * 6)
    assert expected_calibration_error(pd, defaulted, bins=2) == pytest.approx((0.1 + 0.0) / 2)
