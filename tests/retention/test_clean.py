"""What housekeeping removes, what it leaves alone, and that nothing that counts is ever lost by it."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from configs.calendar import Clock
from configs.settings import PROJECT, Retention, Storage, load_settings
from flows.monitor_decisions import monitor_decisions
from flows.score_applications import score_applications
from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import Audited, DataFile, FileTotals
from tasks.core.model.bundle import ModelPin
from tasks.errors import InputsChanged, PublishError
from tasks.inspection.verify import verify_store
from tasks.publication.data_files import read_data, store_data
from tasks.publication.expired import read_expired
from tasks.publication.layout import decisions_key, manifest_key, named_version_key, refused_rows_key, sealed_model_key
from tasks.publication.manifests import commit, newest_manifest
from tasks.publication.refused_rows import keep_refused_rows
from tasks.publication.shown import show_newest
from tasks.retention.clean import RULES as REMOVED
from tasks.retention.clean import Cleaning, Left, Removal, clean, clean_day, clock_of
from tasks.store import Store, open_store
from tasks.store.folder import FolderStore
from tasks.store.renewing import overwrite
from tests.conftest import DAY, Project
from tests.store.dying import Died, DyingStore

FOR_EVER: dict[str, Any] = dict.fromkeys(Retention.model_fields)
LONG_AGO = datetime(2020, 1, 1, 12, tzinfo=UTC)


def cleaned(config: str, today: date, *, apply: bool = True) -> Cleaning:
    """As the flow cleans, by a day that may be still to come."""
    settings = load_settings(config)
    return clean(clock_of(today, settings), settings, apply=apply)


@dataclass(frozen=True)
class Room:
    """A store on a folder with settings of its own, cleaned as ops do it."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "store"

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.root)

    def clean(self, today: date, *, apply: bool = True, **retention: int | None) -> Cleaning:
        config = self.folder / "settings.yaml"
        config.write_text(yaml.safe_dump({"storage": {"root": str(self.root)}, "retention": FOR_EVER | retention}))
        return cleaned(str(config), today, apply=apply)

    def age(self, prefix: str = "", written_at: datetime = LONG_AGO) -> None:
        for path in self.root.rglob("*"):
            if path.is_file() and path.relative_to(self.root).as_posix().startswith(prefix):
                os.utime(path, (written_at.timestamp(),) * 2)

    def held(self) -> list[str]:
        return [entry.key for entry in self.store.list("")]

    def digest(self) -> dict[str, str]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def publish(
    store: Store, as_of: date = DAY, *, revision: int = 1, rejected: str = "rejected", file: str = "a.csv"
) -> Manifest:
    """A revision with decisions, quarantine, contract report and changes of its own, shown to readers."""
    prefix, tag = f"revisions/day={as_of}/", f"{as_of} {revision}"
    decisions = write_parquet(pa.table({"application_id": [revision]}), {"revision": str(revision)})
    audited = Audited(
        store_data(store, prefix, "decisions", decisions, rows=1),
        store_data(store, f"quarantine/day={as_of}/", "rejected", rejected.encode(), rows=1),
        store_data(store, prefix, "contract", json.dumps({"contract": tag}).encode(), rows=1, ending="json"),
        "content",
        {file: FileTotals(2, 1, 1, 0)},
        {"approve": 1},
        {"rule": 1},
        store_data(store, prefix, "changes", f"changes {tag}".encode(), rows=1) if revision > 1 else None,
    )
    manifest = Manifest(
        as_of, revision, f"f{revision}", {file: hashlib.sha256(b"a").hexdigest()}, ModelPin("m", "1", "d"),
        {"version": "1", "cutoff": 0.1, "refer_from": 0.1, "bands": {}, "digest": "p"},
        {"version": "1", "digest": "c"}, audited, {"at": "t"},
    )  # fmt: skip
    commit(store, manifest)
    show_newest(store, as_of)
    return manifest


def deliver(store: Store, as_of: date = DAY) -> None:
    store.create(f"landing/day={as_of}/a.csv", b"a")


def orphan(store: Store, as_of: date = DAY, name: str = "decisions") -> DataFile:
    prefix = "quarantine" if name == "rejected" else "revisions"
    return store_data(store, f"{prefix}/day={as_of}/", name, b"of a run that died", rows=1)


