"""Readers see the newest revision, whoever is late and whatever was damaged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.adapters.pages.html import contract_page
from tasks.errors import PublishError
from tasks.publication.data_files import shown_revision
from tasks.publication.layout import decisions_key, manifest_key, report_page_key
from tasks.publication.manifests import commit
from tasks.publication.shown import show_newest
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.contract_reports import contract_report
from tests.manifests import commit_revision


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def is_page_of(store: FolderStore, revision: int) -> bool:
    return store.read(report_page_key(DAY)).data == contract_page(contract_report(revision=revision))


def shown(store: FolderStore) -> int:
    return shown_revision(store.read(decisions_key(DAY)).data)


def test_readers_are_shown_the_newest_revision_whoever_is_late(store: FolderStore) -> None:
    assert show_newest(store, DAY) is None
    first = commit_revision(store, 1)
    assert show_newest(store, DAY) == first
    assert (shown(store), is_page_of(store, 1)) == (1, True)
    second = commit_revision(store, 2)
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
    commit_revision(store, 1)
    slow = Overtaken(tmp_path)
    slow.overtake = lambda: (commit_revision(store, 2), show_newest(store, DAY))
    show_newest(slow, DAY)
    assert is_page_of(store, 2)


def test_a_run_that_was_overtaken_does_not_bring_an_older_revision_back(store: FolderStore, tmp_path: Path) -> None:
    commit_revision(store, 1)
    show_newest(store, DAY)
    commit_revision(store, 2)
    slow = Slow(tmp_path)
    slow.overtake = lambda: (commit_revision(store, 3), show_newest(store, DAY))
    newest = show_newest(slow, DAY)
    assert newest
    assert newest.revision == 3
    assert shown(store) == 3


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (1, "rev=0001/manifest.json is missing, though the day has a revision 2"),
        (2, "shows revision 2, whose manifest"),
    ],
)
def test_a_day_whose_manifest_is_gone_is_not_decided_as_if_it_never_was(
    store: FolderStore, gone: int, message: str
) -> None:
    commit_revision(store, 1)
    commit_revision(store, 2)
    show_newest(store, DAY)
    store.delete(manifest_key(DAY, gone))
    with pytest.raises(PublishError, match=message):
        show_newest(store, DAY)


def test_what_readers_see_is_mended_where_it_was_damaged(store: FolderStore, tmp_path: Path) -> None:
    commit_revision(store, 1)
    show_newest(store, DAY)
    (tmp_path / decisions_key(DAY)).write_bytes(b"PAR1 nonsense")
    show_newest(store, DAY)
    assert shown(store) == 1


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")], ids=["gone", "changed"])
def test_a_damaged_revision_is_never_shown_to_readers(
    store: FolderStore, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    file = commit_revision(store, 1).audited.decisions
    show_newest(store, DAY)
    damage(tmp_path / file.key)
    show_newest(store, DAY)
    assert shown(store) == 1
    store.delete(decisions_key(DAY))
    with pytest.raises(PublishError, match="is missing or damaged"):
        show_newest(store, DAY)
    assert not (tmp_path / decisions_key(DAY)).exists()


@pytest.mark.parametrize("damage", [Path.unlink, lambda page: page.write_bytes(b"<html>")], ids=["missing", "other"])
def test_the_page_of_the_contract_report_is_made_anew_and_nobody_is_alarmed(
    store: FolderStore, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    commit_revision(store, 1)
    show_newest(store, DAY)
    damage(tmp_path / report_page_key(DAY))
    mended: list[str] = []
    show_newest(store, DAY, mended.append)
    assert (is_page_of(store, 1), mended) == (True, [])


def test_a_page_that_is_right_is_not_written_again(store: FolderStore, tmp_path: Path) -> None:
    commit_revision(store, 1)
    show_newest(store, DAY)
    before = (tmp_path / report_page_key(DAY)).stat().st_mtime_ns
    show_newest(store, DAY)
    assert (tmp_path / report_page_key(DAY)).stat().st_mtime_ns == before


def test_the_page_needs_only_one_of_the_two_places_of_the_report(store: FolderStore) -> None:
    report = commit_revision(store, 1).audited.contract_report
    show_newest(store, DAY)
    for key in (report.key, report_page_key(DAY)):
        store.delete(key)
    show_newest(store, DAY)
    assert is_page_of(store, 1)
