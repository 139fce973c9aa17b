"""Rows that a day set aside when the contract stopped it, for those who have the feed mended.

They lie in quarantine/, under the access and the retention of published ones. No manifest names
them, so they have a name of their own; the next stop replaces them, and a publication removes them.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

import pyarrow as pa

from tasks.adapters.files.parquet import read_footer, read_parquet, write_parquet
from tasks.errors import PublishError
from tasks.publication.erasure_token import read_token
from tasks.publication.layout import refused_rows_key
from tasks.store import Store
from tasks.store.renewing import overwrite, read_if_there

_REVISION: Final = "revision"


class RefusedRows(NamedTuple):
    """Rows that a refused revision set aside."""

    revision: int
    """Number that the revision would have had."""
    rows: pa.Table
    """The rows, as quarantine has them."""


def keep_refused_rows(
    store: Store,
    as_of: date,
    rows: pa.Table,
    *,
    revision: int,
    erasure: str | None,
) -> None:
    """Keep the rows that a refused revision set aside, in place of those of an earlier stop.

    If an applicant was erased from the day since the run began, nothing stays, because the rows may
    be theirs. Either the last look of the erasure finds the file, or this look finds its token.

    Args:
        store: where the day lies.
        as_of: the day.
        rows: the rows, as quarantine has them; perhaps none.
        revision: number that the revision would have had.
        erasure: token of the day's last erasure when the run began; None if there was none.
    """
    overwrite(store, refused_rows_key(as_of), write_parquet(rows, {_REVISION: str(revision)}))
    if read_token(store, as_of) != erasure:
        forget_refused_rows(store, as_of)


def read_refused_rows(store: Store, as_of: date) -> RefusedRows | None:
    """Rows that the last stop of a day set aside; None if none are kept.

    Raises:
        PublishError: they are damaged.
    """
    key = refused_rows_key(as_of)
    stored = read_if_there(store, key)
    if stored is None:
        return None
    try:
        return RefusedRows(int(read_footer(stored.data)[_REVISION]), read_parquet(stored.data))
    except (pa.ArrowException, KeyError, ValueError, OSError):
        raise PublishError(
            f"{store.location(key)} is damaged. Score the day again, which keeps the rows anew: "
            f"scoring score --as-of {as_of}"
        ) from None


def forget_refused_rows(store: Store, as_of: date) -> None:
    """Remove the rows that a stop of the day set aside, if any are kept."""
    store.delete(refused_rows_key(as_of))
