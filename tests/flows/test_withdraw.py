"""A day that was published from the wrong delivery is taken back, told of, and scored again from the right one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from configs.calendar import load_calendar
from configs.settings import Settings, load_settings
from flows.monitor_decisions import monitor_decisions, monitor_missing_days
from flows.score_applications import score_applications
from flows.withdraw_decisions import withdraw_decisions
from tasks.adapters.files.landing_file import Reading
from tasks.core.day.manifest import Manifest
from tasks.core.decision.published_rows import CHANGES, SCHEMA
from tasks.erasure.erase import erase
from tasks.erasure.search import search
from tasks.errors import PublishError, SourceError
from tasks.inspection.explain import explain
from tasks.inspection.overdue import overdue_days
from tasks.inspection.rejected import find_rejected
from tasks.inspection.verify import verify_day
from tasks.publication.day_status import day_history, list_days
from tasks.publication.layout import decisions_key, judgement_keys, landing_key
from tasks.retention.clean import clean, clock_of
from tasks.store import Store
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

Score = Callable[..., Any]
WHY = "the feed delivered another lender's file"
NEXT = DAY + timedelta(days=1)


@dataclass
class Withdrawn:
    """The test day, scored from the wrong delivery with rows in quarantine, and withdrawn."""

    project: Project
    first: Manifest
    before: pd.DataFrame
    """Decisions that readers saw."""
    second: Manifest

    @property
    def store(self) -> Store:
        return FolderStore(self.project.root)

    @property
    def settings(self) -> Settings:
        return load_settings(self.project.config)

    def again(self) -> Any:
        return withdraw_decisions.fn(as_of=DAY, reason="again", config=self.project.config)


@pytest.fixture
def withdrawn(project: Project, score: Score) -> Withdrawn:
    project.deliver(rows=60, bad_share=0.05)
    first = score().manifest
    before = pd.read_parquet(project.decisions)
    result = withdraw_decisions.fn(as_of=DAY, reason=f" {WHY} ", config=project.config)
    assert result.outcome == "withdrawn"
    return Withdrawn(project, first, before, result.manifest)


def status_of(day: Withdrawn) -> Any:
    calendar = load_calendar(day.settings.scoring.calendar)
    return day_history(day.store, calendar, DAY).status


def test_readers_see_a_file_of_the_schema_without_rows_whose_footer_says_why(withdrawn: Withdrawn) -> None:
    shown = pq.read_table(withdrawn.project.decisions, partitioning=None)
    assert (shown.num_rows, shown.schema.remove_metadata()) == (0, SCHEMA)
    footer = pq.read_schema(withdrawn.project.decisions).metadata
    assert (footer[b"revision"], footer[b"withdrawn"]) == (b"2", b"true")
    assert (withdrawn.second.revision, withdrawn.second.reason, withdrawn.second.inputs) == (2, WHY, {})
    assert verify_day(withdrawn.store, DAY).problems == ()


def test_changes_name_every_application_with_its_old_decision_and_none_new(withdrawn: Withdrawn) -> None:
    assert withdrawn.second.audited.changes
    changes = pq.read_table(withdrawn.project.root / withdrawn.second.audited.changes.key, partitioning=None)
    assert changes.schema.equals(CHANGES)
    told = dict(zip(*(changes.column(name).to_pylist() for name in CHANGES.names[:2]), strict=True))
    assert told == dict(withdrawn.before[["application_id", "decision"]].to_numpy())
    assert changes.column("new_decision").null_count == changes.num_rows == withdrawn.first.totals.decided


def test_a_day_is_withdrawn_once_and_the_command_may_be_repeated(withdrawn: Withdrawn) -> None:
    again = withdrawn.again()
    assert (again.outcome, again.manifest) == ("unchanged", withdrawn.second)


def test_the_files_that_were_withdrawn_are_not_scored_again_by_accident(withdrawn: Withdrawn, score: Score) -> None:
    (file,) = withdrawn.project.landing.glob("*.csv")
    file.rename(file.with_name("renamed.csv"))
    (withdrawn.project.landing / "_control.json").unlink()
    with pytest.raises(SourceError, match="holds the very files that were withdrawn"):
        score()
    third = score(force=True, reason="they were right after all").manifest
    assert (third.revision, third.reason, third.totals) == (3, "they were right after all", withdrawn.first.totals)
    pd.testing.assert_frame_equal(pd.read_parquet(withdrawn.project.decisions), withdrawn.before)


def test_the_right_delivery_is_scored_as_usual(withdrawn: Withdrawn, score: Score) -> None:
    withdrawn.project.deliver(rows=40, overwrite=True)
    result = score()
    third = result.manifest
    assert (result.outcome, third.revision, third.totals.rows) == ("published", 3, 40)
    assert third.reason == "the day was withdrawn by revision 2"
    assert third.audited.changes
    assert third.audited.changes.rows == third.totals.decided == pq.read_metadata(withdrawn.project.decisions).num_rows
    assert score().outcome == "unchanged"
    assert verify_day(withdrawn.store, DAY).problems == ()


def test_what_was_withdrawn_long_ago_is_still_known(withdrawn: Withdrawn, score: Score) -> None:
    wrong = {path: path.read_bytes() for path in withdrawn.project.landing.iterdir()}
    withdrawn.project.deliver(rows=40, overwrite=True)
    score()
    withdraw_decisions.fn(as_of=DAY, reason=WHY, config=withdrawn.project.config)
    for path, data in wrong.items():
        path.write_bytes(data)
    with pytest.raises(SourceError, match="withdrawn by revision 4"):
        score()


def test_there_is_nothing_to_correct_or_to_withdraw_where_nothing_is_decided(
    withdrawn: Withdrawn, score: Score
) -> None:
    with pytest.raises(SourceError, match="is withdrawn, so there is nothing to correct"):
        score(corrections=True, reason=WHY)
    with pytest.raises(SourceError, match=f"{NEXT} has not been published, so there is nothing to withdraw"):
        withdraw_decisions.fn(as_of=NEXT, reason=WHY, config=withdrawn.project.config)


def test_an_empty_landing_of_a_withdrawn_day_is_no_publication(withdrawn: Withdrawn, score: Score) -> None:
    for path in withdrawn.project.landing.iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="No application files have arrived"):
        score()


def test_the_day_to_which_the_files_belong_may_have_them(withdrawn: Withdrawn) -> None:
    project = withdrawn.project
    folder = project.root / landing_key(NEXT)
    folder.mkdir(parents=True)
    for path in project.landing.glob("*.csv"):
        path.rename(folder / path.name)
    outcome, _, manifest, _ = score_applications.fn(as_of=NEXT, config=project.config)
    assert manifest
    assert (outcome, manifest.totals) == ("published", withdrawn.first.totals)
    assert verify_day(withdrawn.store, DAY).problems == ()


def test_status_and_alarm_say_what_to_do(withdrawn: Withdrawn) -> None:
    status = status_of(withdrawn)
    next_step = f"deliver the right files, then scoring score --as-of {DAY}"
    assert (status.state, status.hints, status.monitoring) == ("withdrawn", (next_step, "not announced"), "")
    calendar = load_calendar(withdrawn.settings.scoring.calendar)
    days = list_days(withdrawn.store, calendar, last=3, today=DAY)
    evening = datetime.combine(DAY, time(20), UTC)
    (overdue,) = overdue_days(days, calendar, evening, time(8))
    assert (overdue.as_of, overdue.why, overdue.what_to_do) == (DAY, "withdrawn", next_step)


def test_readers_of_the_old_decisions_are_told_to_be_behind(withdrawn: Withdrawn) -> None:
    old = withdrawn.store.read(withdrawn.first.audited.decisions.key).data
    withdrawn.project.decisions.write_bytes(old)
    status = status_of(withdrawn)
    assert status.state == "behind"
    assert "scoring withdraw" in status.hints[0]
    withdrawn.again()
    assert status_of(withdrawn).state == "withdrawn"


def test_an_application_is_explained_by_what_took_its_decision_back(withdrawn: Withdrawn) -> None:
    applicant = int(withdrawn.before["application_id"].iloc[0])
    with pytest.raises(SourceError, match=f"Revision 2 withdrew {DAY}, so no application of it has a decision. Of its"):
        explain(withdrawn.store, DAY, applicant, withdrawn.settings)
    explained = explain(withdrawn.store, DAY, applicant, withdrawn.settings, revision=1)
    assert explained.decided_otherwise == {"withdrawn": (2,)}


def test_nothing_of_a_withdrawn_day_lies_in_quarantine(withdrawn: Withdrawn) -> None:
    calendar = load_calendar(withdrawn.settings.scoring.calendar)
    rejected = find_rejected(withdrawn.store, DAY, calendar)
    assert (rejected.is_withdrawn, rejected.rows.num_rows) == (True, 0)
    assert withdrawn.first.audited.quarantine


# --- monitoring, retention, erasure


def test_a_withdrawn_day_is_not_judged_and_nothing_of_its_judgement_stays(project: Project, score: Score) -> None:
    project.deliver(rows=200)
    score()
    monitor_decisions.fn(as_of=DAY, config=project.config)
    page = project.root / f"reports/day={DAY}/index.html"
    assert "not monitored" not in page.read_text()
    withdraw_decisions.fn(as_of=DAY, reason=WHY, config=project.config)
    assert not any((project.root / key).exists() for key in judgement_keys(DAY))
    assert WHY.replace("'", "&#39;") in page.read_text()
    assert "Withdrawn, revision 2: nothing of the day is decided" in page.read_text()
    result = monitor_decisions.fn(as_of=DAY, config=project.config)
    assert "revision 2 withdrew the day, so nothing of it is decided" in result.headline
    assert not any((project.root / key).exists() for key in judgement_keys(DAY))
    assert monitor_missing_days.fn(config=project.config) == ()


def test_a_window_leaves_withdrawn_days_out(withdrawn: Withdrawn) -> None:
    with pytest.raises(SourceError, match=f"No day from {DAY} to {NEXT} is published"):
        monitor_decisions.fn(as_of=NEXT, since=DAY, config=withdrawn.project.config)


def test_the_landing_of_a_withdrawn_day_expires_like_any_other(withdrawn: Withdrawn) -> None:
    project = withdrawn.project
    kept = project.with_settings(retention={"landing_days": 30, "work_days": None})
    settings = load_settings(kept.config)
    for path in (project.root / f"work/day={DAY}").rglob("*"):
        if path.is_file():
            path.unlink()
    cleaning = clean(clock_of(DAY + timedelta(days=31), settings), settings, apply=True)
    assert {each.what for each in cleaning.removals} == {"landing"}
    assert not any(project.landing.rglob("*.csv"))
    assert verify_day(withdrawn.store, DAY).problems == ()


def test_the_landing_of_a_withdrawn_day_stays_while_other_files_wait_in_it(withdrawn: Withdrawn) -> None:
    project = withdrawn.project
    project.deliver(rows=40, overwrite=True)
    kept = project.with_settings(retention={"landing_days": 30, "work_days": None})
    settings = load_settings(kept.config)
    for path in (project.root / f"work/day={DAY}").rglob("*"):
        if path.is_file():
            path.unlink()
    cleaning = clean(clock_of(DAY + timedelta(days=31), settings), settings, apply=True)
    assert [each.why for each in cleaning.left] == ["their landing holds other files than were published"]


def test_an_applicant_is_erased_from_what_a_withdrawal_names(withdrawn: Withdrawn, score: Score) -> None:
    applicant = int(withdrawn.before["application_id"].iloc[0])
    erase(withdrawn.store, applicant, reason="asked", at=datetime.now(UTC), reading=Reading())
    assert search(withdrawn.store, applicant, reading=Reading()).found == ()
    assert verify_day(withdrawn.store, DAY).problems == ()
    assert status_of(withdrawn).state == "withdrawn"
    with pytest.raises(SourceError, match="the very files that were withdrawn"):
        score()


# --- what may come in between


def test_decisions_that_are_gone_cannot_be_taken_back(project: Project, score: Score) -> None:
    project.deliver(rows=60)
    first = score().manifest
    (project.root / first.audited.decisions.key).unlink()
    with pytest.raises(PublishError, match="missing or damaged"):
        withdraw_decisions.fn(as_of=DAY, reason=WHY, config=project.config)
    assert len(pd.read_parquet(project.decisions)) == first.totals.decided


def test_the_manifest_of_a_day_that_is_not_withdrawn_says_nothing_of_it(withdrawn: Withdrawn) -> None:
    contents = [
        json.loads((withdrawn.project.root / f"revisions/day={DAY}/rev=000{n}/manifest.json").read_bytes())
        for n in (1, 2)
    ]
    assert ["is_withdrawn" in content for content in contents] == [False, True]
    assert decisions_key(DAY) in str(withdrawn.project.decisions)
