"""Take outcomes in, and hold the published decisions against all that are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tasks.core.outcomes.report import summary_of
from tasks.outcomes.backtest import BacktestResult, backtest_known, draw_backtest, known_until
from tasks.outcomes.take_in import TakenIn, take_in_outcomes
from tasks.reporting.renew import renew_day_pages
from tasks.running.context import settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.running.step import run_name


@dataclass(frozen=True, slots=True)
class Backtested:
    """Files that were taken in, and the backtest that followed."""

    taken: tuple[TakenIn, ...]
    result: BacktestResult
    page: str
    """Key of its page."""


def backtest_line(backtested: Backtested) -> str:
    """Last state of a run in one line."""
    return summary_of(backtested.result.report)


@flow(name="backtest-outcomes", flow_run_name=run_name("backtest"))
@ends_in_a_line(backtest_line)
def backtest_outcomes(
    files: list[str] | None = None,
    as_of: date | None = None,
    config: str | None = None,
) -> Backtested:
    """Take files of outcomes in, and hold the published decisions against all outcomes that are known.

    Safe to repeat: a file that was taken in before changes nothing. Without files the outcomes that
    are there are backtested.

    Args:
        files: Files of outcomes on this machine: CSV, CSV.gz or parquet.
        as_of: Day until which outcomes must be known, YYYY-MM-DD; by default today, by the calendar's clock.
        config: Settings file; by default configs/local.yaml.
    """
    settings = settings_of_run(config)
    taken = take_in_outcomes(files or (), settings)
    result = backtest_known(known_until(as_of, settings), settings)
    page = draw_backtest(result, settings)
    renew_day_pages(result.changed_days, settings)
    return Backtested(taken, result, page)