def told(cleaning: Cleaning, what: str | None = None) -> list[str]:
    return [each.key for each in cleaning.removals if what in {None, each.what}]


def days_later(days: int) -> date:
    return DAY + timedelta(days=days)


# Each rule: what has to be there, and what of it goes.
def _work(store: Store) -> list[str]:
    store.create(f"work/day={DAY}/f/a.csv.json", b"{}")
    store.create(f"work/day={DAY}/pins.json", b"{}")
    return [f"work/day={DAY}/f/a.csv.json", f"work/day={DAY}/pins.json"]


def _landing(store: Store) -> list[str]:
    publish(store)
    deliver(store)
    store.create(f"landing/day={DAY}/_SUCCESS", b"")
    return [f"landing/day={DAY}/_SUCCESS", f"landing/day={DAY}/a.csv"]


def _quarantine(store: Store) -> list[str]:
    return [file.key for file in [publish(store).audited.quarantine] if file]


def _old_revisions(store: Store) -> list[str]:
    old = publish(store).audited
    publish(store, revision=2, rejected="others")
    return [file.key for file in old.data_files]


RULES: dict[str, Callable[[Store], list[str]]] = {
    "work_days": _work,
    "landing_days": _landing,
    "quarantine_days": _quarantine,
    "old_revision_days": _old_revisions,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("age_days", "goes"), [(29, False), (30, False), (31, True)])
def test_what_is_older_than_its_rule_goes_and_nothing_else(room: Room, rule: str, age_days: int, goes: bool) -> None:
    expected = RULES[rule](room.store)
    room.age()
    before = room.held()
    cleaning = room.clean(days_later(age_days), **{rule: 30})
    assert sorted(told(cleaning)) == (sorted(expected) if goes else [])
    noted = {f"revisions/day={DAY}/expired.json"} if goes and rule != "work_days" else set()
    assert set(room.held()) == set(before) - set(told(cleaning)) | noted


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_without_days_keeps_for_ever(room: Room, rule: str) -> None:
    RULES[rule](room.store)
    room.age()
    assert told(room.clean(date(9999, 1, 1))) == []


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("idle_days", "goes"), [(0, False), (1, False), (2, True)])
def test_a_day_somebody_works_on_is_left_alone_and_told(room: Room, rule: str, idle_days: int, goes: bool) -> None:
    RULES[rule](room.store)
    room.store.create(f"work/day={DAY}/new.json", b"{}")
    room.age()
    room.age("work/", datetime(2027, 11, 2, 12, tzinfo=UTC))
    cleaning = room.clean(date(2027, 11, 2) + timedelta(days=idle_days), **{rule: 30})
    left = next(what for what, field in REMOVED.items() if field == rule)
    assert [(each.what, each.as_of) for each in cleaning.left] == ([] if goes else [(left, DAY)])
    assert bool(told(cleaning)) is goes


@pytest.mark.parametrize("name", ["decisions", "changes", "rejected"])
@pytest.mark.parametrize(("age_days", "goes"), [(7, False), (8, True)])
def test_an_orphan_goes_when_it_was_not_touched_for_long_enough(
    room: Room, name: str, age_days: int, goes: bool
) -> None:
    publish(room.store)
    published = room.held()
    file = orphan(room.store, name=name)
    room.age("", datetime(2026, 11, 10, 12, tzinfo=UTC))
    cleaning = room.clean(date(2026, 11, 10) + timedelta(days=age_days), orphan_days=7)
    assert told(cleaning) == ([file.key] if goes else [])
    assert room.held() == sorted([*published, *([] if goes else [file.key])])


def test_orphans_of_a_day_that_was_never_published_go_too(room: Room) -> None:
    file = orphan(room.store)
    room.age()
    assert told(room.clean(days_later(1), orphan_days=7)) == [file.key]


@pytest.mark.parametrize(("age_days", "goes"), [(7, False), (8, True)])
def test_orphans_stay_while_the_day_is_worked_on(room: Room, age_days: int, goes: bool) -> None:
    orphan(room.store)
    room.store.create(f"work/day={DAY}/part.parquet", b"")
    room.age()
    room.age("work/", datetime(2026, 11, 10, 12, tzinfo=UTC))
    cleaning = room.clean(date(2026, 11, 10) + timedelta(days=age_days), orphan_days=7)
    assert bool(told(cleaning)) is goes
    assert [each.what for each in cleaning.left] == ([] if goes else ["orphans"])


