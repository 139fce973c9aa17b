"""`scoring generate` within this process: its options, and what it prints."""

import re

import pytest
from click.testing import CliRunner, Result

from flows.cli import scoring
from tasks.core.feed.drifting import DRIFTS
from tasks.core.feed.faults import FAULTS
from tasks.errors import ConfigError
from tests.conftest import DAY, Project


def generate(*arguments: str) -> Result:
    return CliRunner().invoke(scoring, ["generate", *arguments])


def test_help_lists_every_drift_and_fault() -> None:
    shown = generate("--help")
    assert shown.exit_code == 0
    assert [name for name, drift in DRIFTS.items() if f"  {name}:{drift.form} " not in shown.output] == []
    for name, fault in FAULTS.items():
        assert re.search(rf"^  {name} +{fault.phrase}", shown.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "9999-12-31", "--days", "2"], "no 2 days from 9999-12-31 on; the calendar ends on 9999-12-31"),
        (["--from", str(DAY), "--days", "1000000000"], "There are no 1,000,000,000 days from 2026-11-02 on"),
        (["--from", str(DAY), "--to", "x", "--drift", "income:1"], "are for days in the landing, not for history"),
        (["--from", str(DAY), "--to", "x", "--fault", "truncated"], "are for days in the landing, not for history"),
    ],
)
def test_a_call_that_cannot_be_is_a_usage_error(arguments: list[str], message: str) -> None:
    shown = generate(*arguments)
    assert shown.exit_code == 2
    assert message in shown.output


def test_the_last_day_of_the_calendar_can_be_generated(project: Project) -> None:
    shown = generate("--from", "9999-12-31", "--rows", "3", "--config", project.config)
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("9999-12-31          3 applications, written")


def test_drifts_and_faults_are_done_and_told(project: Project) -> None:
    options = ["--drift", "income:+0.3,unit:AMT_CREDIT:1000:0.1", "--fault", "duplicate_ids", "--fault", "wrong_rows"]
    shown = generate("--from", str(DAY), "--rows", "30", *options, "--config", project.config)
    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines() == [
        "2026-11-02         30 applications, written",
        "            drift income:+0.3: incomes times 1 + CHANGE, on the feed's step of 4,500",
        "            drift unit:AMT_CREDIT:1000:0.1: values times FACTOR, as in another unit",
        "            fault duplicate_ids: the first 5 rows once more",
        "            fault wrong_rows: the control file announces one row more",
        f"            {project.landing}/applications_1.csv",
    ]


@pytest.mark.parametrize(
    "wrong", [["--drift", "incom:1"], ["--fault", "truncate"], ["--fault", "truncated", "--format", "parquet"]]
)
def test_a_wrong_drift_or_fault_is_refused_before_anything_is_written(project: Project, wrong: list[str]) -> None:
    shown = generate("--from", str(DAY), "--rows", "30", *wrong, "--config", project.config)
    assert isinstance(shown.exception, ConfigError)
    assert not project.landing.exists()
