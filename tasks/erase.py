"""One applicant removed from the whole store, because they have a right to it.

Readers see a complete file at every moment, and whatever dies, the same command run again finishes the job. On each day
the order is: what runs have left for each other goes; new data files are stored beside the old ones; manifests are
rewritten to name those, with the digests that the landing files are going to have; readers are shown the newest; then
the landing files are rewritten, and what no manifest names any more goes last. But for the time, all that is written
depends on what lies there and on the applicant alone, so that a second run finds its own work and goes on from it.

A revision's fingerprint, its contract report and the row numbers in quarantine stay what they were when it was made.
Models carry no ids; a reference sample is searched like everything else.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.adapters.arrow import read_footer, read_parquet, write_parquet
from tasks.adapters.cut import Reading, count_rows, cut_rows
from tasks.arrive import CONTROL
from tasks.clean import StoredDay, is_data_file
from tasks.core.control import Announced, read_control
from tasks.core.day import (
    CORRECTIONS,
    DataFile,
    Delivery,
    FileRef,
    Pins,
    content_fingerprint,
    count_by_decision,
    format_of,
)
from tasks.core.erasure import ID_COLUMNS, erased_totals, places_of_rows, rows_of
from tasks.core.manifest import Manifest, manifest_json, policy_of, read_manifest
from tasks.core.screening import APPLICATION_ID, BROKEN_RULES, SOURCE_FILE, count_by_rule
from tasks.errors import ConfigError, PublishError, SourceError
from tasks.inputs import claim_inputs
from tasks.landing import landing_key, open_landing
from tasks.orchestration import run_logger
from tasks.revisions import decisions_key, manifest_key, name_data, read_data, read_if_there, show_newest, store_data
from tasks.screen_score import PD
from tasks.status import day_of
from tasks.store import AlreadyExists, Changed, Entry, NotFound, Store, Stored

_ROOMS: Final = ("landing", "work", "revisions", "quarantine", "decisions")
_TOLD_EVERY: Final = 200
_AGAIN: Final = "Run the same command again; it goes on from here."


@dataclass(frozen=True, slots=True)
class Found:
    """A stored object that holds rows of the applicant."""

    key: str
    rows: int

    @property
    def room(self) -> str:
        """The first part of its key."""
        return self.key.partition("/")[0]

    @property
    def as_of(self) -> date | None:
        """The business day in its key."""
        return day_of(self.key)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Where an applicant occurs, or occurred."""

    found: tuple[Found, ...]
    unsearched: Mapping[str, str]
    """Key of each object that could not be searched to what is wrong with it."""
    is_applied: bool
    record: str | None = None
    """Key of the record of what was done; None where nothing was."""


class Change(NamedTuple):
    """An object before and after, as the record tells it."""

    key: str
    sha256: str
    rows: int
    """Rows of the applicant in it."""
    new_key: str | None = None
    """None where it is removed."""
    new_sha256: str | None = None


def require_reason(applicant: int, reason: str | None) -> str:
    """The reason as it is kept.

    Raises:
        ConfigError: there is none, or it names the applicant, whom nothing may name any more.
    """
    reason = (reason or "").strip()
    if not reason:
        raise ConfigError("An erasure needs a reason, which is kept: --reason TEXT, without any applicant's data.")
    if str(applicant) in reason:
        raise ConfigError("The reason names the applicant, and is kept when they are gone; say it without the id.")
    return reason


def search(store: Store, applicant: int, *, max_unpacked_bytes: int, prefix: str = "") -> Erasure:
    """Every object under a prefix that holds rows of the applicant; changes nothing."""
    entries = [entry for entry in store.list(prefix) if _may_hold_rows(entry)]
    found, unsearched = [], {}
    for number, entry in enumerate(entries, start=1):
        try:
            rows = _count(store, entry.key, applicant, max_unpacked_bytes)
        except SourceError as error:
            unsearched[entry.key] = str(error)
            continue
        if rows:
            found.append(Found(entry.key, rows))
        if number % _TOLD_EVERY == 0:
            run_logger().info("%d of %d objects searched", number, len(entries))
    return Erasure(tuple(found), unsearched, is_applied=False)


