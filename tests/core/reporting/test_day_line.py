from datetime import date
from typing import Any

import pytest

from tasks.core.contract.report import read_contract_report
from tasks.core.day.records import FileTotals
from tasks.core.monitoring.metrics import DRIFT_SIZE, Metric
from tasks.core.reporting.day_line import LineSources, line_of_day
from tasks.core.reporting.days_page import WITHDRAWN, ColumnDrift, DayLine, reasons_of_day
from tasks.core.reporting.realised_record import RealisedRecord
from tests.contract_reports import contract_report, reported
from tests.manifests import revised_manifest, sample_manifest
from tests.reported_days import FINDING, verdict_of

DAY = date(2026, 11, 2)


def finding(column: str, sentence: str, level: str) -> dict[str, Any]:
    return FINDING | {"column": column, "sentence": sentence, "level": level}


JUDGED = verdict_of(findings=[finding("A", "A is missing.", "alert")])
LATE = Metric("publication_hours", 11.0, 4000, low=5.0, high=7.0, level="watch")


def line(*metrics: Metric, **changes: Any) -> DayLine:
    fields: dict[str, Any] = {"newest": sample_manifest(), "verdict": JUDGED, "metrics": metrics}
    return line_of_day(LineSources(DAY, "published", "alert", **fields | changes))


def test_a_published_day_is_told_by_its_manifest() -> None:
    told = line()
    assert (told.received, told.decided, told.revisions) == (5034, 4032, 1)
    assert (told.model_name, told.model_version) == ("credit-default", "3")
    assert told.approval_rate == 0.75
    assert told.quarantine_share == 0.17918
    assert told.run_seconds is None
    assert told.sentence == "A is missing."


def test_the_seconds_of_all_steps_are_the_run_time() -> None:
    assert line(newest=sample_manifest(run={"seconds of audit": "2.5", "seconds of pin": "1.0"})).run_seconds == 3.5


@pytest.mark.parametrize(("quarantined", "told"), [(0, 0.0), (1, None), (19, None), (20, 0.2)])
def test_a_share_of_few_quarantined_rows_is_not_told(quarantined: int, told: float | None) -> None:
    files = {"a.csv": FileTotals(100, 100 - quarantined, quarantined, 0)}
    assert line(newest=sample_manifest(audited={"files": files})).quarantine_share == told


def test_the_decisions_of_few_are_not_told() -> None:
    files = {"a.csv": FileTotals(19, 19, 0, 0)}
    few = sample_manifest(audited={"files": files, "by_decision": {"approve": 19}})
    assert line(newest=few).approval_rate is None


def test_figures_come_from_the_metrics_and_are_rounded() -> None:
    told = line(
        Metric("mean_pd", 0.123456789, 4000, "pd"),
        Metric("expected_cost_per_application", 0.5, 4000, low=0.4, high=0.6),
        Metric("missing_share", 0.1, 4000, "A"),
        Metric("missing_share", None, 4000, "B"),
        Metric("missing_share", 0.3, 4000, "C"),
    )
    assert (told.mean_pd, told.missing_share) == (0.12346, round(0.4 / 120, 7))
    assert (told.cost, told.cost_low, told.cost_high) == (0.5, 0.4, 0.6)


def test_findings_come_first_and_small_changes_are_left_out() -> None:
    sizes = {"A": 2.0, "B": 0.9, "C": 0.25, "D": 0.24, "E": 0.0}
    told = line(*(Metric(DRIFT_SIZE, size, 4000, column) for column, size in sizes.items()))
    assert told.drift == (ColumnDrift("A", 2.0, "alert"), ColumnDrift("B", 0.9, "ok"), ColumnDrift("C", 0.25, "ok"))


def test_a_finding_without_a_written_size_is_told_all_the_same() -> None:
    assert line().drift == (ColumnDrift("A", None, "alert"),)


