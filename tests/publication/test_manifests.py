import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.adapters.files.parquet import write_parquet
from tasks.adapters.pages.html import contract_page
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import Audited, DataFile, FileTotals
from tasks.core.model.bundle import ModelPin
from tasks.errors import PublishError
from tasks.publication.data_files import shown_revision, store_data
from tasks.publication.layout import decisions_key, manifest_key, report_page_key
from tasks.publication.manifests import commit, manifest_json, newest_manifest, read_manifest
from tasks.publication.shown import show_newest
from tasks.store.folder import FolderStore
from tests.contract_reports import contract_report

DAY = date(2026, 11, 2)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def manifest(
    decisions: DataFile, *, fingerprint: str = "f", revision: int = 1, report: DataFile | None = None
) -> Manifest:
    files = {"a.csv": FileTotals(3, 1, 1, 1)}
    audited = Audited(decisions, None, report or decisions, "content", files, {"approve": 1}, {"z": 2, "a": 1})
    policy = {"version": "1", "cutoff": 0.1, "refer_from": 0.1, "bands": {"A": None}, "digest": "p"}
    model = ModelPin("credit-default", "1", "d")
    return Manifest(
        DAY, revision, fingerprint, {"a.csv": "s"}, model, policy, {"version": "1", "digest": "c"}, audited, {"at": "t"}
    )


def data(store: FolderStore, content: bytes = b"decisions") -> DataFile:
    return store_data(store, f"revisions/day={DAY}/", "decisions", content, rows=1)


def test_a_manifest_reads_back_as_it_was_written(store: FolderStore) -> None:
    written = manifest(data(store))
    read = read_manifest(manifest_json(written))
    assert read == written
    assert list(read.audited.by_rule) == ["z", "a"]


@pytest.mark.parametrize("content", [b"", b"null", b"5", b"[]", b"{}", b'{"audited": 3}'])
def test_what_is_no_manifest_stops_the_day(store: FolderStore, content: bytes) -> None:
    store.create(manifest_key(DAY, 1), content)
    with pytest.raises(PublishError, match="is not a manifest; restore it"):
        newest_manifest(store, DAY)


def test_the_newest_of_several_revisions_is_found(store: FolderStore) -> None:
    assert newest_manifest(store, DAY) is None
    for revision in (1, 2, 3):
        commit(store, manifest(data(store), revision=revision))
    assert (newest_manifest(store, DAY) or manifest(data(store))).revision == 3


def test_who_comes_second_with_the_same_fingerprint_gets_the_winner(store: FolderStore) -> None:
    winner = commit(store, manifest(data(store)))
    late = replace(manifest(data(store)), run={"at": "later"})
    assert commit(store, late) == winner


def test_who_comes_second_with_another_fingerprint_publishes_nothing(store: FolderStore) -> None:
    winner = commit(store, manifest(data(store)))
    with pytest.raises(PublishError, match="Another run published revision 1 of 2026-11-02 meanwhile"):
        commit(store, manifest(data(store, b"other"), fingerprint="g"))
    assert newest_manifest(store, DAY) == winner


def test_data_is_stored_once_and_never_under_anothers_name(store: FolderStore) -> None:
    first = data(store)
    assert data(store) == first
    store.delete(first.key)
    store.create(first.key, b"something else")
    with pytest.raises(PublishError, match="does not hold what its name says"):
        data(store)


def published(store: FolderStore, revision: int) -> Manifest:
    """A revision whose decisions and contract report carry its number, as all do."""
    table = pa.table({"application_id": [1]})
    content = write_parquet(table, {"revision": str(revision)})
    told = json.dumps(report_of(revision)).encode()
    report = store_data(store, f"revisions/day={DAY}/", "contract", told, rows=1, ending="json")
    return commit(store, manifest(data(store, content), revision=revision, fingerprint=f"f{revision}", report=report))


def report_of(revision: int) -> dict[str, Any]:
    return contract_report(revision=revision)


def is_page_of(store: FolderStore, revision: int) -> bool:
    return store.read(report_page_key(DAY)).data == contract_page(report_of(revision))


