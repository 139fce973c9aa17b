"""Verification of everything published: it is there, as its manifest says, and as readers see it.

One day is held in memory at a time, and nothing is written. Objects for which no manifest vouches
are not verified: work/, reference/, and those that monitoring may renew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from configs.calendar import Calendar
from tasks.core.contract.rules import suite_identity
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile
from tasks.core.words import counted, normal_name
from tasks.errors import ConfigError
from tasks.inspection.reread import BACKUP, Checked, Reader
from tasks.publication.data_files import shown_revision
from tasks.publication.layout import (
    Room,
    announcement_key,
    day_of,
    day_prefix,
    decisions_key,
    expired_key,
    input_key,
    is_hidden,
    landing_key,
    manifest_key,
    refused_rows_key,
    report_key,
    report_page_key,
    revisions_with,
    room_of,
    room_prefix,
    suite_key,
)
from tasks.publication.manifests import read_manifest
from tasks.publication.stored_day import StoredDay, stored_days
from tasks.store import Store
from tasks.store.renewing import read_if_there

_ROOMS: Final[tuple[Room, ...]] = ("decisions", "revisions", "quarantine")
_PATIENCE_SECONDS: Final = 3.0
_LISTED: Final = 20


def verify_store(store: Store, calendar: Calendar | None = None) -> Iterator[Checked]:
    """Verify every day of which anything is or was published, oldest first; then the rest."""
    days = sorted(stored_days(store, _ROOMS).keys() | _reported(store))
    logged_at = time.monotonic()
    for as_of in days:
        checked = verify_day(store, as_of, calendar)
        if time.monotonic() > logged_at + _PATIENCE_SECONDS:
            files = counted(checked.files, "file")
            logging.getLogger("scoring").info("Read %s again: %s", as_of, files)
            logged_at = time.monotonic()
        yield checked
    yield _verify_rest(store)


def _reported(store: Store, as_of: date | None = None) -> set[date]:
    """Days, or this day, of which readers have a contract report; only publication writes it."""
    prefix = day_prefix("reports", as_of) if as_of else room_prefix("reports")
    listed = ((day_of(entry.key), entry.key) for entry in store.list(prefix))
    return {day for day, key in listed if day and key == report_key(day)}


def verify_day(store: Store, as_of: date, calendar: Calendar | None = None) -> Checked:
    """Verify one day.

    That is: its manifests, all that they name, the decisions and report that readers see, the files
    it was made from, and all else that lies there. Times are told by the calendar's clock, if one
    is given.
    """
    reader = Reader(store, calendar)
    day = StoredDay(store, as_of)
    listed = {entry.key: entry.size_bytes for room in _ROOMS for entry in day.entries(room)}
    if expired_key(as_of) in listed:
        reader.read_expired(as_of)
    last = day.last_left
    manifests = _read_manifests(reader, as_of, listed, last)
    for revision, manifest in manifests.items():
        _check_data_files(reader, manifest_key(as_of, revision), manifest)
    _check_contracts(reader, manifests.values())
    _check_shown(reader, as_of, listed, manifests, last)
    if newest := manifests.get(last):
        _check_inputs(reader, newest, [entry.key for entry in day.entries("landing")])
    _check_foreign(reader, listed.keys() - {decisions_key(as_of)})
    _check_unnamed(reader, as_of, listed, manifests, last)
    return reader.checked(as_of, revisions=len(manifests))


def _verify_rest(store: Store) -> Checked:
    reader = Reader(store)
    for room in _ROOMS:
        entries = store.list(room_prefix(room))
        stray = {entry.key: entry.size_bytes for entry in entries if day_of(entry.key) is None}
        _check_foreign(reader, stray)
        if stray and room != "decisions":
            reader.remark(room_prefix(room), f"holds {_sizes(stray)} of no day")
    return reader.checked(None, revisions=0)


# --- manifests


def _read_manifests(
    reader: Reader,
    as_of: date,
    listed: Collection[str],
    last: int,
) -> dict[int, Manifest]:
    """Revision number to manifest, if sound in form. A gap in the numbers is a problem."""
    there = revisions_with("manifest", listed)
    missing = [revision for revision in range(1, last + 1) if revision not in there]
    for revision in missing[:_LISTED]:
        _report_missing(reader, as_of, revision, f"though the day has a revision {last}")
    if len(missing) > _LISTED:
        fault = f"lacks {len(missing) - _LISTED} more manifests up to revision {last}"
        reader.problem(day_prefix("revisions", as_of), fault)
    read = {revision: _read_manifest(reader, as_of, revision) for revision in sorted(there)}
    return {revision: manifest for revision, manifest in read.items() if manifest}


def _report_missing(reader: Reader, as_of: date, revision: int, sign: str) -> None:
    remedy = f"{BACKUP} Do not score {as_of} before it is there."
    reader.problem(manifest_key(as_of, revision), f"is missing, {sign}", remedy)


def _read_manifest(reader: Reader, as_of: date, revision: int) -> Manifest | None:
    """Read a revision's manifest; None, and a finding, unless it is sealed, sound and in place."""
    key = manifest_key(as_of, revision)
    data = reader.data(key)
    if data is None:
        return None
    try:
        manifest = read_manifest(data)
    except ValueError:
        reader.problem(key, "is not a manifest, or is not as it was written")
        return None
    if (manifest.as_of, manifest.revision) == (as_of, revision):
        return manifest
    observed = f"{manifest.as_of}, revision {manifest.revision}"
    reader.problem(key, f"is of {observed}; expected {as_of}, revision {revision}")
    return None


