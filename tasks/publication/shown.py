"""Copies that readers see: renewed from the newest manifest by whoever comes next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pyarrow as pa

from tasks.adapters.files.parquet import read_footer
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile
from tasks.errors import PublishError
from tasks.publication.data_files import intact_data, read_data
from tasks.publication.layout import decisions_key, report_key, report_page_key
from tasks.publication.manifests import newest_manifest
from tasks.store import Store, Stored
from tasks.store.renewing import renew


def show_newest(store: Store, as_of: date, mended: Callable[[str], object] = lambda _: None) -> Manifest | None:
    """Make the newest revision what readers of the day see; does nothing where it is already. None: never published.

    Whoever is late cannot bring an older revision back: what readers see is looked at before the newest revision is
    looked for, and replaced only if it is still that. No two revisions have the same bytes, since each carries its
    number.

    Args:
        mended: told the key of each copy that was not what readers should see. The page of the contract report is no
            copy: another version of the program may make another one of the same report.

    Raises:
        PublishError: a data file or a manifest is gone or damaged; readers keep what they have.
    """
    newest = _show(
        store, as_of, decisions_key(as_of), lambda manifest: _copy(store, manifest.audited.decisions), mended
    )
    if newest:
        report = report_key(as_of)
        _show(store, as_of, report, lambda manifest: _copy(store, manifest.audited.contract_report), mended)
        _show(store, as_of, report_page_key(as_of), lambda manifest: _page(store, manifest), lambda _: None)
    return newest


class _Shown(NamedTuple):
    """What readers should see."""

    sha256: str
    data: Callable[[], bytes]


def _copy(store: Store, file: DataFile) -> _Shown:
    return _Shown(file.sha256, lambda: read_data(store, file))


def _page(store: Store, manifest: Manifest) -> _Shown:
    """The contract report as a page, from the copy that people read or the data file, whichever is whole."""
    from tasks.adapters.pages.html import contract_page

    file = manifest.audited.contract_report
    report = intact_data(store, replace(file, key=report_key(manifest.as_of))) or read_data(store, file)
    page = contract_page(json.loads(report))
    return _Shown(hashlib.sha256(page).hexdigest(), lambda: page)


def _show(
    store: Store, as_of: date, key: str, shown_of: Callable[[Manifest], _Shown], mended: Callable[[str], object]
) -> Manifest | None:
    newest: Manifest | None = None

    def renewed(seen: Stored | None) -> bytes | None:
        nonlocal newest
        newest = newest_manifest(store, as_of)  # looked for after what readers see, so that nobody goes back
        _require_known(store, key, seen, newest)
        shown = shown_of(newest) if newest else None
        if shown is None or (seen and hashlib.sha256(seen.data).hexdigest() == shown.sha256):
            return None
        return shown.data()

    if renew(store, key, renewed, state="The revision is published."):
        mended(key)
    return newest


def _require_known(store: Store, key: str, seen: Stored | None, newest: Manifest | None) -> None:
    """Stop where readers see a revision whose manifest is gone: the day would be decided again as if it never was."""
    shown = shown_revision(seen.data) if seen and key.endswith(".parquet") else 0
    if shown > (newest.revision if newest else 0):
        raise PublishError(
            f"{store.location(key)} shows revision {shown}, whose manifest is missing. Nothing was changed. Restore "
            "revisions/ from a backup; `scoring status --verify` lists all that is missing."
        )


def shown_revision(data: bytes) -> int:
    """Number of the revision that a decisions file belongs to; 0 where the file is damaged and cannot say."""
    try:
        return int(read_footer(data)["revision"])
    except (pa.ArrowException, OSError, KeyError, ValueError):  # OSError is what Arrow calls some broken footers
        return 0
