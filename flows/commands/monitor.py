"""Command `scoring monitor`: compare a published day with the reference, and print what drifted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

import click

from flows.options import as_of_option, common_options, plain_option, runnable, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.monitoring.report import MonitoringResult

_COLUMNS: Final = 8


@click.command("monitor")
@as_of_option
@plain_option
@common_options
def monitor_command(as_of: date, without_prefect: bool, config: str | None, verbose: bool) -> None:
    """Compare a published day with the reference: drift and data quality."""
    settings = set_up(config, verbose=verbose)
    from flows.monitor_decisions import monitor_decisions

    run = runnable(monitor_decisions, without_prefect=without_prefect)
    result = run(as_of=as_of, config=config)
    click.echo(monitoring_summary(result, settings))


def monitoring_summary(result: MonitoringResult, settings: Settings) -> str:
    """Columns that drifted, and the places of the reports."""
    from tasks.store import open_store

    store = open_store(settings.storage)
    drifted = f"{counted(len(result.drifted), 'column')} by Evidently's default tests"
    reference = f"{result.reference_rows:,} of the model's reference"
    figures = {
        "Compared": f"{result.compared_rows:,} applications with {reference}",
        "Empty": ", ".join(result.empty),
        "Too few": _some(result.too_few),
        "Drifted": ": ".join(filter(None, (drifted, _some(result.drifted)))),
    }
    if result.note:
        figures = {"Compared": result.note}
    lines = [f"  {name:<14}{text}" for name, text in figures.items() if text]
    for n, key in enumerate(result.keys):
        lines.append(f"  {'' if n else 'Reports':<14}{store.location(key)}")
    return "\n".join([f"\nDecisions of {result.as_of}, monitored\n", *lines])


def _some(columns: Sequence[str]) -> str:
    names = ", ".join(columns[:_COLUMNS])
    return f"{names} …" if len(columns) > _COLUMNS else names
