"""Ledger of outcomes: every delivery as it came, and the rows of it that keep the contract.

A delivery exists exactly if its receipt does. The receipt is created once, after the data files that it
names, and deliveries count from 1 without a gap, so they are found by asking. Later deliveries replace
no earlier one; which row counts is settled when figures are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache
from typing import Final

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from tasks.adapters.files.parquet import read_parquet, write_parquet
from tasks.core.day.records import DataFile
from tasks.core.files import FileFormat
from tasks.core.outcomes.delivered import OUTCOMES_SCHEMA
from tasks.errors import PublishError
from tasks.publication.data_files import read_data, store_data
from tasks.publication.layout import outcomes_prefix, receipt_key
from tasks.store import AlreadyExists, Store
from tasks.store.renewing import read_if_there, renew

DELIVERED: Final = "delivered"
"""Name of the data file that is the delivery as it came."""
ACCEPTED: Final = "accepted"
"""Name of the data file with the rows that keep the contract."""
NUMBER_COLUMN: Final = "delivery"
"""Column with the number of the delivery, in rows of several deliveries."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery of outcomes that was taken in."""

    number: int
    """Number of the delivery, from 1."""
    name: str
    """Name of the file, without its folder."""
    format: FileFormat
    sha256: str
    """SHA-256 of the file as it came. It stays when an erasure cuts a row out of what is kept, so that the file is
    known when it comes again."""
    file: DataFile
    """The file; `rows` are those delivered."""
    accepted: DataFile
    """Rows of `OUTCOMES_SCHEMA` that keep the contract, in the order of delivery."""
    by_rule: Mapping[str, int]
    """Rule to the number of rows that were set aside for it; a row may break several. Empty after an erasure of
    such a row."""
    contract: Mapping[str, str]
    """Version and digest of the contract that judged it."""
    received_at: str
    """Time in UTC, ISO form."""
    expired_on: str | None = None
    """Day on which its data files were removed by rule; None if they are kept."""
    erasures: tuple[Mapping[str, str], ...] = field(default=())
    """Time (`at`) and reason (`reason`) of each erasure from it."""

    @property
    def files(self) -> tuple[DataFile, DataFile]:
        """Its data files: the delivery as it came, and the rows that keep the contract."""
        return self.file, self.accepted

    @property
    def set_aside(self) -> int:
        """Rows that break a critical rule of the contract; figures are never made of them."""
        return self.file.rows - self.accepted.rows


def receipts_of(store: Store) -> Iterator[Receipt]:
    """Receipts of all deliveries, from the first on.

    Raises:
        PublishError: an object in the place of a receipt is not one.
    """
    number = 1
    while stored := read_if_there(store, receipt_key(number)):
        yield _read_receipt(store, number, stored.data)
        number += 1


def keep_delivery(store: Store, receipt: Receipt, data: bytes, accepted: pa.Table) -> Receipt:
    """Keep a delivery; returns its receipt under the next free number.

    The same file is kept once: if another process was faster with it, its receipt is returned.

    Args:
        store: where outcomes are kept.
        receipt: facts of the delivery; its number and data files are filled in.
        data: the file as it came.
        accepted: rows that keep the contract, in `OUTCOMES_SCHEMA`.
    """
    number = 1
    for each in receipts_of(store):
        if each.sha256 == receipt.sha256:
            return each
        number = each.number + 1
    while True:
        file = _store(store, number, DELIVERED, data, receipt.file.rows, receipt.format)
        rows = _store(store, number, ACCEPTED, write_parquet(accepted), accepted.num_rows, "parquet")
        kept = replace(receipt, number=number, file=file, accepted=rows)
        try:
            store.create(receipt_key(number), receipt_bytes(kept))
        except AlreadyExists:
            winner = read_if_there(store, receipt_key(number))
            first = _read_receipt(store, number, winner.data) if winner else kept
            if first.sha256 == receipt.sha256:
                return first
            for ours in {file.key, rows.key} - {first.file.key, first.accepted.key}:  # no receipt names them
                store.delete(ours)
            number += 1
        else:
            # An erasure may have taken the files, which no receipt named yet, for those of a dead run.
            _store(store, number, DELIVERED, data, receipt.file.rows, receipt.format)
            _store(store, number, ACCEPTED, write_parquet(accepted), accepted.num_rows, "parquet")
            return kept


def read_outcomes(store: Store, receipts: Sequence[Receipt]) -> pa.Table:
    """Rows that keep the contract of these deliveries, with the number of each; none of expired ones.

    Raises:
        PublishError: a data file is missing or damaged.
    """
    kept = (receipt for receipt in receipts if receipt.expired_on is None)
    tables = [_with_number(read_parquet(read_data(store, each.accepted)), each.number) for each in kept]
    return pa.concat_tables([_with_number(OUTCOMES_SCHEMA.empty_table(), 0), *tables])


def expire_delivery(store: Store, receipt: Receipt, *, on: date) -> None:
    """Remove the data files of a delivery; its receipt stays, and says since when they are gone.

    The receipt is written first, so that it never names files that are not there.
    """
    renew_receipt(store, replace(receipt, expired_on=on.isoformat()))
    for file in receipt.files:
        store.delete(file.key)


def renew_receipt(store: Store, receipt: Receipt) -> None:
    """Write a receipt over the one that is there."""
    renew(store, receipt_key(receipt.number), lambda _: receipt_bytes(receipt))


def receipt_bytes(receipt: Receipt) -> bytes:
    """Receipt as stored."""
    return json.dumps(asdict(receipt), indent=1).encode()


def _read_receipt(store: Store, number: int, data: bytes) -> Receipt:
    try:
        receipt = _receipt_type().validate_json(data)
    except ValidationError:
        receipt = None
    if receipt is None or receipt.number != number:
        raise PublishError(
            f"{store.location(receipt_key(number))} is not a receipt of outcomes. Restore it from a backup; nothing "
            "was changed."
        )
    return receipt


def _store(store: Store, number: int, name: str, data: bytes, rows: int, ending: str) -> DataFile:
    return store_data(store, outcomes_prefix(number), name, data, rows=rows, ending=ending)


def _with_number(rows: pa.Table, number: int) -> pa.Table:
    return rows.append_column(NUMBER_COLUMN, pa.repeat(pa.scalar(number, pa.int64()), rows.num_rows))


@cache
def _receipt_type() -> TypeAdapter[Receipt]:
    return TypeAdapter(Receipt)