def test_a_work_record_that_names_an_orphan_goes_before_it(room: Room) -> None:
    file = orphan(room.store)
    room.store.create(f"work/day={DAY}/f/audit.json", f'{{"decisions": {{"key": "{file.key}"}}}}'.encode())
    room.store.create(f"work/day={DAY}/f/part.json", b'{"decided": {"key": "another"}}')
    room.age()
    assert told(room.clean(days_later(30), orphan_days=7)) == [f"work/day={DAY}/f/audit.json", file.key]
    assert room.held() == [f"work/day={DAY}/f/part.json"]


def _everything(store: Store) -> None:
    for fill in (_work, _old_revisions):
        fill(store)
    deliver(store)
    orphan(store)
    for key in (
        "contracts/c.json",
        "inputs/sha256=a.json",
        "reference/model=credit-default/version=1/sample.parquet",
        "monitoring/drift.json",
    ):
        store.create(key, b"kept")
    monitor(store)


SHORT = {
    "work_days": 1,
    "orphan_days": 1,
    "landing_days": 1,
    "quarantine_days": 1,
    "old_revision_days": 1,
    "report_days": 1,
}
WINDOW = f"reports/from={DAY - timedelta(days=6)}/to={DAY}"
PAGES = [f"{place}/drift.{ending}" for place in (f"reports/day={DAY}", WINDOW) for ending in ("html", "json")]


def monitor(store: Store) -> None:
    """Leave what monitoring writes of a day and of a window."""
    kept = (f"reports/day={DAY}/verdict.json", f"{WINDOW}/verdict.json", f"monitoring/day={DAY}/metrics.parquet")
    for key in (*PAGES, *kept):
        store.create(key, b"written by monitoring")


@pytest.mark.parametrize(("age_days", "goes"), [(29, False), (30, False), (31, True)])
def test_pages_go_and_verdicts_and_figures_stay(room: Room, age_days: int, goes: bool) -> None:
    publish(room.store)
    monitor(room.store)
    before = set(room.held())
    assert sorted(told(room.clean(days_later(age_days), report_days=30))) == (sorted(PAGES) if goes else [])
    assert before - set(room.held()) == (set(PAGES) if goes else set())


def test_the_age_of_a_window_counts_from_its_last_day(room: Room) -> None:
    monitor(room.store)
    later = f"reports/from={DAY}/to={days_later(1)}/drift.html"
    room.store.create(later, b"written by monitoring")
    assert later not in told(room.clean(days_later(31), report_days=30))
    assert told(room.clean(days_later(32), report_days=30)) == [later]


def test_pages_of_an_earlier_program_go_and_what_only_looks_like_a_page_stays(room: Room) -> None:
    earlier = f"reports/day={DAY}/quality.html"
    others = (
        f"reports/day={DAY}/contract.html",
        f"reports/day={DAY}/mine/drift.html",
        "reports/day=2026-02-30/drift.html",
        "reports/drift.html",
    )
    for key in (earlier, *others):
        room.store.create(key, b"written by somebody")
    assert told(room.clean(date(9999, 1, 1), report_days=1)) == [earlier]


def test_without_days_pages_are_kept_for_ever(room: Room) -> None:
    monitor(room.store)
    assert told(room.clean(date(9999, 1, 1))) == []


def test_a_dry_run_tells_what_an_applied_one_removes_and_removes_nothing(room: Room) -> None:
    _everything(room.store)
    with unfinished_write(room.root):
        room.age()
        before = room.digest()
        dry = room.clean(days_later(400), apply=False, **SHORT)
        assert room.digest() == before
        applied = room.clean(days_later(400), **SHORT)
    assert dry == replace(applied, is_applied=False)
    assert {each.what for each in dry.removals} == {
        "work", "orphans", "unfinished writes", "landing", "quarantine", "old revisions", "monitoring pages",
    }  # fmt: skip
    assert len(told(dry)) == len(set(told(dry)))


