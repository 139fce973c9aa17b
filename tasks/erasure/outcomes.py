"""One applicant erased from the deliveries of outcomes.

For each delivery, new data files are stored beside the old ones, then the receipt is written over to
name them, then the old ones are removed. So a backtest always reads whole files, and a second run goes
on from the first.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

import pyarrow as pa

from tasks.adapters.files.cut import cut_rows
from tasks.adapters.files.landing_file import Reading
from tasks.adapters.files.parquet import read_parquet, write_parquet
from tasks.core.applications import rows_of_applicant
from tasks.core.day.records import DataFile
from tasks.erasure.record import ErasureRecord, ObjectChange, sha256_of_data
from tasks.erasure.search import Found, landing_file, search
from tasks.errors import PublishError
from tasks.publication.data_files import name_data, store_data
from tasks.publication.layout import delivery_of_outcomes, outcomes_prefix
from tasks.publication.outcome_ledger import ACCEPTED, DELIVERED, Receipt, receipts_of, renew_receipt
from tasks.store import Store


def erase_outcomes(
    store: Store, applicant: int, record: ErasureRecord, reading: Reading, found: Iterable[Found]
) -> None:
    """Cut an applicant out of the deliveries of outcomes in which they were found.

    A delivery stays known by the digest under which it came, so that it is not taken in again.

    Raises:
        PublishError: rows of the applicant came back meanwhile, or a receipt is damaged.
        SourceError: a delivered file cannot be cut.
    """
    receipts = {receipt.number: receipt for receipt in receipts_of(store)}
    ordered = sorted(found, key=lambda each: delivery_of_outcomes(each.key) or 0)
    for number, group in groupby(ordered, key=lambda each: delivery_of_outcomes(each.key) or 0):
        _erase_delivery(store, applicant, record, reading, receipts.get(number), list(group))
        prefix = outcomes_prefix(number)
        if search(store, applicant, reading=reading, prefix=prefix).found:
            raise PublishError(
                f"Rows of the applicant came back to {store.location(prefix)} while they were erased. "
                "Run the same command again; it goes on from here."
            )


def _erase_delivery(
    store: Store,
    applicant: int,
    record: ErasureRecord,
    reading: Reading,
    receipt: Receipt | None,
    found: Sequence[Found],
) -> None:
    """Cut the applicant out of one delivery; objects that its receipt does not name are removed."""
    named: dict[str, str] = {receipt.file.key: DELIVERED, receipt.accepted.key: ACCEPTED} if receipt else {}
    new_files: dict[str, tuple[DataFile, bytes]] = {}
    changes = []
    for each in found:
        before = store.read(each.key).data
        change = ObjectChange(each.key, sha256_of_data(before), each.rows)
        if receipt and each.key in named:
            name = named[each.key]
            file, data = _without(store, applicant, reading, receipt, name, before)
            new_files[name] = (file, data)
            change = change._replace(new_key=file.key, new_sha256=file.sha256)
        changes.append(change)
    record.add(changes)
    prefix = outcomes_prefix(delivery_of_outcomes(found[0].key) or 0)
    for name, (file, data) in new_files.items():
        store_data(store, prefix, name, data, rows=file.rows, ending=file.key.rpartition(f"{file.sha256[:16]}.")[2])
    if receipt and new_files:
        renew_receipt(store, _renewed(receipt, new_files, record))
    for each in found:
        store.delete(each.key)


def _without(
    store: Store, applicant: int, reading: Reading, receipt: Receipt, name: str, before: bytes
) -> tuple[DataFile, bytes]:
    """Record and bytes of a data file without the applicant."""
    prefix = outcomes_prefix(receipt.number)
    if name == ACCEPTED:
        table = read_parquet(before)
        kept = table.filter(pa.array(~rows_of_applicant(table, applicant)))
        data = write_parquet(kept)
        return name_data(prefix, name, data, rows=kept.num_rows), data
    cut = cut_rows(landing_file(store, receipt.file.key, io.BytesIO(before), reading), applicant)
    file = name_data(prefix, name, cut.data, rows=receipt.file.rows - cut.rows, ending=receipt.format)
    return file, cut.data


def _renewed(receipt: Receipt, new_files: dict[str, tuple[DataFile, bytes]], record: ErasureRecord) -> Receipt:
    """Receipt that names the new files; its counts by rule go if they may count a row that went."""
    file, _ = new_files.get(DELIVERED, (receipt.file, b""))
    accepted, _ = new_files.get(ACCEPTED, (receipt.accepted, b""))
    renewed = replace(receipt, file=file, accepted=accepted, erasures=(*receipt.erasures, record.entry))
    return renewed if renewed.set_aside == receipt.set_aside else replace(renewed, by_rule={})
