"""Housekeeping: objects that the store keeps for a limited time, removed when that time is over.

Decisions, manifests, contract reports, verdicts and figures of monitoring, contracts, claims on
inputs and reference samples are never touched.

Housekeeping is safe beside a run under way. A day on which a run has worked since yesterday is left
alone, and its orphans for as long as orphans are kept. A run that loses a file all the same
publishes nothing: `publish` verifies every data file right before the commit. A rerun makes the
lost file anew, because a work record counts only while its files are there; records that name an
orphan are removed before the orphan. If a run commits at the very moment in which a data file is
removed, the file is put back: its bytes are held until the day has been read once more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Final, NamedTuple

from configs.calendar import Clock, load_calendar
from configs.settings import Retention, Settings
from tasks.core.day.control import CONTROL
from tasks.core.words import counted, normal_name
from tasks.delivery.listing import list_delivery, stand
from tasks.errors import ConfigError, ObjectArchived, SourceError
from tasks.publication.expired import forget_expired, note_expired
from tasks.publication.layout import (
    Room,
    day_of,
    is_data_file,
    is_file_of_outcomes,
    landing_key,
    last_day_of_page,
    refused_rows_key,
    room_prefix,
)
from tasks.publication.outcome_ledger import Receipt, expire_delivery, receipts_of
from tasks.publication.stored_day import StoredDay
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import AlreadyExists, Entry, NotFound, Store, open_store
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there

RULES: Final = {
    "work": "work_days",
    "orphans": "orphan_days",
    "unfinished writes": "orphan_days",
    "landing": "landing_days",
    "quarantine": "quarantine_days",
    "old revisions": "old_revision_days",
    "monitoring pages": "report_days",
    "outcomes": "outcome_days",
}
"""Kind of object to the setting of `retention` that limits its age."""
_ROOMS: Final[tuple[Room, ...]] = ("work", "revisions", "quarantine", "landing")
_DATA: Final = ("orphans", "quarantine", "old revisions")
_LOG_EVERY_DAYS: Final = 50
_BUSY: Final = "somebody has worked on them lately"
_DAMAGED: Final = "manifests are missing or damaged; `scoring status --verify` lists them"
_FOREIGN: Final = "their landing holds a name that no store takes; rename it, or remove it by hand"
_UNPUBLISHED: Final = "they are not published"
_UNDECIDED: Final = "their landing holds other files than were published"


@dataclass(frozen=True, slots=True)
class Removal:
    """An object whose time is over."""

    what: str
    """One of `RULES`."""
    as_of: date | None
    """The business day in its key, of a window the last one; None for an unfinished write."""
    key: str
    size_bytes: int
    is_named: bool = False
    """True if a manifest names it."""


@dataclass(frozen=True, slots=True)
class Left:
    """Objects of a day whose time is over and that were left alone."""

    what: str
    as_of: date
    why: str


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Objects that housekeeping found past their time, and removed if `is_applied`."""

    today: date
    is_applied: bool
    removals: tuple[Removal, ...]
    left: tuple[Left, ...]

    @property
    def cleaned_days(self) -> frozenset[date]:
        """Days of which an object was removed; none in a dry run."""
        return frozenset(each.as_of for each in self.removals if self.is_applied and each.as_of)


def clock_of(today: date | None, settings: Settings) -> Clock:
    """Clock of the business calendar, or one that is fixed at `today`."""
    calendar = load_calendar(settings.scoring.calendar)
    return Clock(today or calendar.business_day(datetime.now(UTC)), calendar)


def require_not_in_future(clock: Clock) -> None:
    """Require that the clock's day has come: a later one would make work under way look old.

    Raises:
        ConfigError: names the clock's day and the business day.
    """
    now = clock.calendar.business_day(datetime.now(UTC))
    if clock.today > now:
        raise ConfigError(
            f"today must not be after {now}, got {clock.today}: a day to come is only for dry "
            "runs, which show what would be due then. Leave it out to remove what is due."
        )