def test_a_second_run_finds_nothing(room: Room) -> None:
    _everything(room.store)
    room.age()
    assert told(room.clean(days_later(400), **SHORT)) != []
    after = room.digest()
    assert told(room.clean(days_later(400), **SHORT)) == []
    assert {path: digest for path, digest in room.digest().items() if path in after} == after


def test_what_readers_see_and_history_tells_is_never_touched(room: Room) -> None:
    _everything(room.store)
    room.age()
    prefixes = ("decisions/", "reports/", "contracts/", "inputs/", "reference/", "monitoring/")
    held = [key for key in room.held() if key.startswith(prefixes) or "manifest" in key]
    kept = {key: room.store.read(key) for key in held if key not in PAGES}
    room.clean(days_later(4000), **SHORT)
    assert {key: room.store.read(key) for key in kept} == kept
    newest = newest_manifest(room.store, DAY)
    assert newest
    for file in newest.audited.data_files:
        assert file == newest.audited.quarantine or read_data(room.store, file)


class Witness(FolderStore):
    """A store that looks, at each removal, whether the object is noted as expired."""

    noted: dict[str, bool]

    def delete(self, key: str) -> None:
        self.noted[key] = key in read_expired(self, DAY)
        super().delete(key)


def test_sealed_models_and_the_note_of_the_alias_outlive_every_rule(room: Room) -> None:
    keys = [sealed_model_key("m", version, "d" * 64) for version in "12"] + [named_version_key("m", "champion")]
    for key in keys:
        room.store.create(key, b"{}")
    publish(room.store)
    room.age()
    assert room.clean(days_later(9999), **dict.fromkeys(Retention.model_fields, 1)).removals
    assert set(keys) <= set(room.held())


def test_what_manifests_name_is_noted_before_it_goes(room: Room) -> None:
    _everything(room.store)
    room.age()
    witness = Witness(room.root)
    witness.noted = {}
    retention, clock = Retention(**SHORT), clock_of(days_later(400), load_settings(environ={}))
    removals = [each for each in clean_day(witness, DAY, clock, retention, apply=True) if isinstance(each, Removal)]
    assert witness.noted == {each.key: each.is_named for each in removals}
    assert sum(witness.noted.values()) > 3
    rules = {each["rule"] for each in read_expired(room.store, DAY).values()}
    assert rules == {"retention.landing_days = 1", "retention.quarantine_days = 1", "retention.old_revision_days = 1"}


def test_a_file_that_the_newest_revision_shares_with_an_old_one_stays(room: Room) -> None:
    publish(room.store, rejected="the same")
    newest = publish(room.store, revision=2, rejected="the same")
    room.age()
    removed = told(room.clean(days_later(400), old_revision_days=30))
    assert len(removed) == 2
    for file in newest.audited.data_files:
        assert read_data(room.store, file)


def test_the_landing_of_an_unpublished_day_stays(room: Room) -> None:
    deliver(room.store)
    cleaning = room.clean(days_later(4000), landing_days=30)
    assert [(each.what, each.why) for each in cleaning.left] == [("landing", "they are not published")]
    assert room.held() == [f"landing/day={DAY}/a.csv"]


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.create(f"landing/day={DAY}/b.csv", b"late"),
        lambda store: store.create(f"landing/day={DAY}/corrections/c.csv", b"undecided"),
        lambda store: overwrite(store, f"landing/day={DAY}/a.csv", b"changed"),
        lambda store: store.create(f"landing/day={DAY}/notes.txt", b"of no known kind"),
        lambda store: store.delete(f"landing/day={DAY}/a.csv") or store.create(f"landing/day={DAY}/b.csv", b"a"),
    ],
)
def test_a_landing_with_anything_that_nobody_has_decided_stays_whole(
    room: Room, change: Callable[[Store], Any]
) -> None:
    publish(room.store)
    deliver(room.store)
    change(room.store)
    before = room.digest()
    cleaning = room.clean(days_later(4000), landing_days=30)
    assert [each.why for each in cleaning.left] == ["their landing holds other files than were published"]
    assert room.digest() == before


