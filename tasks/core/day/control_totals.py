"""Control totals: sums over a day's rows, taken at every stage, that must agree before anything is published.

A count of rows alone does not notice a row that took another's place. The hash total of ids does, and the totals of
amounts notice a value that changed on the way. (The classic batch controls of data processing: record count, hash
total, control total.) The hash total adds up hashes, not ids: ids that changed in opposite ways are noticed, too.

A total over one row is that row's value, and so is what two totals differ by. What the manifest says
of totals stands on enough rows (`tasks/core/disclosure.py`) and leaves out none or as many, in the
first revision and in those after it.
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
from tasks.core.lender.amounts import AMOUNTS
from tasks.core.lender.columns import ID

MEASURES: Final = (ID, *AMOUNTS)
"""What is added up. Amounts count in hundredths, so that totals are whole numbers and add up in any order."""
_STAGES: Final = ("decided", "quarantined", "duplicates_dropped", "replaced")
ToldTotals = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Measure, file and stage to the total; `received` stands for what was read."""
_HUNDREDTHS: Final = 100
# Larger amounts are in no total: no sound row has one, and int64 holds a total of nine million of these.
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
    """The total over ids."""
    return int(_whole(ids).sum())


def add_sums(*parts: Mapping[str, int]) -> dict[str, int]:
    """The totals over all rows, from those of disjoint row sets."""
    return {measure: sum(part.get(measure, 0) for part in parts) for measure in MEASURES}


def totals_by_measure(
    received: Mapping[str, Mapping[str, int]], stages: Sequence[pa.Table]
) -> dict[str, dict[str, FileTotals]]:
    """Measure and file to its totals, as received and in each stage.

    Args:
        received: file to the sums over its rows as they were read.
        stages: the tables in which the rows ended, in the order of `FileTotals`; each has a column for the file, the
            id, and each typed amount.
    """
    ended = [{measure: _sum_by_file(table, measure) for measure in MEASURES} for table in stages]
    return {
        measure: {
            name: FileTotals(sums[measure], *(stage[measure].get(name, 0) for stage in ended))
            for name, sums in received.items()
        }
        for measure in MEASURES
    }


def _sum_by_file(table: pa.Table, measure: str) -> dict[str, int]:
    values = pa.table({"file": table.column(SOURCE_FILE), "value": _whole(table.column(_COLUMNS[measure]))})
    return {
        each["file"]: each["value_sum"] for each in values.group_by("file").aggregate([("value", "sum")]).to_pylist()
    }


def _whole(values: pa.ChunkedArray) -> np.ndarray:
    """What each value adds to a total, int64: amounts in hundredths, ids as hashes of 32 bits; nothing without one."""
    if pa.types.is_floating(values.type):
        amounts = pc.fill_null(values, 0.0).to_numpy()
        amounts = np.where(np.abs(amounts) <= _LARGEST_AMOUNT, amounts, 0.0)
        whole: np.ndarray = np.rint(amounts * _HUNDREDTHS).astype(np.int64)
        return whole
    hashes = _hash(pc.fill_null(values, 0).to_numpy())
    return np.where(pc.is_null(values).to_numpy(), 0, hashes)


def _hash(ids: np.ndarray) -> np.ndarray:
    """The upper 32 bits of splitmix64 (Steele, Lea and Flood, 2014), which spreads neighbouring ids."""
    mixed = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    upper: np.ndarray = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)).astype(np.int64)
    return upper


def unreconciled(totals: Mapping[str, Mapping[str, FileTotals]]) -> list[str]:
    """The measures and files whose totals do not agree, in words; the totals themselves are not told.

    >>> unreconciled({"AMT_CREDIT": {"a.csv": FileTotals(500, 300, 200, 0), "b.csv": FileTotals(500, 300, 100, 0)}})
    ['AMT_CREDIT of b.csv']
    """
    return [
        f"{measure} of {name}" for measure, files in totals.items() for name, one in files.items() if one.unaccounted
    ]


def tell_totals(
    totals: Mapping[str, Mapping[str, FileTotals]], files: Mapping[str, FileTotals], *, revision: int
) -> ToldTotals:
    """What the manifest says of the totals.

    Of a file with enough rows, what was received; and where its rows ended, if no stage holds some but too few. A later
    revision tells what was received alone: beside those of the first, its stages might differ by a single row.

    Args:
        totals: measure and file to its totals, which agree.
        files: file to the number of rows behind them.
        revision: number of the revision that the manifest is of.
    """
    is_told = {name: is_enough(counts.rows) for name, counts in files.items()}
    return {
        measure: {name: _told(one, files[name], revision) for name, one in by_file.items() if is_told[name]}
        for measure, by_file in totals.items()
    }


def _told(total: FileTotals, rows: FileTotals, revision: int) -> dict[str, int]:
    counts = {stage: getattr(rows, stage) for stage in _STAGES}
    is_safe = revision == 1 and all(is_none_or_enough(count) for count in counts.values())
    ended = {stage: getattr(total, stage) for stage, count in counts.items() if count} if is_safe else {}
    return {"received": total.rows, **ended}


def contradictions(told: ToldTotals) -> list[str]:
    """The measures and files of a manifest whose totals do not agree, in words.

    >>> contradictions({"AMT_CREDIT": {"a.csv": {"received": 5, "decided": 4}, "b.csv": {"received": 5}}})
    ['AMT_CREDIT of a.csv']
    """
    return [
        f"{measure} of {name}"
        for measure, files in told.items()
        for name, stages in files.items()
        if len(stages) > 1 and 2 * stages["received"] != sum(stages.values())
    ]