def clean(clock: Clock, settings: Settings, *, apply: bool) -> Cleaning:
    """Find all objects past their time by this clock, and remove them if `apply`."""
    removals, left = clean_days(find_days(settings), clock, settings, apply=apply)
    given_up = give_up_writes(clock, settings, apply=apply)
    pages = remove_old_pages(clock, settings, apply=apply)
    outcomes = remove_old_outcomes(clock, settings, apply=apply)
    return Cleaning(clock.today, apply, (*removals, *given_up, *pages, *outcomes), left)


@step("find days")
def find_days(settings: Settings) -> tuple[date, ...]:
    """Business days of which the store holds objects with a limited time, sorted."""
    store = open_store(settings.storage)
    days = {day_of(entry.key) for room in _ROOMS for entry in store.list(room_prefix(room))}
    return tuple(sorted(day for day in days if day))


@step("clean days")
def clean_days(
    days: Sequence[date], clock: Clock, settings: Settings, *, apply: bool
) -> tuple[tuple[Removal, ...], tuple[Left, ...]]:
    """Find the objects past their time on these days, and remove them if `apply`.

    Returns the objects removed or due, and those that were left alone.
    """
    store = open_store(settings.storage)
    found: list[Removal | Left] = []
    for number, as_of in enumerate(days, start=1):
        try:
            found.extend(clean_day(store, as_of, clock, settings.retention, apply=apply))
        except ObjectArchived as archived:
            found.append(Left("what follows", as_of, str(archived)))
        if number % _LOG_EVERY_DAYS == 0:
            run_logger().info("%d of %d days looked at", number, len(days))
    removals = (each for each in found if isinstance(each, Removal))
    return tuple(removals), tuple(each for each in found if isinstance(each, Left))


@step("give up unfinished writes")
def give_up_writes(clock: Clock, settings: Settings, *, apply: bool) -> tuple[Removal, ...]:
    """Find unfinished writes of processes that died, and abort them if `apply`.

    The age of a write counts from its last written part.
    """
    store = open_store(settings.storage)
    limit = settings.retention.orphan_days
    if limit is None:
        return ()
    due = [write for write in store.unfinished() if _is_over(clock.age_days(write.modified_at), limit)]
    if apply:
        for write in due:
            store.forget(write)
    return tuple(Removal("unfinished writes", None, write.key, write.size_bytes) for write in due)


@step("remove old pages")
def remove_old_pages(clock: Clock, settings: Settings, *, apply: bool) -> tuple[Removal, ...]:
    """Find pages of monitoring past their time, and remove them if `apply`.

    The age of a window's pages counts from its last day. Monitoring may make them anew at any time,
    so a run under way needs none of them.
    """
    store = open_store(settings.storage)
    limit = settings.retention.report_days
    if limit is None:
        return ()
    due = []
    for entry in store.list(room_prefix("reports")):
        last = last_day_of_page(entry.key)
        if last and _is_over(clock.age_days(last), limit):
            due.append(Removal("monitoring pages", last, entry.key, entry.size_bytes))
    if apply:
        for each in due:
            store.delete(each.key)
    return tuple(due)


@step("remove old outcomes")
def remove_old_outcomes(clock: Clock, settings: Settings, *, apply: bool) -> tuple[Removal, ...]:
    """Find deliveries of outcomes past their time, and remove them if `apply`; receipts stay.

    Their age counts from the day on which they were taken in. Files of expired deliveries that a dead
    command left go, too, and orphans: files of outcomes that no receipt names.
    """
    store = open_store(settings.storage)
    entries = list(store.list(room_prefix("outcomes")))
    receipts = tuple(receipts_of(store))  # read last: a file that is named by now stays
    due: list[Removal] = []
    for receipt in receipts:
        age = clock.age_days(datetime.fromisoformat(receipt.received_at))
        if receipt.expired_on is None and _is_over(age, settings.retention.outcome_days):
            due += [Removal("outcomes", None, file.key, file.size_bytes) for file in receipt.files]
            if apply:
                expire_delivery(store, receipt, on=clock.today)
    left = list(_left_outcomes(entries, receipts, clock, settings.retention))
    if apply:
        for each in left:
            store.delete(each.key)
    return (*due, *left)


