"""The flows on a real Prefect server: runs are recorded, named, failed with the right error, and change no result."""

import hashlib
import json
import re
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.events.filters import EventFilter, EventResourceFilter
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_DEBUG_MODE, temporary_settings
from prefect.states import AwaitingRetry, Scheduled

from flows.monitor_decisions import monitor_decisions
from flows.options import runnable
from flows.score_applications import score_applications
from tasks.core.day.manifest import Manifest
from tasks.errors import ConfigError, PublishError, SourceError
from tasks.publication.layout import reference_key
from tasks.scoring.contract_report import show_rules
from tests.conftest import DAY, Project
from tests.contract_reports import contract_report, reported

pytestmark = pytest.mark.usefixtures("prefect_server")


def client() -> SyncPrefectClient:
    return get_client(sync_client=True)


def runs_named(name: str) -> list[FlowRun]:
    with client() as prefect:
        return [run for run in prefect.read_flow_runs() if run.name == name]


def test_a_run_in_prefects_debug_mode_ends_before_its_first_step(project: Project) -> None:
    project.deliver(rows=30)
    with temporary_settings({PREFECT_DEBUG_MODE: True}), pytest.raises(ConfigError, match="PREFECT_DEBUG_MODE is on"):
        score_applications(as_of=DAY, config=project.config)
    assert not (project.root / "work").exists()
    assert score_applications.fn(as_of=DAY, config=project.config).outcome == "published"


def test_a_scored_and_monitored_day_is_on_record(project: Project) -> None:
    project.deliver(rows=300, file_format="parquet")
    make_amounts_unlike_any_other(project.landing / "applications_1.parquet")
    plain = score_applications.fn(as_of=DAY, config=project.config)
    bytes_without_prefect = hashlib.sha256(project.decisions.read_bytes()).hexdigest()
    for folder in ("revisions", "decisions", "work", "quarantine"):
        _remove(project.root / folder)
    state = score_applications(as_of=DAY, config=project.config, return_state=True)
    result = state.result()
    assert result.manifest
    assert plain.manifest
    assert result.manifest.fingerprint == plain.manifest.fingerprint
    timed = {"roll forward", "arrive", "pin", "draft", "screen and score", "audit"}
    assert result.manifest.step_seconds.keys() == plain.manifest.step_seconds.keys() == timed
    assert hashlib.sha256(project.decisions.read_bytes()).hexdigest() == bytes_without_prefect
    run = next(run for run in runs_named(f"score-{DAY}-r1") if run.id == state.state_details.flow_run_id)
    assert run.state_name == "Completed"
    assert {f"{DAY}", "model-1"} <= set(run.tags)
    assert run.state
    assert str(run.state.message).startswith("Exit 0, nobody must act: revision 1 is published; 300 rows received: ")
    told = states_of_last_attempt(run.id, until="announce")
    assert {"roll forward", "arrive", "pin", "audit", "publish", "announce"} <= told.keys()
    assert "screen and score applications_1.parquet" in told
    with client() as prefect:
        artifacts = prefect.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id={"any_": [run.id]}))
    page = next(each for each in artifacts if each.key == f"day-{DAY}")
    assert isinstance(page.data, str)
    totals = result.manifest.totals
    assert page.data.startswith(f"# {DAY}: Published, revision 1; not monitored yet\n")
    assert f"| all files | {totals.rows:,} | {totals.decided:,} | {totals.quarantined:,} | 0 | 0 |" in page.data

    monitored = runnable(monitor_decisions, without_prefect=False)(as_of=DAY, config=project.config)
    assert monitored.rows == result.manifest.totals.decided
    assert monitored.level == "insufficient"
    reports = {Path(key).name: (project.root / key) for key in monitored.keys}
    assert set(reports) == {"verdict.json", "metrics.parquet", "drift.html", "drift.json"}
    assert b"<html" in reports["drift.html"].read_bytes()[:2000].lower()
    drift = reports["drift.json"].read_text()
    assert all(f'"{column}"' in drift for column in ("EXT_SOURCE_2", "pd"))
    assert "SK_ID_CURR" not in drift
    amounts = pq.read_table(project.landing / "applications_1.parquet").column("AMT_CREDIT").drop_null().to_pylist()
    shown = "".join(report.read_text() for name, report in reports.items() if name != "metrics.parquet")
    own = {round(amount, 6) for amount in amounts}
    assert len(own) > 100
    assert own & numbers_in(shown) == set()
    assert drifts(project) == [], "of a day that is not judged to have drifted nobody is told"


