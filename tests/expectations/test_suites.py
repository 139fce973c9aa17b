from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.adapters.gx import Contract, build_contract
from tasks.core.contract.rules import Rule, broken_rules_by_row, critical_positions
from tasks.core.decision.published_rows import SCHEMA
from tasks.core.lender.columns import COLUMNS, NAMES

SUITES = Path(__file__).parents[2] / "expectations"
APPLICATIONS = json.loads((SUITES / "applications.json").read_text())["expectations"]
NOT_EMPLOYED = 365243
Row = dict[str, Any]

TEXTS = {
    "NAME_CONTRACT_TYPE": "Cash loans", "CODE_GENDER": "F", "FLAG_OWN_CAR": "Y", "FLAG_OWN_REALTY": "N",
    "NAME_TYPE_SUITE": "Family", "NAME_INCOME_TYPE": "Working", "NAME_EDUCATION_TYPE": "Higher education",
    "NAME_FAMILY_STATUS": "Married", "NAME_HOUSING_TYPE": "House / apartment", "OCCUPATION_TYPE": "Managers",
    "WEEKDAY_APPR_PROCESS_START": "MONDAY", "ORGANIZATION_TYPE": "School", "FONDKAPREMONT_MODE": "not specified",
    "HOUSETYPE_MODE": "block of flats", "WALLSMATERIAL_MODE": "Panel", "EMERGENCYSTATE_MODE": "No",
}  # fmt: skip
NUMBERS = {
    "SK_ID_CURR": 900001, "CNT_CHILDREN": 1, "AMT_INCOME_TOTAL": 123456, "AMT_CREDIT": 250000, "AMT_ANNUITY": 20000,
    "AMT_GOODS_PRICE": 230000, "DAYS_BIRTH": -12345, "DAYS_EMPLOYED": -1234, "DAYS_REGISTRATION": -4321,
    "DAYS_ID_PUBLISH": -2222, "OWN_CAR_AGE": 7, "CNT_FAM_MEMBERS": 3, "REGION_RATING_CLIENT": 2,
    "REGION_RATING_CLIENT_W_CITY": 2, "FLAG_EMP_PHONE": 1, "OBS_30_CNT_SOCIAL_CIRCLE": 2, "OBS_60_CNT_SOCIAL_CIRCLE": 1,
}  # fmt: skip
GOOD: Row = {name: TEXTS.get(name, NUMBERS.get(name, 0)) for name in NAMES}

# What breaks a critical relation; rules of one column are broken by `breaking`.
RELATIONS: dict[str, Row] = {
    "annuity_within_credit": {"AMT_ANNUITY": 250001},
    "cash_loan_has_goods_price": {"AMT_GOODS_PRICE": None},
    "family_counts_children": {"CNT_FAM_MEMBERS": 1},
    "employed_after_birth": {"DAYS_EMPLOYED": -12345},
    "not_employed_has_no_employer_phone": {"DAYS_EMPLOYED": NOT_EMPLOYED, "ORGANIZATION_TYPE": "XNA"},
}

# Column, the last admissible value and the first that is not.
EDGES = [
    ("SK_ID_CURR", 1, 0), ("SK_ID_CURR", 9e15, 9e15 + 2), ("CNT_CHILDREN", 0, -1), ("CNT_FAM_MEMBERS", 32, 33),
    ("AMT_INCOME_TOTAL", 0.01, 0), ("AMT_INCOME_TOTAL", 1e9, 1e9 + 1), ("AMT_CREDIT", 1e8, 1e8 + 1),
    ("AMT_GOODS_PRICE", 0.01, 0), ("DAYS_BIRTH", -6574, -6573), ("DAYS_BIRTH", -43830, -43831),
    ("DAYS_EMPLOYED", 0, 1), ("DAYS_EMPLOYED", -12344, -12345), ("DAYS_REGISTRATION", 0, 1), ("DAYS_ID_PUBLISH", 0, 1),
    ("DAYS_LAST_PHONE_CHANGE", -29220, -29221), ("OWN_CAR_AGE", 120, 121), ("REGION_RATING_CLIENT", 1, 0),
    ("REGION_RATING_CLIENT_W_CITY", 3, 4), ("HOUR_APPR_PROCESS_START", 23, 24), ("EXT_SOURCE_1", 1, 1.0000001),
    ("EXT_SOURCE_3", 0, -1e-9), ("APARTMENTS_AVG", 1, 1.0001), ("FLAG_DOCUMENT_3", 1, 0.5), ("FLAG_MOBIL", 0, 2),
    ("AMT_ANNUITY", 250000, 250000.5), ("CNT_CHILDREN", 2, 3), ("AMT_REQ_CREDIT_BUREAU_QRT", 1000, 1001),
]  # fmt: skip