def shown(store: FolderStore) -> int:
    return shown_revision(store.read(decisions_key(DAY)).data)


def test_readers_are_shown_the_newest_revision_whoever_is_late(store: FolderStore) -> None:
    assert show_newest(store, DAY) is None
    first = published(store, 1)
    assert show_newest(store, DAY) == first
    assert (shown(store), is_page_of(store, 1)) == (1, True)
    second = published(store, 2)
    assert shown(store) == 1
    assert show_newest(store, DAY) == second
    assert commit(store, first) == first
    assert show_newest(store, DAY) == second
    assert (shown(store), is_page_of(store, 2)) == (2, True)


class Slow(FolderStore):
    """A store whose reader is overtaken by another run, once, between looking at what readers see and writing it."""

    overtake: Callable[[], object] | None = None

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        if overtake := self.overtake:
            self.overtake = None
            overtake()
        super().replace(key, data, tag=tag)


class Overtaken(FolderStore):
    """A store whose reader is overtaken by another run, once, right before it writes the page."""

    overtake: Callable[[], object] | None = None

    def create(self, key: str, data: bytes) -> None:
        if key == report_page_key(DAY) and (overtake := self.overtake):
            self.overtake = None
            overtake()
        super().create(key, data)


def test_a_run_that_was_overtaken_does_not_bring_an_older_page_back(store: FolderStore, tmp_path: Path) -> None:
    published(store, 1)
    slow = Overtaken(tmp_path)
    slow.overtake = lambda: (published(store, 2), show_newest(store, DAY))
    show_newest(slow, DAY)
    assert is_page_of(store, 2)


def test_a_run_that_was_overtaken_does_not_bring_an_older_revision_back(store: FolderStore, tmp_path: Path) -> None:
    published(store, 1)
    show_newest(store, DAY)
    published(store, 2)
    slow = Slow(tmp_path)
    slow.overtake = lambda: (published(store, 3), show_newest(store, DAY))
    assert (show_newest(slow, DAY) or manifest(data(store))).revision == 3
    assert shown(store) == 3


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (1, "rev=0001/manifest.json is missing, though the day has a revision 2"),
        (2, "shows revision 2, whose manifest"),
    ],
)
def test_a_day_whose_manifest_is_gone_is_not_decided_as_if_it_never_was(
    store: FolderStore, gone: int, told: str
) -> None:
    published(store, 1)
    published(store, 2)
    show_newest(store, DAY)
    store.delete(manifest_key(DAY, gone))
    with pytest.raises(PublishError, match=told):
        show_newest(store, DAY)


def test_what_readers_see_is_mended_where_it_was_damaged(store: FolderStore, tmp_path: Path) -> None:
    published(store, 1)
    show_newest(store, DAY)
    (tmp_path / decisions_key(DAY)).write_bytes(b"PAR1 nonsense")
    show_newest(store, DAY)
    assert shown(store) == 1


@pytest.mark.parametrize("damage", [Path.unlink, lambda page: page.write_bytes(b"<html>")], ids=["missing", "other"])
def test_the_page_of_the_contract_report_is_made_anew_and_nobody_is_alarmed(
    store: FolderStore, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    published(store, 1)
    show_newest(store, DAY)
    damage(tmp_path / report_page_key(DAY))
    mended: list[str] = []
    show_newest(store, DAY, mended.append)
    assert (is_page_of(store, 1), mended) == (True, [])


def test_a_page_that_is_right_is_not_written_again(store: FolderStore, tmp_path: Path) -> None:
    published(store, 1)
    show_newest(store, DAY)
    before = (tmp_path / report_page_key(DAY)).stat().st_mtime_ns
    show_newest(store, DAY)
    assert (tmp_path / report_page_key(DAY)).stat().st_mtime_ns == before


def test_the_page_needs_only_one_of_the_two_places_of_the_report(store: FolderStore) -> None:
    report = published(store, 1).audited.contract_report
    show_newest(store, DAY)
    for key in (report.key, report_page_key(DAY)):
        store.delete(key)
    show_newest(store, DAY)
    assert is_page_of(store, 1)