@pytest.mark.parametrize(
    ("figure", "remark"),
    [
        (LATE, "Late: hours until publication 11"),
        (LATE._replace(level="ok"), None),
        (Metric("rows_received", 300.0, 300, low=1800.0, high=2200.0, level="watch"), "Short: rows received 300"),
        (Metric("rows_received", None, 0, low=1800.0, high=2200.0, level="watch"), "Short: rows received fewer"),
        (Metric("rows_received", 9000.0, 9000, low=1800.0, high=2200.0, level="watch"), "Unusual: rows received"),
        (Metric("quarantined_share", 0.1, 900, low=0.0, high=0.01, level="watch"), "Unusual: share of rows in"),
    ],
)
def test_an_unusual_delivery_is_remarked_in_words(figure: Metric, remark: str | None) -> None:
    remarks = line(figure).remarks
    assert len(remarks) == (0 if remark is None else 1)
    assert all(said.startswith(remark or "") for said in remarks)


def test_rows_decided_are_not_remarked_beside_the_rows_received() -> None:
    short = [
        Metric(name, 300.0, 300, low=1800.0, high=2200.0, level="watch") for name in ("rows_received", "rows_decided")
    ]
    assert len(line(*short).remarks) == 1
    assert line(short[1]).remarks[0].startswith("Short: rows decided")


def test_a_revised_day_says_why_in_one_line() -> None:
    assert line(newest=revised_manifest()).remarks == ("Revised: revision 2, because: they *told* us more",)


def test_a_day_refused_after_its_publication_says_so() -> None:
    refused = read_contract_report(contract_report(refused="Too many rows."))
    assert line(refused=refused).remarks == ("Refused since: Too many rows.",)


def test_a_refused_day_tells_its_rows_and_the_reason() -> None:
    refused = read_contract_report(contract_report(refused="Too many rows.", revision=None))
    told = line_of_day(LineSources(DAY, "refused by the contract", "", refused=refused))
    assert (told.sentence, told.received, told.decided, told.is_published) == (
        "Too many rows.",
        refused.rows,
        None,
        False,
    )


def test_a_day_without_a_readable_verdict_is_told_without_a_sentence() -> None:
    told = line(verdict=None)
    assert (told.verdict, told.sentence, told.drift) == ("alert", "", ())


def test_without_a_finding_the_headline_is_told() -> None:
    assert line(verdict=verdict_of(findings=[], headline="No change found.")).sentence == "No change found."


def test_the_first_finding_of_a_column_gives_its_level() -> None:
    findings = [finding("A", "first", "alert"), finding("A", "second", "watch")]
    told = line(verdict=verdict_of(findings=findings))
    assert (told.sentence, told.drift) == ("first", (ColumnDrift("A", None, "alert"),))


def test_who_must_act_on_a_refused_day_is_told() -> None:
    owners = ("feed team", "risk team", "feed team")
    rules = [reported("a", "day stopped", owner=owner) for owner in owners]
    refused = read_contract_report(contract_report(*rules, refused="Too many rows.", revision=None))
    told = line_of_day(LineSources(DAY, "refused by the contract", "", refused=refused))
    assert told.sentence == "Too many rows. Who must act: feed team, risk team."


def test_a_withdrawn_day_has_its_reason_and_no_figures() -> None:
    withdrawn = sample_manifest(revision=2, reason="another day's file", is_withdrawn=True)
    told = line_of_day(LineSources(DAY, WITHDRAWN, "", withdrawn))
    assert (told.revisions, told.received, told.decided, told.approval_rate, told.model_name) == (
        2,
        None,
        None,
        None,
        "",
    )
    assert told.remarks == ("Revised: revision 2, because: another day's file",)
    assert reasons_of_day(told) == ("Withdrawn.", *told.remarks)


def test_realised_cost_stands_beside_what_was_expected_of_the_same() -> None:
    told = line(realised=RealisedRecord(1, 0.3641234, 0.3567891, 0.242, 0.476, ()))
    assert (told.realised_cost, told.realised_expected) == (0.36412, 0.35679)
    assert (told.realised_low, told.realised_high) == (0.242, 0.476)
    assert line().realised_cost is None
