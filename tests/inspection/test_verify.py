"""Reading everything again: what is told on the way, and what a run that is under way looks like."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.inspection import verify
from tasks.inspection.verify import verify_day, verify_store
from tasks.publication.layout import decisions_key, manifest_key, report_key, report_page_key
from tasks.publication.manifests import read_manifest
from tasks.publication.shown import show_newest
from tasks.store import Entry
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.revised_day import NEXT, publish, revise


@pytest.fixture(scope="module")
def published(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = publish(trained, tmp_path_factory.mktemp("verify") / "store")
    revise(project)
    return project.root


@pytest.fixture
def root(published: Path, tmp_path: Path) -> Path:
    root = tmp_path / "store"
    shutil.copytree(published, root)
    return root


def test_days_are_told_in_their_order_and_strays_at_the_end(root: Path) -> None:
    for key in (f"quarantine/day={NEXT}/rejected-0.parquet", "quarantine/stray.parquet", "decisions/stray.parquet"):
        FolderStore(root).create(key, b"123")
    first, second, rest = verify_store(FolderStore(root))
    assert [each.as_of for each in (first, second, rest)] == [DAY, NEXT, None]
    assert (first.revisions, second.revisions) == (2, 0)
    assert (len(first.problems), len(second.problems), len(rest.problems)) == (0, 0, 1)
    assert "1 file, 3 bytes, that no manifest names" in second.remarks[0]
    assert rest.remarks == (f"{root}/quarantine holds 1 file, 3 bytes, of no day.",)


def test_a_day_whose_publication_vanished_is_missed(root: Path) -> None:
    for room in ("revisions", "decisions", "quarantine"):
        shutil.rmtree(root / room)
    day, _ = verify_store(FolderStore(root))
    assert (day.as_of, len(day.problems)) == (DAY, 1)
    assert day.problems[0].startswith(f"{root}/{manifest_key(DAY, 1)} is missing, and readers have a report")
    assert verify_day(FolderStore(root), DAY).problems == day.problems


def test_long_work_is_told_day_by_day(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "scoring")
    list(verify_store(FolderStore(root)))
    assert caplog.messages == []
    monkeypatch.setattr(verify, "_PATIENCE_SECONDS", -1.0)
    list(verify_store(FolderStore(root)))
    assert caplog.messages == [f"Read {DAY} again: 16 files"]


class Before(FolderStore):
    """A store whose listings were made before the second revision was published."""

    def list(self, prefix: str) -> Iterator[Entry]:
        later = {"/rev=0002/"}
        for file in read_manifest(self.read(manifest_key(DAY, 2)).data).audited.data_files:
            later.add(file.key)
        return (entry for entry in super().list(prefix) if not any(each in entry.key for each in later))


def test_a_revision_published_meanwhile_is_no_damage(root: Path) -> None:
    checked = verify_day(Before(root), DAY)
    assert (checked.revisions, checked.problems) == (1, ())
    (remark,) = (each for each in checked.remarks if decisions_key(DAY) in each)
    assert "shows revision 2, which was published while the day was read again" in remark


def test_many_missing_manifests_are_counted(root: Path) -> None:
    FolderStore(root).create(f"revisions/day={DAY}/rev=0100/announced.json", b"{}")
    problems = [each for each in verify_day(FolderStore(root), DAY).problems if "manifest" in each]
    assert f"{root / manifest_key(DAY, 3)} is missing, though the day has a revision 100" in problems[0]
    assert "lacks 78 more manifests up to revision 100" in problems[-1]


@pytest.mark.parametrize(
    ("damage", "told"),
    [(Path.unlink, "is missing"), (lambda page: page.write_bytes(b"<html>"), "is not as this program makes it")],
    ids=["missing", "other"],
)
def test_a_page_that_the_next_run_makes_anew_is_remarked_on(
    root: Path, damage: Callable[[Path], object], told: str
) -> None:
    before = verify_day(FolderStore(root), DAY).remarks
    damage(root / report_page_key(DAY))
    checked = verify_day(FolderStore(root), DAY)
    remark = f"{root / report_page_key(DAY)} {told}; scoring score --as-of {DAY} makes it anew."
    assert (checked.problems, set(checked.remarks) - set(before)) == ((), {remark})
    show_newest(FolderStore(root), DAY)
    assert verify_day(FolderStore(root), DAY).remarks == before


def test_beside_another_report_no_page_is_remarked_on(root: Path) -> None:
    before = verify_day(FolderStore(root), DAY).remarks
    (root / report_key(DAY)).write_text("{}")
    checked = verify_day(FolderStore(root), DAY)
    assert (len(checked.problems), checked.remarks) == (1, before)
