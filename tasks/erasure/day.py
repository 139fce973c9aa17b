"""One applicant erased from all that belongs to one business day.

The order is:

1. Remove the work that runs have left for each other.
2. Store new data files beside the old ones.
3. Rewrite manifests to name them, with the digests that the landing files are going to have.
4. Show readers the newest revision.
5. Rewrite the landing files, or remove those in which no row is left.
6. Remove the data files that no manifest names any more.

A token tells runs under way that the erasure has begun, and another that it is over
(`publication.erasure_token`). Apart from the time and the tokens, every written byte depends only
on the stored objects and on the applicant. So a second run finds its own work and goes on from it.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, NamedTuple

import pyarrow as pa

from tasks.adapters.files.cut import cut_rows
from tasks.adapters.files.landing_file import Reading
from tasks.adapters.files.parquet import read_footer, read_parquet, write_parquet
from tasks.core.applications import rows_of_applicant
from tasks.core.contract.screening import BROKEN_RULES, SOURCE_FILE, count_by_rule
from tasks.core.day.erasure import erased_totals, places_of_rows
from tasks.core.day.manifest import Manifest, pins_of
from tasks.core.day.records import Audited, DataFile, content_fingerprint, count_by_decision, count_by_reason
from tasks.core.decision.published_rows import count_changed_reasons
from tasks.core.words import normal_name
from tasks.erasure.landing import claim_rewritten, rewritten_controls
from tasks.erasure.outcomes import erase_outcomes
from tasks.erasure.record import ErasureRecord, ObjectChange, ObjectRewrite, rewrite, sha256_of_data
from tasks.erasure.search import Found, landing_file, name_of, search
from tasks.errors import PublishError
from tasks.publication.data_files import intact_data, name_data, read_data, store_data
from tasks.publication.erasure_token import note_erasure
from tasks.publication.layout import (
    Room,
    day_prefix,
    decisions_key,
    erased_key,
    is_data_file,
    manifest_key,
    work_prefix,
)
from tasks.publication.manifests import manifest_json, read_manifest
from tasks.publication.shown import show_newest
from tasks.publication.stored_day import StoredDay
from tasks.store import AlreadyExists, Changed, NotFound, Store, Stored
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there

_ROOMS: Final[tuple[Room, ...]] = ("landing", "work", "revisions", "quarantine", "decisions")
_AGAIN: Final = "Run the same command again; it goes on from here."


class _CutTable(NamedTuple):
    """A data file without the applicant's rows."""

    file: DataFile | None
    """None if no rows are left in quarantine."""
    data: bytes
    kept: pa.Table
    removed: pa.Table
    content: str
    """Fingerprint of the content of decisions; empty for other files."""


