"""Inputs that a model may have: family, unit, formula and meaning.

docs/features.md is generated from this list.

A formula uses the four basic operations, rounding, the remainder of a division and comparisons, row
by row. IEEE 754 makes all of them exact or correctly rounded. So a row's features are the same bits
alone or in any batch, on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from tasks.core.lender.columns import CALENDAR, ID, NUMBERS, TEXTS

KEPT_OUT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"gender and family status": ("CODE_GENDER", "NAME_FAMILY_STATUS")}
)
"""Columns kept out for fairness, by the words for them. Training measures the gain of a model with
them."""
NEVER_INPUTS: Final = CALENDAR.union({ID}, *KEPT_OUT.values())
"""Columns that no model sees."""
AGE: Final = "DAYS_BIRTH"
SWITCHES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "age": (AGE,),
        "social_circle": tuple(f"{kind}_{days}_CNT_SOCIAL_CIRCLE" for days in (30, 60) for kind in ("OBS", "DEF")),
        "contact": ("FLAG_MOBIL", "FLAG_CONT_MOBILE", "FLAG_PHONE", "FLAG_EMAIL", "DAYS_LAST_PHONE_CHANGE"),
        "region": ("REGION_POPULATION_RELATIVE", "REGION_RATING_CLIENT", "REGION_RATING_CLIENT_W_CITY"),
    }
)
"""Inputs that the policy may forbid, by their names in it, each with its delivered columns.

Without a switch no feature remains that reads one of its columns, whatever its family. Telephones at
work belong to employment, and flags of disagreeing addresses say nothing of a region."""
FILLED: Final = ("EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3")
"""Columns whose mean in training is frozen. It replaces a missing one in a combination of
several."""
GROUPED: Final = (("AMT_INCOME_TOTAL", "OCCUPATION_TYPE"), ("AMT_CREDIT", "NAME_INCOME_TYPE"))
"""Column and category. The column's median in training is frozen for each level of the category."""
_TERM_SLACK: Final = 1.001
"""Factor of the term: instalments repay a little more than the credit, which is the interest."""


