"""`scoring clean` as a person meets it, as Prefect runs it, and as it is deployed."""

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest
import yaml
from prefect import Flow
from prefect.client.orchestration import get_client

from configs.settings import PROJECT, load_settings
from flows.clean_store import clean_store
from flows.cli import main
from flows.commands.clean import cleaning_summary
from flows.score_applications import score_applications
from tasks.retention.clean import Cleaning, Left, Removal
from tests.conftest import DAY, Project

LATER = DAY + timedelta(days=19)  # past already: a day to come is for dry runs


class Shown:
    """What a call printed, and its exit code."""

    def __init__(self, captured: pytest.CaptureFixture[str], code: int) -> None:
        self.code = code
        self.out, self.err = captured.readouterr()


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Call `scoring clean` in this process; the lines of progress that it turns on end with the test."""
    root, before = logging.getLogger(), list(logging.getLogger().handlers)

    def run(*arguments: str) -> Shown:
        monkeypatch.setattr(sys, "argv", ["scoring", "clean", *arguments])
        try:
            main()
        except SystemExit as left:
            return Shown(capsys, int(left.code or 0))
        return Shown(capsys, 0)

    yield run
    root.handlers[:] = before


@pytest.fixture(scope="module")
def history(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A scored day that nobody has touched for long."""
    root = tmp_path_factory.mktemp("history") / "store"
    project = Project(trained.with_settings(storage={"root": str(root)}).config, root)
    shutil.copytree(trained.root / "reference", root / "reference")
    project.deliver(rows=60)
    score_applications.fn(as_of=DAY, config=project.config)
    then = datetime(2026, 11, 2, 7, tzinfo=UTC).timestamp()
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))
    return project


@pytest.fixture
def scored(history: Project, tmp_path: Path) -> Project:
    shutil.copytree(history.root, tmp_path / "store")
    return Project(history.with_settings(storage={"root": str(tmp_path / "store")}).config, tmp_path / "store")


def files(project: Project) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in project.root.rglob("*") if path.is_file()}


def an_applicant(project: Project) -> str:
    return str(pq.read_table(project.decisions).column("application_id")[7].as_py())


@pytest.mark.parametrize("plain", [["--without-prefect"], []])
@pytest.mark.usefixtures("prefect_server")
def test_a_dry_run_tells_and_an_applied_one_removes(scored: Project, call: Any, plain: list[str]) -> None:
    before = files(scored)
    options = ["--today", str(LATER), "--config", scored.config, *plain]
    dry = call(*options)
    assert dry.code == 0
    assert "a dry run, nothing was removed; --apply removes it" in dry.out
    assert re.search(r"\n  work +5 objects +[\d.]+ kB +1 days   over 14 days \(retention.work_days\)\n", dry.out)
    assert f"    {scored.root}/work/day={DAY}/" in dry.out
    assert "    and 2 more" in dry.out
    assert re.search(r"\n  landing +0 objects +0 B +0 days   kept for ever \(retention.landing_days\)\n", dry.out)
    assert files(scored) == before
    applied = call(*options, "--apply")
    assert applied.code == 0
    assert ": removed\n" in applied.out
    assert {path for path in before if path not in files(scored)} == {path for path in before if "/work/" in path}
    again = call(*options, "--apply")
    assert re.search(r"\n  work +0 objects", again.out)


def test_what_is_named_and_what_is_left_alone_is_told(scored: Project) -> None:
    removals = (Removal("quarantine", DAY, "quarantine/a", 2_000_000, is_named=True), Removal("work", DAY, "work/b", 1))
    left = tuple(Left("landing", DAY + timedelta(days=n), "they are not published") for n in range(4))
    told = cleaning_summary(Cleaning(LATER, True, removals, left), load_settings(scored.config))
    assert "Named by manifests: 1 of them, of 1 day; revisions/day=D/expired.json keeps note" in told
    assert "Left alone: landing of 4 days, because they are not published: 2026-11-02, 2026-11-03, 2026-11-04 …" in told
    assert re.search(r"quarantine +1 objects +2.0 MB", told)