def require_searched(store: Store, erasure: Erasure) -> None:
    """Stop where objects could not be searched: whether the applicant is in them, nobody can say.

    Raises:
        SourceError: names them.
    """
    if erasure.unsearched:
        told = "; ".join(f"{store.location(key)}: {why}" for key, why in erasure.unsearched.items())
        raise SourceError(
            f"{len(erasure.unsearched)} objects could not be searched for the applicant. Mend or remove them, and run "
            f"the command again. {told}"
        )


def erase(store: Store, applicant: int, *, reason: str, at: datetime, max_unpacked_bytes: int) -> Erasure:
    """Remove the applicant from every object that holds rows of theirs, and keep a record that does not name them.

    No scoring run of the days in question should be under way; should one bring the applicant back, that is noticed.

    Raises:
        PublishError: a manifest or a data file is missing or damaged, or somebody else writes at the same time.
    """
    record = Record(store, at, require_reason(applicant, reason))
    erased = search(store, applicant, max_unpacked_bytes=max_unpacked_bytes)
    job = _Job(store, applicant, record, max_unpacked_bytes)
    by_day = sorted(erased.found, key=lambda each: (str(each.as_of or ""), each.key))
    for as_of, found in groupby(by_day, key=lambda each: each.as_of):
        held = list(found)
        job.cut_in_place([each for each in held if _is_elsewhere(each)])
        ours = [each for each in held if not _is_elsewhere(each)]
        if as_of and ours:
            job.erase_day(as_of, ours)
        run_logger().info("Erased from %d objects%s", len(held), f" of {as_of}" if as_of else "")
    return replace(erased, is_applied=True, record=record.key if record.changes else None)


class Record:
    """What an erasure did, for those who must prove it; it names nobody, and is told before each change."""

    def __init__(self, store: Store, at: datetime, reason: str) -> None:
        """Nothing is written before there is something to tell."""
        self._store, self._at, self._reason = store, at.isoformat(timespec="seconds"), reason
        self.key = f"erasures/{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
        self.changes: list[Change] = []

    @property
    def told(self) -> dict[str, str]:
        """When and why."""
        return {"at": self._at, "reason": self._reason}

    def tell(self, changes: Sequence[Change]) -> None:
        """Add changes that are about to be made."""
        is_new = not self.changes
        self.changes.extend(changes)
        data = json.dumps(self.told | {"objects": [each._asdict() for each in self.changes]}, indent=1).encode()
        if is_new and changes:
            self._store.create(self.key, data)
        elif changes:
            self._store.replace(self.key, data, tag=self._store.read(self.key).tag)


class _Rewrite(NamedTuple):
    """An object that is written over."""

    tag: str
    data: bytes
    change: Change

    @property
    def key(self) -> str:
        """Where it lies."""
        return self.change.key


def _rewrite(key: str, before: Stored, data: bytes, *, rows: int = 0) -> _Rewrite:
    return _Rewrite(before.tag, data, Change(key, _sha256(before.data), rows, key, _sha256(data)))


class _CutTable(NamedTuple):
    """A data file without the applicant's rows."""

    file: DataFile | None
    """None where no rows are left in quarantine."""
    data: bytes
    kept: pa.Table
    removed: pa.Table
    content: str
    """The content's fingerprint, of decisions."""