class FormulaInputs(Protocol):
    """Columns that a formula reads, as float64, NaN if missing, one entry per row."""

    def column(self, name: str) -> np.ndarray:
        """Column with codes for "none" made missing; a category comes as its frozen rank."""

    def filled(self, name: str) -> np.ndarray:
        """Column of `FILLED`, a missing value replaced by the frozen mean."""

    def typical(self, name: str, by: str) -> np.ndarray:
        """Frozen median of column `name` in training among rows with the same `by`.

        The two are a pair of `GROUPED`.
        """


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model."""

    name: str
    family: str
    """Subject of the feature, a key of `FAMILIES`. Contributions are summed over a family, and a
    reason names it."""
    unit: str
    formula: str
    """Formula as people read it; for a plain column its meaning."""
    columns: tuple[str, ...]
    """Delivered columns that it reads."""
    value: Callable[[FormulaInputs], np.ndarray]
    direction: int = 0
    """+1: pd may not fall as the feature rises; -1: pd may not rise; 0: free."""
    stretch: Callable[[FormulaInputs], np.ndarray] | None = None
    """Whole number that never falls, or never rises, with any one amount. Among amounts with the
    same number the feature itself never falls, or never rises. None if it does so among all."""


FAMILIES: Final = {
    "external_scores": "External credit scores",
    "loan": "Loan and its terms",
    "burden": "Income and what the loan takes of it",
    "employment": "Employment",
    "age": "Age",
    "education": "Education",
    "household": "Household",
    "housing": "Housing",
    "building": "Building of residence",
    "car": "Car",
    "region": "Region of residence",
    "address": "Agreement of addresses",
    "contact": "Reachability",
    "documents": "Identity papers and documents",
    "social_circle": "Defaults in the social circle",
    "enquiries": "Enquiries at the credit bureau",
}

_FLAG: Final = "0 or 1"
_DAYS: Final = "days, counted back from the application"
_MONEY: Final = "currency units"
_RANK: Final = "rank"
_PLAIN: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "external_scores": tuple(
        (f"EXT_SOURCE_{n}", "0 to 1", f"score {n} of an outside source") for n in "123"
    ),
    "loan": (
        ("NAME_CONTRACT_TYPE", _RANK, "cash or revolving loan"),
        ("AMT_CREDIT", _MONEY, "credit"),
        ("AMT_ANNUITY", f"{_MONEY} a month", "instalment"),
        ("AMT_GOODS_PRICE", _MONEY, "price of the goods the loan is for"),
    ),
    "burden": (("AMT_INCOME_TOTAL", f"{_MONEY} a year", "income"),),
    "employment": (
        ("DAYS_EMPLOYED", _DAYS, "start of the present employment; missing where there is none"),
        ("NAME_INCOME_TYPE", _RANK, "kind of income"),
        ("OCCUPATION_TYPE", _RANK, "occupation"),
        ("ORGANIZATION_TYPE", _RANK, "kind of employer; missing where there is none"),
        ("FLAG_EMP_PHONE", _FLAG, "gave an employer's telephone"),
        ("FLAG_WORK_PHONE", _FLAG, "gave a telephone at work"),
    ),
    "age": ((AGE, _DAYS, "birth"),),
    "education": (("NAME_EDUCATION_TYPE", _RANK, "highest education"),),
    "household": (
        ("CNT_CHILDREN", "children", "number of children"),
        ("CNT_FAM_MEMBERS", "persons", "size of the household"),
        ("NAME_TYPE_SUITE", _RANK, "who came along to apply"),
    ),
    "housing": (
        ("NAME_HOUSING_TYPE", _RANK, "how the applicant lives"),
        ("FLAG_OWN_REALTY", _RANK, "owns a house or flat"),
    ),
    "car": (
        ("FLAG_OWN_CAR", _RANK, "owns a car"),
        ("OWN_CAR_AGE", "years", "age of the car; missing where there is none"),
    ),
    "region": (
        ("REGION_POPULATION_RELATIVE", "share", "normalised population of the region"),
        ("REGION_RATING_CLIENT", "1 to 3", "the lender's rating of the region"),
        (
            "REGION_RATING_CLIENT_W_CITY", "1 to 3",
            "the lender's rating of the region, the city considered",
        ),
    ),
    "address": tuple(
        (f"{one}_NOT_{other}", _FLAG, meaning)
        for one, other, meaning in (
            ("REG_REGION", "LIVE_REGION", "registered in another region than the contact address"),
            ("REG_REGION", "WORK_REGION", "registered in another region than the place of work"),
            ("LIVE_REGION", "WORK_REGION", "contact address in another region than the place of work"),
            ("REG_CITY", "LIVE_CITY", "registered in another city than the contact address"),
            ("REG_CITY", "WORK_CITY", "registered in another city than the place of work"),
            ("LIVE_CITY", "WORK_CITY", "contact address in another city than the place of work"),
        )
    ),
    "contact": (
        ("FLAG_MOBIL", _FLAG, "gave a mobile telephone"),
        ("FLAG_CONT_MOBILE", _FLAG, "the mobile telephone was reachable"),
        ("FLAG_PHONE", _FLAG, "gave a telephone at home"),
        ("FLAG_EMAIL", _FLAG, "gave an e-mail address"),
        ("DAYS_LAST_PHONE_CHANGE", _DAYS, "last change of telephone"),
    ),
    "documents": (
        ("DAYS_REGISTRATION", _DAYS, "last change of registration"),
        ("DAYS_ID_PUBLISH", _DAYS, "issue of the identity paper"),
        *((f"FLAG_DOCUMENT_{n}", _FLAG, f"handed in document {n}") for n in range(2, 22)),
    ),
    "social_circle": tuple(
        (
            f"{kind}_{days}_CNT_SOCIAL_CIRCLE", "persons",
            f"persons of the social circle {meaning} {days} days past due",
        )
        for days in (30, 60)
        for kind, meaning in (("OBS", "observed for being"), ("DEF", "in default by being"))
    ),
    "enquiries": tuple(
        (
            f"AMT_REQ_CREDIT_BUREAU_{span}", "enquiries",
            f"enquiries about the applicant in the {meaning}",
        )
        for span, meaning in (
            ("HOUR", "hour before the application"), ("DAY", "day before that hour"),
            ("WEEK", "week before that day"), ("MON", "month before that week"),
            ("QRT", "quarter before that month"),
            ("YEAR", "year before that quarter"),
        )
    ),
}  # fmt: skip
_BUILDING_WORDS: Final = {"AVG": "average", "MODE": "most frequent value", "MEDI": "median"}
_RISKIER_UPWARD: Final = frozenset(
    {
        "REGION_RATING_CLIENT",
        "REGION_RATING_CLIENT_W_CITY",
        "DEF_30_CNT_SOCIAL_CIRCLE",
        "DEF_60_CNT_SOCIAL_CIRCLE",
    }
)


def _direction(name: str) -> int:
    if name in FILLED:
        return -1
    return 1 if name in _RISKIER_UPWARD else 0


def _plain(name: str, family: str, unit: str, meaning: str) -> Feature:
    def value(inputs: FormulaInputs) -> np.ndarray:
        return inputs.column(name)

    return Feature(name, family, unit, meaning, (name,), value, _direction(name))


def _building(name: str) -> Feature:
    part, _, form = name.rpartition("_")
    meaning = f"{part.lower()} of the building, {_BUILDING_WORDS[form]}"
    if name in TEXTS:
        return _plain(name, "building", _RANK, meaning)
    return _plain(name, "building", "0 to 1", f"{meaning}, normalised")


def _plain_features() -> tuple[Feature, ...]:
    """Features that are a column itself, in the declared order.

    A column that no family lists is a figure of the building.
    """
    listed = {name: (family, unit, meaning) for family, columns in _PLAIN.items() for name, unit, meaning in columns}
    names = [name for name in (*NUMBERS, *TEXTS) if name not in NEVER_INPUTS]
    return tuple(_plain(name, *listed[name]) if name in listed else _building(name) for name in names)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Ratio of two columns, missing if the denominator is 0."""
    return above / np.where(below == 0, np.nan, below)


