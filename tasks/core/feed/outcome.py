"""Defaults of synthetic applicants: a logit of the application's own values, and noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.core.feed.statistics import ColumnStatistics, FeedStatistics
from tasks.core.feed.ties import UntiedRows

# The weights follow a logistic regression on 6,000 real rows, rounded. The noise stands for what
# an application does not say. Both are set so that 400 trees of depth 3 reach an AUC near 0.755,
# as on the real rows. The intercept is set so that 8.07 % default. It is a constant, so that the
# outcome of an applicant depends on no other applicant.
_INTERCEPT: Final = -3.9
NOISE: Final = 0.4
"""Standard deviation, in logits, of the noise."""
# Per standard deviation from the median, at most three of them; missing counts as the median.
_LOGIT_PER_DEVIATION: Final[Mapping[str, float]] = {
    "EXT_SOURCE_1": -0.5, "EXT_SOURCE_2": -0.6, "EXT_SOURCE_3": -0.7,
    "DAYS_EMPLOYED": 0.25, "DAYS_BIRTH": 0.08, "DAYS_REGISTRATION": 0.1, "DAYS_ID_PUBLISH": 0.08,
    "DAYS_LAST_PHONE_CHANGE": 0.09, "OWN_CAR_AGE": 0.1,
    "AMT_GOODS_PRICE": -0.25, "AMT_ANNUITY": 0.25, "AMT_INCOME_TOTAL": -0.08,
}  # fmt: skip
# Per unit of the value; missing counts as 0.
_LOGIT_PER_UNIT: Final[Mapping[str, float]] = {
    "REGION_RATING_CLIENT_W_CITY": 0.2, "DEF_60_CNT_SOCIAL_CIRCLE": 0.15,
    "REG_CITY_NOT_LIVE_CITY": 0.3, "FLAG_DOCUMENT_3": 0.15, "FLAG_WORK_PHONE": 0.2,
    "CNT_CHILDREN": 0.05,
}  # fmt: skip
_LOGIT_IF_MISSING: Final[Mapping[str, float]] = {"EXT_SOURCE_1": 0.15, "EXT_SOURCE_3": 0.25}
_LOGIT_OF: Final[Mapping[str, Mapping[str, float]]] = {
    "NAME_INCOME_TYPE": {
        "Pensioner": -0.3, "State servant": -0.2, "Unemployed": 1.5, "Maternity leave": 1.5,
    },
    "NAME_EDUCATION_TYPE": {
        "Higher education": -0.4, "Academic degree": -0.8, "Lower secondary": 0.15,
    },
    "NAME_FAMILY_STATUS": {"Single / not married": 0.15, "Civil marriage": 0.1, "Separated": 0.2},
    "NAME_HOUSING_TYPE": {"With parents": 0.15, "Rented apartment": 0.2},
    "NAME_CONTRACT_TYPE": {"Revolving loans": -0.25},
    "CODE_GENDER": {"M": 0.2},
    "FLAG_OWN_CAR": {"Y": -0.15},
}  # fmt: skip
# Per unit of credit over goods price above 1: the part of the loan beyond the purchase.
_LOGIT_OF_EXCESS_CREDIT: Final = 1.3
# A normal distribution's quartiles lie 1.349 standard deviations apart.
_DEVIATIONS_BETWEEN_QUARTILES: Final = 1.349
_MOST_DEVIATIONS: Final = 3.0


def default_logit(draft: UntiedRows, statistics: FeedStatistics) -> NDArray[np.float64]:
    """Log-odds of default from the application's own values."""
    values = draft.columns
    excess = np.nan_to_num(values["AMT_CREDIT"] / values["AMT_GOODS_PRICE"] - 1.0)
    logit: NDArray[np.float64] = _INTERCEPT + _LOGIT_OF_EXCESS_CREDIT * excess
    for name, weight in _LOGIT_PER_DEVIATION.items():
        logit += weight * _deviations(values[name], statistics.columns[name])
    for name, weight in _LOGIT_PER_UNIT.items():
        logit += weight * np.nan_to_num(values[name])
    for name, weight in _LOGIT_IF_MISSING.items():
        logit += weight * np.isnan(values[name])
    for name, weights in _LOGIT_OF.items():
        for category, weight in weights.items():
            logit += weight * draft.holds(name, category)
    return logit


def _deviations(values: NDArray[np.float64], known: ColumnStatistics) -> NDArray[np.float64]:
    spread = (known.quantiles["q3"] - known.quantiles["q1"]) / _DEVIATIONS_BETWEEN_QUARTILES
    present = np.where(values == known.sentinel, np.nan, values)
    deviations = (present - known.quantiles["median"]) / spread
    return np.nan_to_num(np.clip(deviations, -_MOST_DEVIATIONS, _MOST_DEVIATIONS))
