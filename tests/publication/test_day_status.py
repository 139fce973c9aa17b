"""What the names in a store and its manifests say of each day."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from configs.calendar import Calendar, Clock
from configs.settings import Retention, Settings, Storage
from tasks.core.day.manifest import Manifest
from tasks.errors import ObjectArchived
from tasks.inspection.explain import explain
from tasks.inspection.verify import verify_day
from tasks.publication.day_status import REFUSED, DayStatus, day_history, list_days
from tasks.publication.expired import note_expired
from tasks.publication.layout import (
    announcement_key,
    decisions_key,
    expired_key,
    landing_key,
    manifest_key,
    refused_page_key,
    refused_report_key,
    report_key,
    verdict_key,
)
from tasks.publication.manifests import manifest_json, read_manifest
from tasks.publication.shown import show_newest
from tasks.retention.clean import clean_days
from tasks.scoring.recent import recent_days
from tasks.store import Store, Stored, open_store
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.manifests import commit_revision
from tests.revised_day import NEXT, WHY, publish, revise
from tests.s3_servers import S3Server

TODAY = DAY
CALENDAR = Calendar(zone="UTC", weekend=("tuesday",), holidays={}, zero_row_days={})
BEHIND = ("behind", (f"run scoring score --as-of {DAY}",))
FILES = [f"landing/day={DAY}/applications_{n}.csv" for n in (1, 2)]


@pytest.fixture(scope="module")
def published(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = publish(trained, tmp_path_factory.mktemp("states") / "store")
    revise(project)
    return project.root


@pytest.fixture
def root(published: Path, tmp_path: Path) -> Path:
    """A store in which the day was published twice, and announced."""
    root = tmp_path / "store"
    shutil.copytree(published, root)
    (root / announcement_key(DAY, 2)).write_text("{}")
    return root


def listed(root: Path, last: int = 30) -> list[DayStatus]:
    return list_days(FolderStore(root), CALENDAR, last=last, today=TODAY)


def manifest(root: Path, revision: int) -> Manifest:
    return read_manifest((root / manifest_key(DAY, revision)).read_bytes())


def deliver(root: Path, day: date, *names: str) -> None:
    for name in names:
        path = root / f"landing/day={day}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("never read")


def put_back(root: Path) -> None:
    shutil.copy(root / manifest(root, 1).audited.decisions.key, root / decisions_key(DAY))


def put_back_at_the_same_size(root: Path) -> None:
    """An older revision whose file happens to be as large as the newest's."""
    first, second = manifest(root, 1).audited.decisions, manifest(root, 2)
    alike = replace(second.audited.decisions, size_bytes=first.size_bytes)
    second = replace(second, audited=replace(second.audited, decisions=alike))
    (root / manifest_key(DAY, 2)).write_bytes(manifest_json(second))
    put_back(root)


def expire(root: Path, *keys: str) -> None:
    note_expired(FolderStore(root), DAY, keys, rule="kept for a year", at="2027-11-03T00:00:00+00:00")
    for key in keys:
        (root / key).unlink()