@pytest.fixture(scope="module")
def contract() -> Contract:
    return build_contract((SUITES / "applications.json").read_text())


def frame_of(*rows: Row) -> pd.DataFrame:
    """Typed rows: numbers as float64 (ids may be missing), text as objects."""
    dtypes = {column.name: object if column.kind == "text" else np.float64 for column in COLUMNS}
    columns = {name: [row[name] for row in rows] for name in NAMES}
    return pd.DataFrame({name: pd.Series(values, dtype=dtypes[name]) for name, values in columns.items()})


def breaking(entry: dict[str, Any]) -> Row:
    """What to change in a good row so that it breaks the critical row rule of this entry."""
    kwargs, rule_id = entry["kwargs"], entry["meta"]["id"]
    if rule_id in RELATIONS:
        return RELATIONS[rule_id]
    if entry["type"] == "expect_column_values_to_not_be_null":
        return {kwargs["column"]: None}
    if entry["type"] == "expect_column_values_to_be_between":
        return {kwargs["column"]: kwargs["max_value"] + (2 if kwargs["max_value"] > 1e15 else 1)}
    assert entry["type"] == "expect_column_values_to_be_in_set"
    return {kwargs["column"]: "no such level" if isinstance(kwargs["value_set"][0], str) else 9}


def test_a_good_application_breaks_nothing(contract: Contract) -> None:
    assert contract.check_frame(frame_of(GOOD)).broken == {}


@pytest.mark.parametrize("missing", [None, np.nan])
def test_an_application_with_all_that_may_be_missing_missing_is_decided(
    contract: Contract, missing: float | None
) -> None:
    needed = {
        each["kwargs"]["column"] for each in APPLICATIONS if each["type"] == "expect_column_values_to_not_be_null"
    }
    optional = [name for name in NAMES if name not in needed or name in ("AMT_ANNUITY", "CNT_FAM_MEMBERS")]
    bare = {**GOOD, **dict.fromkeys(optional, missing), "AMT_GOODS_PRICE": 1}
    assert critical_positions(contract.rules, contract.check_frame(frame_of(bare))).tolist() == []


def test_a_pensioner_and_a_revolving_loan_break_nothing(contract: Contract) -> None:
    pensioner = {"DAYS_EMPLOYED": NOT_EMPLOYED, "FLAG_EMP_PHONE": 0, "ORGANIZATION_TYPE": "XNA"}
    revolving = {"NAME_CONTRACT_TYPE": "Revolving loans", "AMT_GOODS_PRICE": None}
    broken = contract.check_frame(frame_of({**GOOD, **pensioner}, {**GOOD, **revolving})).broken
    assert set(broken) == {"AMT_GOODS_PRICE_mostly_known"}  # one of two rows; that is a matter of the day


def test_every_critical_row_rule_is_broken_by_the_row_made_to_break_it(contract: Contract) -> None:
    critical = [rule.id for rule in contract.rules if rule.severity == "critical" and rule.scope == "row"]
    entries = {each["meta"]["id"]: each for each in APPLICATIONS}
    rows = [{**GOOD, **breaking(entries[rule_id])} for rule_id in critical]
    verdicts = contract.check_frame(frame_of(*rows))
    broken = broken_rules_by_row(contract.rules, verdicts, len(rows)).broken_rules
    assert [rule_id for rule_id, ids in zip(critical, broken, strict=True) if rule_id not in ids.split(";")] == []


