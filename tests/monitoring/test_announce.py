"""A verdict is told to those who listen if somebody should look, and to those who look in any case."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from configs.settings import Settings
from tasks.monitoring.announce import announce_verdict, drift_event, verdict_line, verdict_lines, verdict_markdown
from tasks.monitoring.report import MonitoringResult
from tasks.store.folder import FolderStore
from tests.conftest import DAY

RESULT = MonitoringResult(
    first=DAY,
    last=DAY,
    level="alert",
    headline="2 findings on 2 columns.",
    advice="Look at the columns.",
    findings=("alert: A has other values.", "watch: B is missing."),
    columns=("A", "B"),
    expected=("The AUC is expected to be 0.75.",),
    quality=("Files came late.",),
    fairness=("A kind is approved less.",),
    rows=2000,
    reference_rows=20_000,
    keys=("reports/verdict.json", "monitoring/metrics.parquet"),
)
PLACES = ["/store/reports/verdict.json", "/store/monitoring/metrics.parquet"]
PAGE = f"""# {DAY}: alert
2 findings on 2 columns. Look at the columns.

- alert: A has other values.
- watch: B is missing.

## Expected before outcomes
- The AUC is expected to be 0.75.

## Quality, worth a look
- Files came late.

## Fairness, an internal control
- A kind is approved less.

Compared: 2,000 applications with 20,000 of the reference.

- `/store/reports/verdict.json`
- `/store/monitoring/metrics.parquet`"""


def test_the_page_says_what_was_found_and_what_to_do() -> None:
    assert verdict_markdown(RESULT, PLACES) == PAGE


def test_a_window_is_named_by_its_days_and_nothing_is_worth_a_look_without_a_heading() -> None:
    page = verdict_markdown(replace(RESULT, first=date(2026, 10, 30), quality=(), fairness=()), PLACES)
    assert page.startswith(f"# 2026-10-30 to {DAY}: alert\n")
    assert "worth a look" not in page
    assert "Fairness" not in page


def test_the_event_says_which_columns_and_where_to_look() -> None:
    event = drift_event(RESULT, PLACES, run="r")
    assert event["resource"]["prefect.resource.id"] == f"scoring.verdict.{DAY}"
    assert event["payload"] == {
        "as_of": str(DAY),
        "from": str(DAY),
        "level": "alert",
        "columns": ["A", "B"],
        "findings": 2,
        "links": PLACES,
    }


def test_an_event_names_the_heaviest_twenty_columns() -> None:
    columns = tuple(f"C{n}" for n in range(21))
    assert drift_event(replace(RESULT, columns=columns), PLACES, run="r")["payload"]["columns"] == list(columns[:20])


def test_an_event_of_one_run_is_one_event_and_of_another_run_another() -> None:
    first, again, other = (drift_event(RESULT, PLACES, run=run)["event_id"] for run in ("r", "r", "s"))
    assert first == again != other


@pytest.mark.parametrize("level", ["ok", "watch", "alert", "insufficient"])
def test_outside_a_flow_run_nobody_is_told(tmp_path: Path, level: str) -> None:
    settings = Settings.model_validate({"storage": {"root": str(tmp_path)}})
    announce_verdict(replace(RESULT, level=level), settings)
    assert list(FolderStore(tmp_path).list("")) == []


def test_the_end_of_a_run_is_told_in_one_line() -> None:
    line = verdict_line(RESULT)
    assert line == "Exit 0, somebody must look: the verdict is alert. 2 findings on 2 columns. Look at the columns."
    fine = replace(RESULT, level="ok", headline="Nothing was found.", advice="")
    assert verdict_line(fine) == "Exit 0, nobody must act: the verdict is ok. Nothing was found."
    assert verdict_lines([RESULT, fine]) == f"Exit 0: 2 days judged. {DAY} alert, {DAY} ok"
    assert verdict_lines([]) == "Exit 0: 0 days judged."
