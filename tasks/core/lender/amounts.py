"""The amounts of an application that are reconciled at every stage of a day."""

from __future__ import annotations

from typing import Final

AMOUNTS: Final = ("AMT_CREDIT", "AMT_INCOME_TOTAL")
"""The amounts that are added up at every stage of a day, and must agree."""
