"""Reading of an outcome: a delivered row becomes a typed one, as applications do."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.applications import APPLICATION_ID, parse_ids, parse_numbers, plain_values
from tasks.core.lender.columns import ID, OUTCOME_DATE, TARGET

OUTCOME_COLUMNS: Final = (ID, TARGET, OUTCOME_DATE)
"""Columns of a file of outcomes."""
OUTCOMES_SCHEMA: Final = pa.schema([(APPLICATION_ID, pa.int64()), ("defaulted", pa.bool_()), ("known_on", pa.date32())])
"""Typed outcomes as the store keeps them: whose, how the loan ended, and the day from which it is known."""
_DAY: Final = r"^\d{4}-\d{2}-\d{2}$"
_FORM: Final = "%Y-%m-%d"


def parse_outcomes(raw: pa.Table) -> pa.Table:
    """Read a delivered chunk by the declared types, in `OUTCOME_COLUMNS`, one row per delivered row.

    Ids and results are read as those of applications. A date is written YYYY-MM-DD, or is a date or
    a midnight in parquet; it stays text. A value that does not parse is null.

    >>> cells = {"SK_ID_CURR": ["1", "x"], "TARGET": ["1", "0.5"], "OUTCOME_DATE": ["2027-02-28", "2027-02-30"]}
    >>> parse_outcomes(pa.table(cells)).to_pylist()[1]
    {'SK_ID_CURR': None, 'TARGET': None, 'OUTCOME_DATE': None}
    """
    ids, _ = parse_ids(plain_values(raw, ID))
    target, _ = parse_numbers(plain_values(raw, TARGET), whole=True)
    columns = [ids.cast(pa.int64()), target, _days(plain_values(raw, OUTCOME_DATE))]
    return pa.table(columns, names=list(OUTCOME_COLUMNS))


def kept_outcomes(typed: pa.Table) -> pa.Table:
    """Typed rows that keep the contract, as the store keeps them: in `OUTCOMES_SCHEMA`."""
    columns = [
        typed.column(ID),
        pc.equal(typed.column(TARGET), 1.0),
        pc.strptime(typed.column(OUTCOME_DATE), format=_FORM, unit="s").cast(pa.date32()),
    ]
    return pa.table(columns, schema=OUTCOMES_SCHEMA)


def _days(values: pa.Array) -> pa.Array:
    """Days as text YYYY-MM-DD; null for what is none in the calendar."""
    if pa.types.is_temporal(values.type) and not pa.types.is_time(values.type):
        text = values.cast(pa.string())
        # A time of midnight stands for its day; any other time is not a day.
        text = pc.replace_substring_regex(text, r"[ T]00:00(:00(\.0+)?)?Z?$", "")
    elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or _is_words(values.type):
        text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    else:
        return pa.nulls(len(values), pa.string())
    written = pc.if_else(pc.match_substring_regex(text, _DAY), text, None)
    # Arrow takes the 30th of February for a day in March, so it is written again and compared.
    days = pc.strptime(written, format=_FORM, unit="s", error_is_null=True)
    is_day = pc.equal(pc.strftime(days, format=_FORM), written)
    return pc.if_else(pc.fill_null(is_day, False), written, None)


def _is_words(type_: pa.DataType) -> bool:
    """True for texts in a dictionary, or in Arrow's other form of text."""
    is_dictionary = pa.types.is_dictionary(type_) and pa.types.is_string(type_.value_type)
    return is_dictionary or pa.types.is_string_view(type_)
