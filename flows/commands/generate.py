"""Command `scoring generate`: make synthetic applications, and print what was made."""

from __future__ import annotations

import functools
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.options import Day, common_options, set_up

if TYPE_CHECKING:
    from tasks.feed.generate import GeneratedDay


class GenerateCommand(click.Command):
    """Command whose help lists all drifts and faults; their modules are imported only for it."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both lists below the options."""
        from tasks.core.feed.drifting import DRIFTS
        from tasks.core.feed.faults import FAULTS

        super().format_epilog(ctx, formatter)
        drifts = [(f"{name}:{drift.form}", drift.phrase) for name, drift in DRIFTS.items()]
        with formatter.section("Drifts"):
            formatter.write_dl(drifts)
        with formatter.section("Faults"):
            formatter.write_dl([(name, fault.phrase) for name, fault in FAULTS.items()])


_number = functools.partial(click.option, show_default=True)


@click.command("generate", cls=GenerateCommand)
@click.option("--from", "first", type=Day(), required=True, help="First business day.")
@_number("--days", type=click.IntRange(1), default=1, help="Number of days.")
@_number("--rows", type=click.IntRange(1, 2_000_000), default=50_000, help="Rows a day.")
@_number("--seed", type=click.IntRange(0), default=7, help="The same seed gives the same rows.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "csv.gz", "parquet"]),
    default="csv",
    show_default=True,
    help="Format of the files.",
)
@_number("--files", type=click.IntRange(1), default=1, help="Files a day.")
@click.option(
    "--drift",
    "drifts",
    multiple=True,
    metavar="DRIFT[,DRIFT...]",
    help="Make the day differ from those before, for example income:+0.3,missing:EXT_SOURCE_1:0.2 (list below); "
    "may be given several times.",
)
@_number("--bad-share", type=click.FloatRange(0, 1), default=0.0, help="Share of bad rows.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="Damage the delivery as a whole, for example truncated (list below); may be given several times.",
)
@click.option("--target", is_flag=True, help="Add TARGET (1: defaulted).")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    help="Write history to train on, with TARGET, as plain files to this folder.",
)
@click.option(
    "--outcomes",
    "outcomes_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file how the applications of these days ended, instead of days. Give the rows and the seed "
    "that the days were made with; applications that were refused have no outcome.",
)
@click.option(
    "--known-on",
    type=Day(),
    help="Date of the outcomes.  [default: outcomes.maturity_days after the day]",
)
@click.option("--overwrite", is_flag=True, help="Replace files that hold something else.")
@common_options
def generate_command(
    first: date,
    days: int,
    rows: int,
    seed: int,
    file_format: str,
    files: int,
    drifts: tuple[str, ...],
    bad_share: float,
    faults: tuple[str, ...],
    target: bool,
    folder: Path | None,
    outcomes_file: Path | None,
    known_on: date | None,
    overwrite: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Make synthetic applications: statistics of the real data, rows of nobody."""
    if (date.max - first).days < days - 1:
        raise click.UsageError(f"There are no {days:,} days from {first} on; the calendar ends on {date.max}.")
    if folder and (drifts or faults):
        raise click.UsageError("--drift and --fault are for days in the landing, not for history (--to).")
    if outcomes_file and folder:
        raise click.UsageError("--outcomes and --to make different files; give one of them.")
    if known_on and not outcomes_file:
        raise click.UsageError("--known-on belongs to --outcomes.")
    settings = set_up(config, verbose=verbose)
    if outcomes_file:
        from tasks.feed.outcomes import write_outcomes

        span = [first + timedelta(days=n) for n in range(days)]
        ended = write_outcomes(outcomes_file, span, settings, rows=rows, seed=seed, known_on=known_on)
        click.echo(f"{first}  {ended.rows:>9,} outcomes of applications that were not refused  {ended.location}")
        return
    from tasks.feed.generate import generate_day, load_statistics, write_history
    from tasks.store import open_store

    statistics = load_statistics()
    for day in (first + timedelta(days=n) for n in range(days)):
        if folder:
            made = write_history(
                folder / f"applications_{day}.{file_format}",
                statistics,
                rows=rows,
                seed=seed,
                as_of=day,
                file_format=file_format,
            )
            click.echo(f"{day}  {made.rows:>9,} applications with TARGET  {made.location}")
            continue
        laid = generate_day(
            open_store(settings.storage),
            statistics,
            as_of=day,
            rows=rows,
            seed=seed,
            file_format=file_format,
            files=files,
            drift=",".join(drifts),
            bad_share=bad_share,
            faults=faults,
            with_target=target,
            overwrite=overwrite,
        )
        click.echo(generated_summary(laid))


def generated_summary(day: GeneratedDay) -> str:
    """Number and places of the applications of a day, and what was done to them on purpose."""
    state = "there already, unchanged" if day.unchanged else "written"
    spoilt = f", {sum(day.spoilt.values()):,} of them bad on purpose" if day.spoilt else ""
    lines = [f"{day.as_of}  {day.rows:>9,} applications{spoilt}, {state}"]
    applied = {"drift": day.drifts, "fault": day.faults}
    for kind, phrases in applied.items():
        lines += [f"            {kind} {name}: {phrase}" for name, phrase in phrases.items()]
    lines += [f"            {location}" for location in day.locations]
    return "\n".join(lines)