def drifts(project: Project) -> list[dict[str, Any]]:
    """Payloads of the events about verdicts in the project's store."""
    wanted = EventFilter(resource=EventResourceFilter(id=[f"scoring.verdict.{DAY}"]))
    with client() as prefect:
        page = prefect.request("POST", "/events/filter", json={"filter": wanted.model_dump(mode="json")}).json()
    told = [each["payload"] for each in page["events"] if each["event"] == "scoring.drift.detected"]
    return [payload for payload in told if payload["links"][0].startswith(str(project.root))]


def numbers_in(text: str) -> set[float]:
    return {round(float(number), 6) for number in re.findall(r"\d+(?:\.\d+)?", text)}


def make_amounts_unlike_any_other(path: Path) -> None:
    """Add cents to the credits, so that no figure drawn from frozen numbers is one of them by chance."""
    rows = pq.read_table(path)
    place = rows.column_names.index("AMT_CREDIT")
    pq.write_table(rows.set_column(place, "AMT_CREDIT", pc.add(rows.column(place), 0.37)), path)
    path.with_name("_control.json").unlink()


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
    state = monitor_decisions(as_of=DAY, config=project.config, return_state=True)
    monitored = state.result()
    assert {"COMMONAREA_AVG", "HOUSETYPE_MODE"} <= set(monitored.columns)
    assert monitored.level == "alert"
    for _ in range(100):
        if told := drifts(project):
            break
        time.sleep(0.1)
    (payload,) = told
    assert (payload["level"], payload["as_of"], payload["columns"]) == ("alert", str(DAY), list(monitored.columns))
    assert payload["links"] == [str(project.root / key) for key in monitored.keys]
    assert verdict_beside(state.state_details.flow_run_id).startswith(f"# {DAY}: alert\n")
    (project.root / reference_key("credit-default", "1")).unlink()
    state = monitor_decisions(as_of=DAY, config=project.config, return_state=True)
    assert state.is_failed(), "its page cannot be drawn"
    assert verdict_beside(state.state_details.flow_run_id).startswith(f"# {DAY}: alert\n")


def verdict_beside(run_id: Any) -> str:
    """The verdict as a run shows it beside itself."""
    with client() as prefect:
        artifacts = prefect.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id={"any_": [run_id]}))
    (page,) = (each.data for each in artifacts if each.key == f"verdict-{DAY}")
    return str(page)


def test_a_day_without_files_fails_with_the_error_that_the_command_maps(project: Project) -> None:
    with pytest.raises(SourceError, match="No application files have arrived"):
        score_applications(as_of=DAY, config=project.config)
    ends = [run.state.message or "" for run in runs_named(f"score-{DAY}") if run.state and run.state.is_failed()]
    assert any(end.startswith("Exit 3, data owner: No application files") for end in ends)


@pytest.mark.parametrize(
    ("scheduled", "day"),
    [
        (datetime(2026, 11, 1, 22, 59, tzinfo=UTC), "2026-11-01"),
        (datetime(2026, 11, 1, 23, 1, tzinfo=UTC), "2026-11-02"),
    ],
)
def test_a_run_without_a_day_takes_the_one_it_was_scheduled_for_by_the_clock_of_the_business(
    project: Project, tmp_path: Path, scheduled: datetime, day: str
) -> None:
    calendar = tmp_path / "calendar.yaml"
    calendar.write_text("{zone: Europe/Prague, weekend: [], holidays: {}, zero_row_days: {}}")
    always_due = project.with_settings(scoring={"calendar": str(calendar)})
    parameters = {"as_of": None, "config": always_due.config}
    with client() as prefect:
        planned: State[Any] = Scheduled(scheduled_time=scheduled)
        run = prefect.create_flow_run(score_applications, parameters=parameters, state=planned)
    for attempt in (1, 2):
        with client() as prefect:
            run = prefect.read_flow_run(run.id)
        with pytest.raises(SourceError, match=f"No application files have arrived for {day}"):
            run_flow(score_applications, flow_run=run, parameters=parameters)
        with client() as prefect:
            done = prefect.read_flow_run(run.id)
            assert (done.run_count, done.name, done.state_name) == (attempt, f"score-{day}", "Failed")
            prefect.set_flow_run_state(run.id, AwaitingRetry(), force=True)