# --- what a manifest names


def _check_data_files(reader: Reader, key: str, manifest: Manifest) -> None:
    """Read all data files of the manifest under `key`. Each must have the named digest and size.

    A file under its digest in a sealed manifest was checked before it was published. So its content
    is not judged again.
    """
    audited = manifest.audited
    shown = {
        audited.decisions: decisions_key(manifest.as_of),
        audited.contract_report: report_key(manifest.as_of),
    }
    for file in audited.data_files:
        reader.data_file(file, manifest=key, copy=shown.get(file, ""))


def _check_contracts(reader: Reader, manifests: Iterable[Manifest]) -> None:
    """Read the texts of the contracts that judged the day, each under its digest."""
    contracts = [manifest.contract for manifest in manifests]
    versions = {contract["digest"]: contract["version"] for contract in contracts}
    for digest, version in versions.items():
        history = "Or take it from the history of expectations/"
        remedy = f"{BACKUP} {history}: it is version {version} of its suite."
        text = reader.data(suite_key(digest), remedy=remedy)
        if text is not None and not _is_contract(text, version, digest):
            fault = "does not hold the contract that its name says"
            reader.problem(suite_key(digest), fault, remedy)


def _is_contract(text: bytes, version: str, digest: str) -> bool:
    try:
        return suite_identity(text.decode()) == (version, digest)
    except (UnicodeDecodeError, ConfigError):
        return False


# --- what readers see, and what the day was made from


def _check_shown(
    reader: Reader,
    as_of: date,
    listed: Collection[str],
    manifests: Mapping[int, Manifest],
    last: int,
) -> None:
    """Check that readers see the newest revision, byte for byte."""
    key = decisions_key(as_of)
    newest = manifests.get(last)
    remedy = f"Run scoring score --as-of {as_of}, which shows the newest revision."
    data = reader.data(key, remedy=remedy) if newest or key in listed else None
    shown = shown_revision(data) if data is not None else 0
    if shown > last:
        if read_if_there(reader.store, manifest_key(as_of, shown)):
            fact = f"shows revision {shown}, which was published while the day was read again"
            reader.remark(key, fact)
        else:
            _report_missing(reader, as_of, shown, f"and {reader.where(key)} shows revision {shown}")
    elif newest:
        audited = newest.audited
        seen = "is damaged or altered" if shown in {0, last} else f"shows revision {shown}"
        _check_copy(reader, key, data, audited.decisions, remedy, seen)
        report = reader.data(report_key(as_of), remedy=remedy)
        seen = "is another report"
        _check_copy(reader, report_key(as_of), report, audited.contract_report, remedy, seen)
        _check_page(reader, newest, report)
    elif data is not None and not last:
        fault = f"shows something, and nothing of {as_of} was ever published"
        reader.problem(key, fault, "Move it elsewhere.")
    elif not last and as_of in _reported(reader.store, as_of):
        sign = f"and readers have a report, {reader.where(report_key(as_of))}"
        _report_missing(reader, as_of, 1, sign)


