"""Rows spoilt on purpose, each in one named way, as real feeds deliver them now and then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.core.feed.synthetic import random_stream
from tasks.core.files import as_cells
from tasks.core.lender.columns import ID
from tasks.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Spoil:
    """One way in which a delivered row can be bad."""

    phrase: str
    cells: Mapping[str, str | None] = field(default_factory=dict)
    """Column to the text that replaces the text of the row; None empties the cell."""
    copies: Literal["nothing", "id", "row"] = "nothing"
    """Part that the row copies from another row. The other row stays as it is."""


SPOILS: Final[Mapping[str, Spoil]] = {
    "letters": Spoil("letters where a number belongs", {"AMT_CREDIT": "plenty"}),
    "thousands_separator": Spoil("a comma between thousands", {"AMT_INCOME_TOTAL": "180,000"}),
    "infinity": Spoil("an infinite amount", {"AMT_ANNUITY": "inf"}),
    "fraction": Spoil("a fraction where a whole number belongs", {"CNT_CHILDREN": "1.5"}),
    "id_missing": Spoil("no application id", {ID: None}),
    "credit_missing": Spoil("no credit amount", {"AMT_CREDIT": None}),
    "income_negative": Spoil("an income below zero", {"AMT_INCOME_TOTAL": "-157500"}),
    "category_unknown": Spoil(
        "a category nobody declared",
        {"NAME_EDUCATION_TYPE": "Apprenticeship"},
    ),
    "sentinel_with_phone": Spoil(
        "not employed, yet with an employer's phone",
        {"DAYS_EMPLOYED": "365243", "FLAG_EMP_PHONE": "1"},
    ),
    "region_rating": Spoil("a region rated -1", {"REGION_RATING_CLIENT_W_CITY": "-1"}),
    "annuity_above_credit": Spoil("an annuity above the credit", {"AMT_ANNUITY": "9000000"}),
    "family_too_small": Spoil(
        "fewer in the family than children",
        {"CNT_CHILDREN": "3", "CNT_FAM_MEMBERS": "2"},
    ),
    "born_later": Spoil("a birth after the application", {"DAYS_BIRTH": "400"}),
    "flag_of_two": Spoil("a flag that is neither 0 nor 1", {"FLAG_WORK_PHONE": "2"}),
    "external_score": Spoil("an external score above 1", {"EXT_SOURCE_2": "1.7"}),
    "hour_of_day": Spoil("a 25th hour", {"HOUR_APPR_PROCESS_START": "25"}),
    "duplicate": Spoil("another row once more, to be dropped", copies="row"),
    "id_conflict": Spoil(
        "another row's id on a different application: both are doubtful",
        copies="id",
    ),
}


def spoil_rows(
    table: pa.Table,
    share: float,
    *,
    seed: int,
    as_of: date,
) -> tuple[pa.Table, dict[str, int]]:
    """Rows as text, `round(share * rows)` of them spoilt; and each kind of `SPOILS` to its count.

    A spoilt row has one kind, and the kinds take turns. The number and order of rows stay. A row
    that is copied is never spoilt itself, and is copied once. If more than half are spoilt, no
    rows are left to copy from, and the kinds that copy are left out.

    Raises:
        ConfigError: `share` is not in 0 to 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"The share of bad rows is {share}; it must lie in 0 to 1.")
    n_spoilt = round(share * table.num_rows)
    generator = random_stream(seed, as_of, "spoilt rows")
    shuffled = generator.permutation(table.num_rows)  # spoilt from the front, copied from the back
    can_copy = 2 * n_spoilt <= table.num_rows
    usable = [name for name, spoil in SPOILS.items() if spoil.copies == "nothing" or can_copy]
    spoilt = as_cells(table)
    counts = {}
    for first, name in enumerate(generator.permutation(usable).tolist()):
        turns = np.arange(first, n_spoilt, len(usable))
        if turns.size:
            replacements = _replacements(spoilt, SPOILS[name], shuffled[::-1][turns])
            spoilt = _overwrite(spoilt, replacements, np.sort(shuffled[turns]))
            counts[name] = turns.size
    return spoilt, counts


def _replacements(
    rows: pa.Table,
    spoil: Spoil,
    sources: NDArray[np.int64],
) -> dict[str, pa.Array]:
    """Columns that `spoil` changes, with one new cell for each source row."""
    copied = {"nothing": [], "id": [ID], "row": rows.column_names}[spoil.copies]
    texts = {name: pa.scalar(cell, pa.string()) for name, cell in spoil.cells.items()}
    cells = {name: pa.repeat(text, sources.size) for name, text in texts.items()}
    taken = {name: rows.column(name).take(pa.array(sources)) for name in copied}
    return {name: column.combine_chunks() for name, column in taken.items()} | cells


def _overwrite(
    rows: pa.Table,
    replacements: Mapping[str, pa.Array],
    positions: NDArray[np.int64],
) -> pa.Table:
    """Rows with new cells at the ascending `positions`."""
    chosen = np.zeros(rows.num_rows, dtype=bool)
    chosen[positions] = True
    for name, cells in replacements.items():
        column = pc.replace_with_mask(rows.column(name).combine_chunks(), pa.array(chosen), cells)
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows
