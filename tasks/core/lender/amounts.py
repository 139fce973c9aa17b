"""Amounts of an application: those that are reconciled at every stage of a day, all of them, and their least step."""

from __future__ import annotations

from typing import Final

CREDIT: Final = "AMT_CREDIT"
"""Amount of credit that is asked for, in the currency of the feed."""
AMOUNTS: Final = (CREDIT, "AMT_INCOME_TOTAL")
"""Amounts whose totals must agree at every stage of a day."""
MONEY: Final = ("AMT_INCOME_TOTAL", CREDIT, "AMT_ANNUITY", "AMT_GOODS_PRICE")
"""All amounts of money of an application, in currency units."""
HUNDREDTHS: Final = 100
"""Steps of an amount in one unit of currency: amounts are stated to the hundredth. Most currencies have
no smaller unit (ISO 4217: two decimals)."""
