"""One applicant is looked up over all days and revisions; who is nowhere is told so without the id."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from configs.calendar import Calendar
from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.records import DataFile
from tasks.core.decision.published_rows import build_decisions
from tasks.core.decision.reasons import REASONS
from tasks.errors import PublishError, SourceError
from tasks.inspection.lookup import ABSENT, SET_ASIDE, UNKNOWN, LookUp, look_up
from tasks.publication.data_files import store_data
from tasks.publication.erasure_token import note_erasure
from tasks.publication.expired import note_expired
from tasks.publication.layout import announcement_key, day_prefix, manifest_key
from tasks.publication.manifests import commit
from tasks.publication.stored_day import StoredDay
from tasks.store import Store
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import POLICY, made_audit, made_manifest

CALENDAR = Calendar(zone="UTC", weekend=(), holidays={}, zero_row_days={})
WHOM = 7
GOOD, BAD = 0.01, 0.2


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def decisions_of(pds: dict[int, float], as_of: date, revision: int) -> bytes:
    scored = pa.table(
        {"application_id": list(pds), "pd": list(pds.values()), **dict.fromkeys(REASONS, ["R1"] * len(pds))}
    )
    rows = build_decisions(
        scored, as_of=as_of, policy=POLICY, model_name="credit-default", model_version="1", contract_version="1"
    )
    return write_parquet(rows, {"revision": str(revision)})


def quarantine_of(store: Store, ids: list[int], as_of: date) -> DataFile:
    columns = {"application_id": pa.array(ids, pa.int64()), "SK_ID_CURR": [str(each) for each in ids]}
    data = write_parquet(pa.table(columns))
    return store_data(store, day_prefix("quarantine", as_of), "rejected", data, rows=len(ids))


def publish(
    store: Store, pds: dict[int, float], *, as_of: date = DAY, revision: int = 1, aside: list[int] | None = None
) -> DataFile:
    """Publish a revision with these pds by id; returns its decisions."""
    data = decisions_of(pds, as_of, revision)
    decisions = store_data(store, day_prefix("revisions", as_of), "decisions", data, rows=len(pds))
    quarantine = quarantine_of(store, aside, as_of) if aside else None
    audited = made_audit(decisions=decisions, quarantine=quarantine)
    fingerprint = f"f{as_of}{revision}"
    commit(store, made_manifest(audited, as_of=as_of, revision=revision, fingerprint=fingerprint))
    return decisions


def told(found: LookUp) -> list[tuple[date, int, str]]:
    return [(each.published.as_of, each.published.revision, each.outcome) for each in found.appearances]


def test_one_who_was_refused_before_an_approval_is_told_so(store: FolderStore) -> None:
    for revision, pd in enumerate((GOOD, BAD, BAD, GOOD), start=1):
        publish(store, {1: GOOD, WHOM: pd, 9: BAD}, revision=revision)
    found = look_up(store, WHOM, CALENDAR)
    assert told(found) == [(DAY, 4, "approve"), (DAY, 3, "refuse"), (DAY, 2, "refuse"), (DAY, 1, "approve")]
    assert [each.row and each.row["pd"] for each in found.appearances] == [GOOD, BAD, BAD, GOOD]
    assert found.unread == ()


def test_days_come_newest_first_and_days_without_the_applicant_are_left_out(store: FolderStore) -> None:
    days = [DAY + timedelta(days=n) for n in range(4)]
    for as_of, ids in zip(days, ([WHOM], [1, 9], [3, WHOM], [8, 9]), strict=True):
        publish(store, dict.fromkeys(ids, GOOD), as_of=as_of)
    found = look_up(store, WHOM, CALENDAR)
    assert told(found) == [(days[2], 1, "approve"), (days[0], 1, "approve")]
    assert found.newest.published.as_of == days[2]


def test_a_revision_that_set_the_row_aside_or_lacks_it_is_told(store: FolderStore) -> None:
    publish(store, {WHOM: BAD})
    publish(store, {1: BAD}, revision=2, aside=[WHOM])
    publish(store, {1: BAD}, revision=3)
    found = look_up(store, WHOM, CALENDAR)
    assert told(found) == [(DAY, 3, ABSENT), (DAY, 2, SET_ASIDE), (DAY, 1, "refuse")]
    assert found.newest.published.revision == 2


def test_the_id_of_a_group_of_rows_that_spans_it_is_not_taken_for_found(store: FolderStore) -> None:
    publish(store, {1: GOOD, 9: GOOD})
    with pytest.raises(SourceError, match="any of 1 published day, 2026-11-02 to 2026-11-02. Look"):
        look_up(store, WHOM, CALENDAR)


def test_who_is_nowhere_is_told_so_without_the_id(store: FolderStore) -> None:
    whom = 987654321
    with pytest.raises(SourceError, match="No day has been published"):
        look_up(store, whom, CALENDAR)
    publish(store, {1: GOOD})
    publish(store, {1: GOOD}, as_of=DAY + timedelta(days=1))
    with pytest.raises(SourceError, match="any of 2 published days, 2026-11-02 to 2026-11-03") as stopped:
        look_up(store, whom, CALENDAR)
    assert str(whom) not in str(stopped.value)


def test_that_applicants_were_erased_is_said_of_an_id_that_is_nowhere(store: FolderStore) -> None:
    publish(store, {1: GOOD})
    path = manifest_key(DAY, 1)
    manifest = StoredDay(store, DAY).require_unbroken()
    assert manifest
    store.delete(path)
    commit(store, replace(manifest, erasures=({"at": "2027-01-05T09:30:00+00:00", "reason": "asked"},)))
    with pytest.raises(SourceError, match="Applicants were erased from 1 day of them since"):
        look_up(store, WHOM, CALENDAR)


def test_an_erasure_under_way_stops_the_search(store: FolderStore) -> None:
    publish(store, {WHOM: GOOD})
    other = DAY + timedelta(days=1)
    note_erasure(store, other, is_over=False)
    with pytest.raises(PublishError, match=f"being erased from {other}"):
        look_up(store, WHOM, CALENDAR)
    note_erasure(store, other, is_over=True)
    assert look_up(store, WHOM, CALENDAR).appearances


def test_decisions_that_were_removed_by_rule_are_not_known(store: FolderStore) -> None:
    removed = publish(store, {WHOM: BAD})
    publish(store, {WHOM: GOOD}, revision=2)
    note_expired(store, DAY, [removed.key], rule="old", at="2027-11-03T00:00:00+00:00")
    store.delete(removed.key)
    found = look_up(store, WHOM, CALENDAR)
    assert told(found) == [(DAY, 2, "approve"), (DAY, 1, UNKNOWN)]
    assert found.unread == (
        "The decisions of 2026-11-02, revision 1, were removed by rule on 2027-11-03 00:00 UTC: old.",
    )


@pytest.mark.parametrize("damage", [b"", b"no parquet"])
def test_a_damaged_file_hides_no_other_day_and_is_told(store: FolderStore, tmp_path: Path, damage: bytes) -> None:
    broken = publish(store, {WHOM: BAD})
    publish(store, {WHOM: GOOD}, as_of=DAY + timedelta(days=1))
    (tmp_path / broken.key).write_bytes(damage)
    found = look_up(store, WHOM, CALENDAR)
    assert told(found) == [(DAY + timedelta(days=1), 1, "approve")]
    (unread,) = found.unread
    assert "is missing or damaged" in unread
    with pytest.raises(
        SourceError, match="1 part of the store could not be searched, the first: .* missing or damaged"
    ):
        look_up(store, 3, CALENDAR)


def test_a_day_without_a_manifest_hides_no_other_day(store: FolderStore) -> None:
    publish(store, {WHOM: BAD})
    other = DAY + timedelta(days=1)
    store.create(announcement_key(other, 1), b"{}")
    found = look_up(store, WHOM, CALENDAR)
    assert told(found) == [(DAY, 1, "refuse")]
    assert len(found.unread) == 1


def test_the_days_pass_by_whoever_shows_the_progress(store: FolderStore) -> None:
    for n in range(3):
        publish(store, {WHOM: GOOD}, as_of=DAY + timedelta(days=n))
    seen = []

    def shown(days: object) -> Iterator[StoredDay]:
        for day in days:  # type: ignore[attr-defined]
            seen.append(day.as_of)
            yield day

    look_up(store, WHOM, CALENDAR, shown)
    assert seen == [DAY + timedelta(days=n) for n in (2, 1, 0)]