def test_a_control_file_goes_before_the_files_that_it_announces(room: Room) -> None:
    publish(room.store, file="A.csv")
    announced = {"A.csv": {"rows": 1, "sha256": hashlib.sha256(b"a").hexdigest()}}
    room.store.create(f"landing/day={DAY}/A.csv", b"a")
    room.store.create(f"landing/day={DAY}/_control.json", json.dumps({"day": str(DAY), "files": announced}).encode())
    removed = told(room.clean(days_later(31), landing_days=30))
    assert removed == [f"landing/day={DAY}/_control.json", f"landing/day={DAY}/A.csv"]


@pytest.mark.parametrize(
    "gone",
    [
        [manifest_key(DAY, 1)],
        [manifest_key(DAY, 2)],
        [manifest_key(DAY, 1), manifest_key(DAY, 2)],
        [manifest_key(DAY, 1), decisions_key(DAY)],
    ],
)
def test_a_day_whose_manifests_are_gone_is_left_alone(room: Room, gone: list[str]) -> None:
    publish(room.store)
    publish(room.store, revision=2, rejected="others")
    for key in gone:
        room.store.delete(key)
    room.age()
    before = room.digest()
    cleaning = room.clean(days_later(4000), orphan_days=7)
    assert [each.what for each in cleaning.left] == ["orphans"]
    assert "scoring status --verify" in cleaning.left[0].why
    assert room.digest() == before


def test_a_day_whose_readers_file_is_damaged_is_left_alone(room: Room) -> None:
    publish(room.store)
    orphan(room.store)
    (room.root / decisions_key(DAY)).write_bytes(b"PAR1 nonsense")
    room.age()
    assert [each.what for each in room.clean(days_later(4000), orphan_days=7).left] == ["orphans"]


@pytest.mark.parametrize("rule", ["quarantine_days", "landing_days", "orphan_days"])
def test_a_day_whose_manifest_is_damaged_is_left_alone(room: Room, rule: str) -> None:
    publish(room.store)
    deliver(room.store)
    room.age()
    (room.root / manifest_key(DAY, 1)).write_bytes(b"{}")
    before = room.digest()
    cleaning = room.clean(days_later(4000), **{rule: 7})
    assert len(cleaning.left) == 1
    assert room.digest() == before


class Overtaken(FolderStore):
    """A store in which a run goes on in the moment in which housekeeping removes an object."""

    overtake: Callable[[], object] | None = None

    def delete(self, key: str) -> None:
        super().delete(key)
        if overtake := self.overtake:
            self.overtake = None
            overtake()


@pytest.mark.parametrize(
    "goes_on",
    [
        lambda store, named: commit(store, named),
        lambda store, _: store.create(f"work/day={DAY}/pins.json", b"{}"),
    ],
    ids=["it publishes", "it begins"],
)
def test_a_data_file_that_a_run_publishes_in_that_very_moment_is_put_back(
    room: Room, goes_on: Callable[[Store, Manifest], object]
) -> None:
    first = publish(room.store)
    file = orphan(room.store)
    room.age()
    second = replace(first, revision=2, fingerprint="g", audited=replace(first.audited, changes=file))
    store = Overtaken(room.root)
    store.overtake = lambda: goes_on(room.store, second)
    clock = clock_of(datetime.now(UTC).date(), load_settings(environ={}))
    cleaned = list(clean_day(store, DAY, clock, Retention(**FOR_EVER | {"orphan_days": 7}), apply=True))
    assert [type(each).__name__ for each in cleaned] == ["Left"]
    assert read_data(room.store, file)


def test_rows_of_a_refused_day_go_with_the_quarantine(room: Room) -> None:
    keep_refused_rows(room.store, DAY, pa.table({"broken_rules": ["a"]}), revision=1, erasure=None)
    room.age()
    assert told(room.clean(days_later(30), quarantine_days=30)) == []
    assert told(room.clean(days_later(31), quarantine_days=30), "quarantine") == [refused_rows_key(DAY)]
    assert room.held() == []


def test_what_is_put_back_is_not_noted_as_expired(room: Room) -> None:
    first = publish(room.store)
    room.age()
    store = Overtaken(room.root)
    store.overtake = lambda: room.store.create(f"work/day={DAY}/pins.json", b"{}")
    clock = clock_of(datetime.now(UTC).date(), load_settings(environ={}))
    keeping = Retention(**FOR_EVER | {"quarantine_days": 1})
    assert [type(each) for each in clean_day(store, DAY, clock, keeping, apply=True)] == [Left]
    assert first.audited.quarantine
    assert read_data(room.store, first.audited.quarantine)
    assert read_expired(room.store, DAY) == {}


