"""Ties between columns that hold on every row of the feed, whatever was drawn.

A tie says on which rows a column has no value, and which columns settle another. The statistics
carry these ties nearly; here they hold exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.core.lender.columns import NAMES

NOT_EMPLOYED: Final = 365_243.0
REVOLVING: Final = "Revolving loans"
_IDLE: Final = ("Pensioner", "Unemployed")
_COUPLES: Final = ("Married", "Civil marriage")
NO_ORGANIZATION: Final = "XNA"
# Days from birth to the first day of work: 16 years of 365.25 days.
_WORKING_AGE_DAYS: Final = 5_844.0
# Annuity as a share of the credit in the feed (6,000 rows): cash loans from 0.025 to 0.121,
# revolving ones always 0.05.
_ANNUITY_SHARES: Final = (0.022, 0.125)
_REVOLVING_ANNUITY_SHARE: Final = 0.05
# The feed's amounts are multiples of this, in its currency.
_AMOUNT_STEP: Final = 4.5
# The first form of every building part; the others are drawn around it.
FIRST_FORM: Final = "_AVG"
OTHER_FORMS: Final = ("_MODE", "_MEDI")


@dataclass(frozen=True, slots=True)
class UntiedRows:
    """Columns while they are made.

    Numbers are float64 with NaN for missing, texts are codes of `levels` with -1 for missing.
    `quantities` holds the drawn quantity of a column whose number is a multiple of another or a
    distance from a line. For all other columns it holds the values themselves.
    """

    levels: Mapping[str, tuple[str, ...]]
    """Categories of each text column, by code."""
    columns: dict[str, NDArray[Any]]
    quantities: dict[str, NDArray[Any]]

    def holds(self, name: str, *categories: str) -> NDArray[np.bool_]:
        """True if the text column `name` of a row is one of the categories."""
        levels = self.levels[name]
        mask = np.zeros(len(self.columns[name]), dtype=bool)
        for category in categories:
            if category in levels:
                mask |= self.columns[name] == levels.index(category)
        return mask

    def lacks(self, name: str) -> NDArray[np.bool_]:
        """True if a row has no value in column `name`."""
        values = self.columns[name]
        mask: NDArray[np.bool_] = values < 0 if name in self.levels else np.isnan(values)
        return mask

    def set_values(self, name: str, values: NDArray[Any]) -> None:
        """Set the values of column `name`; no column drawn later follows them by quantity."""
        self.columns[name] = values


def _is_idle(draft: UntiedRows) -> NDArray[np.bool_]:
    return draft.holds("NAME_INCOME_TYPE", *_IDLE)


def _is_revolving(draft: UntiedRows) -> NDArray[np.bool_]:
    return draft.holds("NAME_CONTRACT_TYPE", REVOLVING)


def _owns_no_car(draft: UntiedRows) -> NDArray[np.bool_]:
    return ~draft.holds("FLAG_OWN_CAR", "Y")


def _nobody(draft: UntiedRows) -> NDArray[np.bool_]:
    return np.zeros(len(draft.columns["NAME_CONTRACT_TYPE"]), dtype=bool)


def _lacks_like(name: str) -> Callable[[UntiedRows], NDArray[np.bool_]]:
    return lambda draft: draft.lacks(name)


def first_form_of(name: str) -> str | None:
    """Column of the average whose mode or median `name` is; None for all other columns."""
    for form in OTHER_FORMS:
        first = name.removesuffix(form) + FIRST_FORM
        if name.endswith(form) and first in NAMES:
            return first
    return None


# Column to the rows on which it has no value of its own, by the columns drawn before it.
ABSENT: Final[Mapping[str, Callable[[UntiedRows], NDArray[np.bool_]]]] = {
    "DAYS_EMPLOYED": _is_idle,
    "ORGANIZATION_TYPE": _is_idle,
    "OCCUPATION_TYPE": _is_idle,
    "OWN_CAR_AGE": _owns_no_car,
    "AMT_ANNUITY": _is_revolving,
    # Revolving loans lose their goods when all is drawn: the credit is a multiple of the price.
    "AMT_GOODS_PRICE": _nobody,
    **{name: _lacks_like(first) for name in NAMES if (first := first_form_of(name))},
    **{
        name: _lacks_like("OBS_30_CNT_SOCIAL_CIRCLE")
        for name in NAMES
        if name.endswith("_CNT_SOCIAL_CIRCLE") and name != "OBS_30_CNT_SOCIAL_CIRCLE"
    },
    **{
        name: _lacks_like("AMT_REQ_CREDIT_BUREAU_HOUR")
        for name in NAMES
        if name.startswith("AMT_REQ_CREDIT_BUREAU_") and name != "AMT_REQ_CREDIT_BUREAU_HOUR"
    },
}
# Columns that are never drawn: the ties settle them.
SETTLED: Final = frozenset({"FLAG_EMP_PHONE", "CNT_FAM_MEMBERS"})


def tie(draft: UntiedRows, *, nameless: NDArray[np.bool_]) -> None:
    """Correct the rows in place, so that every tie holds.

    Args:
        draft: all drawn columns.
        nameless: rows that may lack the goods of a revolving loan.
    """
    _tie_employment(draft)
    _tie_ages(draft)
    _tie_places(draft)
    _tie_family(draft)
    _tie_loan(draft, nameless)
    _tie_circle(draft)


def _tie_employment(draft: UntiedRows) -> None:
    """Pensioners and the unemployed: sentinel, no employer's phone, organisation or occupation."""
    idle = _is_idle(draft)
    xna = draft.levels["ORGANIZATION_TYPE"].index(NO_ORGANIZATION)
    draft.set_values("DAYS_EMPLOYED", np.where(idle, NOT_EMPLOYED, draft.columns["DAYS_EMPLOYED"]))
    draft.set_values("FLAG_EMP_PHONE", np.where(idle, 0.0, 1.0))
    draft.set_values("ORGANIZATION_TYPE", np.where(idle, xna, draft.columns["ORGANIZATION_TYPE"]))


