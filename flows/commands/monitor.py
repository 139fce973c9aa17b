"""Command `scoring monitor`: judge a published day, and print the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Final

import click

from flows.options import Day, common_options, plain_option, runnable, set_up

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.monitoring.report import MonitoringResult

_FINDINGS: Final = 8
_WIDTH: Final = 110
_INDENT: Final = 16


@click.command("monitor")
@click.option("--as-of", type=Day(), help="Business day to work on.")
@click.option("--from", "since", type=Day(), help="First day of a window, judged as one sample.")
@click.option("--to", "until", type=Day(), help="Last day of the window.")
@click.option(
    "--against",
    type=click.Choice(["reference", "last-28"]),
    default="reference",
    show_default=True,
    help="Rows to compare with: those of training, or those of the 28 published days before.",
)
@plain_option
@common_options
def monitor_command(
    as_of: date | None,
    since: date | None,
    until: date | None,
    against: str,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Judge a published day: drift, quality, expected performance and fairness."""
    if (as_of is None) == (since is None) or (since is None) != (until is None):
        raise click.UsageError("Give one day by --as-of, or a window by --from and --to.")
    settings = set_up(config, verbose=verbose)
    from flows.monitor_decisions import monitor_decisions

    run = runnable(monitor_decisions, without_prefect=without_prefect)
    result = run(as_of=as_of or until, config=config, since=since, against=against)
    click.echo(monitoring_summary(result, settings))


def monitoring_summary(result: MonitoringResult, settings: Settings) -> str:
    """The verdict, what was found, what to do, and the places of the reports."""
    from tasks.store import open_store

    store = open_store(settings.storage)
    day = f"{result.last}" if result.first == result.last else f"{result.first} to {result.last}"
    found = list(result.findings[:_FINDINGS])
    if more := len(result.findings) - len(found):
        found.append(f"… and {more} more, in the reports")
    compared = f"{result.rows:,} applications with {result.reference_rows:,} of the reference"
    return "\n".join(
        [
            f"\nDecisions of {day}, monitored\n",
            *_figure("Verdict", [f"{result.level}. {result.headline}"]),
            *_figure("Compared", [compared]),
            *_figure("Found", found),
            *_figure("Worth a look", result.control),
            *_figure("Expected", result.expected),
            *_figure("To do", [result.advice]),
            *_figure("Reports", [store.location(key) for key in result.keys], width=None),
        ]
    )


def _figure(name: str, sentences: Iterable[str], *, width: int | None = _WIDTH) -> list[str]:
    """Lines of a figure: its name, then its sentences, each begun on a line of its own."""
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(sentence, width - _INDENT, subsequent_indent="  ") if width else [sentence]
    heads = [name, *[""] * (len(lines) - 1)]
    return [f"  {head:<{_INDENT - 2}}{line}" for head, line in zip(heads, lines, strict=False)]
