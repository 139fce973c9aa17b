from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tasks.core.contract.screening import count_by_rule
from tasks.core.day.records import (
    Delivery,
    FileRef,
    FileTotals,
    Pins,
    content_fingerprint,
    count_by_decision,
    count_by_reason,
    fingerprint,
    sum_totals,
    unaccounted,
)
from tasks.core.decision.policy import resolve_policy
from tasks.core.decision.reasons import REASONS, Reason
from tasks.core.files import format_of
from tasks.core.model.bundle import ModelPin
from tasks.errors import SourceError

FILE = FileRef("a.csv", "landing/day=2026-11-02/a.csv", "csv", 10, "sha")
DELIVERY = Delivery(date(2026, 11, 2), (FILE,))
MODEL = ModelPin("m", "1", "d")
AGE = Reason("R5", "Your age.")
POLICY = resolve_policy("1", 0.1, refer_from=None, bands=[("A", 1.0), ("B", None)])
PINS = Pins(DELIVERY.as_of, MODEL, POLICY, "p", "1", "c", {"age": AGE}, fingerprint="")


@pytest.mark.parametrize(
    "other",
    [
        {"model": replace(MODEL, name="n")},
        {"model": replace(MODEL, version="2")},
        {"model": replace(MODEL, digest="e")},
        {"policy_digest": "other"},
        {"contract_digest": "other"},
        {"reasons": {"age": replace(AGE, code="R6")}},
        {"reasons": {"car": AGE}},
        {"reasons": {}},
        {"column_aliases": {"client": "SK_ID_CURR"}},
    ],
)
def test_model_policy_contract_and_codes_count_in_the_fingerprint(other: dict[str, Any]) -> None:
    assert fingerprint(DELIVERY, PINS) == fingerprint(DELIVERY, replace(PINS, fingerprint="of before"))
    assert fingerprint(DELIVERY, replace(PINS, **other)) != fingerprint(DELIVERY, PINS)


def test_the_wording_of_a_reason_does_not_count_in_the_fingerprint() -> None:
    reworded = replace(PINS, reasons={"age": replace(AGE, sentence="How old you are.")})
    assert fingerprint(DELIVERY, reworded) == fingerprint(DELIVERY, PINS)


@pytest.mark.parametrize("version", ["FEATURE_VERSION", "SCHEMA_VERSION"])
def test_versions_of_features_and_schema_count_in_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    before = fingerprint(DELIVERY, PINS)
    monkeypatch.setattr(f"tasks.core.day.records.{version}", "other")
    assert fingerprint(DELIVERY, PINS) != before


@pytest.mark.parametrize(
    "other",
    [
        replace(DELIVERY, as_of=date(2026, 11, 3)),
        replace(DELIVERY, files=(replace(FILE, sha256="other"),)),
        replace(DELIVERY, files=(FILE, replace(FILE, name="b.csv"))),
    ],
)
def test_day_and_files_count_in_the_fingerprint(other: Delivery) -> None:
    assert fingerprint(other, PINS) != fingerprint(DELIVERY, PINS)


def test_rows_and_what_decided_them_count_in_the_content_fingerprint() -> None:
    reasons = {"age": AGE, "car": Reason("R6", "Your car.")}
    pins = replace(PINS, reasons=reasons)

    def rows(**other: Any) -> pa.Table:
        columns = {"application_id": [1, 2], "pd": [0.1, 0.2], "reason_1": [None, "R5"]}
        return pa.table(dict.fromkeys(REASONS, pa.nulls(2, pa.string())) | columns | other)

    before = content_fingerprint(rows(), pins)
    reworded = reasons | {"age": replace(AGE, sentence="How old you are.")}
    assert content_fingerprint(rows(), replace(pins, fingerprint="of other files", reasons=reworded)) == before
    for other in (
        {"pd": [0.1, 0.2000001]},
        {"application_id": [1, 3]},
        {"reason_1": [None, "R6"]},
        {"reason_1": pa.nulls(2, pa.string()), "reason_2": [None, "R5"]},
    ):
        assert content_fingerprint(rows(**other), pins) != before
    assert content_fingerprint(rows(), replace(pins, model=ModelPin("m", "2", "e"))) != before
    assert content_fingerprint(rows(), replace(pins, policy_digest="q")) != before
    assert content_fingerprint(rows(), replace(pins, reasons={})) != before
    swapped = {"age": reasons["car"], "car": AGE}
    assert content_fingerprint(rows(), replace(pins, reasons=swapped)) != before


def test_rows_that_became_nothing_are_named_by_file() -> None:
    totals = {"a": FileTotals(10, 7, 2, 1), "b": FileTotals(5, 3, 1, 0), "c": FileTotals(2, 3, 0, 0)}
    assert unaccounted(totals) == {"b": 1, "c": -1}
    assert sum_totals(totals.values()) == FileTotals(17, 13, 3, 1)


def test_decisions_nobody_got_are_counted_too() -> None:
    decided = pa.chunked_array([["refuse", "approve"], ["refuse"]])
    assert count_by_decision(decided) == {"approve": 1, "refer": 0, "refuse": 2}


def test_codes_nobody_got_are_counted_too_and_rows_without_one_are_not() -> None:
    stated = pa.chunked_array([["R6", None], ["R6"]])
    assert count_by_reason(stated, {"age": AGE, "car": Reason("R6", "Your car.")}) == {"R5": 0, "R6": 2}


def test_rules_are_told_most_broken_first() -> None:
    assert list(count_by_rule(["b;a", "b", "c;a", "b"]).items()) == [("b", 3), ("a", 2), ("c", 1)]


@pytest.mark.parametrize(("name", "found"), [("a.csv", "csv"), ("a.b.csv.gz", "csv.gz"), ("a.parquet", "parquet")])
def test_a_file_is_known_by_its_ending(name: str, found: str) -> None:
    assert format_of(name) == found


@pytest.mark.parametrize("name", ["a.xlsx", "csv", "a.CSV.zip", "a.gz"])
def test_another_ending_is_refused_with_those_that_work(name: str) -> None:
    with pytest.raises(SourceError, match=r"must end in \.csv, \.csv\.gz, \.parquet"):
        format_of(name)
