"""Kinds of applicants whose figures are compared.

Gender and family status serve fairness figures alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from tasks.core.lender.columns import NUMBERS, SENTINELS
from tasks.core.lender.feature_list import AGE, FILLED

_DAYS_IN_A_YEAR: Final = 365.25
_AGES: Final = {0: "under 25", 25: "25 to 34", 35: "35 to 44", 45: "45 to 54", 55: "55 to 64", 65: "65 and over"}
"""Youngest age of a band, in years, to the name of the band."""
_QUARTERS: Final = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
_ELDERLY_FROM: Final = 62
"""Age in years from which Regulation B calls an applicant elderly (12 CFR 1002.2(o))."""
UNDER_62: Final = "under 62"
FROM_62: Final = "62 and over"
MISSING: Final = "missing"
"""Kind of the applicants whose property is not known."""
_AGE: Final = "Age"
_GENDER: Final = "Gender (never an input)"
_FAMILY: Final = "Family status (never an input)"
PROTECTED: Final = frozenset({_AGE, _GENDER, _FAMILY})
"""Groupings by which no applicant may be treated worse, in many countries."""


def groupings_of(rows: pa.Table) -> dict[str, np.ndarray]:
    """Name of a grouping to the kind of each applicant in it, texts, shape (rows,)."""
    numbers = {name: rows.column(name).to_numpy() for name in NUMBERS if name in _NEEDED}
    protected = protected_kinds(rows)
    scores = sum((~np.isnan(numbers[name])).astype(int) for name in FILLED)
    is_idle = numbers["DAYS_EMPLOYED"] == SENTINELS["DAYS_EMPLOYED"]
    employed = np.where(is_idle, "not employed", "employed")
    return {
        _AGE: protected["age"],
        _GENDER: protected["gender"],
        _FAMILY: _texts(rows, "NAME_FAMILY_STATUS"),
        "Income": _quarters(numbers["AMT_INCOME_TOTAL"]),
        "Credit": _quarters(numbers["AMT_CREDIT"]),
        "Contract": _texts(rows, "NAME_CONTRACT_TYPE"),
        "Education": _texts(rows, "NAME_EDUCATION_TYPE"),
        "Employment": np.where(np.isnan(numbers["DAYS_EMPLOYED"]), MISSING, employed),
        "External scores known": np.char.add(np.asarray(scores).astype(str), " of 3"),
    }


ALIKE: Final = "the same kind of contract, and income in the same quarter of that day"
"""Words for the applications of a day to which one of them is compared (`is_alike`)."""
ALIKE_COLUMNS: Final = ("NAME_CONTRACT_TYPE", "AMT_INCOME_TOTAL")
"""Columns that say which applications are alike."""


def is_alike(rows: pa.Table, place: int) -> np.ndarray:
    """True for the applications of a day that are like the one at `place`, itself among them; shape (rows,).

    The amount of the loan does not count: it is the applicant's own choice, and the answer should
    show what it does. Age, gender and family status do not count either.
    """
    contract, income = ALIKE_COLUMNS
    contracts = _texts(rows, contract)
    incomes = _quarters(rows.column(income).to_numpy())
    return (contracts == contracts[place]) & (incomes == incomes[place])


def protected_kinds(rows: pa.Table) -> dict[str, np.ndarray]:
    """Kind of each applicant by `gender`, by `age`, and by `elderly`: texts, shape (rows,).

    The control of fairness compares these (`core.monitoring.fairness`).
    """
    years = -rows.column(AGE).to_numpy() / _DAYS_IN_A_YEAR
    return {
        "gender": _texts(rows, "CODE_GENDER"),
        "age": _band(years, list(_AGES)[1:], tuple(_AGES.values())),
        "elderly": _band(years, [_ELDERLY_FROM], (UNDER_62, FROM_62)),
    }


_NEEDED: Final = {"DAYS_EMPLOYED", "AMT_INCOME_TOTAL", "AMT_CREDIT", *FILLED}
ORDER_OF_KINDS: Final = (*_AGES.values(), *_QUARTERS)


def _texts(rows: pa.Table, name: str) -> np.ndarray:
    return np.asarray(rows.column(name).fill_null(MISSING).to_numpy(), dtype=str)


def _quarters(values: np.ndarray) -> np.ndarray:
    known = values[~np.isnan(values)]
    edges = np.quantile(known, (0.25, 0.5, 0.75)).tolist() if len(known) else []
    return _band(values, edges, _QUARTERS)


def _band(values: np.ndarray, edges: list[float] | list[int], names: tuple[str, ...]) -> np.ndarray:
    """Name of each value's band. A value at an edge belongs to the higher band."""
    named = np.array(names)[np.searchsorted(edges, values, side="right")]
    return np.where(np.isnan(values), MISSING, named)
