"""The flows on a real Prefect server: runs are recorded, named, failed with the right error, and change no result."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from configs.settings import load_settings
from flows.monitor_decisions import monitor_decisions
from flows.score_applications import score_applications
from tasks.errors import SourceError
from tasks.pin import load_bundle
from tests.conftest import DAY, Project

pytestmark = pytest.mark.usefixtures("prefect_server")


def client() -> SyncPrefectClient:
    return get_client(sync_client=True)


def runs_named(name: str) -> list[FlowRun]:
    with client() as prefect:
        return [run for run in prefect.read_flow_runs() if run.name == name]


def test_a_scored_and_monitored_day_is_on_record(project: Project) -> None:
    project.deliver(rows=300, file_format="parquet")
    plain = score_applications.fn(as_of=DAY, config=project.config)
    bytes_without_prefect = hashlib.sha256(project.decisions.read_bytes()).hexdigest()
    for folder in ("revisions", "decisions", "work", "quarantine"):
        _remove(project.root / folder)
    state = score_applications(as_of=DAY, config=project.config, return_state=True)
    result = state.result()
    assert result.manifest.fingerprint == plain.manifest.fingerprint
    assert hashlib.sha256(project.decisions.read_bytes()).hexdigest() == bytes_without_prefect
    run = next(run for run in runs_named(f"score-{DAY}") if run.id == state.state_details.flow_run_id)
    assert run.state_name == "Completed"
    with client() as prefect:
        tasks = prefect.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))
    told = {task.name.rsplit("-", 1)[0] if task.name[-4:-3] == "-" else task.name for task in tasks}
    assert {"roll forward", "arrive", "pin", "audit", "publish", "announce"} <= told
    assert "screen and score applications_1.parquet" in told

    monitored = monitor_decisions(as_of=DAY, config=project.config)
    assert monitored.compared_rows == result.manifest.totals.decided
    reports = {Path(key).name: (project.root / key) for key in monitored.keys}
    assert set(reports) == {"drift.html", "drift.json", "quality.html", "quality.json"}
    assert b"<html" in reports["drift.html"].read_bytes()[:2000].lower()
    drift = json.loads(reports["drift.json"].read_text())
    columns = {metric["config"].get("column") for metric in drift["metrics"]}
    assert {"AMT_INCOME_TOTAL", "EXT_SOURCE_2", "NAME_CONTRACT_TYPE", "pd"} <= columns
    assert "SK_ID_CURR" not in columns
    incomes = pq.read_table(project.landing / "applications_1.parquet").column("AMT_CREDIT").drop_null().to_pylist()
    shown = b"".join(report.read_bytes() for report in reports.values()).decode()
    frozen = load_bundle(result.manifest.model, load_settings(project.config)).reference["columns"]["AMT_CREDIT"]
    own = {repr(amount) for amount in incomes if amount not in frozen["quantiles"] and amount % 1000}
    assert len(own) > 100
    assert own & set(re.findall(r"\d+(?:\.\d+)?", shown)) == set()


def test_a_day_that_lost_a_column_is_still_monitored_and_says_so(project: Project) -> None:
    project.deliver(rows=60, file_format="parquet")
    (project.landing / "_control.json").unlink()
    path = project.landing / "applications_1.parquet"
    table = pq.read_table(path)
    for name in ("COMMONAREA_AVG", "HOUSETYPE_MODE"):
        position = table.column_names.index(name)
        table = table.set_column(position, name, pa.nulls(60, table.schema.field(name).type))
    pq.write_table(table, path)
    score_applications.fn(as_of=DAY, config=project.config)
    monitored = monitor_decisions.fn(as_of=DAY, config=project.config)
    assert {"COMMONAREA_AVG", "HOUSETYPE_MODE"} <= set(monitored.empty)


def test_a_day_without_files_fails_with_the_error_that_the_command_maps(project: Project) -> None:
    with pytest.raises(SourceError, match="No application files have arrived"):
        score_applications(as_of=DAY, config=project.config)
    assert any(run.state_name == "Failed" for run in runs_named(f"score-{DAY}"))


def test_a_run_without_a_day_takes_the_one_it_was_scheduled_for(project: Project) -> None:
    today = datetime.now(UTC).date()
    with pytest.raises(
        SourceError, match=f"No application files have arrived for ({today}|{today + timedelta(days=1)})"
    ):
        score_applications(config=project.config)


def test_monitoring_a_day_that_was_never_published_says_how_to_score_it(project: Project) -> None:
    with pytest.raises(SourceError, match=f"{DAY} has not been published; score it first"):
        monitor_decisions(as_of=DAY, config=project.config)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