@pytest.mark.usefixtures("prefect_server")
def test_an_erasure_tells_where_then_erases_and_prefect_hears_nothing_of_it(scored: Project, call: Any) -> None:
    applicant, before = an_applicant(scored), files(scored)
    runs = flow_runs()
    dry = call("--erase", applicant, "--config", scored.config)
    assert dry.code == 0
    assert 'The applicant occurs in (a dry run, nothing was changed; --apply --reason "..." erases)' in dry.out
    for room in ("decisions", "landing", "revisions", "work"):
        assert re.search(rf"\n  {room} +1 objects +1 rows +1 days\n", dry.out)
    assert files(scored) == before
    applied = call("--erase", applicant, "--apply", "--reason", "they asked for it", "--config", scored.config)
    assert applied.code == 0, applied.err
    assert re.search(rf"\n  Record      {scored.root}/erasures/\d{{8}}T\d{{6}}Z-[0-9a-f]{{8}}.json\n", applied.out)
    assert "Erased from 4 objects of 2026-11-02" in applied.err
    gone = call("--erase", applicant, "--apply", "--reason", "they asked for it", "--config", scored.config)
    assert (gone.code, "The applicant is nowhere in the store; nothing was changed" in gone.out) == (0, True)
    assert len(list((scored.root / "erasures").iterdir())) == 1
    assert not any(applicant in each for shown in (dry, applied, gone) for each in (shown.out, shown.err))
    assert applicant.encode() not in b"".join(files(scored).values())
    assert flow_runs() == runs


def flow_runs() -> set[UUID]:
    with get_client(sync_client=True) as prefect:
        return {each.id for each in prefect.read_flow_runs()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--erase", "12345x"], "it is not an application id; expected a positive whole number"),
        (["--erase", "0"], "it is not an application id"),
        (["--erase", "-5"], "it is not an application id"),
        (["--erase", "9007199254740992"], "it is not an application id"),
        (["--erase", "\u0661\u0662"], "it is not an application id"),
        (["--erase", "5", "--apply"], "ConfigError: An erasure needs a reason, which is kept: --reason TEXT"),
        (["--erase", "54321", "--reason", "request of 54321"], "ConfigError: The reason names the applicant"),
        (["--erase", "5", "--today", "2026-11-02"], "--today is for ages; --erase asks for none"),
        (["--reason", "because"], "--reason belongs to --erase"),
        (["--today", "tomorrow"], "'tomorrow' is not a day"),
    ],
)
def test_a_wrong_call_exits_with_2_and_repeats_no_id(
    scored: Project, call: Any, arguments: list[str], message: str
) -> None:
    before = files(scored)
    shown = call(*arguments, "--without-prefect", "--config", scored.config)
    assert shown.code == 2
    assert message in shown.err
    assert "54321" not in shown.err
    assert "12345" not in shown.err
    assert files(scored) == before


def test_a_day_to_come_is_for_dry_runs(scored: Project, call: Any) -> None:
    before, to_come = files(scored), date.today() + timedelta(days=30)  # noqa: DTZ011
    options = ["--today", str(to_come), "--without-prefect", "--config", scored.config]
    assert call(*options).code == 0
    shown = call(*options, "--apply")
    assert (shown.code, f"got {to_come}: a day to come is only for dry runs" in shown.err) == (2, True)
    assert files(scored) == before


def test_a_wrong_rule_exits_with_2(scored: Project, call: Any) -> None:
    wrong = scored.with_settings(retention={"work_days": 0})
    shown = call("--without-prefect", "--config", wrong.config)
    assert (shown.code, "retention.work_days is 0: Input should be greater than or equal to 1" in shown.err) == (
        2,
        True,
    )