class Eraser:
    """Erases one applicant, and notes each change in the record."""

    def __init__(
        self,
        store: Store,
        applicant: int,
        record: ErasureRecord,
        reading: Reading,
    ) -> None:
        """Prepare the erasure. Nothing is read before a day is erased."""
        self._store = store
        self._applicant = applicant
        self._record = record
        self._reading = reading

    def erase_day(self, as_of: date, found: Sequence[Found]) -> None:
        """Erase the applicant from all that belongs to one business day, in the module's order."""
        store = self._store
        manifests = self._manifests(as_of)
        landing = [self._cut_delivered(each.key) for each in found if each.room == "landing"]
        plain = [manifest for _, manifest in manifests]
        tables = self._cut_tables(plain, {each.key for each in found})
        rewritten = list(self._rewritten(manifests, landing, tables))
        controls = list(rewritten_controls(store, as_of, landing))
        others = self._other_changes(found, tables, manifests)
        rewrites = [*rewritten, *landing, *controls]
        self._record.add([*others, *(each.change for each in rewrites)])
        note_erasure(store, as_of, is_over=False)
        for entry in store.list(work_prefix(as_of)):
            if entry.key != erased_key(as_of) and is_key(entry.key):
                store.delete(entry.key)
        claim_rewritten(store, as_of, plain, landing)
        self._store_tables(tables)
        with self._tidied_on_failure(as_of, tables):
            for each in rewritten:
                self._replace(each)
        # Another erasure that lost may have removed the files that no manifest named yet.
        self._store_tables(tables)
        show_newest(store, as_of)
        for each in (*controls, *landing):
            self._replace(each)
        old_files = [each.key for each in found if is_data_file(each.key)]
        dropped = self._drop_unnamed(as_of, old_files)
        note_erasure(store, as_of, is_over=True)
        self._put_back(as_of, dropped)
        self._require_gone(as_of)

    def cut_in_place(self, found: Sequence[Found]) -> None:
        """Cut the applicant's rows out of objects that no manifest or control file describes."""
        of_outcomes = [each for each in found if each.room == "outcomes"]
        if of_outcomes:
            erase_outcomes(self._store, self._applicant, self._record, self._reading, of_outcomes)
        for each in (each for each in found if each.room != "outcomes"):
            is_delivered = each.room == "landing"
            cut = self._cut_delivered(each.key) if is_delivered else self._cut_parquet(each)
            self._record.add([cut.change])
            self._replace(cut)

    def _store_tables(self, tables: Mapping[str, _CutTable]) -> None:
        for cut in tables.values():
            if cut.file:
                prefix, name = _prefix_and_name(cut.file.key)
                store_data(self._store, prefix, name, cut.data, rows=cut.file.rows)

    @contextlib.contextmanager
    def _tidied_on_failure(self, as_of: date, tables: Mapping[str, _CutTable]) -> Iterator[None]:
        """Leave no new data file unnamed if the block fails, as it does if another erasure wins."""
        try:
            yield
        except PublishError:
            new_files = [cut.file.key for cut in tables.values() if cut.file]
            self._put_back(as_of, self._drop_unnamed(as_of, new_files))
            raise

    def _manifests(self, as_of: date) -> list[tuple[Stored, Manifest]]:
        """Show readers the newest manifest of the day; read all of them as stored, oldest first."""
        day = StoredDay(self._store, as_of)
        if day.manifests is None:
            raise PublishError(
                f"Manifests of {as_of} are missing or damaged, so nobody can say which of its data "
                "files count. Nothing of the day was changed. Restore revisions/ from a backup. "
                f"{_AGAIN}"
            )
        show_newest(self._store, as_of)
        keys = [manifest_key(as_of, manifest.revision) for manifest in day.manifests]
        stored = [self._read(key) for key in keys]
        return [(each, read_manifest(each.data)) for each in stored]

    def _cut_delivered(self, key: str) -> ObjectRewrite:
        before = self._read(key)
        file = landing_file(self._store, key, io.BytesIO(before.data), self._reading)
        cut = cut_rows(file, self._applicant)
        is_kept = cut.left or not cut.rows
        return rewrite(key, before, cut.data if is_kept else None, rows=cut.rows)

    def _cut_parquet(self, found: Found) -> ObjectRewrite:
        before = self._read(found.key)
        table = read_parquet(before.data)
        kept = table.filter(pa.array(~rows_of_applicant(table, self._applicant)))
        data = write_parquet(kept, read_footer(before.data))
        return rewrite(found.key, before, data, rows=found.rows)

    def _cut_tables(self, manifests: Sequence[Manifest], keys: set[str]) -> dict[str, _CutTable]:
        """Cut each data file that a manifest names and that holds the applicant; by key."""
        cut: dict[str, _CutTable] = {}
        for manifest in manifests:
            for file in manifest.audited.data_files:
                if file.key in keys and file.key not in cut:
                    cut[file.key] = self._cut_table(file, manifest)
        return cut

    def _cut_table(self, file: DataFile, manifest: Manifest) -> _CutTable:
        data = read_data(self._store, file)
        table = read_parquet(data)
        footer = read_footer(data)
        theirs = rows_of_applicant(table, self._applicant)
        kept = table.filter(pa.array(~theirs))
        content = ""
        if file == manifest.audited.decisions:
            content = content_fingerprint(kept, pins_of(manifest))
            footer |= {"content_fingerprint": content}
        new = write_parquet(kept, footer)
        is_needed = kept.num_rows or file != manifest.audited.quarantine
        prefix, name = _prefix_and_name(file.key)
        named = name_data(prefix, name, new, rows=kept.num_rows) if is_needed else None
        return _CutTable(named, new, kept, table.filter(pa.array(theirs)), content)

    def _rewritten(
        self,
        manifests: Iterable[tuple[Stored, Manifest]],
        landing: Sequence[ObjectRewrite],
        tables: Mapping[str, _CutTable],
    ) -> Iterator[ObjectRewrite]:
        """Rewrites of the manifests that change."""
        before: DataFile | None = None
        for stored, manifest in manifests:
            keys = (file.key for file in manifest.audited.data_files)
            gone = {key for key in keys if not read_if_there(self._store, key)}
            erased = _without(manifest, landing, tables, gone)
            now = manifest.audited.decisions
            if manifest.audited.changed_reasons and now.key in tables:
                old = self._decisions(before, tables) if before else None
                new = tables[now.key].kept
                recounted = None if old is None else count_changed_reasons(old, new)
                audited = replace(erased.audited, changed_reasons=recounted)
                erased = replace(erased, audited=audited)
            before = now
            if erased != manifest:
                erased = replace(erased, erasures=(*manifest.erasures, self._record.entry))
                key = manifest_key(manifest.as_of, manifest.revision)
                yield rewrite(key, stored, manifest_json(erased))

    def _decisions(self, file: DataFile, tables: Mapping[str, _CutTable]) -> pa.Table | None:
        """Decisions of a revision without the applicant; None if they are gone."""
        if file.key in tables:
            return tables[file.key].kept
        data = intact_data(self._store, file)
        return None if data is None else read_parquet(data)

    def _other_changes(
        self,
        found: Sequence[Found],
        tables: Mapping[str, _CutTable],
        manifests: Sequence[tuple[Stored, Manifest]],
    ) -> Iterator[ObjectChange]:
        """Changes of all objects but landing files.

        They are the data files that are cut or removed, the decisions that readers see, and the
        work that runs left.
        """
        become = {key: (cut.file.key, cut.file.sha256) for key, cut in tables.items() if cut.file}
        for _, newest in manifests[-1:]:
            shown = newest.audited.decisions
            _, sha256 = become.get(shown.key, (shown.key, shown.sha256))
            become[decisions_key(newest.as_of)] = (decisions_key(newest.as_of), sha256)
        for each in found:
            if each.room != "landing":
                sha256 = sha256_of_data(self._read(each.key).data)
                new_key, new_sha256 = become.get(each.key, (None, None))
                yield ObjectChange(each.key, sha256, each.rows, new_key, new_sha256)

    def _read(self, key: str) -> Stored:
        with self._undisturbed(key):
            return self._store.read(key)

    def _replace(self, write: ObjectRewrite) -> None:
        with self._undisturbed(write.key):
            if write.data is not None:
                self._store.replace(write.key, write.data, tag=write.tag)
            elif self._store.read(write.key).tag == write.tag:
                self._store.delete(write.key)
            else:
                raise Changed(write.key)

    @contextlib.contextmanager
    def _undisturbed(self, key: str) -> Iterator[None]:
        try:
            yield
        except (Changed, NotFound):
            place = self._store.location(key)
            raise PublishError(f"{place} was changed by others while the applicant was erased. {_AGAIN}") from None

    def _drop_unnamed(self, as_of: date, keys: Iterable[str]) -> dict[str, bytes]:
        """Remove those of the data files that no manifest names. Returns their bytes by key."""
        dropped = {}
        for key in keys:
            held = read_if_there(self._store, key)
            if held and not self._is_named(as_of, key):
                self._store.delete(key)
                dropped[key] = held.data
        return dropped

    def _put_back(self, as_of: date, dropped: Mapping[str, bytes]) -> None:
        """Put back the files that a run has named meanwhile.

        The last search of the day finds the applicant in them.
        """
        for key, data in dropped.items():
            if self._is_named(as_of, key):
                with contextlib.suppress(AlreadyExists):
                    self._store.create(key, data)

    def _is_named(self, as_of: date, key: str) -> bool:
        """True if a manifest of the day names a data file, or may: one of them is damaged."""
        day = StoredDay(self._store, as_of)
        return day.manifests is None or key in day.named

    def _require_gone(self, as_of: date) -> None:
        for room in _ROOMS:
            prefix = day_prefix(room, as_of)
            searched = search(
                self._store,
                self._applicant,
                reading=self._reading,
                prefix=prefix,
            )
            if searched.found:
                raise PublishError(
                    f"Rows of the applicant came back to {self._store.location(prefix)} while they "
                    f"were erased: a run of {as_of} was under way. Let it end. {_AGAIN}"
                )