CHANGES: dict[str, tuple[Callable[[Path], object], tuple[str, tuple[str, ...]]]] = {
    "nothing": (lambda root: None, ("published", ())),
    "not announced": (lambda root: (root / announcement_key(DAY, 2)).unlink(), ("published", ("not announced",))),
    "not shown": (lambda root: (root / decisions_key(DAY)).unlink(), BEHIND),
    "an older one shown": (put_back, BEHIND),
    "an older one of the same size shown": (put_back_at_the_same_size, BEHIND),
    "nonsense shown": (lambda root: (root / decisions_key(DAY)).write_bytes(b"PAR1"), BEHIND),
    "corrections": (
        lambda root: deliver(root, DAY, "corrections/a.csv", "corrections/b.csv", "corrections/_control.json"),
        ("published", ("2 files of corrections waiting",)),
    ),
    "more delivered": (
        lambda root: deliver(root, DAY, "late.csv", "_late.csv"),
        ("published", ("landing changed: 1 new, 0 gone",)),
    ),
    "taken back": (lambda root: (root / FILES[0]).unlink(), ("published", ("landing changed: 0 new, 1 gone",))),
    "delivered files expired": (lambda root: expire(root, *FILES), ("published", ())),
    "a damaged note of what expired": (
        lambda root: (root / f"revisions/day={DAY}/expired.json").write_bytes(b"no note"),
        ("published", ("expired.json is damaged: scoring status --verify",)),
    ),
    "a manifest gone": (
        lambda root: (root / manifest_key(DAY, 1)).unlink(),
        ("the manifest of revision 1 is missing", ("scoring status --verify",)),
    ),
    "the newest manifest gone": (
        lambda root: shutil.move(root / manifest_key(DAY, 2), root / f"revisions/day={DAY}/rev=0002/announced.json"),
        ("a manifest is missing", ("scoring status --verify",)),
    ),
    "all manifests gone": (
        lambda root: shutil.rmtree(root / f"revisions/day={DAY}"),
        ("a manifest is missing", ("scoring status --verify",)),
    ),
    "a damaged manifest": (
        lambda root: (root / manifest_key(DAY, 2)).write_bytes(b"{}"),
        ("its manifest is damaged", ("scoring status --verify",)),
    ),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_the_state_of_a_day(
    root: Path, change: Callable[[Path], object], expected: tuple[str, tuple[str, ...]]
) -> None:
    change(root)
    (day,) = listed(root)
    assert (day.state, day.hints) == expected
    assert day_history(FolderStore(root), CALENDAR, DAY).status == day


def test_of_a_published_day_the_newest_manifest_is_told(root: Path) -> None:
    (day,) = listed(root)
    assert day.newest
    assert (day.as_of, day.newest.revision, day.newest.reason) == (DAY, 2, WHY)


def test_a_day_that_was_never_scored_waits_whatever_the_calendar_says(root: Path) -> None:
    deliver(root, NEXT, "a.csv")
    assert listed(root)[-1] == DayStatus(NEXT, None, "delivered, not published", ("a Tuesday",))


def test_a_day_that_the_contract_stopped_is_refused_until_it_is_published(root: Path) -> None:
    for day in (DAY, NEXT):
        path = root / refused_report_key(day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert [status.state for status in listed(root)] == ["published"]
    deliver(root, NEXT, "a.csv")
    at = datetime.fromtimestamp((root / refused_report_key(NEXT)).stat().st_mtime, UTC)
    when = f"{at:%Y-%m-%d %H:%M} UTC, exit 4"
    assert listed(root)[-1] == DayStatus(NEXT, None, REFUSED, ("a Tuesday", when, f"see {refused_page_key(NEXT)}"))


@pytest.mark.parametrize(
    "key",
    [
        f"landing/day={NEXT}/_control.json",
        f"landing/day={NEXT}/.hidden/a.csv",
        f"revisions/day={NEXT}/decisions-0.parquet",
        f"work/day={NEXT}/a.json",
        "landing/a.csv",
        "landing/day=2026-13-01/a.csv",
        "revisions/day=today/rev=0001/manifest.json",
    ],
)
def test_what_is_no_delivery_and_no_publication_makes_no_day(root: Path, key: str) -> None:
    (root / key).parent.mkdir(parents=True, exist_ok=True)
    (root / key).write_text("never read")
    assert [day.as_of for day in listed(root)] == [DAY]


@pytest.mark.parametrize(("last", "first"), [(1, 30), (2, 29), (29, 2), (30, 1), (31, 1)])
def test_the_newest_days_are_listed_newest_last(tmp_path: Path, last: int, first: int) -> None:
    for day in range(30, 0, -1):
        deliver(tmp_path, date(2026, 11, day), "a.csv")
    assert [day.as_of.day for day in listed(tmp_path, last)] == list(range(first, 31))


def test_days_that_the_calendar_demands_are_listed_though_nothing_came(root: Path) -> None:
    friday = date(2026, 11, 6)
    deliver(root, date(2026, 11, 5), "a.csv")
    days = list_days(FolderStore(root), CALENDAR, last=30, today=friday)
    assert [(day.as_of.day, day.state) for day in days] == [
        (2, "published"),
        (4, "missing"),  # Tuesday, the third, is excused
        (5, "delivered, not published"),
        (6, "nothing delivered yet"),
    ]
    assert [day.as_of.day for day in list_days(FolderStore(root), CALENDAR, last=1, today=friday)] == [5, 6]


def test_an_empty_store_has_no_days(tmp_path: Path) -> None:
    assert listed(tmp_path / "nowhere") == []
    history = day_history(FolderStore(tmp_path / "nowhere"), CALENDAR, DAY)
    assert (history.status.state, history.revisions, history.shown) == ("nothing delivered", {}, None)


def test_the_history_has_a_place_for_every_revision(root: Path) -> None:
    (root / manifest_key(DAY, 1)).unlink()
    history = day_history(FolderStore(root), CALENDAR, DAY)
    assert list(history.revisions) == [1, 2]
    assert history.revisions[1] is None
    newest = history.revisions[2]
    assert newest
    assert history.shown == newest.audited.decisions.sha256
    assert history.landing == {"applications_1.csv", "applications_2.csv"}


class Watched(FolderStore):
    """A store that remembers what is read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read_keys: list[str] = []

    def read(self, key: str) -> Stored:
        self.read_keys.append(key)
        return super().read(key)


def test_no_delivered_file_is_read_and_little_else(root: Path) -> None:
    store = Watched(root)
    list_days(store, CALENDAR, last=30, today=TODAY)
    assert store.read_keys == [manifest_key(DAY, 2), decisions_key(DAY), verdict_key(DAY)]
    for key in (manifest_key(DAY, 2), report_key(DAY)):
        (root / key).unlink()
    put_back(root)
    (root / announcement_key(DAY, 2)).unlink()
    store = Watched(root)
    list_days(store, CALENDAR, last=30, today=TODAY)
    assert store.read_keys == [manifest_key(DAY, 1), verdict_key(DAY)]


def test_a_store_on_s3_says_the_same(root: Path, s3_root: str) -> None:
    on_s3 = open_store(Storage(root=s3_root))
    deliver(root, NEXT, "a.csv", "corrections/b.csv")
    for path in (path for path in root.rglob("*") if path.is_file() and path.parent.name != ".locks"):
        on_s3.create(path.relative_to(root).as_posix(), path.read_bytes())
    assert list_days(on_s3, CALENDAR, last=30, today=TODAY) == listed(root)
    assert day_history(on_s3, CALENDAR, DAY) == day_history(FolderStore(root), CALENDAR, DAY)


# --- monitoring


def judge(root: Path, *, level: str = "ok", revision: int = 2, day: date = DAY) -> None:
    """Leave the verdict that monitoring writes."""
    path = root / verdict_key(day)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"verdict": level, "revision": revision, "findings": []}))


@pytest.mark.parametrize("level", ["ok", "watch", "alert", "insufficient"])
def test_the_verdict_on_the_newest_revision_is_told(root: Path, level: str) -> None:
    judge(root, level=level)
    (day,) = listed(root)
    assert day.monitoring == level
    assert day_history(FolderStore(root), CALENDAR, DAY).status.monitoring == level


@pytest.mark.parametrize("is_its_own", [True, False])
def test_a_verdict_on_another_publication_of_the_revision_is_none(root: Path, is_its_own: bool) -> None:
    (day,) = listed(root)
    assert day.newest
    publication = day.newest.publication if is_its_own else "0" * 16
    path = root / verdict_key(DAY)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"verdict": "ok", "revision": 2, "publication": publication}))
    assert listed(root)[0].monitoring == ("ok" if is_its_own else "not monitored")


def test_a_verdict_on_an_older_revision_is_not_taken_for_one_on_the_newest(root: Path) -> None:
    judge(root, level="alert", revision=1)
    assert listed(root)[0].monitoring == "rev 1 only"


def test_a_published_day_without_a_verdict_is_not_monitored_and_of_others_nothing_is_told(root: Path) -> None:
    deliver(root, NEXT, "a.csv")
    judge(root, day=NEXT)
    assert [day.monitoring for day in listed(root)] == ["not monitored", ""]


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"verdict": "ok"}',
        b'{"verdict": "ok", "revision": "2"}',
        b'{"verdict": "quiet", "revision": 2}',
        b'{"verdict": {}, "revision": 2}',
    ],
)
def test_a_damaged_verdict_hides_nothing_else(root: Path, written: bytes) -> None:
    judge(root)
    (root / verdict_key(DAY)).write_bytes(written)
    (day,) = listed(root)
    assert (day.state, day.monitoring) == ("published", "damaged")


class Archiving(FolderStore):
    """A store whose verdicts were moved to an archive."""

    def read(self, key: str) -> Stored:
        if key.startswith("reports/"):
            raise ObjectArchived(f"{key} is archived")
        return super().read(key)


def test_an_archived_verdict_hides_nothing_else(root: Path) -> None:
    judge(root)
    (day,) = list_days(Archiving(root), CALENDAR, last=30, today=TODAY)
    assert (day.state, day.monitoring) == ("published", "archived")


def test_days_that_are_not_listed_have_no_verdict_read(root: Path) -> None:
    deliver(root, NEXT, "a.csv")
    store = Watched(root)
    list_days(store, CALENDAR, last=1, today=TODAY)
    assert store.read_keys == []


# --- archived objects


@pytest.fixture
def bucket(s3_root: str) -> Store:
    """A store on S3 in which two days are published."""
    store = open_store(Storage(root=s3_root))
    for day in (DAY, NEXT):
        commit_revision(store, as_of=day)
        show_newest(store, day)
    return store


@pytest.mark.parametrize("key", [manifest_key(DAY, 1), expired_key(DAY)])
def test_a_day_of_which_something_is_archived_hides_no_other_day(
    bucket: Store, s3_server: S3Server, s3_root: str, key: str
) -> None:
    note_expired(bucket, DAY, ["a"], rule="r", at="t")
    s3_server.archive(s3_root, key)
    first, second = list_days(bucket, CALENDAR, last=9, today=TODAY)
    assert (first.as_of, first.state, second.as_of, second.newest is None) == (DAY, "archived", NEXT, False)
    assert f"{s3_root}/{key} is archived (GLACIER)" in first.hints[0]
    assert "Have it restored (aws s3api restore-object)" in first.hints[0]
    assert any(f"{s3_root}/{key} is archived" in each for each in verify_day(bucket, DAY).problems)
    with pytest.raises(ObjectArchived, match=f"{key} is archived .GLACIER."):
        day_history(bucket, CALENDAR, DAY)


def test_an_archived_manifest_leaves_the_other_days_to_be_cleaned_and_compared(
    bucket: Store, s3_server: S3Server, s3_root: str
) -> None:
    s3_server.archive(s3_root, manifest_key(DAY, 1))
    for day in (DAY, NEXT):
        bucket.create(f"{landing_key(day)}a.csv", b"1")
    settings = Settings(storage=Storage(root=s3_root), retention=Retention(landing_days=1))
    _, left = clean_days([DAY, NEXT], Clock(date(2026, 12, 24), CALENDAR), settings, apply=False)
    assert {each.as_of for each in left} == {DAY, NEXT}
    assert f"{s3_root}/{manifest_key(DAY, 1)} is archived (GLACIER)" in left[0].why
    assert list(recent_days(bucket, date(2026, 11, 9))) == [str(NEXT)]
    with pytest.raises(ObjectArchived, match=f"{manifest_key(DAY, 1)} is archived"):
        explain(bucket, DAY, 1, settings)