@pytest.mark.parametrize("at_edge", [True, False])
def test_both_sides_of_every_edge(contract: Contract, *, at_edge: bool) -> None:
    rows = [{**GOOD, column: inside if at_edge else outside} for column, inside, outside in EDGES]
    quarantined = critical_positions(contract.rules, contract.check_frame(frame_of(*rows)))
    assert quarantined.tolist() == ([] if at_edge else list(range(len(EDGES))))


def test_every_column_is_named_by_a_row_rule(contract: Contract) -> None:
    named = {name for rule in contract.rules if rule.scope == "row" for name in rule.columns}
    assert named == set(NAMES)


def test_every_level_known_from_home_credit_is_admitted() -> None:
    levels = {each["kwargs"]["column"]: each["kwargs"]["value_set"] for each in APPLICATIONS if _is_domain(each)}
    assert {column.name for column in COLUMNS if column.kind == "text"} <= set(levels)
    assert len(levels["ORGANIZATION_TYPE"]) == 58
    assert len(levels["NAME_INCOME_TYPE"]) == 8
    assert len(levels["OCCUPATION_TYPE"]) == 18
    assert "XNA" in levels["CODE_GENDER"]
    assert "Unknown" in levels["NAME_FAMILY_STATUS"]


def _is_domain(entry: dict[str, Any]) -> bool:
    return str(entry["meta"]["id"]).endswith("_in_domain")


NEEDED = {"SK_ID_CURR", "NAME_CONTRACT_TYPE", "AMT_INCOME_TOTAL", "AMT_CREDIT", "DAYS_BIRTH"}


def test_only_what_a_decision_cannot_do_without_must_be_known(contract: Contract) -> None:
    known = [rule for rule in contract.rules if rule.id.endswith("_known") and rule.scope == "row"]
    assert {rule.columns[0] for rule in known if rule.severity == "critical"} == NEEDED


def test_every_other_column_has_a_share_of_the_day_in_which_it_must_be_known(contract: Contract) -> None:
    shares = {rule.columns[0]: rule for rule in contract.rules if rule.id.endswith("_mostly_known")}
    assert set(shares) == set(NAMES) - NEEDED
    assert {rule.scope for rule in shares.values()} == {"table"}
    assert {shares[f"EXT_SOURCE_{n}"].severity for n in (1, 2, 3)} == {"critical"}
    assert shares["OWN_CAR_AGE"].severity == "warning"


def test_the_suite_is_as_large_as_it_was_measured(contract: Contract) -> None:
    about_the_day = [rule.id for rule in contract.rules if rule.scope == "table" and "y_known" not in rule.id]
    units = ["AMT_CREDIT", "AMT_INCOME_TOTAL", "AMT_ANNUITY", "AMT_GOODS_PRICE", "DAYS_BIRTH"]
    varying = [*units[:3], "DAYS_BIRTH", "EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3"]
    assert about_the_day == [
        "columns_delivered", "rows_delivered", "SK_ID_CURR_unique", "rows_like_recent_days", "applications_are_new",
        "rows_like_same_weekday",
        *(f"{name}_in_usual_unit" for name in units), *(f"{name}_varies" for name in varying),
    ]  # fmt: skip
    assert sum(rule.scope == "row" for rule in contract.rules) == 201
    assert len(contract.rules) == 337


def rules_of(name: str) -> tuple[Rule, ...]:
    return build_contract((SUITES / name).read_text(), columns=None).rules


@pytest.mark.parametrize("name", ["applications.json", "decisions.json"])
def test_every_rule_is_a_sentence_with_an_owner(name: str) -> None:
    for rule in rules_of(name):
        assert rule.sentence.endswith("."), rule.id
        assert rule.sentence == " ".join(rule.sentence.split()), rule.id
        assert rule.owner in ("data owner", "model owner", "risk owner", "operator"), rule.id


@pytest.mark.parametrize("name", ["applications.json", "decisions.json"])
def test_no_two_rules_say_the_same(name: str) -> None:
    rules = rules_of(name)
    assert len({rule.sentence for rule in rules}) == len(rules)


def test_the_published_columns_are_those_of_the_schema() -> None:
    first = rules_of("decisions.json")[0]
    assert first.id == "columns_published"
    assert list(first.columns) == SCHEMA.names