class _Job:
    """The erasure of one applicant, under way."""

    def __init__(self, store: Store, applicant: int, record: Record, max_unpacked_bytes: int) -> None:
        self._store, self._applicant, self._record = store, applicant, record
        self._max_unpacked_bytes = max_unpacked_bytes

    def erase_day(self, as_of: date, found: Sequence[Found]) -> None:
        """Erase the applicant from all that belongs to one business day, in the order that the module tells."""
        store = self._store
        manifests = self._manifests(as_of)
        landing = [self._cut_delivered(each.key) for each in found if each.room == "landing"]
        tables = self._cut_tables([manifest for _, manifest in manifests], {each.key for each in found})
        rewritten = list(self._rewritten(manifests, landing, tables))
        controls = list(_rewritten_controls(store, as_of, landing))
        self._record.tell(
            [*self._other_changes(found, tables), *(each.change for each in (*rewritten, *landing, *controls))]
        )
        for entry in store.list(f"work/day={as_of}/"):
            store.delete(entry.key)
        _claim(store, as_of, [manifest for _, manifest in manifests], landing)
        for cut in tables.values():
            if cut.file:
                store_data(store, *_prefix_and_name(cut.file.key), cut.data, rows=cut.file.rows)
        for each in rewritten:
            self._replace(each)
        show_newest(store, as_of)
        for each in (*controls, *landing):
            self._replace(each)
        self._drop_unnamed(as_of, [each.key for each in found if is_data_file(each.key)])
        self._require_gone(as_of)

    def cut_in_place(self, found: Sequence[Found]) -> None:
        """Cut the applicant's rows out of objects that nothing else tells of."""
        for each in found:
            cut = self._cut_delivered(each.key) if each.room == "landing" else self._cut_parquet(each)
            self._record.tell([cut.change])
            self._replace(cut)

    def _manifests(self, as_of: date) -> list[tuple[Stored, Manifest]]:
        """All of the day, oldest first, each as stored; readers are shown the newest."""
        store, day = self._store, StoredDay(self._store, as_of)
        show_newest(store, as_of)
        if day.manifests is None:
            raise PublishError(
                f"Manifests of {as_of} are missing or damaged, so nobody can say which of its data files count. "
                f"Nothing of the day was changed. Restore revisions/ from a backup. {_AGAIN}"
            )
        stored = [self._read(manifest_key(as_of, manifest.revision)) for manifest in day.manifests]
        return [(each, read_manifest(each.data)) for each in stored]

    def _cut_delivered(self, key: str) -> _Rewrite:
        before, reading = self._read(key), _reading(self._store, key, self._max_unpacked_bytes)
        cut = cut_rows(io.BytesIO(before.data), self._applicant, reading)
        return _rewrite(key, before, cut.data, rows=cut.rows)

    def _cut_parquet(self, found: Found) -> _Rewrite:
        before = self._read(found.key)
        table = read_parquet(before.data)
        kept = table.filter(pa.array(~rows_of(table, self._applicant)))
        return _rewrite(found.key, before, write_parquet(kept, read_footer(before.data)), rows=found.rows)

    def _cut_tables(self, manifests: Sequence[Manifest], keys: set[str]) -> dict[str, _CutTable]:
        """Key of each data file that a manifest names and that holds the applicant, to what it becomes."""
        cut: dict[str, _CutTable] = {}
        for manifest in manifests:
            for file in manifest.audited.data_files:
                if file.key in keys and file.key not in cut:
                    cut[file.key] = self._cut_table(file, manifest)
        return cut

    def _cut_table(self, file: DataFile, manifest: Manifest) -> _CutTable:
        data = read_data(self._store, file)
        table, footer = read_parquet(data), read_footer(data)
        theirs = rows_of(table, self._applicant)
        kept, content = table.filter(pa.array(~theirs)), ""
        if file == manifest.audited.decisions:
            content = _content_fingerprint(kept, manifest)
            footer |= {"content_fingerprint": content}
        new = write_parquet(kept, footer)
        is_needed = kept.num_rows or file != manifest.audited.quarantine
        named = name_data(*_prefix_and_name(file.key), new, rows=kept.num_rows) if is_needed else None
        return _CutTable(named, new, kept, table.filter(pa.array(theirs)), content)

    def _rewritten(
        self, manifests: Iterable[tuple[Stored, Manifest]], landing: Sequence[_Rewrite], tables: Mapping[str, _CutTable]
    ) -> Iterator[_Rewrite]:
        """The manifests that change."""
        for stored, manifest in manifests:
            erased = _without(manifest, landing, tables)
            if erased != manifest:
                erased = replace(erased, erasures=(*manifest.erasures, self._record.told))
                yield _rewrite(manifest_key(manifest.as_of, manifest.revision), stored, manifest_json(erased))

    def _other_changes(self, found: Sequence[Found], tables: Mapping[str, _CutTable]) -> Iterator[Change]:
        """What becomes of all but landing files: data files cut or removed, what readers see, what runs left."""
        for each in found:
            if each.room != "landing":
                cut = tables.get(each.key)
                new = (cut.file.key, cut.file.sha256) if cut and cut.file else ()
                yield Change(each.key, _sha256(self._read(each.key).data), each.rows, *new)

    def _read(self, key: str) -> Stored:
        with self._undisturbed(key):
            return self._store.read(key)

    def _replace(self, write: _Rewrite) -> None:
        with self._undisturbed(write.key):
            self._store.replace(write.key, write.data, tag=write.tag)

    @contextlib.contextmanager
    def _undisturbed(self, key: str) -> Iterator[None]:
        try:
            yield
        except (Changed, NotFound):
            raise PublishError(
                f"{self._store.location(key)} was changed by others while the applicant was erased. {_AGAIN}"
            ) from None

    def _drop_unnamed(self, as_of: date, keys: Sequence[str]) -> None:
        """Remove data files that no manifest names any more, and those that none ever named.

        One that a run names in that very moment is put back; that the applicant is in it is noticed in the end.
        """
        store = self._store
        for key in keys:
            held = read_if_there(store, key)
            if held and not self._is_named(as_of, key):
                store.delete(key)
                if self._is_named(as_of, key):
                    with contextlib.suppress(AlreadyExists):
                        store.create(key, held.data)

    def _is_named(self, as_of: date, key: str) -> bool:
        """Whether a manifest of the day names a data file, or may: one is damaged."""
        day = StoredDay(self._store, as_of)
        return day.manifests is None or key in day.named

    def _require_gone(self, as_of: date) -> None:
        for room in _ROOMS:
            prefix = f"{room}/day={as_of}/"
            if search(self._store, self._applicant, max_unpacked_bytes=self._max_unpacked_bytes, prefix=prefix).found:
                raise PublishError(
                    f"Rows of the applicant came back to {self._store.location(prefix)} while they were erased: a run "
                    f"of {as_of} was under way. Let it end. {_AGAIN}"
                )


