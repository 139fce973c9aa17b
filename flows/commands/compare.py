"""Command `scoring compare`: two versions beside each other. It moves nothing and writes nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.options import Day, common_options, set_up

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.core.model_life.verdict import GateVerdict
    from tasks.model_life.compare import GivenRows


class DayRange(click.ParamType):
    """One day, or the first and the last of several: YYYY-MM-DD..YYYY-MM-DD."""

    name = "D1..D2"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, date]:
        """First and last day, or a usage error (exit 2)."""
        first, separator, last = str(value).partition("..")
        days = [Day().convert(each, param, ctx) for each in ((first, last) if separator else (first, first))]
        if days[0] > days[1]:
            self.fail(f"{value!r} ends before it begins; write the earlier day first.", param, ctx)
        return days[0], days[1]


given_option = click.option(
    "--applications",
    "files",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Compare on these applications with TARGET.  [default: the history of the version]",
)
"""Files of applications with outcomes to compare versions on; `given_rows` reads them."""


@click.command("compare")
@click.option("--version", required=True, help="Registered version, or its alias, to compare.")
@click.option("--against", default=None, help="Version or alias to compare it with.  [default: the champion]")
@click.option("--days", type=DayRange(), help="Compare on published days, without outcomes.")
@given_option
@common_options
def compare_command(
    version: str,
    against: str | None,
    days: tuple[date, date] | None,
    files: tuple[str, ...],
    config: str | None,
    verbose: bool,
) -> None:
    """Compare two versions: costs, decisions that change, kinds of applicants, reasons. Nothing is moved."""
    if days and files:
        raise click.UsageError("Give --days, or --applications, or neither.")
    settings = set_up(config, verbose=verbose)
    from tasks.model_life.compare import judge_versions, version_named
    from tasks.model_life.on_days import compare_on_days

    ours = version_named(version, settings)
    theirs = version_named(against or settings.registry.alias, settings)
    if ours == theirs:
        raise click.UsageError(f"Version {ours.version} is compared with itself; name another one: --against N.")
    if days:
        verdict = compare_on_days(ours, theirs, *days, settings)
    else:
        verdict = judge_versions(ours, theirs, settings, given_rows(files, settings))
    click.echo(comparison_summary(verdict))


def given_rows(files: tuple[str, ...], settings: Settings) -> GivenRows | None:
    """Applications with outcomes in files, read and judged as a history; None without files."""
    if not files:
        return None
    from tasks.model_life.compare import GivenRows
    from tasks.training.history import read_history

    history = read_history([str(Path(name).resolve()) for name in files], settings)
    return GivenRows(history.rows, history.defaulted)


def comparison_summary(verdict: GateVerdict) -> str:
    """Figures of a comparison and the checks of the gate."""
    from tasks.core.model_life.lines import check_lines, comparison_lines

    versions = (verdict.challenger.version, verdict.champion.version)
    name = verdict.challenger.name
    lines = [f"{name} version {versions[0]} beside version {versions[1]}, policy {verdict.policy_version}", ""]
    if verdict.comparison is None:
        return "\n".join([*lines, verdict.source])
    lines += comparison_lines(verdict.comparison, versions, source=verdict.source, left_out=verdict.left_out)
    if verdict.checks:
        failed = len(verdict.failed)
        told = (
            "The gate is passed" if verdict.is_passed else f"The gate is not passed: {failed} of {len(verdict.checks)}"
        )
        lines += ["", told if verdict.is_passed else f"{told} checks failed", *check_lines(verdict.checks)]
    return "\n".join(lines)