def _ratio(
    name: str,
    family: str,
    above: str,
    below: str,
    *,
    unit: str = "ratio",
    direction: int = 0,
) -> Feature:
    def value(inputs: FormulaInputs) -> np.ndarray:
        return _over(inputs.column(above), inputs.column(below))

    return Feature(name, family, unit, f"{above} / {below}", (above, below), value, direction)


def _to_typical(name: str, family: str, of: str, by: str) -> Feature:
    def value(inputs: FormulaInputs) -> np.ndarray:
        return _over(inputs.column(of), inputs.typical(of, by))

    formula = f"{of} / its median in training for the same {by}"
    return Feature(name, family, "ratio", formula, (of, by), value)


def _total(name: str, family: str, unit: str, formula: str, columns: tuple[str, ...]) -> Feature:
    def value(inputs: FormulaInputs) -> np.ndarray:
        return sum((inputs.column(each) for each in columns[1:]), start=inputs.column(columns[0]))

    return Feature(name, family, unit, formula, columns, value)


def _external(
    name: str,
    unit: str,
    formula: str,
    value: Callable[[FormulaInputs], np.ndarray],
    *,
    direction: int,
) -> Feature:
    return Feature(name, "external_scores", unit, formula, FILLED, value, direction)


def _external_mean(inputs: FormulaInputs) -> np.ndarray:
    scores = [inputs.column(name) for name in FILLED]
    known = [~np.isnan(score) for score in scores]
    one, two, three = (np.where(is_known, score, 0.0) for score, is_known in zip(scores, known, strict=True))
    count = known[0] * 1.0 + known[1] + known[2]
    return _over(one + two + three, count)