def _check_copy(
    reader: Reader,
    key: str,
    data: bytes | None,
    named: DataFile,
    remedy: str,
    seen: str,
) -> None:
    """Keep a problem if a reader's copy is not the data file that the newest revision names.

    Args:
        reader: keeps the problem.
        key: of the copy.
        data: bytes of the copy; None if they could not be read, which is kept already.
        named: the data file.
        remedy: of the problem.
        seen: words for the copy as it is.
    """
    if data is None:
        return
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != named.sha256:
        expected = f"{reader.where(named.key)}, {named.sha256[:12]}…"
        reader.problem(key, f"{seen}, SHA-256 {sha256[:12]}…; expected {expected}", remedy)


def _check_page(reader: Reader, newest: Manifest, report: bytes | None) -> None:
    """Check that the page for people shows this report.

    It is not a problem if it does not, since no manifest vouches for the page.
    """
    if report is None:
        return
    if hashlib.sha256(report).hexdigest() != newest.audited.contract_report.sha256:
        return
    from tasks.adapters.pages.html import contract_page

    how = f"scoring score --as-of {newest.as_of} makes it anew"
    reader.renewable(report_page_key(newest.as_of), contract_page(json.loads(report)), how)


def _check_inputs(reader: Reader, newest: Manifest, landing: Iterable[str]) -> None:
    """Check the delivered files of the newest revision, and their claims for this day."""
    as_of = newest.as_of
    delivered = {normal_name(key): key for key in landing}
    for name, required in newest.inputs.items():
        key = landing_key(as_of) + name
        key = delivered.get(normal_name(key), key)
        observed = reader.landed_sha256(key)
        if observed not in {None, required}:
            reader.problem(
                key,
                f"has SHA-256 {observed[:12]}…; {as_of} was decided from {required[:12]}…",
                "Restore the file that was scored, or decide the day again: "
                f'scoring score --as-of {as_of} --force --reason "..."',
            )
        totals = newest.audited.files.get(name)
        if totals is None or totals.rows > totals.erased:
            _check_claim(reader, as_of, name, required)


def _check_claim(reader: Reader, as_of: date, name: str, sha256: str) -> None:
    """Check the claim of a delivered file. Without it another day could take the file."""
    claim = {"day": as_of.isoformat(), "file": name}
    remedy = f"Let it hold {json.dumps(claim)}."
    data = reader.data(input_key(sha256), remedy=remedy)
    if data is not None and _claimed_for(data) != claim["day"]:
        reader.problem(input_key(sha256), f"does not claim the file for {as_of}", remedy)


def _claimed_for(claim: bytes) -> Any:
    try:
        return json.loads(claim)["day"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


# --- what else lies there


def _check_foreign(reader: Reader, keys: Iterable[str]) -> None:
    """Keep a problem for each foreign object under decisions/, because readers read it, too."""
    for key in keys:
        if room_of(key) == "decisions" and not is_hidden(key):
            fault = "was not published, and whoever reads decisions/ reads it"
            reader.problem(key, fault, "Move it elsewhere.")


def _check_unnamed(
    reader: Reader,
    as_of: date,
    listed: Mapping[str, int],
    manifests: Mapping[int, Manifest],
    last: int,
) -> None:
    """Keep a remark on data files that no manifest names.

    They are harmless, unless the manifest that named them is gone.
    """
    named = {file.key for manifest in manifests.values() for file in manifest.audited.data_files}
    known = named | {expired_key(as_of), refused_rows_key(as_of)}
    for revision in range(1, last + 1):
        known |= {manifest_key(as_of, revision), announcement_key(as_of, revision)}
    unknown = {key: size for key, size in listed.items() if key not in known}
    unnamed = {key: size for key, size in unknown.items() if room_of(key) != "decisions"}
    if unnamed:
        what = (
            "left by runs that died; scoring clean removes them"
            if reader.is_sound
            else "perhaps those of a missing one; keep them until the problems of this day are mended"
        )
        reader.remark(
            day_prefix("revisions", as_of),
            f"and quarantine/ hold {_sizes(unnamed)} that no manifest names: {what}",
        )


def _sizes(files: Mapping[str, int]) -> str:
    return f"{counted(len(files), 'file')}, {sum(files.values()):,} bytes,"
