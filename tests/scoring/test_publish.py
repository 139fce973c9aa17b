"""A revision is published whole or not at all, and shown to readers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from configs.settings import Settings
from tasks.core.day.manifest import Manifest, pins_of
from tasks.core.day.records import PUBLISH, Audited, Delivery, Draft, FileRef
from tasks.core.day.standing import Standing
from tasks.errors import PublishError, SourceError
from tasks.publication.data_files import shown_revision
from tasks.publication.erasure_token import note_erasure, read_token
from tasks.publication.expired import note_expired, read_expired
from tasks.publication.layout import decisions_key, input_key, manifest_key, report_key, work_prefix
from tasks.publication.manifests import commit, newest_manifest
from tasks.scoring.contract_report import write_refused
from tasks.scoring.publish import publish, roll_forward
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.contract_reports import contract_report
from tests.days import FIRST
from tests.manifests import commit_revision, made_manifest, stored_audit

NEXT = date(2026, 11, 3)
STANDING = Standing(DAY)
DELIVERY = Delivery(DAY, (FileRef("a.csv", f"landing/day={DAY}/a.csv", "csv", 9, "s"),))
PINS = pins_of(made_manifest())


@pytest.fixture
def audited(store: FolderStore) -> Audited:
    return stored_audit(store)


def is_published(store: FolderStore) -> bool:
    """True where anything is there that a reader could take for published."""
    keys = {entry.key for entry in store.list("")}
    return bool(keys & {manifest_key(DAY, 1), decisions_key(DAY), report_key(DAY)})


def test_a_published_day_is_shown_to_readers_as_its_manifest_says(
    store: FolderStore, settings: Settings, audited: Audited
) -> None:
    manifest = publish(STANDING, DELIVERY, PINS, FIRST, audited, settings)
    assert newest_manifest(store, DAY) == manifest
    assert (manifest.revision, manifest.inputs, manifest.audited) == (1, {"a.csv": "s"}, audited)
    assert pins_of(manifest) == PINS
    assert {"published_at", "lightgbm", "pyarrow"} <= manifest.run.keys()
    assert store.read(decisions_key(DAY)).data == store.read(audited.decisions.key).data
    assert store.read(report_key(DAY)).data == store.read(audited.contract_report.key).data
    assert store.read(input_key("s")).data


def test_a_manifest_names_the_aliases_by_which_columns_were_read(settings: Settings, audited: Audited) -> None:
    pins = replace(PINS, column_aliases={"client": "SK_ID_CURR"})
    assert pins_of(publish(STANDING, DELIVERY, pins, FIRST, audited, settings)) == pins


def test_publishing_keeps_housekeeping_off_the_day(store: FolderStore, settings: Settings, audited: Audited) -> None:
    publish(STANDING, DELIVERY, PINS, FIRST, audited, settings)
    (note,) = store.list(work_prefix(DAY))
    assert "/publishing-" in note.key


def test_what_stopped_an_attempt_before_is_no_news_any_more(
    store: FolderStore, settings: Settings, audited: Audited, tmp_path: Path
) -> None:
    write_refused(store, DAY, contract_report(refused="Too many bad rows."))
    publish(STANDING, DELIVERY, PINS, FIRST, audited, settings)
    reports = sorted(path.name for path in (tmp_path / f"reports/day={DAY}").iterdir())
    assert reports == ["contract.html", "contract.json"]


def test_a_day_published_twice_is_published_once(store: FolderStore, settings: Settings, audited: Audited) -> None:
    first = publish(STANDING, DELIVERY, PINS, FIRST, audited, settings)
    assert publish(STANDING, DELIVERY, PINS, FIRST, audited, settings) == first
    with pytest.raises(PublishError, match="Another run published revision 1 of 2026-11-02 meanwhile"):
        publish(STANDING, DELIVERY, replace(PINS, fingerprint="g"), FIRST, audited, settings)
    assert newest_manifest(store, DAY) == first


def test_a_revision_is_shown_in_the_place_of_the_one_before(
    store: FolderStore, settings: Settings, audited: Audited
) -> None:
    publish(STANDING, DELIVERY, PINS, FIRST, audited, settings)
    draft = Draft(2, "delivered again", audited.decisions)
    second = publish(STANDING, DELIVERY, PINS, draft, stored_audit(store, revision=2), settings)
    assert (second.revision, second.reason) == (2, "delivered again")
    assert shown_revision(store.read(decisions_key(DAY)).data) == 2


def lose_a_data_file(store: FolderStore, audited: Audited) -> None:
    store.delete(audited.contract_report.key)


def publish_the_file_for_another_day(store: FolderStore, _: Audited) -> None:
    store.create(input_key("s"), f'{{"day": "{NEXT}"}}'.encode())
    commit(store, made_manifest(as_of=NEXT, inputs={"b.csv": "s"}))


def erase(store: FolderStore, _: Audited) -> None:
    note_erasure(store, DAY, is_over=True)


@pytest.mark.parametrize(
    ("meanwhile", "error", "message"),
    [
        (lose_a_data_file, PublishError, "is missing or damaged: it is not the file that was recorded"),
        (publish_the_file_for_another_day, SourceError, f"a.csv is the file of another day: {NEXT}"),
        (erase, PublishError, f"An applicant was erased from {DAY} while it was decided. Nothing was published"),
    ],
)
def test_a_day_that_is_no_longer_as_it_was_decided_is_not_published(
    store: FolderStore,
    settings: Settings,
    audited: Audited,
    meanwhile: Callable[[FolderStore, Audited], object],
    error: type[Exception],
    message: str,
) -> None:
    meanwhile(store, audited)
    with pytest.raises(error, match=message):
        publish(STANDING, DELIVERY, PINS, FIRST, audited, settings)
    assert not is_published(store)


def test_an_erasure_before_the_day_was_listed_stops_nobody(
    store: FolderStore, settings: Settings, audited: Audited
) -> None:
    note_erasure(store, DAY, is_over=True)
    begun_after = replace(STANDING, erasure=read_token(store, DAY))
    assert publish(begun_after, DELIVERY, PINS, FIRST, audited, settings).revision == 1


def test_what_is_published_again_has_not_expired(store: FolderStore, settings: Settings, audited: Audited) -> None:
    note_expired(store, DAY, [audited.decisions.key, "another"], rule="kept for a year", at="t")
    publish(STANDING, DELIVERY, PINS, FIRST, audited, settings)
    assert set(read_expired(store, DAY)) == {"another"}


# --- what another run has published


def test_a_day_that_was_never_published_has_nothing_to_show(store: FolderStore, settings: Settings) -> None:
    assert roll_forward(DAY, PUBLISH, settings).published is None
    assert not is_published(store)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")], ids=["gone", "changed"])
def test_what_readers_should_not_have_seen_is_renewed_and_told(
    store: FolderStore,
    settings: Settings,
    tmp_path: Path,
    damage: Callable[[Path], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    manifest = commit_revision(store)
    roll_forward(DAY, PUBLISH, settings)
    caplog.clear()
    assert roll_forward(DAY, PUBLISH, settings).published == manifest
    assert caplog.messages == []
    shown = tmp_path / decisions_key(DAY)
    damage(shown)
    assert roll_forward(DAY, PUBLISH, settings).published == manifest
    assert caplog.messages == [f"{shown} was not of the newest revision; it is now"]
    assert shown.read_bytes() == store.read(manifest.audited.decisions.key).data


@pytest.mark.parametrize("is_shown", [True, False])
def test_where_an_early_manifest_is_lost_no_later_revision_comes_back(
    store: FolderStore, settings: Settings, is_shown: bool
) -> None:
    newest: Manifest | None = None
    for revision in (1, 2):
        newest = commit_revision(store, revision)
    if is_shown:
        assert roll_forward(DAY, PUBLISH, settings).published == newest
    store.delete(manifest_key(DAY, 1))
    before = [(entry.key, entry.modified_at) for entry in store.list("")]
    with pytest.raises(PublishError, match="rev=0001/manifest.json is missing, though the day has a revision 2"):
        roll_forward(DAY, PUBLISH, settings)
    assert [(entry.key, entry.modified_at) for entry in store.list("")] == before