def _tie_ages(draft: UntiedRows) -> None:
    """Nobody registered or got papers before birth, or worked before the working age."""
    birth = draft.columns["DAYS_BIRTH"]
    for name, first in (
        ("DAYS_EMPLOYED", _WORKING_AGE_DAYS),
        ("DAYS_REGISTRATION", 0.0),
        ("DAYS_ID_PUBLISH", 0.0),
    ):
        draft.set_values(name, np.maximum(draft.columns[name], birth + first))


def _tie_places(draft: UntiedRows) -> None:
    """Applicants who live where they are registered live as far from work as that place is."""
    for place in ("REGION", "CITY"):
        name = f"LIVE_{place}_NOT_WORK_{place}"
        at_home = draft.columns[f"REG_{place}_NOT_LIVE_{place}"] == 0.0
        registered = draft.columns[f"REG_{place}_NOT_WORK_{place}"]
        draft.set_values(name, np.where(at_home, registered, draft.columns[name]))


def _tie_family(draft: UntiedRows) -> None:
    """Family members are the applicant, the children, and a partner if there is one."""
    partner = draft.holds("NAME_FAMILY_STATUS", *_COUPLES)
    draft.set_values("CNT_FAM_MEMBERS", 1.0 + draft.columns["CNT_CHILDREN"] + partner)


def _tie_loan(draft: UntiedRows, nameless: NDArray[np.bool_]) -> None:
    """Annuities are a plausible share of the credit, and only revolving loans lack their goods."""
    credit = draft.columns["AMT_CREDIT"]
    lowest, highest = (
        np.rint(credit * share / _AMOUNT_STEP) * _AMOUNT_STEP for share in _ANNUITY_SHARES
    )  # fmt: skip
    of_cash_loans = np.clip(draft.columns["AMT_ANNUITY"], lowest, highest)
    of_revolving_loans = credit * _REVOLVING_ANNUITY_SHARE
    revolving = draft.holds("NAME_CONTRACT_TYPE", REVOLVING)
    draft.set_values("AMT_ANNUITY", np.where(revolving, of_revolving_loans, of_cash_loans))
    prices = np.minimum(draft.columns["AMT_GOODS_PRICE"], credit)
    draft.set_values("AMT_GOODS_PRICE", np.where(nameless & revolving, np.nan, prices))


def _tie_circle(draft: UntiedRows) -> None:
    """Nobody defaults unobserved, and 60 days past due are 30 days past due as well."""
    values = draft.columns
    observed = np.minimum(values["OBS_30_CNT_SOCIAL_CIRCLE"], values["OBS_60_CNT_SOCIAL_CIRCLE"])
    late = np.minimum(values["OBS_30_CNT_SOCIAL_CIRCLE"], values["DEF_30_CNT_SOCIAL_CIRCLE"])
    later = np.minimum(np.minimum(observed, late), values["DEF_60_CNT_SOCIAL_CIRCLE"])
    draft.set_values("OBS_60_CNT_SOCIAL_CIRCLE", observed)
    draft.set_values("DEF_30_CNT_SOCIAL_CIRCLE", late)
    draft.set_values("DEF_60_CNT_SOCIAL_CIRCLE", later)
