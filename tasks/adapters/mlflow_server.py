"""MLflow's scoring server, changed to read requests as the daily job reads files.

It quotes nothing of a request.

By itself it reads CSV with pandas, which guesses types and rounds the last bit of a number. If a
row of JSON lacks a key, it fills in a null, or in `instances` lets the values of other rows slide
into the gap. If a key is given twice, it takes the last. And its errors quote the request.
"""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, INTERNAL_ERROR
from mlflow.pyfunc import scoring_server
from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import read_chunks, read_header
from tasks.core.contract.screening import listed_columns
from tasks.core.decision.online import REQUEST
from tasks.core.files import FileFormat
from tasks.core.lender.columns import NAMES
from tasks.errors import ExpectationsNotMet, ScoringError, SourceError

_CHUNK_ROWS: Final = 100_000
_DECLARED: Final = frozenset(NAMES)
_UNREADABLE: Final = (
    "The request cannot be read, and nothing was decided. Send application/json with "
    "dataframe_split, dataframe_records or instances, or text/csv with a header."
)
_FAULT: Final = "A fault of the program; nothing was decided. The server's log names the place."


def adopt_server() -> None:
    """Replace the server's reading and errors by ours, in this process."""
    if scoring_server.invocations.__module__ == __name__:
        return
    scoring_server.parse_csv_input = _read_csv
    scoring_server.parse_parquet_input = _read_parquet
    scoring_server._decode_json_input = _decode_json  # noqa: SLF001 - it has no other way in
    scoring_server.dataframe_from_parsed_json = _read_json
    scoring_server.parse_tf_serving_input = _read_instances
    scoring_server.invocations = _quoting_nothing(scoring_server.invocations)
    # MLflow warns of undeclared columns by name. Without a header line these names are values.
    logging.getLogger("mlflow.models.utils").setLevel(logging.ERROR)


def _read_csv(
    csv_input: io.StringIO,
    schema: object = None,  # noqa: ARG001 - MLflow's signature
) -> pd.DataFrame:
    text = csv_input.read()
    if text and not text.endswith("\n"):
        text += "\n"
    return _read(io.BytesIO(text.encode()), "csv")


def _read_parquet(parquet_input: io.BytesIO) -> pd.DataFrame:
    return _read(parquet_input, "parquet")


def _read(stream: io.BytesIO, file_format: FileFormat) -> pd.DataFrame:
    request = LandingFile(stream, REQUEST, file_format)
    chunks = list(read_chunks(request, chunk_rows=_CHUNK_ROWS))
    if not chunks:
        return pd.DataFrame(columns=list(read_header(request)))
    frame: pd.DataFrame = pa.concat_tables(chunks).to_pandas()
    return frame


def _decode_json(json_input: str | bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(json_input, object_pairs_hook=_named_once)
    except (ValueError, RecursionError):
        raise SourceError(_UNREADABLE) from None
    if not isinstance(decoded, dict):
        raise SourceError(_UNREADABLE)
    return decoded


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next((name for name in NAMES if names.count(name) > 1), "a key")
        raise SourceError(f"{REQUEST} has {twice} more than once in a row; which one counts cannot be known.")
    return named


def _read_json(
    parsed: Any,
    pandas_orient: str,
    schema: object = None,  # noqa: ARG001 - MLflow's signature
) -> pd.DataFrame:
    """Read a frame of which every row has the same declared columns itself.

    The answer names the columns that a request lacks, and they are those of all its rows.
    """
    if pandas_orient == "records" and isinstance(parsed, list):
        _require_same_columns(parsed)
    frame = dataframe_from_parsed_json(parsed, pandas_orient)
    if not all(isinstance(name, str) for name in frame.columns):
        raise SourceError(_UNREADABLE)
    return frame


def _require_same_columns(rows: list[Any]) -> None:
    """Refuse rows that do not have the declared columns that another row has."""
    names = [frozenset(row) & _DECLARED if isinstance(row, dict) else frozenset() for row in rows]
    known = frozenset().union(*names)
    for number, there in enumerate(names, start=1):
        if lacking := sorted(known - there):
            raise ExpectationsNotMet(
                f"Row {number} of {REQUEST} lacks {listed_columns(lacking)}, which another row has. Send the same "
                "columns in every row, with null for a missing value."
            )


def _read_instances(request: dict[str, Any], schema: object = None) -> pd.DataFrame:
    return _read_json(request.get("instances", request.get("inputs")), "records", schema)


def _quoting_nothing(invocations: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the server's way from request to answer, so that every error is in our own words."""

    def answer(*request: Any) -> Any:
        try:
            return invocations(*request)
        except Exception as error:  # noqa: BLE001 - the outermost edge: it may quote the request
            raise _in_our_words(error) from None

    return answer


def _in_our_words(error: Exception) -> MlflowException:
    # MLflow wraps the errors of a model, but not those of reading a request.
    wrapped = error.__context__ if isinstance(error, MlflowException) else error
    if isinstance(wrapped, SourceError | ExpectationsNotMet):
        return MlflowException(str(wrapped), error_code=BAD_REQUEST)
    if isinstance(error, MlflowException) and "stack_trace" not in error.json_kwargs:
        return MlflowException(_UNREADABLE, error_code=BAD_REQUEST)
    cause = wrapped or error
    place = traceback.extract_tb(cause.__traceback__)[-1]
    logger = logging.getLogger("scoring")
    logger.error("%s at %s:%d", type(cause).__name__, place.filename, place.lineno)
    message = str(cause) if isinstance(cause, ScoringError) else _FAULT
    return MlflowException(message, error_code=INTERNAL_ERROR)
