"""Amounts of an application that are reconciled at every stage of a day."""

from __future__ import annotations

from typing import Final

AMOUNTS: Final = ("AMT_CREDIT", "AMT_INCOME_TOTAL")
"""Amounts whose totals must agree at every stage of a day."""
