"""Applications with outcomes, of nobody."""

from datetime import date

from tasks.core.applications import parse_rows
from tasks.core.feed.synthetic import synthesize_applications
from tasks.feed.generate import load_statistics
from tasks.training.records import History


def synthetic_history(rows: int) -> History:
    """So many applications with all weekdays, always the same."""
    made = synthesize_applications(
        load_statistics(), as_of=date(2026, 10, 1), rows=rows, seed=5, with_target=True, history=True
    )
    return History(parse_rows(made).rows, made.column("TARGET").to_numpy().astype(float) == 1)
