"""Command `scoring outcomes`: take outcomes in and backtest; or show the last backtest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.options import Day, common_options, plain_option, runnable, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.core.outcomes.backtest import CohortFigures
    from tasks.core.outcomes.report import BacktestReport
    from tasks.outcomes.take_in import TakenIn

_NAMES = {"default_rate": "default rate", "cost_per_application": "cost per application", "auc": "AUC"}


@click.command("outcomes")
@click.argument("files", nargs=-1, metavar="[FILE...]", type=click.Path(path_type=Path))
@click.option(
    "--as-of",
    type=Day(),
    help="Backtest by the outcomes that are known on this day. One of the past is kept beside the last backtest, and "
    "the pages of the days stay.  [default: today, by the calendar's clock]",
)
@plain_option
@common_options
def outcomes_command(
    files: tuple[Path, ...],
    as_of: date | None,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Take files of outcomes in, and hold the published decisions against all that are known. Safe to repeat.

    A file (CSV, CSV.gz or parquet) has SK_ID_CURR, TARGET (1: defaulted) and OUTCOME_DATE, the day from which
    the result is known. Without a file and a day the last backtest is shown, and nothing is changed.
    """
    settings = set_up(config, verbose=verbose)
    if not files and as_of is None:
        click.echo(last_backtest_summary(settings))
        return
    from flows.backtest_outcomes import backtest_outcomes

    run = runnable(backtest_outcomes, without_prefect=without_prefect)
    backtested = run(files=[str(path.absolute()) for path in files], as_of=as_of, config=config)
    result = backtested.result
    click.echo(backtest_summary(result.report, settings, backtested.taken, looked_back_to=result.looked_back_to))


def last_backtest_summary(settings: Settings) -> str:
    """Summary of the last backtest, or the words that there was none."""
    from tasks.outcomes.backtest import last_backtest
    from tasks.store import open_store

    report = last_backtest(open_store(settings.storage))
    if report is None:
        return (
            "\nNo backtest of this store can be shown. Take outcomes in: scoring outcomes FILE; or backtest those that "
            "are there: scoring outcomes --as-of DAY"
        )
    return backtest_summary(report, settings)


def backtest_summary(
    report: BacktestReport, settings: Settings, taken: Sequence[TakenIn] = (), *, looked_back_to: date | None = None
) -> str:
    """Files taken in, what became of every row, the figures of each model, and the places of the reports."""
    from tasks.outcomes.backtest import JSON_FILE
    from tasks.publication.layout import backtest_key, backtest_page_key
    from tasks.store import open_store

    store = open_store(settings.storage)
    lines = [f"\nOutcomes known until {report.as_of}\n"]
    lines += map(_taken_line, taken)
    lines += [f"  {'Rows delivered':<22}{report.delivered:>9,}"]
    lines += [
        f"  {fate.capitalize():<22}{rows:>9,}" for fate, rows in report.fates.items() if rows or fate == "counted"
    ]
    lines += [f"  {'Set aside':<22}{report.set_aside:>9,}"] if report.set_aside else []
    for whole in report.backtest.models:
        lines += ["", *_model_lines(whole)]
    if not report.backtest.models:
        lines += ["", "  No cohort has enough outcomes for figures: 100, of them 10 defaults and 10 repayments."]
    if report.backtest.untold:
        lines += ["", f"  Too few to tell, and in no total: {', '.join(report.backtest.untold)}"]
    lines += ["", f"  {'Page':<14}{store.location(backtest_page_key(looked_back_to))}"]
    lines += [f"  {'Figures':<14}{store.location(backtest_key(JSON_FILE, looked_back_to))}"]
    return "\n".join(lines)


def _taken_line(taken: TakenIn) -> str:
    receipt = taken.receipt
    state = f"taken in as delivery {receipt.number}" if taken.is_new else f"there already, as delivery {receipt.number}"
    aside = f", {receipt.set_aside:,} set aside" if receipt.set_aside else ""
    return f"  {receipt.name}: {counted(receipt.file.rows, 'row')}{aside}; {state}"


def _model_lines(whole: CohortFigures) -> Iterator[str]:
    """Realised figures of a model beside the expected ones, and the p-values of a validator."""
    days = f"{whole.first} to {whole.last}"
    rows = counted(whole.rows, "outcome")
    yield f"  Model {whole.model.name} {whole.model.version}, decisions of {days}, {rows} of those not refused"
    for name, words in _NAMES.items():
        realised, expected = whole.realised[name], whole.expected[name]
        told = f"    {words:<22}{realised.text(3)}"
        if expected.value is not None:
            told += f", expected {expected.value:.3f}"
        if expected.low is not None and expected.high is not None:
            told += f" ({expected.low:.3f} to {expected.high:.3f})"
        is_inside = whole.is_as_expected(name)
        yield told if is_inside is None else f"{told}: {'as expected' if is_inside else 'not as expected'}"
    yield f"    {'pd too low':<22}p = {whole.p_value:.5f} (Jeffreys, portfolio)"
    if whole.auc and whole.auc.of_not_refused:
        yield f"    {'AUC declined':<22}p = {whole.auc.of_not_refused.p_value:.5f} (beside training rows not refused)"
    if whole.concentration:
        yield f"    {'more concentrated':<22}p = {whole.concentration.p_value:.5f} (Herfindahl)"
