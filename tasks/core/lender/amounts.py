"""Amounts of an application that are reconciled at every stage of a day."""

from __future__ import annotations

from typing import Final

CREDIT: Final = "AMT_CREDIT"
"""Amount of credit that is asked for, in the currency of the feed."""
AMOUNTS: Final = (CREDIT, "AMT_INCOME_TOTAL")
"""Amounts whose totals must agree at every stage of a day."""
