"""Scoring by the second model of a day. Whatever fails in it is told, and the day goes on without it."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from configs.settings import Settings
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import PD
from tasks.core.day.records import Pins
from tasks.core.decision.policy import Policy
from tasks.core.decision.reasons import REASONS, codes_of
from tasks.core.decision.scoring import score_rows
from tasks.core.lender.columns import ID
from tasks.core.model.bundle import Bundle, Engine
from tasks.errors import ScoringError
from tasks.model.load import load_bundle, load_engine

SHADOW_SCHEMA: Final = pa.schema([(APPLICATION_ID, pa.int64()), (PD, pa.float64()), (REASONS[0], pa.string())])
"""Results of the second model: one row for each accepted row of a file."""


class ShadowScorer:
    """Second model, ready to score accepted rows. After a failure it scores no more."""

    def __init__(
        self, model: tuple[Bundle, Engine] | None, policy: Policy, codes: tuple[str, ...], fault: str = ""
    ) -> None:
        """Take the model, its policy and the codes of the reasons; None for a model that cannot be had."""
        self._model = model
        self._policy = policy
        self._codes = codes
        self.fault = fault
        """Sentence on what ended its scoring; empty if nothing did."""

    @classmethod
    def of(cls, pins: Pins, settings: Settings) -> ShadowScorer | None:
        """Scorer of the day's second model; None if there is none."""
        if pins.shadow is None:
            return None
        pin, codes = pins.shadow, codes_of(pins.reasons)
        try:
            return cls((load_bundle(pin.model, settings), load_engine(pin.model, settings)), pin.policy, codes)
        except ScoringError as error:
            fault = f"the second model cannot be loaded; the day goes on without it. {error}"
            return cls(None, pin.policy, codes, fault)

    def score(self, rows: pa.Table) -> pa.Table | None:
        """Results of accepted rows, of `SHADOW_SCHEMA`; None if the model fails, now or before."""
        if self._model is None:
            return None
        try:
            scored = score_rows(rows, *self._model, policy=self._policy, codes=self._codes)
        except Exception as error:  # noqa: BLE001 - no error of a second model may stop a day
            # The text of an error may hold a value.
            self.fault = f"the second model failed; the day goes on without it: {type(error).__name__}"
            self._model = None
            return None
        reason = scored.reasons[REASONS[0]]
        return pa.table([rows.column(ID).combine_chunks(), scored.pd, reason], schema=SHADOW_SCHEMA)
