"""Ops at seven in the morning: a red day in the Prefect UI, looked at, mended and tried again by clicks alone."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import Looker
from tests.conftest import DAY, Project
from tests.flows.test_worker import Operations, operations_desk, published, wait_for

PATIENCE_SECONDS = 240
"""Longest wait for a run, and for anything on a page."""


@pytest.fixture(scope="module")
def desk() -> Iterator[Operations]:
    """What `make up` starts: a server with the deployments of `prefect.yaml`, and a worker."""
    with operations_desk() as operations:
        code, told = operations.call("up")
        assert code == 0, told
        yield operations


def failed_run(desk: Operations, project: Project) -> UUID:
    """Id of a run of the deployment that scored the day and failed."""
    with desk.prefect() as prefect:
        daily = prefect.read_deployment_by_name("score-applications/daily")
        parameters = {"as_of": f"{DAY}", "config": project.config}
        run_id = prefect.create_flow_run_from_deployment(daily.id, parameters=parameters).id
    wait_for(lambda: desk.run(run_id).state_name == "Failed", desk, seconds=PATIENCE_SECONDS)
    return run_id


def open_run(page: Page, name: str) -> None:
    """Wait until the page of a run is drawn."""
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    expect(page.locator("body")).to_contain_text(name)


def press_retry(page: Page) -> None:
    """Press Retry, and once more where the UI asks if it is meant."""
    page.get_by_role("button", name="Retry").first.click()
    with page.expect_response(re.compile("/set_state$")) as answer:
        page.get_by_role("button", name="Retry").nth(1).click()
    assert answer.value.ok


def address_of(desk: Operations, page: str) -> str:
    """Address of a page of the UI."""
    return f"{desk.place.ui}/{page}"


def retry(browser: Looker, desk: Operations, run_id: UUID) -> None:
    """Retry a failed run in the UI, and wait until it has completed."""

    def act(page: Page) -> None:
        open_run(page, f"score-{DAY}-r1")
        press_retry(page)

    browser.visit(address_of(desk, f"runs/flow-run/{run_id}"), 1400, "light", act, name="prefect-retry")
    wait_for(lambda: desk.run(run_id).state_name == "Completed", desk, seconds=PATIENCE_SECONDS)


def test_retry_goes_on_where_the_red_run_stopped_and_publishes_once(
    browser: Looker, desk: Operations, project: Project
) -> None:
    project.deliver(rows=300)
    in_the_way = project.block_publication()
    run_id = failed_run(desk, project)
    in_the_way.unlink()
    retry(browser, desk, run_id)
    states = desk.task_states(run_id)
    kept = ("pin", "draft", "screen and score applications_1.csv", "audit")
    assert [name for name in kept if (name, "Cached") not in states] == []
    assert published(project) == ["rev=0001"]
    shown = list[str]()

    def act(page: Page) -> None:
        open_run(page, f"score-{DAY}-r1")
        page.get_by_text("Task Runs", exact=True).last.click()
        page.get_by_text("Cached", exact=True).first.wait_for()
        shown.append(page.inner_text("body"))

    browser.visit(address_of(desk, f"runs/flow-run/{run_id}"), 1400, "light", act, name="prefect-retried")
    assert "Cached" in shown[0]
    assert "model-1" in shown[0]


def test_a_corrected_file_and_retry_publish_the_corrected_rows(
    browser: Looker, desk: Operations, project: Project
) -> None:
    project.deliver(rows=300, bad_share=0.9)
    run_id = failed_run(desk, project)
    message = str(getattr(desk.run(run_id).state, "message", ""))
    assert message.startswith(f"Exit 4, data owner: The applications of {DAY} are not published.")
    assert "Traceback" not in desk.worker_log()
    project.deliver(rows=200, overwrite=True)
    retry(browser, desk, run_id)
    assert published(project) == ["rev=0001"]
    assert pq.read_metadata(project.decisions).num_rows == 200


def submit_form(browser: Looker, desk: Operations, deployment: str, parameters: dict[str, str], told: str) -> UUID:
    """Press Submit in the form of a deployment, filled in by its address; the id of the run that it started."""
    with desk.prefect() as prefect:
        known = {each.id for each in prefect.read_flow_runs()}
        deployed = prefect.read_deployment_by_name(deployment)

    def act(page: Page) -> None:
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.get_by_text(told).first.wait_for()
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(re.compile("runs/flow-run|deployments/deployment/[0-9a-f-]+$"))

    filled = quote(json.dumps(parameters))
    page = address_of(desk, f"deployments/deployment/{deployed.id}/run?parameters={filled}")
    browser.visit(page, 1400, "light", act, name=f"prefect-form-{deployed.name}")
    (run,) = wait_for(
        lambda: [run for run in desk.all_runs() if run.id not in known and run.deployment_id == deployed.id], desk
    )
    wait_for(lambda: desk.run(run.id).state_name in {"Completed", "Failed"}, desk, seconds=PATIENCE_SECONDS)
    assert desk.run(run.id).state_name == "Completed", desk.run(run.id).state
    return run.id


def test_forms_catch_up_a_day_and_take_it_back(browser: Looker, desk: Operations, project: Project) -> None:
    project.deliver(rows=200)
    of_range = {"first": f"{DAY}", "last": f"{DAY}", "config": project.config}
    told = "Days that are taken: missing are not published"
    submit_form(browser, desk, "backfill-days/backfill", of_range, told)
    assert published(project) == ["rev=0001"]
    assert pq.read_metadata(project.decisions).num_rows == 200
    of_day = {"as_of": f"{DAY}", "reason": "the feed sent the wrong file", "config": project.config}
    told = "Reason for the withdrawal, in words"
    submit_form(browser, desk, "withdraw-decisions/by-hand", of_day, told)
    assert published(project) == ["rev=0001", "rev=0002"]
    assert pq.read_metadata(project.decisions).num_rows == 0


def test_the_form_explains_every_parameter_and_starts_a_run(
    browser: Looker, desk: Operations, project: Project
) -> None:
    with desk.prefect() as prefect:
        daily = prefect.read_deployment_by_name("score-applications/daily")
    name = "started-by-the-form"

    def act(page: Page) -> None:
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.get_by_text("Business day, YYYY-MM-DD; by default the day for which the run was scheduled.").wait_for()
        page.get_by_text("Settings file; by default configs/local.yaml.").wait_for()
        page.get_by_text("Decide a published day again from the files in its landing, with today's model").wait_for()
        page.get_by_role("textbox").first.fill(name)
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(re.compile("runs/flow-run|deployments/deployment/[0-9a-f-]+$"))

    page = address_of(
        desk, f"deployments/deployment/{daily.id}/run?parameters=%7B%22config%22:%22{project.config}%22%7D"
    )
    browser.visit(page, 1400, "light", act, name="prefect-form")
    (run,) = wait_for(
        lambda: [each for each in desk.all_runs() if each.parameters.get("config") == project.config], desk
    )
    wait_for(lambda: desk.run(run.id).state_name == "Failed", desk, seconds=PATIENCE_SECONDS)
    assert str(getattr(desk.run(run.id).state, "message", "")).startswith("Exit 3, data owner: No application files")