def _left_outcomes(
    entries: Sequence[Entry], receipts: Sequence[Receipt], clock: Clock, retention: Retention
) -> Iterator[Removal]:
    """Files of outcomes that nobody needs: of deliveries that had expired before, and those that no receipt names."""
    expired = {file.key for receipt in receipts if receipt.expired_on for file in receipt.files}
    named = {file.key for receipt in receipts for file in receipt.files}
    for entry in filter(lambda each: is_file_of_outcomes(each.key), entries):
        is_old = _is_over(clock.age_days(entry.modified_at), retention.orphan_days)
        if entry.key in expired:
            yield Removal("outcomes", None, entry.key, entry.size_bytes)
        elif entry.key not in named and is_old:
            yield Removal("orphans", None, entry.key, entry.size_bytes)


def clean_day(
    store: Store, as_of: date, clock: Clock, retention: Retention, *, apply: bool
) -> Iterator[Removal | Left]:
    """Objects past their time on one day, in the order of removal, and those that are left alone.

    If `apply`, an object is removed before it is yielded. A file that a manifest names is noted as
    expired before it is removed.
    """
    day = StoredDay(store, as_of)
    keeping = _Keeping(clock, retention)
    seen: set[str] = set()
    rules = (_due_work, _due_orphans, _due_landing, _due_quarantine, _due_old_revisions)
    found = (each for rule in rules for each in rule(day, keeping))
    for _, group in groupby(found, key=lambda each: each.what):
        unseen = [each for each in group if isinstance(each, Left) or each.key not in seen]
        due = [each for each in unseen if isinstance(each, Removal)]
        seen.update(each.key for each in due)
        yield from (each for each in unseen if isinstance(each, Left))
        yield from _remove(day, due, keeping) if apply else due


class _Keeping(NamedTuple):
    """Limits of the time for which objects are kept, and the clock."""

    clock: Clock
    retention: Retention


def _is_over(age_days: int, limit_days: int | None) -> bool:
    return limit_days is not None and age_days > limit_days


def _due_work(day: StoredDay, keeping: _Keeping) -> Iterator[Removal | Left]:
    if not _is_over(keeping.clock.age_days(day.as_of), keeping.retention.work_days) or not day.work:
        return
    if day.is_busy(keeping.clock):
        yield Left("work", day.as_of, _BUSY)
        return
    yield from (Removal("work", day.as_of, entry.key, entry.size_bytes) for entry in day.work)


def _due_orphans(day: StoredDay, keeping: _Keeping) -> Iterator[Removal | Left]:
    clock = keeping.clock
    limit = keeping.retention.orphan_days
    old = [entry for entry in day.data if _is_over(clock.age_days(entry.modified_at), limit)]
    if limit is None or not old:
        return
    orphans = [entry for entry in old if entry.key not in day.named]
    if not orphans:
        return
    if day.is_busy(clock, limit) or not day.is_known():
        yield Left("orphans", day.as_of, _BUSY if day.is_busy(clock, limit) else _DAMAGED)
        return
    for entry in (*_records_naming(day, [orphan.key for orphan in orphans]), *orphans):
        yield Removal("orphans", day.as_of, entry.key, entry.size_bytes)


def _records_naming(day: StoredDay, keys: Iterable[str]) -> Iterator[Entry]:
    """Work records that name one of these data files."""
    names = [key.encode() for key in keys]
    for entry in day.work:
        stored = read_if_there(day.store, entry.key) if entry.key.endswith(".json") else None
        if stored and any(name in stored.data for name in names):
            yield entry


def _due_landing(day: StoredDay, keeping: _Keeping) -> Iterator[Removal | Left]:
    """All of a published day's landing, or nothing of it.

    A file that no run has decided is never removed.
    """
    if not _is_over(keeping.clock.age_days(day.as_of), keeping.retention.landing_days):
        return
    prefix = landing_key(day.as_of)
    entries = list(day.store.list(prefix))
    if not entries:
        return
    if why := _reason_to_keep_landing(day, keeping.clock, entries):
        yield Left("landing", day.as_of, why)
        return
    decided = day.last_decided
    named = {prefix + name for name in decided.inputs_by_name} if decided else set()
    # A control file without its files would make the day look cut off.
    for entry in sorted(entries, key=lambda entry: not entry.key.endswith(f"/{CONTROL}")):
        is_named = normal_name(entry.key) in named
        yield Removal("landing", day.as_of, entry.key, entry.size_bytes, is_named)


