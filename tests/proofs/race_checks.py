"""Whether what a store says of a day belongs together: manifests, the files they name, and what readers see."""

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.adapters.pages.html import contract_page
from tasks.core.day.manifest import Manifest, pins_of
from tasks.core.day.records import DataFile, Delivery, FileRef, fingerprint
from tasks.core.files import format_of
from tasks.publication.layout import decisions_key, report_key, report_page_key
from tasks.publication.manifests import read_manifest
from tasks.store import NotFound, Store


def revisions_of(store: Store, as_of: date) -> list[Manifest]:
    """The manifests of a day, as a listing shows them: none can hide behind a gap."""
    prefix = f"revisions/day={as_of}/"
    keys = [entry.key for entry in store.list(prefix) if entry.key.endswith("/manifest.json")]
    found = [read_manifest(store.read(key).data) for key in keys]
    assert keys == [f"{prefix}rev={each.revision:04d}/manifest.json" for each in found]
    return found


def seen(store: Store, key: str) -> bytes | None:
    """What lies under a key; None where nothing does."""
    try:
        return store.read(key).data
    except NotFound:
        return None


def breaches(store: Store, as_of: date) -> list[str]:
    """What does not belong together, in words; empty for a sound day, published or not."""
    manifests = revisions_of(store, as_of)
    return [
        *_breaches_of_order(manifests),
        *(told for before, each in pairwise([None, *manifests]) if each for told in _of_revision(store, before, each)),
        *_breaches_of_readers(store, as_of, manifests),
    ]


def _breaches_of_order(manifests: list[Manifest]) -> Iterator[str]:
    numbers = [each.revision for each in manifests]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the revisions are {numbers}"
    yield from (
        f"revisions {one.revision} and {two.revision} have one fingerprint"
        for one, two in pairwise(manifests)
        if one.fingerprint == two.fingerprint
    )


def _of_revision(store: Store, before: Manifest | None, manifest: Manifest) -> list[str]:
    audited, totals = manifest.audited, manifest.totals
    told = [
        *_breaches_of_totals(manifest),
        *_breaches_of_decisions(_named(store, audited.decisions), manifest),
        *_breaches_of_quarantine(store, audited.quarantine, totals.quarantined),
        *_breaches_of_changes(store, before, manifest),
        *_breaches_of_report(_named(store, audited.contract_report), manifest),
    ]
    if manifest.fingerprint != _fingerprint_of(store, manifest):
        told.append("the fingerprint is not that of the files, the model, the policy and the contract")
    return [f"revision {manifest.revision}: {each}" for each in told]


def _breaches_of_totals(manifest: Manifest) -> Iterator[str]:
    for name, each in [*manifest.audited.files.items(), ("all files", manifest.totals)]:
        if each.rows != each.decided + each.quarantined + each.duplicates_dropped + each.replaced:
            yield f"the rows of {name} are not all accounted for"
    if sum(manifest.audited.by_decision.values()) != manifest.totals.decided:
        yield "the decisions do not add up to the rows decided"


def _breaches_of_decisions(data: bytes | None, manifest: Manifest) -> Iterator[str]:
    if data is None:
        yield "the decisions are not what the manifest names"
        return
    table = pq.read_table(io.BytesIO(data))
    versions = pc.unique(table.column("model_version")).to_pylist()
    if versions != [manifest.model.version]:
        yield f"the decisions are of model version {versions}, the manifest of {manifest.model.version}"
    if table.num_rows != manifest.totals.decided or table.num_rows != manifest.audited.decisions.rows:
        yield f"{table.num_rows} decisions, {manifest.totals.decided} rows decided"
    ids = table.column("application_id").to_numpy()
    if (ids[1:] <= ids[:-1]).any():
        yield "the ids are not unique and sorted"
    footer = table.schema.metadata
    told = (int(footer[b"revision"]), footer[b"content_fingerprint"].decode())
    if told != (manifest.revision, manifest.audited.content_fingerprint):
        yield f"the footer of the decisions says revision {told[0]}, content {told[1][:8]}"