def _without(
    manifest: Manifest,
    landing: Sequence[ObjectRewrite],
    tables: Mapping[str, _CutTable],
    gone: Collection[str],
) -> Manifest:
    """Manifest of a revision without the applicant.

    Args:
        gone: keys of its data files that are no longer there.
    """
    audited = manifest.audited
    named = (audited.decisions, audited.quarantine, audited.changes)
    decisions, quarantine, changes = (tables.get(file.key) if file else None for file in named)
    names = {normal_name(name): name for name in manifest.inputs}
    cut = {}
    for each in landing:
        name = names.get(normal_name(name_of(each.key)), "")
        if manifest.inputs.get(name) == each.change.sha256:
            cut[name] = each
    is_decided = None if audited.decisions.key in gone else decisions is not None
    removed = quarantine.removed.column(SOURCE_FILE).to_pylist() if quarantine else ()
    is_quarantine_gone = audited.quarantine and audited.quarantine.key in gone
    places = places_of_rows(
        audited.files,
        list(manifest.inputs),
        {name: each.change.rows for name, each in cut.items()},
        is_decided=is_decided,
        quarantined=None if is_quarantine_gone else Counter(removed),
    )
    files = {name: erased_totals(one, places.get(name, {})) for name, one in audited.files.items()}
    audited = replace(audited, files=files)
    if decisions and decisions.file:
        by_decision = count_by_decision(decisions.kept.column("decision"))
        by_reason: dict[str, int] = {}
        if audited.by_reason:
            by_reason = count_by_reason(decisions.kept.column("reason_1"), manifest.reasons)
        audited = replace(
            audited,
            decisions=decisions.file,
            content_fingerprint=decisions.content,
            by_decision=by_decision,
            by_reason=by_reason,
        )
    if quarantine:
        by_rule = count_by_rule(quarantine.kept.column(BROKEN_RULES).to_pylist())
        audited = replace(audited, quarantine=quarantine.file, by_rule=by_rule)
    if changes:
        audited = replace(audited, changes=changes.file)
    rest = replace(manifest, audited=audited, inputs=dict(_inputs_without(manifest, audited, cut)))
    if rest == manifest:
        return rest
    # If files are gone, nobody knows in which files the applicant's rows stood. So no total stays
    # that may count one of them.
    counted = {} if audited.decisions.key in gone else audited.by_reason
    return replace(rest, audited=replace(audited, control_totals={}, by_reason=counted))


def _inputs_without(
    manifest: Manifest, audited: Audited, cut: Mapping[str, ObjectRewrite]
) -> Iterator[tuple[str, str]]:
    """Names and new digests of a revision's files, without the files of which nothing is left."""
    for name, sha256 in manifest.inputs.items():
        change = cut[name].change if name in cut else None
        if change and change.new_sha256:
            yield name, change.new_sha256
        elif not (change and audited.files[name].is_erased):
            yield name, sha256


def _prefix_and_name(key: str) -> tuple[str, str]:
    """Prefix and name in a data file's key, without its digest."""
    prefix, _, name = key.rpartition("/")
    return f"{prefix}/", name.rpartition("-")[0]
