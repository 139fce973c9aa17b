"""Declared columns of an application: Home Credit's `application_*.csv`, in its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import pyarrow as pa

ID: Final = "SK_ID_CURR"
TARGET: Final = "TARGET"
OUTCOME_DATE: Final = "OUTCOME_DATE"
"""Day from which an outcome is known, in files of outcomes; no column of an application."""
Kind = Literal["id", "integer", "real", "text"]


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """One declared column of an application.

    `integer` columns hold whole numbers. They are float64, as `real` ones are, because most of them
    may be missing and the type of a column must not depend on its rows. `id` is int64.
    """

    name: str
    kind: Kind

    @property
    def arrow_type(self) -> pa.DataType:
        """Type of the column in a typed table."""
        types = {
            "id": pa.int64(),
            "integer": pa.float64(),
            "real": pa.float64(),
            "text": pa.string(),
        }
        return types[self.kind]


_BUILDING: Final = (
    "APARTMENTS", "BASEMENTAREA", "YEARS_BEGINEXPLUATATION", "YEARS_BUILD", "COMMONAREA",
    "ELEVATORS", "ENTRANCES", "FLOORSMAX", "FLOORSMIN", "LANDAREA", "LIVINGAPARTMENTS",
    "LIVINGAREA", "NONLIVINGAPARTMENTS", "NONLIVINGAREA",
)  # fmt: skip
_ENQUIRY_SPANS: Final = ("HOUR", "DAY", "WEEK", "MON", "QRT", "YEAR")
_DECLARED: Final[tuple[tuple[Kind, str], ...]] = (
    ("id", ID),
    ("text", "NAME_CONTRACT_TYPE CODE_GENDER FLAG_OWN_CAR FLAG_OWN_REALTY"),
    ("integer", "CNT_CHILDREN"),
    ("real", "AMT_INCOME_TOTAL AMT_CREDIT AMT_ANNUITY AMT_GOODS_PRICE"),
    ("text", "NAME_TYPE_SUITE NAME_INCOME_TYPE NAME_EDUCATION_TYPE"),
    ("text", "NAME_FAMILY_STATUS NAME_HOUSING_TYPE"),
    ("real", "REGION_POPULATION_RELATIVE"),
    ("integer", "DAYS_BIRTH DAYS_EMPLOYED DAYS_REGISTRATION DAYS_ID_PUBLISH OWN_CAR_AGE"),
    ("integer", "FLAG_MOBIL FLAG_EMP_PHONE FLAG_WORK_PHONE FLAG_CONT_MOBILE FLAG_PHONE FLAG_EMAIL"),
    ("text", "OCCUPATION_TYPE"),
    ("integer", "CNT_FAM_MEMBERS REGION_RATING_CLIENT REGION_RATING_CLIENT_W_CITY"),
    ("text", "WEEKDAY_APPR_PROCESS_START"),
    ("integer", "HOUR_APPR_PROCESS_START"),
    ("integer", "REG_REGION_NOT_LIVE_REGION REG_REGION_NOT_WORK_REGION"),
    ("integer", "LIVE_REGION_NOT_WORK_REGION"),
    ("integer", "REG_CITY_NOT_LIVE_CITY REG_CITY_NOT_WORK_CITY LIVE_CITY_NOT_WORK_CITY"),
    ("text", "ORGANIZATION_TYPE"),
    ("real", "EXT_SOURCE_1 EXT_SOURCE_2 EXT_SOURCE_3"),
    *(("real", f"{part}_{form}") for form in ("AVG", "MODE", "MEDI") for part in _BUILDING),
    ("text", "FONDKAPREMONT_MODE HOUSETYPE_MODE"),
    ("real", "TOTALAREA_MODE"),
    ("text", "WALLSMATERIAL_MODE EMERGENCYSTATE_MODE"),
    ("integer", "OBS_30_CNT_SOCIAL_CIRCLE DEF_30_CNT_SOCIAL_CIRCLE"),
    ("integer", "OBS_60_CNT_SOCIAL_CIRCLE DEF_60_CNT_SOCIAL_CIRCLE"),
    ("integer", "DAYS_LAST_PHONE_CHANGE"),
    ("integer", " ".join(f"FLAG_DOCUMENT_{n}" for n in range(2, 22))),
    ("integer", " ".join(f"AMT_REQ_CREDIT_BUREAU_{span}" for span in _ENQUIRY_SPANS)),
)
COLUMNS: Final[tuple[DeclaredColumn, ...]] = tuple(
    DeclaredColumn(name, kind) for kind, names in _DECLARED for name in names.split()
)
NAMES: Final[tuple[str, ...]] = tuple(column.name for column in COLUMNS)
TEXTS: Final[tuple[str, ...]] = tuple(column.name for column in COLUMNS if column.kind == "text")
NUMBERS: Final[tuple[str, ...]] = tuple(column.name for column in COLUMNS if column.kind in ("integer", "real"))
TYPED_SCHEMA: Final = pa.schema([(column.name, column.arrow_type) for column in COLUMNS])
SENTINELS: Final[Mapping[str, float]] = MappingProxyType({"DAYS_EMPLOYED": 365243.0})
"""Column to the number in it that is a code for "none", not a quantity: `DAYS_EMPLOYED` of
applicants without employment, mostly pensioners."""
NO_CATEGORY: Final = "XNA"
"""Level that is such a code in the text columns."""
WEEKDAY: Final = "WEEKDAY_APPR_PROCESS_START"
"""Weekday on which the application was made: `MONDAY` to `SUNDAY`."""
WEEKDAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
"""Levels of `WEEKDAY`, in the order of `date.weekday`."""
CALENDAR: Final = frozenset({WEEKDAY, "HOUR_APPR_PROCESS_START"})
"""Columns that say when an application was made, and nothing of the applicant."""


def missing_columns(delivered: Sequence[str]) -> tuple[str, ...]:
    """Declared columns that the header `delivered` lacks, in declared order."""
    present = set(delivered)
    return tuple(name for name in NAMES if name not in present)
