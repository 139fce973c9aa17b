"""Control totals: sums over a day's rows at every stage, which must agree before publication.

They are the classic batch controls of data processing: record count, hash total, control total. A
count of rows alone does not notice a row that took another's place. The hash total of ids notices
it, and the totals of amounts notice a value that changed on the way. The hash total adds up hashes,
not ids, so that it notices ids that changed in opposite ways, too.

A total over one row is that row's value, and so is the difference of two totals that differ by one
row. So a total in the manifest stands on enough rows (`tasks/core/disclosure.py`). It leaves out
either none or enough of them, in the first revision and in later ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import SOURCE_FILE, typed_name
from tasks.core.day.records import FileTotals
from tasks.core.disclosure import is_enough, is_none_or_enough
from tasks.core.lender.amounts import AMOUNTS, HUNDREDTHS
from tasks.core.lender.columns import ID

MEASURES: Final = (ID, *AMOUNTS)
"""Columns that are added up. Amounts count in hundredths, so that totals are whole numbers and can
be added in any order."""
_STAGES: Final = ("decided", "quarantined", "duplicates_dropped", "replaced")
PublishedTotals = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Measure, file and stage to the total. The stage `received` is that of the rows as they were
read."""
# Larger amounts are in no total, because no sound row has one. int64 holds a total of nine million
# amounts of this size.
_LARGEST_AMOUNT: Final = 1e10
_COLUMNS: Final = {ID: APPLICATION_ID, **{name: typed_name(name) for name in AMOUNTS}}


def sum_typed(rows: pa.Table) -> dict[str, int]:
    """Measure to its total over typed rows as delivered; a row without a value adds nothing.

    >>> columns = {ID: [7, None], "AMT_CREDIT": [1.5, 2.0], "AMT_INCOME_TOTAL": [10.25, None]}
    >>> sum_typed(pa.table(columns))
    {'SK_ID_CURR': 1674306020, 'AMT_CREDIT': 350, 'AMT_INCOME_TOTAL': 1025}
    """
    return {measure: int(_whole(rows.column(measure)).sum()) for measure in MEASURES}


def hash_total(ids: pa.ChunkedArray) -> int:
    """Total of the hashes of ids."""
    return int(_whole(ids).sum())


def add_sums(*parts: Mapping[str, int]) -> dict[str, int]:
    """Totals over all rows, from those of disjoint row sets."""
    totals = dict.fromkeys(MEASURES, 0)
    for part in parts:
        for measure in MEASURES:
            totals[measure] += part.get(measure, 0)
    return totals


def totals_by_measure(
    received: Mapping[str, Mapping[str, int]],
    stages: Sequence[pa.Table],
) -> dict[str, dict[str, FileTotals]]:
    """Measure and file to its totals, as received and in each stage.

    Args:
        received: file to the sums over its rows as they were read.
        stages: tables in which the rows ended, in the order of `FileTotals`; each has a column for
            the file, the id, and each typed amount.
    """
    totals = {}
    for measure in MEASURES:
        ended = [_sum_by_file(table, measure) for table in stages]
        by_file = {}
        for name, sums in received.items():
            by_file[name] = FileTotals(sums[measure], *(stage.get(name, 0) for stage in ended))
        totals[measure] = by_file
    return totals


def _sum_by_file(table: pa.Table, measure: str) -> dict[str, int]:
    values = {
        "file": table.column(SOURCE_FILE),
        "value": _whole(table.column(_COLUMNS[measure])),
    }
    summed = pa.table(values).group_by("file").aggregate([("value", "sum")])
    return {each["file"]: each["value_sum"] for each in summed.to_pylist()}


def _whole(values: pa.ChunkedArray) -> np.ndarray:
    """Addend of each value, int64: amounts in hundredths, ids as 32-bit hashes, 0 if missing."""
    if pa.types.is_floating(values.type):
        amounts = pc.fill_null(values, 0.0).to_numpy()
        amounts = np.where(np.abs(amounts) <= _LARGEST_AMOUNT, amounts, 0.0)
        whole: np.ndarray = np.rint(amounts * HUNDREDTHS).astype(np.int64)
        return whole
    hashes = _hash(pc.fill_null(values, 0).to_numpy())
    return np.where(pc.is_null(values).to_numpy(), 0, hashes)


def _hash(ids: np.ndarray) -> np.ndarray:
    """Upper 32 bits of splitmix64 (Steele, Lea and Flood, 2014), which spreads neighbouring ids."""
    mixed = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    upper: np.ndarray = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)).astype(np.int64)
    return upper


def unreconciled(totals: Mapping[str, Mapping[str, FileTotals]]) -> list[str]:
    """Measures and files whose totals do not agree, in words, without the totals themselves.

    >>> sound, broken = FileTotals(500, 300, 200, 0), FileTotals(500, 300, 100, 0)
    >>> unreconciled({"AMT_CREDIT": {"a.csv": sound, "b.csv": broken}})
    ['AMT_CREDIT of b.csv']
    """
    return [
        f"{measure} of {name}" for measure, files in totals.items() for name, one in files.items() if one.unaccounted
    ]


def publishable_totals(
    totals: Mapping[str, Mapping[str, FileTotals]],
    files: Mapping[str, FileTotals],
    *,
    revision: int,
) -> PublishedTotals:
    """Totals as the manifest records them.

    A file with enough rows has its total as received. It has the totals of its stages, too, if each
    stage holds no row or enough rows. A later revision has the totals as received alone: its stages
    might differ by a single row from those of the first revision.

    Args:
        totals: measure and file to its totals, which agree.
        files: file to the number of rows behind them.
        revision: number of the revision that the manifest describes.
    """
    recorded = {}
    for measure, by_file in totals.items():
        recorded[measure] = {
            name: _stage_totals(one, files[name], revision)
            for name, one in by_file.items()
            if is_enough(files[name].rows)
        }
    return recorded


def _stage_totals(total: FileTotals, rows: FileTotals, revision: int) -> dict[str, int]:
    recorded = {"received": total.rows}
    counts = {stage: getattr(rows, stage) for stage in _STAGES}
    if revision == 1 and all(is_none_or_enough(count) for count in counts.values()):
        recorded |= {stage: getattr(total, stage) for stage, count in counts.items() if count}
    return recorded
