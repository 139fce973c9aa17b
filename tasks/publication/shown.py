"""Copies that readers see: made from the newest manifest, and renewed by the next run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile
from tasks.errors import PublishError
from tasks.publication.data_files import intact_data, read_data, shown_revision
from tasks.publication.layout import decisions_key, report_key, report_page_key
from tasks.publication.manifests import newest_manifest
from tasks.publication.stored_day import StoredDay
from tasks.store import Store, Stored
from tasks.store.renewing import read_if_there, renew


class _Wanted(NamedTuple):
    """Content that readers should see."""

    sha256: str
    data: Callable[[], bytes]


class _Copy(NamedTuple):
    """Object that readers see, and its content by a manifest."""

    key: str
    wanted_by: Callable[[Manifest], _Wanted]

    def is_current(self, seen: Stored | None, newest: Manifest) -> bool:
        """True if readers see the content that the newest manifest demands."""
        if seen is None:
            return False
        return hashlib.sha256(seen.data).hexdigest() == self.wanted_by(newest).sha256


def show_newest(
    store: Store,
    as_of: date,
    mended: Callable[[str], object] = lambda _: None,
) -> Manifest | None:
    """Show the day's newest revision to readers, and return it; None if no revision exists.

    Nothing is written if readers see it already. A late run cannot bring an older revision back:
    the copies are read before the newest revision is looked for, and replaced only if they are
    unchanged since. No two revisions have the same bytes, because each carries its number.

    Args:
        store: where the day lies.
        as_of: the day.
        mended: called with the key of each copy that was out of date. The page of the contract
            report is left out: another version of the program may make another page of the same
            report.

    Raises:
        PublishError: a data file or a manifest is gone or damaged; readers keep what they have.
    """
    copies = _copies(store, as_of)
    seen = {copy.key: read_if_there(store, copy.key) for copy in copies}
    newest = StoredDay(store, as_of).require_unbroken()
    _require_known(store, as_of, seen[decisions_key(as_of)], newest)
    if newest is None:
        return None
    for copy in copies:
        if not copy.is_current(seen[copy.key], newest):
            newest = _renew(store, as_of, copy, newest, mended)
    return newest


def _copies(store: Store, as_of: date) -> tuple[_Copy, ...]:
    def copied(file: DataFile) -> _Wanted:
        return _Wanted(file.sha256, lambda: read_data(store, file))

    def page(manifest: Manifest) -> _Wanted:
        """Contract report as a page, from the copy that people read, or else from the data file."""
        from tasks.adapters.pages.html import contract_page

        file = manifest.audited.contract_report
        report = intact_data(store, replace(file, key=report_key(as_of))) or read_data(store, file)
        made = contract_page(json.loads(report))
        return _Wanted(hashlib.sha256(made).hexdigest(), lambda: made)

    return (
        _Copy(decisions_key(as_of), lambda manifest: copied(manifest.audited.decisions)),
        _Copy(report_key(as_of), lambda manifest: copied(manifest.audited.contract_report)),
        _Copy(report_page_key(as_of), page),
    )


def _renew(
    store: Store,
    as_of: date,
    copy: _Copy,
    newest: Manifest,
    mended: Callable[[str], object],
) -> Manifest:
    """Renew one copy, and return the manifest of its content, which may be newer than `newest`."""

    def renewed(seen: Stored | None) -> bytes | None:
        nonlocal newest
        newest = newest_manifest(store, as_of) or newest
        if copy.key == decisions_key(as_of):
            _require_known(store, as_of, seen, newest)
        return None if copy.is_current(seen, newest) else copy.wanted_by(newest).data()

    is_written = renew(store, copy.key, renewed, state="The revision is published.")
    if is_written and copy.key != report_page_key(as_of):
        mended(copy.key)
    return newest


def _require_known(store: Store, as_of: date, seen: Stored | None, newest: Manifest | None) -> None:
    """Stop if readers see a revision whose manifest is gone.

    The day would be decided again as if it had never been published.
    """
    shown = shown_revision(seen.data) if seen else 0
    if shown > (newest.revision if newest else 0):
        raise PublishError(
            f"{store.location(decisions_key(as_of))} shows revision {shown}, whose manifest is "
            "missing. Nothing was changed. Restore revisions/ from a backup; "
            "`scoring status --verify` lists all that is missing."
        )