def try_again(run_id: UUID, project: Project, **order: Any) -> Any:
    """What Retry in the UI does: the same run, scheduled once more."""
    parameters = {"as_of": DAY, "config": project.config, **order}
    with client() as prefect:
        prefect.set_flow_run_state(run_id, AwaitingRetry(), force=True)
        run = prefect.read_flow_run(run_id)
    return run_flow(score_applications, flow_run=run, parameters=parameters)


def states_of_last_attempt(run_id: UUID, *, until: str) -> dict[str, str]:
    """Steps of a run and their states, once the server knows the end of the last one: it hears of it after the run."""
    deadline = time.monotonic() + 60
    while True:
        with client() as prefect:
            done = prefect.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
        done.sort(key=lambda each: each.expected_start_time or each.created)  # type: ignore[return-value]
        states = {re.sub(r"-[0-9a-f]{3}$", "", each.name): str(each.state_name) for each in done}
        has_ended = until in states and not {"Pending", "Running"} & set(states.values())
        if has_ended or time.monotonic() > deadline:
            return states
        time.sleep(0.2)


def blocked_publication(project: Project) -> tuple[Path, UUID]:
    """A first attempt that fails in publishing: the link that was in its way, and the run."""
    in_the_way = project.block_publication()
    state = score_applications(as_of=DAY, config=project.config, return_state=True)
    assert state.state_details.flow_run_id
    assert states_of_last_attempt(state.state_details.flow_run_id, until="publish")["publish"] == "Failed"
    return in_the_way, state.state_details.flow_run_id


def test_a_retry_goes_on_where_publishing_failed(project: Project) -> None:
    project.deliver(rows=300, files=2)
    in_the_way, run_id = blocked_publication(project)
    kept = {path: path.stat().st_mtime_ns for path in (project.root / "work").rglob("*") if path.is_file()}
    in_the_way.unlink()
    result = try_again(run_id, project)
    assert result.outcome == "published"
    assert states_of_last_attempt(run_id, until="renew page of all days") == {
        "roll forward": "Completed",
        "arrive": "Completed",
        "pin": "Cached",
        "draft": "Cached",
        "screen and score applications_1.csv": "Cached",
        "screen and score applications_2.csv": "Cached",
        "audit": "Cached",
        "publish": "Completed",
        "announce": "Completed",
        "renew page of all days": "Completed",
    }
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_retry_after_the_files_were_mended_works_on_the_mended_files(project: Project) -> None:
    project.deliver(rows=300)
    in_the_way, run_id = blocked_publication(project)
    in_the_way.unlink()
    project.deliver(rows=200, overwrite=True)
    result = try_again(run_id, project)
    assert result.manifest.totals.rows == 200
    states = states_of_last_attempt(run_id, until="announce")
    assert (states["pin"], states["screen and score applications_1.csv"], states["audit"]) == ("Completed",) * 3


def test_a_retry_keeps_its_model_though_another_became_champion(rivals: Project) -> None:
    rivals.deliver(rows=300)
    in_the_way, run_id = blocked_publication(rivals)
    in_the_way.unlink()
    rivals.promote("2")
    result = try_again(run_id, rivals)
    assert result.manifest.model.version == "1"
    assert states_of_last_attempt(run_id, until="announce")["pin"] == "Cached"
    assert score_applications(as_of=DAY, config=rivals.config).outcome == "unchanged"


BY_FORCE: dict[str, Any] = {"force": True, "reason": "another model"}


def revised_by_force(rivals: Project) -> tuple[Manifest, UUID]:
    """A published day that was revised by version 2, and the run that did it; version 1 is champion again."""
    rivals.deliver(rows=300)
    score_applications.fn(as_of=DAY, config=rivals.config)
    rivals.promote("2")
    state = score_applications(as_of=DAY, config=rivals.config, **BY_FORCE, return_state=True)
    second = state.result().manifest
    assert second
    assert state.state_details.flow_run_id
    rivals.promote("1")
    return second, state.state_details.flow_run_id


