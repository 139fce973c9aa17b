"""Reference of a model: a sample of its training rows, and its out-of-fold predictions.

Versions count from 1 for each name and in each registry. So the key says the name, and the footer
says the digest of the model's bundle. Stores of an earlier program have keys without the name.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.adapters.files.parquet import read_footer, read_parquet, write_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.model.bundle import ModelPin
from tasks.errors import ModelError
from tasks.publication.layout import (
    aside_key,
    held_out_key,
    nameless_out_of_fold_key,
    nameless_reference_key,
    out_of_fold_key,
    reference_key,
    room_prefix,
)
from tasks.store import Store
from tasks.store.renewing import overwrite, read_if_there

_DIGEST: Final = "bundle_sha256"
_CHAMPION: Final = "champion_sha256"
_OUTCOMES: Final = "outcomes"
_OF_NOT_REFUSED: Final = "of applicants who were not refused"


def keep_reference(store: Store, model: ModelPin, sample: pa.Table, predicted: pa.Table) -> None:
    """Keep the sample and the out-of-fold predictions of a model.

    Those of a model with the same name and version, from another registry, are moved aside.
    """
    tables = {
        reference_key(model.name, model.version): sample,
        out_of_fold_key(model.name, model.version): predicted,
    }
    for key, table in tables.items():
        there = read_if_there(store, key)
        other = read_footer(there.data).get(_DIGEST) if there else None
        if there and other and other != model.digest:
            overwrite(store, aside_key(key, other), there.data)
        overwrite(store, key, write_parquet(table, {_DIGEST: model.digest}))
        store.delete(aside_key(key, model.digest))  # what it moved there before is out of date


def read_reference(store: Store, model: ModelPin, *, trained_rows: int) -> pa.Table:
    """Read the sample of exactly this model.

    Args:
        store: where it lies.
        model: the model.
        trained_rows: rows that the model learned from, which tell it apart from another model in
            a store of an earlier program.

    Raises:
        ModelError: the store does not hold it, or holds one that belongs to another model.
    """
    key = reference_key(model.name, model.version)
    own = _read_own(store, model, key)
    if own is not None:
        return own
    nameless = nameless_reference_key(model.version)
    there = read_if_there(store, nameless)
    if there is None:
        raise ModelError(
            f"{store.location(key)} is missing, or belongs to another model: the reference sample "
            f"of {model.name} version {model.version}, bundle {model.digest[:12]}…. Restore it, or "
            "train the model again with this store."
        )
    _footer(store, nameless, there.data)
    _require_own(store, model, trained_rows)
    return read_parquet(there.data)


def read_out_of_fold(store: Store, model: ModelPin) -> pa.Table | None:
    """Out-of-fold predictions of exactly this model; None if the store does not hold them.

    Stores of an earlier program kept them by the version alone; those count as none.

    Raises:
        ModelError: they are damaged.
    """
    return _read_own(store, model, out_of_fold_key(model.name, model.version))


def learned_ids(store: Store, model: ModelPin) -> np.ndarray:
    """Ids that a model learned from, int64, shape (rows,); empty if the store does not know.

    Raises what `read_out_of_fold` raises.
    """
    predicted = read_out_of_fold(store, model)
    return np.empty(0, np.int64) if predicted is None else predicted.column(APPLICATION_ID).to_numpy()


class HeldOut(NamedTuple):
    """Results of a model, and of the champion of then, on the model's history out of their sight."""

    table: pa.Table
    champion: str
    """Digest of the champion that is in them; empty if none is."""
    is_of_not_refused: bool
    """True if some of the outcomes are those of applicants who were not refused, as all that mature."""


def keep_held_out(
    store: Store, model: ModelPin, held_out: pa.Table, champion: ModelPin | None, *, is_of_not_refused: bool = False
) -> None:
    """Keep what a model, and the champion of then, say of the model's history out of their sight.

    That of a model with the same name and version, from another registry, is replaced.
    """
    footer = {
        _DIGEST: model.digest,
        _CHAMPION: champion.digest if champion else "",
        _OUTCOMES: _OF_NOT_REFUSED if is_of_not_refused else "",
    }
    overwrite(store, held_out_key(model.name, model.version), write_parquet(held_out, footer))


def read_held_out(store: Store, model: ModelPin) -> HeldOut | None:
    """Held-out results of a model; None if the store does not hold them for exactly this model.

    Raises:
        ModelError: it is damaged.
    """
    key = held_out_key(model.name, model.version)
    there = read_if_there(store, key)
    footer = _footer(store, key, there.data) if there else {}
    if there is None or footer.get(_DIGEST) != model.digest:
        return None
    is_of_not_refused = footer.get(_OUTCOMES) == _OF_NOT_REFUSED
    return HeldOut(read_parquet(there.data), footer.get(_CHAMPION, ""), is_of_not_refused)


def _read_own(store: Store, model: ModelPin, key: str) -> pa.Table | None:
    for place in (key, aside_key(key, model.digest)):
        there = read_if_there(store, place)
        if there and _footer(store, place, there.data).get(_DIGEST) == model.digest:
            return read_parquet(there.data)
    return None


def _require_own(store: Store, model: ModelPin, trained_rows: int) -> None:
    """Refuse a sample without a name beside predictions of another model.

    There is one prediction for each row that the model learned from; an erasure takes one away.
    """
    key = nameless_out_of_fold_key(model.version)
    there = read_if_there(store, key)
    if there is None:
        return
    _footer(store, key, there.data)
    gone = trained_rows - read_parquet(there.data, []).num_rows
    if not 0 <= gone <= sum(1 for _ in store.list(room_prefix("erasures"))):
        raise ModelError(
            f"{store.location(nameless_reference_key(model.version))} is not the reference sample "
            f"of {model.name} version {model.version}: that model learned from {trained_rows} "
            f"rows, the one whose sample this is from {trained_rows - gone}. An earlier program "
            "kept it by its version alone, so another model took its place. Train the model again "
            "with this store."
        )


def _footer(store: Store, key: str, data: bytes) -> dict[str, str]:
    try:
        return read_footer(data)
    except pa.ArrowException:
        raise ModelError(
            f"{store.location(key)} is damaged. Restore it, or train the model again with this store."
        ) from None
