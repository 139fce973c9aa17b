"""A backfill publishes each day once: executed again, beside another one, and under Prefect."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client

from configs.settings import PROJECT, load_settings
from flows.backfill_days import backfill_days
from tasks.operations.backfill import BackfilledDay, backfill
from tasks.operations.backfill_plan import plan_backfill, read_request
from tasks.publication.layout import manifest_key, verdict_key
from tasks.publication.manifests import read_manifest
from tests.conftest import DAY, Project

LAST = DAY + timedelta(days=1)


def revisions(project: Project, day: date) -> int:
    return sum((project.root / manifest_key(day, revision)).exists() for revision in (1, 2, 3))


def deliver_both(project: Project) -> None:
    project.deliver(rows=120)
    (project.root / f"landing/day={LAST}").mkdir()
    (project.root / f"landing/day={LAST}/a.csv").write_text("not,the,declared,columns\n1,2,3,4\n")


def test_a_plan_is_executed_once_though_a_day_fails_and_it_is_tried_again(project: Project, tmp_path: Path) -> None:
    deliver_both(project)
    plan = tmp_path / "plan.json"
    made = backfill_days.fn(first=DAY, last=LAST, dry_run=True, config=project.config).plan
    plan.write_text(made.to_json())
    assert revisions(project, DAY) == 0
    for outcome in ("published", "done before"):
        with pytest.raises(Exception, match="1 of 2 days could not be done") as failed:
            backfill_days.fn(plan=str(plan), config=project.config)
        assert f"{DAY}  {outcome}" in str(failed.value)
        assert f"{LAST}  failed" in str(failed.value)
    assert (revisions(project, DAY), revisions(project, LAST)) == (1, 0)
    assert (project.root / verdict_key(DAY)).exists(), "nobody hears the event, so monitoring is called"
    (only,) = backfill_days.fn(first=DAY, last=LAST, dry_run=True, config=project.config).plan.days
    assert only.as_of == LAST


def test_two_backfills_at_once_publish_a_day_once(project: Project) -> None:
    project.deliver(rows=120)
    settings = load_settings(project.config)
    plan = plan_backfill(read_request(DAY, DAY), settings)
    score = [sys.executable, "-m", "flows.cli", "score", "--without-prefect", "--config", project.config]

    def run(_: int) -> tuple[BackfilledDay, ...]:
        return backfill(plan, lambda day: [[*score, "--as-of", str(day.as_of)]], settings)

    with ThreadPoolExecutor(2) as pool:
        ends = [day for days in pool.map(run, range(2)) for day in days]
    assert {day.exit_code for day in ends} == {0}
    assert revisions(project, DAY) == 1


def test_a_published_day_is_decided_again_as_it_was_or_by_the_champion_of_today(rivals: Project) -> None:
    from flows.score_applications import score_applications

    rivals.deliver(rows=120)
    score_applications.fn(as_of=DAY, config=rivals.config)
    rivals.promote("2")
    file = next(rivals.landing.glob("*.csv"))
    (rivals.landing / "_control.json").unlink()  # it announces the file as it was
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    why = "a row was withdrawn"
    score_applications.fn(as_of=DAY, config=rivals.config, as_was=True, reason=why)
    again = score_applications.fn(as_of=DAY, config=rivals.config, as_was=True, reason=why)
    score_applications.fn(as_of=DAY, config=rivals.config, force=True, reason=why)
    made = [read_manifest((rivals.root / manifest_key(DAY, n)).read_bytes()) for n in (1, 2, 3)]
    assert again.outcome == "unchanged"
    assert [manifest.model.version for manifest in made] == ["1", "1", "2"]
    assert [manifest.totals.rows for manifest in made] == [120, 119, 119]
    assert [manifest.reason for manifest in made] == [None, why, why]


@pytest.mark.usefixtures("prefect_server")
def test_each_day_is_a_run_of_its_own_with_the_same_prefect(project: Project) -> None:
    project.deliver(rows=120)
    state = backfill_days(first=DAY, last=DAY, config=project.config, return_state=True)
    (day,) = state.result().days
    assert (day.outcome, day.exit_code) == ("published", 0)
    with get_client(sync_client=True) as prefect:
        runs = [run for run in prefect.read_flow_runs() if run.parameters.get("config") == project.config]
        artifacts = prefect.read_artifacts()
    names = (f"backfill-{DAY}-to-{DAY}", f"score-{DAY}-r1")
    assert {run.name: run.state_name for run in runs} == dict.fromkeys(names, "Completed")
    table = next(each for each in artifacts if each.key == "backfill")
    assert table.description == "1 day done, 0 not"


def test_the_deployment_has_all_parameters_of_the_flow_and_each_is_explained() -> None:
    entries = yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))["deployments"]
    (entry,) = (each for each in entries if each["entrypoint"] == "flows/backfill_days.py:backfill_days")
    explained = backfill_days.parameters.properties
    assert entry["parameters"].keys() == explained.keys()
    assert all(len(each.get("description", "")) > 20 for each in explained.values())
    assert "schedules" not in entry