def test_what_a_revision_makes_anew_is_no_longer_noted_as_expired(project: Project, score: Callable[..., Any]) -> None:
    project.deliver(rows=120, bad_share=0.1)
    first = score().manifest
    for path in project.root.rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO.timestamp(),) * 2)
    cleaned(project.with_settings(retention={"quarantine_days": 1}).config, days_later(30))
    store = open_store(Storage(root=str(project.root)))
    assert set(read_expired(store, DAY)) == {first.audited.quarantine.key}
    policy = project.root.parent / "policy.yaml"
    shipped = (PROJECT / "configs/policy.yaml").read_text()
    policy.write_text(shipped.replace("cutoff: bundle", "cutoff: 0.05").replace('version: "1"', 'version: "2"'))
    second = score(project.with_settings(scoring={"policy": str(policy)}), force=True, reason="stricter").manifest
    assert second.audited.quarantine == first.audited.quarantine
    assert read_expired(store, DAY) == {}
    store.delete(second.audited.quarantine.key)
    assert next(verify_store(store)).problems


def test_a_name_that_no_store_takes_is_left_where_it_is_and_told(room: Room) -> None:
    publish(room.store)
    deliver(room.store)
    foreign = [room.root / f"{where}/day={DAY}/_a\\b.csv" for where in ("landing", "work")]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a")
    room.age()
    cleaning = room.clean(days_later(400), landing_days=1, work_days=1)
    assert cleaning.removals == ()
    assert [(each.what, "a name that no store takes" in each.why) for each in cleaning.left] == [("landing", True)]
    assert all(path.exists() for path in foreign)


def test_a_run_that_publishes_what_was_made_long_ago_keeps_housekeeping_off(
    project: Project, score: Callable[..., Any]
) -> None:
    project.deliver(rows=60)
    project.block_publication()
    room, today, own = Room(project.root.parent), datetime.now(UTC).date(), project.with_settings()
    for is_left_alone in (False, True):
        with pytest.raises(PublishError):
            score(own)
        if not is_left_alone:
            room.age()
            assert told(room.clean(today, apply=False, orphan_days=7), "orphans")
    assert [each.why for each in room.clean(today, orphan_days=7).left] == ["somebody has worked on them lately"]


@contextmanager
def unfinished_write(root: Path) -> Iterator[None]:
    """A write that is under way, as one of a process that died looks for ever."""
    stream = FolderStore(root).create_stream("landing/x")
    stream.__enter__().write(b"half")
    try:
        yield
    finally:
        stream.__exit__(RuntimeError, RuntimeError("torn"), None)


@pytest.mark.parametrize(("age_days", "goes"), [(7, False), (8, True)])
def test_a_write_that_never_ended_goes_when_it_was_not_touched_for_long_enough(
    room: Room, age_days: int, goes: bool
) -> None:
    with unfinished_write(room.root):
        room.age("", datetime(2026, 11, 10, 12, tzinfo=UTC))
        cleaning = room.clean(date(2026, 11, 10) + timedelta(days=age_days), orphan_days=7)
        assert [each.what for each in cleaning.removals] == (["unfinished writes"] if goes else [])
        assert len(list(room.store.unfinished())) == (not goes)


def test_ages_are_counted_by_the_calendars_clock(room: Room) -> None:
    orphan(room.store)
    room.age("", datetime(2026, 11, 10, 23, 30, tzinfo=UTC))  # in Prague it is the eleventh
    assert told(room.clean(date(2026, 11, 18), orphan_days=7)) == []
    assert len(told(room.clean(date(2026, 11, 19), orphan_days=7))) == 1


def test_keys_that_are_of_no_day_are_left_alone(room: Room) -> None:
    for key in (
        "work/x",
        "work/day=2026-13-01/x",
        "work/day=x/y",
        f"revisions/day={DAY}/mine.parquet",
        "landing/a.csv",
    ):
        room.store.create(key, b"")
    room.age()
    before = room.held()
    assert told(room.clean(date(9999, 1, 1), **SHORT)) == []
    assert room.held() == before