def _breaches_of_quarantine(store: Store, file: DataFile | None, quarantined: int) -> Iterator[str]:
    if file is None:
        if quarantined:
            yield f"no quarantine is named, {quarantined} rows are in it"
        return
    data = _named(store, file)
    rows = pq.read_metadata(io.BytesIO(data)).num_rows if data is not None else None
    if rows is None:
        yield "the quarantine is not what the manifest names"
    elif (rows, rows) != (file.rows, quarantined):
        yield f"{rows} rows in quarantine, {quarantined} counted"


def _breaches_of_changes(store: Store, before: Manifest | None, manifest: Manifest) -> Iterator[str]:
    file = manifest.audited.changes
    if before is None or file is None:
        if before or file:
            yield "a first revision changes nothing, and each other one tells what"
        return
    old, new, data = _decisions(store, before), _decisions(store, manifest), _named(store, file)
    if data is None:
        yield "the changes are not what the manifest names"
        return
    changed = {key: (old.get(key), new.get(key)) for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    table = pq.read_table(io.BytesIO(data))
    told = {
        key: (one, other) for key, one, other in zip(*(column.to_pylist() for column in table.columns), strict=True)
    }
    if (told, table.num_rows, file.rows) != (changed, len(changed), len(changed)):
        yield f"{table.num_rows} changes are told since revision {before.revision}, {len(changed)} were made"


def _decisions(store: Store, manifest: Manifest) -> dict[int, str]:
    """Application to its decision."""
    data = _named(store, manifest.audited.decisions)
    table = pq.read_table(io.BytesIO(data or b""), columns=["application_id", "decision"])
    return dict(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _breaches_of_report(data: bytes | None, manifest: Manifest) -> Iterator[str]:
    if data is None:
        yield "the contract report is not what the manifest names"
        return
    report: dict[str, Any] = json.loads(data)
    told = {name: report[name] for name in ("revision", "rows", "quarantined")}
    totals = manifest.totals
    meant = {"revision": manifest.revision, "rows": totals.rows, "quarantined": totals.quarantined}
    if told != meant:
        yield f"the contract report says {told}, the manifest {meant}"


def _breaches_of_readers(store: Store, as_of: date, manifests: list[Manifest]) -> Iterator[str]:
    """Readers see the newest revision to the byte, or nothing where a run has died before it showed it."""
    decisions, report = seen(store, decisions_key(as_of)), seen(store, report_key(as_of))
    known = {each.audited.decisions.sha256 for each in manifests}
    if decisions is not None and hashlib.sha256(decisions).hexdigest() not in known:
        yield "readers see decisions that no manifest names"
    known = {each.audited.contract_report.sha256 for each in manifests}
    if report is not None and hashlib.sha256(report).hexdigest() not in known:
        yield "people see a contract report that no manifest names"
    page = seen(store, report_page_key(as_of))
    reports = (_named(store, each.audited.contract_report) for each in manifests)
    if page is not None and page not in [contract_page(json.loads(each)) for each in reports if each]:
        yield "people look at a page of no contract report that a manifest names"


def is_shown(store: Store, manifest: Manifest) -> bool:
    """Whether decisions, contract report and its page that readers see are those of this revision, to the byte."""
    keys = (decisions_key(manifest.as_of), report_key(manifest.as_of), report_page_key(manifest.as_of))
    report = _named(store, manifest.audited.contract_report)
    page = contract_page(json.loads(report)) if report else None
    expected = (_named(store, manifest.audited.decisions), report, page)
    return None not in expected and tuple(seen(store, key) for key in keys) == expected


def _named(store: Store, file: DataFile) -> bytes | None:
    """The bytes of a file that a manifest names; None where they are not what it says."""
    data = seen(store, file.key)
    if data is None or (hashlib.sha256(data).hexdigest(), len(data)) != (file.sha256, file.size_bytes):
        return None
    return data


def _fingerprint_of(store: Store, manifest: Manifest) -> str:
    """What the fingerprint has to be, from what lies in the landing."""
    prefix = f"landing/day={manifest.as_of}/"
    files = []
    for name in manifest.inputs:
        data = store.read(prefix + name).data
        files.append(FileRef(name, prefix + name, format_of(name), len(data), hashlib.sha256(data).hexdigest()))
    return fingerprint(Delivery(manifest.as_of, tuple(files)), pins_of(manifest))
