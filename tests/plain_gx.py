"""Plain Great Expectations with COMPLETE results, on the whole frame at once: the oracle for our contract engine."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig

Result = dict[str, Any]
"""`success`, `rows` (positions of the broken ones, if it tells) and what else a result holds; or `crashed` alone."""


@cache
def _any_frame() -> BatchDefinition:
    """One context for all frames: making one takes longer than many a suite."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas("p").add_dataframe_asset("p").add_batch_definition_whole_dataframe("p")


def plain(text: str, frame: pd.DataFrame, recent: Mapping[str, float] | None = None) -> dict[str, Result]:
    """What Great Expectations itself says: rule id to its result."""
    return _validate(json.loads(text)["expectations"], frame, dict(recent or {}))


def _validate(entries: Sequence[Any], frame: pd.DataFrame, recent: dict[str, float]) -> dict[str, Result]:
    suite = gx.ExpectationSuite(name="plain", expectations=json.loads(json.dumps(entries)))
    assert len(suite.expectations) == len(entries), "Great Expectations dropped what it could not read"
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
    try:
        batch = _any_frame().get_batch({"dataframe": frame})
        results = batch.validate(suite, result_format="COMPLETE", expectation_parameters=recent).results
    except Exception:  # noqa: BLE001  # a rule can take the whole suite along
        if len(entries) == 1:
            return {entries[0]["meta"]["id"]: {"crashed": True}}
        return {id_: result for entry in entries for id_, result in _validate([entry], frame, recent).items()}
    return {each.expectation_config.meta["id"]: _result(each) for each in results}


def _result(each: ExpectationValidationResult) -> Result:
    # A metric that crashed reports under its own name instead of `raised_exception`.
    if each.exception_info.get("raised_exception", True):
        return {"crashed": True}
    rows = sorted(each.result.get("unexpected_index_list") or [])
    return {"success": bool(each.success), "rows": rows, **each.result}