def _reason_to_keep_landing(
    day: StoredDay,
    clock: Clock,
    entries: Sequence[Entry],
) -> str | None:
    """Reason why the landing is left alone; None if it may be removed."""
    if day.manifests is None or not day.manifests:
        return _DAMAGED if day.manifests is None else _UNPUBLISHED
    if day.is_busy(clock):
        return _BUSY
    if not all(is_key(entry.key) for entry in entries):
        return _FOREIGN
    published = day.last_decided
    run_logger().info("Comparing the landing of %s with what was published from it", day.as_of)
    try:
        standing = stand(day.store, day.as_of, published)
        delivery = list_delivery(day.store, standing)
    except SourceError:
        return _UNDECIDED
    is_decided = delivery.digests == standing.unexpired_inputs and not standing.waiting
    return None if is_decided else _UNDECIDED


def _due_quarantine(day: StoredDay, keeping: _Keeping) -> Iterator[Removal | Left]:
    if _is_over(keeping.clock.age_days(day.as_of), keeping.retention.quarantine_days):
        refused = refused_rows_key(day.as_of)
        ours = (entry for entry in day.entries("quarantine") if is_data_file(entry.key) or entry.key == refused)
        rejected = list(ours)
        yield from _due_data("quarantine", day, rejected, keeping.clock)


def _due_old_revisions(day: StoredDay, keeping: _Keeping) -> Iterator[Removal | Left]:
    is_over = _is_over(keeping.clock.age_days(day.as_of), keeping.retention.old_revision_days)
    if not is_over or not day.manifests:
        return
    shown = {file.key for file in day.manifests[-1].audited.data_files}
    old = [entry for entry in day.data if entry.key in day.named - shown]
    yield from _due_data("old revisions", day, old, keeping.clock)


def _due_data(
    what: str,
    day: StoredDay,
    entries: Sequence[Entry],
    clock: Clock,
) -> Iterator[Removal | Left]:
    if entries and (day.is_busy(clock) or day.manifests is None):
        yield Left(what, day.as_of, _BUSY if day.is_busy(clock) else _DAMAGED)
        return
    for entry in entries:
        yield Removal(what, day.as_of, entry.key, entry.size_bytes, entry.key in day.named)


def _remove(day: StoredDay, due: Sequence[Removal], keeping: _Keeping) -> Iterator[Removal | Left]:
    """Remove objects of one rule, and yield each that is gone, or is left after all."""
    if not due:
        return
    rule = RULES[due[0].what]
    if named := [each.key for each in due if each.is_named]:
        note_expired(
            day.store, day.as_of, named, rule=f"retention.{rule} = {getattr(keeping.retention, rule)}",
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
    for each in due:
        if each.what in _DATA and is_data_file(each.key):
            if not _remove_data(day, each.key, keeping.clock):
                yield Left(each.what, day.as_of, _BUSY)
                continue
        else:
            day.store.delete(each.key)
        yield each
    run_logger().info("%s: %s removed, %s", day.as_of, counted(len(due), "object"), due[0].what)


def _remove_data(day: StoredDay, key: str, clock: Clock) -> bool:
    """Remove a data file, and return True; put it back, and return False, if a run may need it.

    A run needs it if it was under way during the removal, or has published since.
    """
    try:
        held = day.store.read(key).data
    except NotFound:
        return True
    day.store.delete(key)
    now = StoredDay(day.store, day.as_of)
    if not _may_need_data(now, day, clock):
        return True
    with contextlib.suppress(AlreadyExists):
        day.store.create(key, held)
    forget_expired(day.store, day.as_of, [key])
    return False


def _may_need_data(now: StoredDay, before: StoredDay, clock: Clock) -> bool:
    """True if a run is under way on the day, has published since, or damage hides that."""
    if now.is_busy(clock) or now.manifests is None:
        return True
    return len(now.manifests) > len(before.manifests or ())
