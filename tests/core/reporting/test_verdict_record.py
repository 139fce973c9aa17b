"""A verdict is read as it was written; one that is damaged is none."""

import json
from typing import Any

import pytest

from tasks.core.reporting.verdict_record import ToldFinding, read_verdict
from tests.reported_days import FINDING, VERDICT, verdict_of


def test_everything_that_the_page_tells_is_read() -> None:
    verdict = verdict_of()
    assert (verdict.level, verdict.revision, verdict.headline) == ("alert", 1, "1 finding on 1 column.")
    assert verdict.findings == (ToldFinding("EXT_SOURCE_2", FINDING["sentence"], "alert", 0.3, 0.18, 0.22, 2.5),)
    assert [figure.sentence for figure in verdict.expected] == ["The AUC is expected to be 0.750."]
    assert verdict.caveat == "They trust the model."
    assert (verdict.fairness, verdict.limits) == (("Women are approved less often.",), ("No legal finding.",))


def test_a_verdict_of_an_earlier_program_lacks_facts_and_is_read() -> None:
    finding = {name: value for name, value in FINDING.items() if name != "of_alert"}
    verdict = read_verdict(json.dumps({"verdict": "watch", "revision": 2, "findings": [finding]}).encode())
    assert verdict
    assert (verdict.findings[0].of_alert, verdict.expected, verdict.caveat, verdict.limits) == (None, (), "", ())


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"verdict": "alert"},
        {"verdict": "fine", "revision": 1},
        {"verdict": ["ok"], "revision": 1},
        {"verdict": "ok", "revision": None},
        VERDICT | {"findings": ["sentence"]},
        VERDICT | {"findings": [FINDING | {"value": None}]},
        VERDICT | {"findings": 3},
        VERDICT | {"expected": ["a"]},
        VERDICT | {"expected": {"auc": 1}},
        VERDICT | {"fairness": ["a"]},
        VERDICT | {"quality": 1},
    ],
)
def test_a_damaged_verdict_is_none(content: Any) -> None:
    assert read_verdict(json.dumps(content).encode()) is None


@pytest.mark.parametrize("data", [b"", b"\xff", b"{", b"null", b"NaN"])
def test_bytes_that_are_not_json_are_no_verdict(data: bytes) -> None:
    assert read_verdict(data) is None