def test_a_store_in_trouble_exits_with_6(scored: Project, call: Any) -> None:
    (scored.root / f"revisions/day={DAY}/expired.json").write_bytes(b"no note")
    strict = scored.with_settings(retention={"landing_days": 1})
    shown = call("--apply", "--today", str(LATER), "--without-prefect", "--config", strict.config)
    assert shown.code == 6
    assert "PublishError" in shown.err


def test_what_nobody_can_search_exits_with_3_after_the_rest_was_erased(scored: Project, call: Any) -> None:
    (scored.root / f"landing/day={DAY}/_letters.docx").write_bytes(b"of no known kind")
    applicant = an_applicant(scored)
    shown = call("--erase", applicant, "--apply", "--reason", "they asked for it", "--config", scored.config)
    assert shown.code == 3
    assert "The applicant was erased from" in shown.out
    assert "1 objects could not be searched for the applicant" in shown.err
    assert "_letters.docx" in shown.err
    (scored.root / f"landing/day={DAY}/_letters.docx").unlink()
    assert applicant.encode() not in b"".join(files(scored).values())


def test_unfinished_writes_are_told_in_a_dry_run_and_exit_with_3_where_they_are_young(
    scored: Project, call: Any
) -> None:
    left = scored.root / ".unfinished/0123"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    dry = call("--erase", an_applicant(scored), "--config", scored.config)
    assert dry.code == 0
    assert "Unfinished  1 writes, which nobody can search; --apply gives up those older than a day" in dry.out
    shown = call("--erase", an_applicant(scored), "--apply", "--reason", "they asked", "--config", scored.config)
    assert shown.code == 3
    assert "1 writes that have not ended cannot be searched for the applicant" in shown.err
    assert left.exists()


@pytest.mark.usefixtures("prefect_server")
def test_prefect_runs_it_as_steps_with_a_name(scored: Project) -> None:
    state = clean_store(config=scored.config, apply=True, today=LATER, return_state=True)
    cleaning = state.result()
    assert isinstance(cleaning, Cleaning)
    assert len(cleaning.removals) == 5
    with get_client(sync_client=True) as prefect:
        run = prefect.read_flow_run(state.state_details.flow_run_id)
        steps = {
            re.sub(r"-[0-9a-f]{3}$", "", each.name) for each in prefect.read_task_runs() if each.flow_run_id == run.id
        }
    assert run.name.startswith("clean-")
    steps_of_cleaning = {
        "find days",
        "clean days",
        "give up unfinished writes",
        "remove old outcomes",
        "remove old pages",
    }
    assert steps == {*steps_of_cleaning, "renew page of all days"}
    assert set(run.parameters) == {"config", "apply", "today"}


def test_the_deployment_is_off_until_somebody_switches_it_on_and_then_removes() -> None:
    entries = yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))["deployments"]
    (weekly,) = (each for each in entries if each["entrypoint"] == "flows/clean_store.py:clean_store")
    assert weekly["name"] == "weekly"
    (schedule,) = weekly["schedules"]
    assert (schedule["active"], schedule["timezone"]) == (False, "Europe/Prague")
    assert weekly["parameters"] == {"config": None, "apply": True, "today": None}
    assert weekly["concurrency_limit"]["limit"] == 1
    assert weekly["work_pool"] == entries[0]["work_pool"]


def test_every_parameter_of_the_deployment_is_explained_and_none_can_name_an_applicant() -> None:
    flow: Flow[Any, Any] = clean_store
    explained = flow.parameters.properties
    assert {name for name, each in explained.items() if len(each.get("description", "")) > 20} == {
        "config", "apply", "today",
    }  # fmt: skip


def test_a_plain_run_goes_by_the_calendars_today(scored: Project) -> None:
    cleaning = clean_store.fn(config=scored.config)
    assert not cleaning.is_applied
    assert cleaning.today in {date.today(), date.today() + timedelta(days=1)}  # noqa: DTZ011
