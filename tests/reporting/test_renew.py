"""The page of a day is written by monitoring, renewed by what changes the day, and is never in the way."""

import json
import logging
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from configs.settings import Settings, Storage, load_settings
from flows.monitor_decisions import monitor_decisions
from flows.score_applications import score_applications
from tasks.errors import ExpectationsNotMet, PublishError, ScoringError
from tasks.publication.layout import day_page_key, refused_report_key
from tasks.reporting.renew import pages_renewed, renew_day_page, renew_day_pages
from tasks.store.folder import FolderStore
from tests.commands import call
from tests.conftest import DAY, Project
from tests.contract_reports import contract_report, reported
from tests.days import delivered, elsewhere, lay
from tests.manifests import commit_revision
from tests.pages import Page
from tests.revised_day import WHY, revise

NEXT = DAY + timedelta(days=1)
MARK = "31415926.53"
"""Amount of one applicant, which must be nowhere."""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=Storage(root=str(tmp_path)))


def page_at(root: Path, as_of: date = DAY) -> Path:
    return root / day_page_key(as_of)


def refuse(store: FolderStore) -> None:
    report = contract_report(reported("a", "day stopped"), refused="a holds not.")
    store.create(refused_report_key(DAY), json.dumps(report).encode())


def test_a_page_is_written_and_the_same_day_gives_the_same_bytes(
    store: FolderStore, settings: Settings, tmp_path: Path
) -> None:
    commit_revision(store, 1)
    assert renew_day_page(DAY, settings) == day_page_key(DAY)
    first = page_at(tmp_path).read_bytes()
    assert "not monitored yet" in Page(first).text
    renew_day_page(DAY, settings)
    assert page_at(tmp_path).read_bytes() == first


def test_a_new_page_is_linked_from_the_days_around_it(store: FolderStore, settings: Settings, tmp_path: Path) -> None:
    commit_revision(store, 1)
    renew_day_page(DAY, settings)
    assert b"Day after" not in page_at(tmp_path).read_bytes()
    renew_day_page(NEXT, settings)
    assert f'<a href="../day={NEXT}/index.html">Day after</a>'.encode() in page_at(tmp_path).read_bytes()
    assert f'<a href="../day={DAY}/index.html">Day before</a>'.encode() in page_at(tmp_path, NEXT).read_bytes()


def test_a_page_that_cannot_be_written_is_a_warning(
    store: FolderStore, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commit_revision(store, 1)
    page_at(tmp_path).mkdir(parents=True)
    with caplog.at_level(logging.WARNING):
        assert renew_day_page(DAY, settings) == ""
    assert [message.partition(":")[0] for message in caplog.messages] == [f"The page of {DAY} could not be written"]


def stop(store: FolderStore, settings: Settings, error: ScoringError) -> None:
    """Let the contract refuse the day, and then end the run with an error."""
    with pages_renewed(DAY, settings):
        refuse(store)
        raise error


def test_a_refused_day_gets_a_page_and_the_refusal_goes_on(
    store: FolderStore, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ExpectationsNotMet, match="a holds not"):
        stop(store, settings, ExpectationsNotMet("a holds not."))
    page = Page(page_at(tmp_path).read_bytes())
    assert "Not published. a holds not." in page.text


def test_another_error_writes_nothing_more(store: FolderStore, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(PublishError):
        stop(store, settings, PublishError("The store is full."))
    assert not page_at(tmp_path).exists()


def test_publication_renews_a_page_and_begins_none(store: FolderStore, settings: Settings, tmp_path: Path) -> None:
    with pages_renewed(DAY, settings):
        commit_revision(store, 1)
    assert not page_at(tmp_path).exists()
    renew_day_page(DAY, settings)
    with pages_renewed(DAY, settings):
        commit_revision(store, 2, reason="they told us more")
    assert "they told us more" in Page(page_at(tmp_path).read_bytes()).text


def test_only_days_that_have_a_page_are_renewed(store: FolderStore, settings: Settings, tmp_path: Path) -> None:
    commit_revision(store, 1)
    page_at(tmp_path, NEXT).parent.mkdir(parents=True)
    page_at(tmp_path, NEXT).write_text("old")
    renew_day_pages([NEXT, DAY, NEXT], settings)
    assert page_at(tmp_path, NEXT).read_text() != "old"
    assert not page_at(tmp_path).exists()


# --- a real day


@pytest.fixture(scope="module")
def scored(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A published day in a store of its own, with marked amounts in rows that are decided, and in one that is not."""
    root = tmp_path_factory.mktemp("paged") / "store"
    shutil.copytree(trained.root / "reference", root / "reference")
    project = elsewhere(trained, root)
    project.deliver(rows=400, bad_share=0.05)
    rows = delivered(project)
    rows.loc[:9, "AMT_CREDIT"] = MARK
    rows.loc[3, "NAME_CONTRACT_TYPE"] = f"Cash {MARK}"
    lay(project, rows)
    score_applications.fn(as_of=DAY, config=project.config)
    return project


def test_monitoring_writes_the_page_of_a_day_and_names_it(scored: Project) -> None:
    assert not page_at(scored.root).exists()
    result = monitor_decisions.fn(as_of=DAY, config=scored.config)
    assert result.page == day_page_key(DAY)
    page = Page(page_at(scored.root).read_bytes())
    assert f"Published, revision 1; verdict: {result.level}" in page.text
    assert page.cells("approve")
    assert "Credit asked for" in page.text
    assert ("a", {"href": "drift.html"}) in page.tags


def test_no_value_of_an_applicant_is_on_the_page(scored: Project) -> None:
    renew_day_page(DAY, load_settings(scored.config))
    page = page_at(scored.root).read_text()
    ids = set(delivered(scored)["SK_ID_CURR"]) - {""}
    assert [mark for mark in (MARK, MARK.replace(".", ""), "31,415,926", "31415926") if mark in page] == []
    assert [each for each in ids if each in page] == []


def test_a_window_has_no_page_of_a_day(scored: Project) -> None:
    before = page_at(scored.root).stat().st_mtime_ns
    result = monitor_decisions.fn(as_of=DAY, since=DAY, config=scored.config)
    assert (result.page, page_at(scored.root).stat().st_mtime_ns) == ("", before)


def test_a_new_revision_renews_the_page(scored: Project) -> None:
    revise(scored)
    page = Page(page_at(scored.root).read_bytes())
    assert "Published, revision 2; verdict of an older revision" in page.text
    assert WHY in page.text


def test_an_erasure_renews_the_page(
    scored: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    applicant = delivered(scored)["SK_ID_CURR"].iloc[-1]
    words = ["clean", "--erase", applicant, "--apply", "--reason", "asked for it", "--config", scored.config]
    assert call(words, monkeypatch, capsys).code == 0
    page = page_at(scored.root).read_text()
    assert "asked for it" in page
    assert applicant not in page