def test_nothing_that_cannot_be_noted_is_removed(room: Room) -> None:
    publish(room.store)
    room.store.create(f"revisions/day={DAY}/expired.json", b"no note")
    room.age()
    before = room.digest()
    with pytest.raises(PublishError, match="does not note which files were removed"):
        room.clean(days_later(400), quarantine_days=30)
    assert room.digest() == before


@pytest.fixture
def scored(project: Project, score: Callable[..., Any]) -> Project:
    project.deliver(rows=120, files=2)
    score()
    for path in project.root.rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO.timestamp(),) * 2)
    return project


def with_landing_expired(project: Project) -> Project:
    expiring = project.with_settings(retention={"landing_days": 30})
    cleaning = cleaned(expiring.config, days_later(31))
    assert sum(each.is_named for each in cleaning.removals) == 2
    assert not any(path.is_file() for path in project.landing.rglob("*"))
    return project


def test_a_day_whose_landing_has_expired_stays_published(scored: Project, score: Callable[..., Any]) -> None:
    seen = scored.decisions.read_bytes()
    with_landing_expired(scored)
    assert score().outcome == "unchanged"
    assert scored.decisions.read_bytes() == seen
    store = open_store(Storage(root=str(scored.root)))
    assert [problem for checked in verify_store(store) for problem in checked.problems] == []


@pytest.mark.parametrize("order", [{"force": True}, {"corrections": True}])
def test_a_day_whose_landing_has_expired_cannot_be_revised(scored: Project, order: dict[str, bool]) -> None:
    with_landing_expired(scored)
    correction = scored.landing / "corrections/c.csv"
    correction.parent.mkdir(parents=True, exist_ok=True)
    correction.write_text("SK_ID_CURR\n1\n")
    with pytest.raises(InputsChanged, match="The landing of 2026-11-02 has expired: 2 of the 2 files"):
        score_applications.fn(as_of=DAY, config=scored.config, reason="a test", **order)


def test_a_day_whose_landing_has_expired_cannot_be_monitored(scored: Project) -> None:
    with_landing_expired(scored)
    with pytest.raises(InputsChanged, match=r"has expired: .* \(retention.landing_days\).* restore the files"):
        monitor_decisions.fn(as_of=DAY, config=scored.config)


def test_a_landing_that_was_restored_counts_again(scored: Project, score: Callable[..., Any]) -> None:
    files = {path: path.read_bytes() for path in scored.landing.iterdir()}
    with_landing_expired(scored)
    for path, data in files.items():
        path.write_bytes(data)
    assert score().outcome == "unchanged"
    first = next(path for path in files if path.suffix == ".csv")
    (scored.landing / "_control.json").unlink()
    first.write_bytes(files[first] + files[first].splitlines(keepends=True)[-1])
    with pytest.raises(InputsChanged, match=f"changed: {first.name}"):
        score()


def test_new_files_in_an_expired_landing_are_no_part_of_the_day(scored: Project, score: Callable[..., Any]) -> None:
    data = (scored.landing / "applications_1.csv").read_bytes()
    with_landing_expired(scored)
    (scored.landing / "late.csv").write_bytes(data)
    with pytest.raises(InputsChanged, match=r"\(new: late.csv\)"):
        score()


def test_housekeeping_that_dies_while_a_landing_expires_leaves_the_day_as_it_was(
    scored: Project, score: Callable[..., Any]
) -> None:
    retention, clock = Retention(**FOR_EVER | {"landing_days": 30}), clock_of(days_later(31), load_settings(environ={}))
    for calls in range(5):
        store = DyingStore(open_store(Storage(root=str(scored.root))), calls=calls)
        try:
            list(clean_day(store, DAY, clock, retention, apply=True))
        except Died:
            assert score().outcome == "unchanged"
            continue
        break
    assert score().outcome == "unchanged"
    assert not any(path.is_file() for path in scored.landing.rglob("*"))