def _may_hold_rows(entry: Entry) -> bool:
    if entry.key.startswith("landing/"):
        return entry.size_bytes > 0 and not entry.key.endswith(f"/{CONTROL}")
    return entry.key.endswith(".parquet")


def _is_elsewhere(found: Found) -> bool:
    """Whether no day's manifest tells of the object, and no run makes it anew."""
    as_of = found.as_of
    if as_of is None:
        return True
    is_ours = found.room in {"landing", "work"} or is_data_file(found.key) or found.key == decisions_key(as_of)
    return not is_ours


def _count(store: Store, key: str, applicant: int, max_unpacked_bytes: int) -> int:
    if key.startswith("landing/"):
        with open_landing(store, key, name=_name(key)) as stream:
            return count_rows(stream, applicant, _reading(store, key, max_unpacked_bytes))
    try:
        with store.open(key) as stream:
            file = pq.ParquetFile(stream)
            columns = [name for name in ID_COLUMNS if name in file.schema_arrow.names]
            return int(rows_of(file.read(columns=columns), applicant).sum())
    except NotFound:
        return 0
    except (pa.ArrowException, Changed, OSError):
        raise SourceError(f"{store.location(key)} is damaged, or no parquet file.") from None


def _without(manifest: Manifest, landing: Sequence[_Rewrite], tables: Mapping[str, _CutTable]) -> Manifest:
    """The manifest of a revision from which the applicant is gone."""
    audited = manifest.audited
    decisions, quarantine, changes = (
        tables.get(file.key) if file else None for file in (audited.decisions, audited.quarantine, audited.changes)
    )
    cut = {_name(each.key): each for each in landing}
    cut = {name: each for name, each in cut.items() if manifest.inputs.get(name) == each.change.sha256}
    places = places_of_rows(
        audited.files,
        list(manifest.inputs),
        {name: each.change.rows for name, each in cut.items()},
        is_decided=decisions is not None,
        quarantined=Counter(quarantine.removed.column(SOURCE_FILE).to_pylist()) if quarantine else {},
    )
    audited = replace(
        audited, files={name: erased_totals(one, places.get(name, {})) for name, one in audited.files.items()}
    )
    if decisions and decisions.file:
        by_decision = count_by_decision(decisions.kept.column("decision"))
        audited = replace(
            audited, decisions=decisions.file, content_fingerprint=decisions.content, by_decision=by_decision
        )
    if quarantine:
        by_rule = count_by_rule(quarantine.kept.column(BROKEN_RULES).to_pylist())
        audited = replace(audited, quarantine=quarantine.file, by_rule=by_rule)
    if changes:
        audited = replace(audited, changes=changes.file)
    inputs = {
        name: cut[name].change.new_sha256 or "" if name in cut else sha256 for name, sha256 in manifest.inputs.items()
    }
    return replace(manifest, audited=audited, inputs=inputs)


