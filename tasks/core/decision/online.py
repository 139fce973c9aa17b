"""Online requests for a few applications: their rows as delivered, and the table that answers them.

Every row of a request is decided alone. The functions of the daily job parse, judge and decide it.
A row that breaks the contract comes back with the rules that it breaks, and does not affect the
others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.rules import Rule, parsing_rules
from tasks.core.contract.screening import BROKEN_RULES, SOURCE_ROW, ScreenedChunk, count_by_rule, require_declared
from tasks.core.decision.policy import Policy
from tasks.core.decision.published_rows import decided_columns
from tasks.core.decision.reasons import REASONS
from tasks.core.decision.scoring import Scored
from tasks.core.lender.columns import COLUMNS, ID, Kind
from tasks.core.model.bundle import ModelPin
from tasks.core.words import counted
from tasks.errors import ExpectationsNotMet

REQUEST: Final = "the request"
ABSENT_COLUMNS: Final = "absent_columns"
ANSWER: Final = pa.schema(
    [
        (APPLICATION_ID, pa.int64()),
        ("pd", pa.float64()),
        ("decision", pa.string()),
        ("risk_band", pa.string()),
        pa.field("cutoff", pa.float64(), nullable=False),
        *((reason, pa.string()) for reason in REASONS),
        pa.field("model_name", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("policy_version", pa.string(), nullable=False),
        pa.field("contract_version", pa.string(), nullable=False),
        (BROKEN_RULES, pa.string()),
        (ABSENT_COLUMNS, pa.string()),
    ]
)
"""Columns of an answer, one row for each row of the request, in its order.

If `broken_rules` is given, pd, decision, risk_band and reasons are null. So is application_id, if
it is one of the columns that broke the rules. `absent_columns` names, joined by `;`, the columns that
the request lacked, which count as missing in every row; it is null if the request lacked none.
"""


class Request(NamedTuple):
    """Applications as they were sent."""

    rows: pa.Table
    """Delivered rows with every declared column, which `parse_rows` reads."""
    absent: tuple[str, ...]
    """Declared columns that were not sent; they are null in every row."""


def request_of(frame: pd.DataFrame, *, optional: Collection[str]) -> Request:
    """Declared columns of a request as delivered rows.

    A column of one type stays as it is. A column of several types, as JSON may hold, becomes text
    cell by cell, so that no cell changes the reading of another.

    Args:
        frame: the request.
        optional: columns that it may lack, for every row may lack a value of them.

    Raises:
        ExpectationsNotMet: another declared column is missing, there are no rows, or a cell is neither
            a number nor a text.
    """
    sent = [str(name) for name in frame.columns]
    require_declared(sent, name=REQUEST, optional=optional)
    if not len(frame):
        raise ExpectationsNotMet("The request holds no application. Send at least one row.")
    columns = {}
    for column in COLUMNS:
        if column.name in sent:
            columns[column.name] = _delivered(frame[column.name], column.name, column.kind)
        else:
            columns[column.name] = pa.nulls(len(frame), pa.string())
    return Request(pa.table(columns), tuple(name for name in columns if name not in sent))


def require_one_decidable(chunk: ScreenedChunk, rules: Sequence[Rule]) -> None:
    """Refuse a request if every row of it breaks the contract.

    Raises:
        ExpectationsNotMet: no row is left. The message has each broken rule with its sentence.
    """
    if chunk.accepted.num_rows:
        return
    sentences = {rule.id: rule.sentence for rule in (*parsing_rules(), *rules)}
    broken = count_by_rule(chunk.rejected.column(BROKEN_RULES).to_pylist())
    requirements = " ".join(f"{sentences[rule]} ({rule}, {counted(rows, 'row')})" for rule, rows in broken.items())
    raise ExpectationsNotMet(
        f"No application of the request keeps the contract. It requires: {requirements} Correct it and send again."
    )


def build_answer(
    chunk: ScreenedChunk,
    scored: Scored,
    *,
    policy: Policy,
    model: ModelPin,
    contract_version: str,
    absent: Sequence[str],
) -> pa.Table:
    """Build the answer to a request, in the columns of `ANSWER`.

    Args:
        chunk: the request, screened.
        scored: the results of its accepted rows.
        policy: the policy that decides.
        model: the model that scored.
        contract_version: version of the contract that screened.
        absent: columns that the request lacked.
    """
    decided = {
        SOURCE_ROW: chunk.accepted_rows,
        APPLICATION_ID: chunk.accepted.column(ID),
        "pd": scored.pd,
        **decided_columns(scored.pd, policy),
        **scored.reasons,
    }
    refused = chunk.rejected.select([SOURCE_ROW, APPLICATION_ID, BROKEN_RULES])
    rows = pa.concat_tables([pa.table(decided), refused], promote_options="default")
    rows = rows.sort_by(SOURCE_ROW)
    constant = {
        "cutoff": policy.cutoff,
        "model_name": model.name,
        "model_version": model.version,
        "policy_version": policy.version,
        "contract_version": contract_version,
        ABSENT_COLUMNS: ";".join(absent) or None,
    }
    for name, value in constant.items():
        scalar = pa.scalar(value, ANSWER.field(name).type)
        rows = rows.append_column(name, pa.repeat(scalar, rows.num_rows))
    return rows.select(ANSWER.names).cast(ANSWER)


def _delivered(values: pd.Series[Any], name: str, kind: Kind) -> pa.Array:
    with contextlib.suppress(UnicodeEncodeError):  # half a character, as JSON may hold, is not text
        if values.dtype != object:
            delivered = pa.array(values, from_pandas=True)
            if _is_plain(delivered.type):
                return delivered
        elif all(map(_is_cell, values)):
            return pa.array([_text_of(cell, kind) for cell in values], pa.string())
    raise ExpectationsNotMet(f"{name} of the request holds what is neither number nor text.")


def _is_plain(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        return _is_plain(type_.value_type)
    kinds = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_null,
    )
    return any(is_kind(type_) for is_kind in kinds)


def _is_cell(cell: object) -> bool:
    if cell is None or cell is pd.NA:
        return True
    return isinstance(cell, str | bool | int | float | np.generic)


def _text_of(cell: Any, kind: Kind) -> str | None:
    """Cell as text that parses to the same value; None if it is missing.

    A truth value counts as 1 or 0 in a column of whole numbers.
    """
    cell = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(cell, bool):
        return str(int(cell)) if kind in ("id", "integer") else str(cell).lower()
    if isinstance(cell, str):
        return cell
    return None if pd.isna(cell) else repr(cell)