def test_everything_is_cleaned_on_s3_as_well(s3_root: str, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    storage = {"root": s3_root, "part_bytes": 5 * 1024**2}
    config.write_text(yaml.safe_dump({"storage": storage, "retention": SHORT}))
    store = open_store(Storage(**storage))
    _everything(store)
    writing = store.create_stream("work/large")
    writing.__enter__().write(bytes(6 * 1024**2))
    before = [entry.key for entry in store.list("")]
    today = datetime.now(UTC).date() + timedelta(days=400)
    assert told(cleaned(str(config), datetime.now(UTC).date(), apply=False), "unfinished writes") == []
    dry = cleaned(str(config), today, apply=False)
    assert [entry.key for entry in store.list("")] == before
    applied = cleaned(str(config), today)
    assert dry == replace(applied, is_applied=False)
    assert {each.what for each in dry.removals} == {
        "work", "orphans", "unfinished writes", "landing", "quarantine", "old revisions", "monitoring pages",
    }  # fmt: skip
    removed = set(told(applied)) - {"work/large"}
    assert {entry.key for entry in store.list("")} == set(before) - removed | {f"revisions/day={DAY}/expired.json"}
    assert set(read_expired(store, DAY)) == {each.key for each in applied.removals if each.is_named}
    assert told(cleaned(str(config), today)) == []
    with pytest.raises(PublishError):
        writing.__exit__(None, None, None)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int, bool, bool, bool]]:
    """For some days: how long ago, how many revisions, whether their quarantine differs, a landing, an orphan."""
    day = st.tuples(st.integers(0, 40), st.integers(0, 3), st.booleans(), st.booleans(), st.booleans())
    return draw(st.lists(day, max_size=4, unique_by=lambda each: each[0]))


def _fill(store: Store, days: Iterable[tuple[int, int, bool, bool, bool]]) -> None:
    for age, revisions, differs, has_landing, has_orphan in days:
        as_of = DAY - timedelta(days=age)
        for revision in range(1, revisions + 1):
            publish(store, as_of, revision=revision, rejected=f"{as_of} {revision if differs else ''}")
        if has_landing:
            deliver(store, as_of)
        if has_orphan:
            orphan(store, as_of)


LIMIT = st.none() | st.integers(1, 40)


@effort(max_examples=60)
@given(histories(), st.fixed_dictionaries(dict.fromkeys(SHORT, LIMIT)), st.booleans())
def test_whatever_the_rules_no_published_day_loses_more_than_it_is_told(
    days: list[tuple[int, int, bool, bool, bool]], retention: dict[str, int | None], has_orphans: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        room = Room(Path(folder))
        _fill(room.store, [(*day[:4], day[4] and has_orphans) for day in days])
        room.age()
        before = set(room.held())
        cleaning = room.clean(DAY, **retention)
        assert before - set(room.held()) == set(told(cleaning))
        for age, revisions, _, has_landing, _ in days:
            as_of = DAY - timedelta(days=age)
            newest, expired = newest_manifest(room.store, as_of), set(read_expired(room.store, as_of))
            named = {file.key for file in newest.audited.data_files} if newest else set()
            gone = {each.key for each in cleaning.removals if each.as_of == as_of}
            is_past = {rule: limit is not None and age > limit for rule, limit in retention.items()}
            assert {each.key for each in cleaning.removals if each.as_of == as_of and each.is_named} == expired
            assert {key for key in gone & named if not key.startswith("quarantine/")} == set()
            assert any(key.startswith("quarantine/") for key in gone & named) == (
                newest is not None and is_past["quarantine_days"]
            )
            assert any(key.startswith("landing/") for key in gone) == (
                has_landing and revisions > 0 and is_past["landing_days"]
            )
            assert newest is None or show_newest(room.store, as_of) == newest
            assert newest is None or room.store.read(decisions_key(as_of)).data == read_data(
                room.store, newest.audited.decisions
            )
        assert told(room.clean(DAY, **retention)) == []


def test_an_age_is_the_difference_of_two_business_days() -> None:
    clock = clock_of(DAY, load_settings(environ={}))
    assert isinstance(clock, Clock)
    assert [clock.age_days(day) for day in (DAY, DAY - timedelta(days=1), DAY + timedelta(days=1))] == [0, 1, -1]


@pytest.mark.parametrize(("is_applied", "days"), [(True, {DAY}), (False, set())])
def test_only_days_that_lost_an_object_are_cleaned(days: set[date], *, is_applied: bool) -> None:
    removals = (Removal("work", DAY, "work/a", 1), Removal("unfinished writes", None, "a", 1))
    assert Cleaning(DAY, is_applied, removals, ()).cleaned_days == days