def _filled(inputs: FormulaInputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, two, three = (inputs.filled(name) for name in FILLED)
    return one, two, three


def _weighted(inputs: FormulaInputs) -> np.ndarray:
    one, two, three = _filled(inputs)
    return (2.0 * one + 3.0 * two + 4.0 * three) / 9.0


def _product(inputs: FormulaInputs) -> np.ndarray:
    one, two, three = _filled(inputs)
    return one * two * three


def _years(inputs: FormulaInputs) -> np.ndarray:
    """Years after which the instalments have repaid the credit, rounded up."""
    months = _over(inputs.column("AMT_CREDIT"), inputs.column("AMT_ANNUITY"))
    return np.ceil(months * _TERM_SLACK / 12.0)


def _flat_rate(name: str, of: str) -> Feature:
    def value(inputs: FormulaInputs) -> np.ndarray:
        years = _years(inputs)
        repaid = 12.0 * years * inputs.column("AMT_ANNUITY")
        return _over(_over(repaid, inputs.column(of)) - 1.0, years)

    formula = f"(12 years AMT_ANNUITY / {of} - 1) / years, where years = AMT_CREDIT / AMT_ANNUITY / 12, rounded up"
    columns = tuple(dict.fromkeys(("AMT_CREDIT", "AMT_ANNUITY", of)))
    return Feature(name, "loan", "share a year", formula, columns, value, stretch=_years)


def _remainder(inputs: FormulaInputs) -> np.ndarray:
    annuity = inputs.column("AMT_ANNUITY")
    return _over(_remainder_amount(inputs.column("AMT_CREDIT"), annuity), annuity)


def _remainder_amount(credit: np.ndarray, annuity: np.ndarray) -> np.ndarray:
    """Amount of the credit beyond the full instalments; `fmod` is exact."""
    return np.fmod(credit, np.where(annuity == 0, np.nan, annuity))


def _full_instalments(inputs: FormulaInputs) -> np.ndarray:
    """Full instalments in the credit.

    The quotient of the two amounts would not do: 0.6 / 0.2 is rounded to less than 3. The remainder
    is exact, so the rest of the credit is a multiple of the instalment up to a rounding.
    """
    credit = inputs.column("AMT_CREDIT")
    annuity = inputs.column("AMT_ANNUITY")
    return np.rint(_over(credit - _remainder_amount(credit, annuity), annuity))


_ADDRESSES: Final = tuple(name for name, *_ in _PLAIN["address"])
_ENQUIRIES: Final = tuple(name for name, *_ in _PLAIN["enquiries"])
_DOCUMENTS: Final = tuple(f"FLAG_DOCUMENT_{n}" for n in range(2, 22))

DERIVED: Final[tuple[Feature, ...]] = (
    _ratio("CREDIT_TO_INCOME", "burden", "AMT_CREDIT", "AMT_INCOME_TOTAL", unit="years of income"),
    _ratio("ANNUITY_TO_INCOME", "burden", "AMT_ANNUITY", "AMT_INCOME_TOTAL"),
    _ratio("GOODS_TO_INCOME", "burden", "AMT_GOODS_PRICE", "AMT_INCOME_TOTAL", unit="years of income"),
    Feature("INCOME_AFTER_INSTALMENTS", "burden", f"{_MONEY} a year", "AMT_INCOME_TOTAL - 12 AMT_ANNUITY",
            ("AMT_INCOME_TOTAL", "AMT_ANNUITY"),
            lambda inputs: inputs.column("AMT_INCOME_TOTAL") - 12.0 * inputs.column("AMT_ANNUITY")),
    _ratio("INCOME_PER_PERSON", "burden", "AMT_INCOME_TOTAL", "CNT_FAM_MEMBERS", unit=f"{_MONEY} a year"),
    _to_typical("INCOME_TO_TYPICAL", "burden", *GROUPED[0]),
    _to_typical("CREDIT_TO_TYPICAL", "loan", *GROUPED[1]),
    _ratio("CREDIT_TO_ANNUITY", "loan", "AMT_CREDIT", "AMT_ANNUITY", unit="months"),
    _ratio("GOODS_TO_CREDIT", "loan", "AMT_GOODS_PRICE", "AMT_CREDIT"),
    _ratio("ANNUITY_TO_GOODS", "loan", "AMT_ANNUITY", "AMT_GOODS_PRICE"),
    Feature("CREDIT_ABOVE_GOODS", "loan", _MONEY, "AMT_CREDIT - AMT_GOODS_PRICE", ("AMT_CREDIT", "AMT_GOODS_PRICE"),
            lambda inputs: inputs.column("AMT_CREDIT") - inputs.column("AMT_GOODS_PRICE")),
    _flat_rate("FLAT_RATE", "AMT_CREDIT"),
    _flat_rate("FLAT_RATE_ON_GOODS", "AMT_GOODS_PRICE"),
    Feature("LAST_INSTALMENT", "loan", "instalments", "remainder of AMT_CREDIT / AMT_ANNUITY",
            ("AMT_CREDIT", "AMT_ANNUITY"), _remainder, stretch=_full_instalments),
    _ratio("CHILDREN_SHARE", "household", "CNT_CHILDREN", "CNT_FAM_MEMBERS"),
    _ratio("EMPLOYED_TO_AGE", "employment", "DAYS_EMPLOYED", AGE),
    _ratio("REGISTERED_TO_AGE", "documents", "DAYS_REGISTRATION", AGE),
    _ratio("ID_PUBLISHED_TO_AGE", "documents", "DAYS_ID_PUBLISH", AGE),
    _ratio("CAR_AGE_TO_AGE", "car", "OWN_CAR_AGE", AGE, unit="years a day, negative"),
    _ratio("PHONE_CHANGE_TO_AGE", "contact", "DAYS_LAST_PHONE_CHANGE", AGE),
    _ratio("PHONE_CHANGE_TO_EMPLOYED", "contact", "DAYS_LAST_PHONE_CHANGE", "DAYS_EMPLOYED"),
    _ratio("DEFAULTS_30_SHARE", "social_circle", "DEF_30_CNT_SOCIAL_CIRCLE", "OBS_30_CNT_SOCIAL_CIRCLE",
           direction=1),
    _ratio("DEFAULTS_60_SHARE", "social_circle", "DEF_60_CNT_SOCIAL_CIRCLE", "OBS_60_CNT_SOCIAL_CIRCLE",
           direction=1),
    _external("EXT_SOURCE_MEAN", "0 to 1", "mean of the scores that are known", _external_mean, direction=-1),
    _external("EXT_SOURCE_MIN", "0 to 1", "least of the scores that are known",
              lambda inputs: np.fmin.reduce([inputs.column(name) for name in FILLED]), direction=-1),
    _external("EXT_SOURCE_MAX", "0 to 1", "greatest of the scores that are known",
              lambda inputs: np.fmax.reduce([inputs.column(name) for name in FILLED]), direction=-1),
    _external("EXT_SOURCE_KNOWN", "0 to 3", "number of scores that are known",
              lambda inputs: sum(~np.isnan(inputs.column(name)) * 1.0 for name in FILLED), direction=0),
    Feature("EXT_SOURCE_2_TIMES_3", "external_scores", "0 to 1", "EXT_SOURCE_2 x EXT_SOURCE_3", FILLED[1:],
            lambda inputs: inputs.column("EXT_SOURCE_2") * inputs.column("EXT_SOURCE_3"), -1),
    _external("EXT_SOURCE_WEIGHTED", "0 to 1", "(2 EXT_SOURCE_1 + 3 EXT_SOURCE_2 + 4 EXT_SOURCE_3) / 9, a missing one "
              "at its mean in training", _weighted, direction=-1),
    _external("EXT_SOURCE_PRODUCT", "0 to 1", "EXT_SOURCE_1 x EXT_SOURCE_2 x EXT_SOURCE_3, a missing one at its mean "
              "in training", _product, direction=-1),
    _total("DOCUMENTS", "documents", "documents", "sum of FLAG_DOCUMENT_2 to FLAG_DOCUMENT_21", _DOCUMENTS),
    _total("ADDRESS_MISMATCHES", "address", "0 to 6", "sum of the six flags of disagreeing addresses", _ADDRESSES),
    _total("CREDIT_ENQUIRIES", "enquiries", "enquiries", "sum of AMT_REQ_CREDIT_BUREAU_*", _ENQUIRIES),
)  # fmt: skip

FEATURES: Final[tuple[Feature, ...]] = (*_plain_features(), *DERIVED)