def test_a_forced_run_that_is_tried_again_makes_one_revision(rivals: Project) -> None:
    second, run_id = revised_by_force(rivals)
    again = try_again(run_id, rivals, **BY_FORCE)
    assert (again.outcome, again.manifest) == ("unchanged", second)


def test_a_forced_run_that_is_tried_again_undoes_no_revision_made_meanwhile(rivals: Project) -> None:
    _, run_id = revised_by_force(rivals)
    third = score_applications.fn(as_of=DAY, config=rivals.config, force=True, reason="that was wrong").manifest
    before = rivals.decisions.read_bytes()
    with pytest.raises(PublishError, match="Revision 3 of 2026-11-02 was published since this run began on top of rev"):
        try_again(run_id, rivals, **BY_FORCE)
    assert rivals.decisions.read_bytes() == before
    assert score_applications.fn(as_of=DAY, config=rivals.config).manifest == third


# --- what is announced


def announced(day: date = DAY) -> list[tuple[str, dict[str, Any]]]:
    """Name and payload of every event about the day's decisions, as the server keeps them."""
    wanted = EventFilter(resource=EventResourceFilter(id=[f"scoring.day.{day}"]))
    with client() as prefect:
        page = prefect.request("POST", "/events/filter", json={"filter": wanted.model_dump(mode="json")}).json()
    return [(each["event"], each["payload"]) for each in reversed(page["events"])]


def test_each_revision_is_announced_once_whichever_run_comes_to_it(rivals: Project) -> None:
    rivals.deliver(rows=300)
    score_applications.fn(as_of=DAY, config=rivals.config)  # as a run that dies between its commit and its event
    for _ in range(2):
        assert score_applications(as_of=DAY, config=rivals.config).outcome == "unchanged"
    for version in ("2", "1"):
        rivals.promote(version)
        score_applications.fn(as_of=DAY, config=rivals.config, force=True, reason="back and forth")
    rivals.promote("2")
    second = score_applications(as_of=DAY, config=rivals.config, force=True, reason="another model").manifest
    assert second
    root = str(rivals.root)
    of_this_store = [(name, told) for name, told in waited_for(4, root) if told["decisions"].startswith(root)]
    of_this_store.sort(key=lambda each: each[1]["revision"])
    assert [name for name, _ in of_this_store] == ["scoring.decisions.published", *["scoring.decisions.revised"] * 3]
    assert [told["revision"] for _, told in of_this_store] == [1, 2, 3, 4]
    told = of_this_store[3][1]
    changed = second.audited.changes
    assert changed
    assert (told["reason"], told["changed"]) == ("another model", changed.rows)
    assert told["changed_reasons"] == second.audited.changed_reasons
    assert told["changes"] == str(rivals.root / changed.key)


def waited_for(number: int, root: str) -> list[tuple[str, dict[str, Any]]]:
    """The events once there are this many about the store; they are sent beside the run."""
    for _ in range(100):
        found = announced()
        if len([told for _, told in found if told["decisions"].startswith(root)]) >= number:
            break
        time.sleep(0.1)
    return found


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([reported("a"), reported("b", "warned"), reported("c", "rows quarantined")], ["c", "b"]),
        ([reported("a"), reported("b")], ["All 2 rules that could be judged are met"]),
    ],
    ids=["some are not met", "all are met"],
)
def test_the_rules_that_are_not_met_are_shown_as_a_table_beside_the_run(
    rules: list[dict[str, Any]], told: list[str]
) -> None:
    @flow
    def judge() -> None:
        show_rules(contract_report(*rules))

    run_id = judge(return_state=True).state_details.flow_run_id
    with client() as prefect:
        (table,) = prefect.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id={"any_": [run_id]}))
    assert (table.key, table.type) == (f"contract-{DAY}", "table")
    assert [row["rule"] for row in json.loads(table.data)] == told


def test_a_table_that_cannot_be_shown_stops_no_run(caplog: pytest.LogCaptureFixture) -> None:
    @flow
    def judge() -> str:
        show_rules(contract_report(day="NO KEY OF AN ARTIFACT"))
        return "done"

    assert judge() == "done"
    assert any("The table of rules could not be sent: " in each for each in caplog.messages)


def test_monitoring_a_day_that_was_never_published_says_how_to_score_it(project: Project) -> None:
    with pytest.raises(SourceError, match=f"{DAY} has not been published; score it first"):
        monitor_decisions(as_of=DAY, config=project.config)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