def _content_fingerprint(decisions: pa.Table, manifest: Manifest) -> str:
    ids, probabilities = (decisions.column(name).to_numpy() for name in (APPLICATION_ID, PD))
    policy, contract = manifest.policy["digest"], manifest.contract
    pins = Pins(
        manifest.as_of, manifest.model, policy_of(manifest), policy, contract["version"], contract["digest"],
        manifest.fingerprint,
    )  # fmt: skip
    return content_fingerprint(ids, probabilities, pins)


def _rewritten_controls(store: Store, as_of: date, landing: Sequence[_Rewrite]) -> Iterator[_Rewrite]:
    """The control files that announce a file that changes; one that announces something else is left as it is."""
    for prefix in (landing_key(as_of), landing_key(as_of) + CORRECTIONS):
        stored = read_if_there(store, prefix + CONTROL)
        if not stored:
            continue
        announced = _announced(stored.data)
        gone = {each.key.removeprefix(prefix): each.change for each in landing}
        told = {
            name: {"rows": max(announced[name].rows - change.rows, 0), "sha256": change.new_sha256}
            for name, change in gone.items()
            if name in announced and announced[name].sha256 == change.sha256
        }
        if told:
            control = json.loads(stored.data)
            files = {name: each | told.get(name, {}) for name, each in control["files"].items()}
            yield _rewrite(prefix + CONTROL, stored, json.dumps(control | {"files": files}, indent=1).encode())


def _announced(control: bytes) -> Mapping[str, Announced]:
    """What a control file announces of each file; nothing where it is no control file, which stops the day anyway."""
    try:
        return read_control(control).files
    except ValueError:
        return {}


def _reading(store: Store, key: str, max_unpacked_bytes: int) -> Reading:
    """How a landing file is read, with what is announced of it. Raises `SourceError` where its name says no format."""
    folder, _, name = key.rpartition("/")
    stored = read_if_there(store, f"{folder}/{CONTROL}")
    told = _announced(stored.data).get(name) if stored else None
    return Reading(_name(key), format_of(name), told.rows if told else None, max_unpacked_bytes)


def _claim(store: Store, as_of: date, manifests: Sequence[Manifest], landing: Sequence[_Rewrite]) -> None:
    """Claim the files that the day counts as made from, as they are going to be."""
    inputs = {(name, sha256) for manifest in manifests for name, sha256 in manifest.inputs.items()}
    files = [
        FileRef(name, each.key, format_of(name), len(each.data), each.change.new_sha256 or "")
        for each in landing
        for name in (_name(each.key),)
        if (name, each.change.sha256) in inputs
    ]
    with contextlib.suppress(SourceError):  # the note only helps to know the file on another day
        claim_inputs(store, Delivery(as_of, tuple(files)))


def _name(key: str) -> str:
    """A landing file's name, relative to its day."""
    as_of = day_of(key)
    return key.removeprefix(landing_key(as_of) if as_of else "landing/")


def _prefix_and_name(key: str) -> tuple[str, str]:
    """What a data file's key was made of, besides its digest."""
    prefix, _, name = key.rpartition("/")
    return f"{prefix}/", name.rpartition("-")[0]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
