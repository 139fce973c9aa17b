"""Command `scoring monitor`: judge a published day, and print the verdict; or show the trends."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Final

import click

from flows.options import Day, common_options, plain_option, require_free, runnable, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.monitoring.report import MonitoringResult
    from tasks.monitoring.trends import Trends

_FINDINGS: Final = 8
_WIDTH: Final = 110
_INDENT: Final = 16
_TOLD: Final = 3
"""Days of a kind that are named."""
_HERE: Final = "127.0.0.1"
_PORT: Final = 8000
"""TCP port on which Evidently serves by default."""


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
@click.option(
    "--missing",
    "is_missing",
    is_flag=True,
    help="Judge the published days that have no verdict on their newest revision.",
)
@click.option("--ui", "is_ui", is_flag=True, help="Show the trends of all monitored days instead; see above.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=_PORT,
    show_default=True,
    help="TCP port of --ui.",
)
@click.option("--build-only", is_flag=True, help="With --ui: make the workspace, and start no server.")
@plain_option
@common_options
def monitor_command(
    as_of: date | None,
    since: date | None,
    until: date | None,
    against: str,
    is_missing: bool,
    is_ui: bool,
    port: int,
    build_only: bool,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Judge a published day: drift, quality, expected performance and fairness.

    --ui judges nothing. It lays the snapshots of all monitored days into a workspace of Evidently,
    the folder `monitoring.workspace` of the settings, and shows it to this machine alone until you
    stop it with Ctrl+C.
    """
    if is_ui:
        if as_of or since or until:
            raise click.UsageError("--ui shows all monitored days; leave out --as-of, --from and --to.")
        _show_trends(set_up(config, verbose=verbose), port, is_served=not build_only)
        return
    if build_only:
        raise click.UsageError("--build-only belongs to --ui.")
    if is_missing:
        if as_of or since or until or against != "reference":
            raise click.UsageError("--missing finds the days itself; leave out --as-of, --from, --to and --against.")
        set_up(config, verbose=verbose)
        _monitor_missing(config, without_prefect=without_prefect)
        return
    if (as_of is None) == (since is None) or (since is None) != (until is None):
        raise click.UsageError("Give one day by --as-of, a window by --from and --to, or --missing.")
    settings = set_up(config, verbose=verbose)
    from flows.monitor_decisions import monitor_decisions

    run = runnable(monitor_decisions, without_prefect=without_prefect)
    result = run(as_of=as_of or until, config=config, since=since, against=against)
    click.echo(monitoring_summary(result, settings))


def _monitor_missing(config: str | None, *, without_prefect: bool) -> None:
    from flows.monitor_decisions import monitor_missing_days

    results = runnable(monitor_missing_days, without_prefect=without_prefect)(config=config)
    click.echo(f"\n{counted(len(results), 'day')} without a verdict, monitored now\n")
    for result in results:
        click.echo(f"  {result.last}  {result.level:<13}{result.headline}")


def _show_trends(settings: Settings, port: int, *, is_served: bool) -> None:
    """Make the workspace, and become Evidently's server of it, until somebody stops that."""
    if is_served:
        require_free(_HERE, port, otherwise="scoring monitor --ui --port N")
    from configs.settings import project_path
    from tasks.adapters.evidently_workspace import ui_command
    from tasks.monitoring.trends import build_trends
    from tasks.store import open_store

    trends = build_trends(open_store(settings.storage), project_path(settings.monitoring.workspace))
    click.echo(trends_summary(trends))
    if is_served:
        click.echo(f"  Look at it  http://{_HERE}:{port}, as soon as it says that it runs; Ctrl+C stops it")
        command = ui_command(trends.folder, port=port)
        os.execv(command[0], command)  # noqa: S606 - Evidently's own program


def trends_summary(trends: Trends) -> str:
    """Days in the workspace, its place, and the days that are left out with the reason."""
    first, last = trends.days[0], trends.days[-1]
    return "\n".join(
        [
            f"\nTrends of {counted(len(trends.days), 'monitored day')}, {first} to {last}\n",
            f"  Workspace   {trends.folder}",
            *_left_out(trends),
        ]
    )


def _left_out(trends: Trends) -> Iterable[str]:
    """Line for each reason why days are left out."""
    for why in sorted(set(trends.left_out.values())):
        days = [str(day) for day, each in trends.left_out.items() if each == why]
        more = " …" if len(days) > _TOLD else ""
        told = f"{', '.join(days[:_TOLD])}{more}"
        anew = f"scoring monitor --as-of {days[0]}"
        yield f"  Left out    {counted(len(days), 'day')} whose snapshot {why}: {told}; to make one anew: {anew}"


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
            *_figure("Quality", result.quality),
            *_figure("Fairness", result.fairness),
            *_figure("Expected", result.expected),
            *_figure("To do", [result.advice]),
            *_figure("Reports", [store.location(key) for key in result.keys], width=None),
            *_figure("The day", [store.location(result.page)] if result.page else [], width=None),
        ]
    )


def _figure(name: str, sentences: Iterable[str], *, width: int | None = _WIDTH) -> list[str]:
    """Lines of a figure: its name, then its sentences, each begun on a line of its own."""
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(sentence, width - _INDENT, subsequent_indent="  ") if width else [sentence]
    heads = [name, *[""] * (len(lines) - 1)]
    return [f"  {head:<{_INDENT - 2}}{line}" for head, line in zip(heads, lines, strict=False)]
