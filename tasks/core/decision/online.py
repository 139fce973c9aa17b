"""One application, or a few, asked for online: rows as delivered, and the table that answers them.

Every row of a request is a question of its own. It is parsed, judged and decided by the functions of the daily job; a
row that breaks the contract comes back with the rules that it breaks, and costs the others nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

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
    ]
)
"""Columns of an answer, one row for each row of the request, in its order. Where `broken_rules` is given, pd, decision,
risk_band and reasons are null, and application_id is if it is one of the columns that broke them."""


def rows_of(frame: pd.DataFrame) -> pa.Table:
    """The declared columns of a request as delivered rows, which `parse_rows` reads.

    A column of one type stays as it is; one of cells of several types, as JSON may hold, becomes text cell by cell, so
    that no cell is read by its neighbours.

    Raises:
        ExpectationsNotMet: a declared column is missing, there are no rows, or a cell holds neither number nor text.
    """
    require_declared([str(name) for name in frame.columns], name=REQUEST)
    if frame.empty:
        raise ExpectationsNotMet("The request holds no application. Send at least one row.")
    return pa.table({column.name: _delivered(frame[column.name], column.name, column.kind) for column in COLUMNS})


def require_one_decidable(chunk: ScreenedChunk, rules: Sequence[Rule]) -> None:
    """Refuse a request of which every row breaks the contract.

    Raises:
        ExpectationsNotMet: names each broken rule with its sentence.
    """
    if chunk.accepted.num_rows:
        return
    sentences = {rule.id: rule.sentence for rule in (*parsing_rules(), *rules)}
    broken = count_by_rule(chunk.rejected.column(BROKEN_RULES).to_pylist())
    told = " ".join(f"{sentences[rule]} ({rule}, {counted(rows, 'row')})" for rule, rows in broken.items())
    raise ExpectationsNotMet(
        f"No application of the request keeps the contract. It requires: {told} Correct it and send again."
    )


def build_answer(
    chunk: ScreenedChunk, scored: Scored, *, policy: Policy, model: ModelPin, contract_version: str
) -> pa.Table:
    """The answer to a request, in `ANSWER`.

    Args:
        chunk: the request, screened.
        scored: its accepted rows.
    """
    decided = {
        SOURCE_ROW: chunk.accepted_rows,
        APPLICATION_ID: chunk.accepted.column(ID),
        "pd": scored.pd,
        **decided_columns(scored.pd, policy),
        **scored.reasons,
    }
    refused = chunk.rejected.select([SOURCE_ROW, APPLICATION_ID, BROKEN_RULES])
    rows = pa.concat_tables([pa.table(decided), refused], promote_options="default").sort_by(SOURCE_ROW)
    constant = {
        "cutoff": policy.cutoff,
        "model_name": model.name,
        "model_version": model.version,
        "policy_version": policy.version,
        "contract_version": contract_version,
    }
    for name, value in constant.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, ANSWER.field(name).type), rows.num_rows))
    return rows.select(ANSWER.names).cast(ANSWER)


def _delivered(values: pd.Series[Any], name: str, kind: Kind) -> pa.Array:
    with contextlib.suppress(UnicodeEncodeError):  # half a character, as JSON may hold, is no text
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
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string,
             pa.types.is_large_string, pa.types.is_null)  # fmt: skip
    return any(is_kind(type_) for is_kind in kinds)


def _is_cell(cell: object) -> bool:
    return cell is None or isinstance(cell, str | bool | int | float | np.generic) or cell is pd.NA


def _text_of(cell: Any, kind: Kind) -> str | None:
    """A cell as text that parses to the same; a truth value counts as 1 or 0 where whole numbers stand."""
    cell = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(cell, bool):
        return str(int(cell)) if kind in ("id", "integer") else str(cell).lower()
    return cell if isinstance(cell, str) else None if pd.isna(cell) else repr(cell)
