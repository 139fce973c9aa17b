"""Lines of the page of all days, made by hand: a month in which several days went wrong."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from configs.calendar import Calendar
from tasks.core.reporting.days_page import PUBLISHED, ColumnDrift, DayLine, with_missing_days

FIRST: Final = date(2026, 11, 2)
CALENDAR: Final = Calendar(zone="UTC", weekend=("sunday",), holidays={}, zero_row_days={})
REASON: Final = "More rows break the contract than the budget allows: 60 of 110."
DRIFTED: Final = "12.0% of the values of EXT_SOURCE_1 are missing, instead of 2.0%."


def line_of(n: int, **changes: Any) -> DayLine:
    """An ordinary day, `n` days after the first, unless `changes` say otherwise."""
    day = FIRST + timedelta(days=n)
    ordinary: dict[str, Any] = {
        "as_of": day,
        "state": PUBLISHED,
        "verdict": "ok",
        "sentence": "No change found.",
        "received": 2000 + 10 * (n % 7),
        "decided": 1980 + 10 * (n % 7),
        "approval_rate": 0.75 + 0.002 * (n % 5),
        "mean_pd": 0.08 + 0.001 * (n % 4),
        "quarantine_share": 0.01,
        "missing_share": 0.1,
        "cost": 0.48,
        "cost_low": 0.4,
        "cost_high": 0.56,
        "run_seconds": 12.5,
        "revisions": 1,
        "model_name": "credit-default",
        "model_version": "3",
        "page": f"day={day}/index.html",
    }
    return DayLine(**ordinary | changes)


def wrong_month() -> list[DayLine]:
    """Thirty days: one refused, one missing, one alert, one watch, one late, short and revised day."""
    refused = dict.fromkeys(("approval_rate", "mean_pd", "quarantine_share", "missing_share", "run_seconds"))
    refused |= dict.fromkeys(("cost", "cost_low", "cost_high", "decided"))
    changes: dict[int, dict[str, Any]] = {
        3: {"remarks": ("Late: Day: hours until publication 11.0 h; usual is 5.0 h to 7.0 h.",)},
        8: {"state": "refused by the contract", "verdict": "", "sentence": REASON, "revisions": 0, **refused},
        14: {"verdict": "watch", "sentence": "Mean pd is 12.0%, instead of 9.0%."},
        15: {"verdict": "alert", "sentence": DRIFTED},
        17: {"remarks": ("Short: Day: rows received 300; usual is 1,800 to 2,200.",), "received": 300, "decided": 290},
        21: {"remarks": ("Revised: revision 2, because the feed was corrected.",), "revisions": 2},
        24: {"verdict": "insufficient", "sentence": "Too few."},
    }
    changes[14]["drift"] = (ColumnDrift("pd", 1.2, "watch"), ColumnDrift("EXT_SOURCE_1", 0.7, "ok"))
    changes[15]["drift"] = (ColumnDrift("EXT_SOURCE_1", 5.5, "alert"), ColumnDrift("AMT_CREDIT", None, "watch"))
    lines = [line_of(n, **changes.get(n, {})) for n in range(30) if n != 11]
    return with_missing_days(lines, lambda day: None if day == FIRST + timedelta(days=11) else CALENDAR.excuse(day))
