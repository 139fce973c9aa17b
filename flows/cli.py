"""The command line: parses, calls a flow, prints what happened and where it lies.

Heavy packages are imported inside the commands that use them, so that help and errors come at once.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from tasks.errors import ConfigError, PublishError, ScoringError

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.store import Store

F = TypeVar("F", bound=Callable[..., Any])
_COLLECTED_EVERY: Final = 100_000  # new objects; by default 700, and a quarter of a start went into finding no garbage
_NO_ID: Final = 2**53  # from here on float64, in which ids are compared, skips whole numbers


class Day(click.ParamType):
    """A calendar day, YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a usage error (exit 2)."""
        try:
            return value if isinstance(value, date) else datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007
        except ValueError:
            self.fail(f"{value!r} is no day; write it as YYYY-MM-DD, for example 2026-11-01.", param, ctx)


class ApplicationId(click.ParamType):
    """An applicant's id; what was given is never repeated."""

    name = "APPLICATION_ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The id, or a usage error (exit 2)."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and 0 < int(text) < _NO_ID):
            self.fail("it is no application id; required is a positive whole number.", param, ctx)
        return int(text)


def common(command: F) -> F:
    """The options that every command has."""
    config = click.option(
        "--config", type=click.Path(resolve_path=True), help="Settings file.  [default: configs/local.yaml]"
    )
    verbose = click.option("--verbose", is_flag=True, help="Show everything that Prefect logs.")
    return config(verbose(command))


as_of_option = click.option("--as-of", type=Day(), required=True, help="Business day to work on.")
plain_option = click.option(
    "--without-prefect", is_flag=True, help="Run the same steps as plain Python; no server, no record of the run."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="daily-credit-scoring", prog_name="scoring")
def scoring() -> None:
    """Daily batch credit scoring: from landing files to published decisions."""


class GenerateCommand(click.Command):
    """`generate`, whose help lists the drifts and faults by name; their modules are read only then."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both lists."""
        from tasks.core.feed.drifting import DRIFTS
        from tasks.core.feed.faults import FAULTS

        super().format_epilog(ctx, formatter)
        with formatter.section("Drifts"):
            formatter.write_dl([(f"{name}:{drift.form}", drift.phrase) for name, drift in DRIFTS.items()])
        with formatter.section("Faults"):
            formatter.write_dl([(name, fault.phrase) for name, fault in FAULTS.items()])


@scoring.command(cls=GenerateCommand)
@click.option("--from", "first", type=Day(), required=True, help="First business day.")
@click.option("--days", type=click.IntRange(1), default=1, show_default=True, help="Number of days.")
@click.option("--rows", type=click.IntRange(1, 2_000_000), default=50_000, show_default=True, help="Rows a day.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="The same seed gives the same rows.")
@click.option(
    "--format", "file_format", type=click.Choice(["csv", "csv.gz", "parquet"]), default="csv", show_default=True,
    help="Format of the files.",
)  # fmt: skip
@click.option("--files", type=click.IntRange(1), default=1, show_default=True, help="Files a day.")
@click.option(
    "--drift",
    default="",
    metavar="DRIFT[,DRIFT...]",
    help="Make the day differ from those before, for example income:+0.3,missing:EXT_SOURCE_1:0.2 (list below).",
)
@click.option("--bad-share", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of bad rows.")
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
@click.option("--overwrite", is_flag=True, help="Replace files that hold something else.")
@common
def generate(
    first: date,
    days: int,
    rows: int,
    seed: int,
    file_format: str,
    files: int,
    drift: str,
    bad_share: float,
    faults: tuple[str, ...],
    target: bool,
    folder: Path | None,
    overwrite: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Make synthetic applications: statistics of the real data, rows of nobody."""
    if (date.max - first).days < days - 1:
        raise click.UsageError(f"There are no {days:,} days from {first} on; the calendar ends on {date.max}.")
    if folder and (drift or faults):
        raise click.UsageError("--drift and --fault are for days in the landing, not for history (--to).")
    settings = _settings(config, verbose)
    from flows.summary import generated_summary
    from tasks.feed.generate import generate_day, load_statistics, write_history
    from tasks.store import open_store

    statistics = load_statistics()
    for day in (first + timedelta(days=n) for n in range(days)):
        if folder:
            made = write_history(
                folder / f"applications_{day}.{file_format}", statistics, rows=rows, seed=seed, as_of=day,
                file_format=file_format,
            )  # fmt: skip
            click.echo(f"{day}  {made.rows:>9,} applications with TARGET  {made.location}")
            continue
        laid = generate_day(
            open_store(settings.storage), statistics, as_of=day, rows=rows, seed=seed, file_format=file_format,
            files=files, drift=drift, bad_share=bad_share, faults=faults, with_target=target, overwrite=overwrite,
        )  # fmt: skip
        click.echo(generated_summary(laid))


@scoring.command()
@click.option(
    "--applications", "first", type=click.Path(exists=True, dir_okay=False), required=True,
    help="Files with the 121 columns and TARGET; several may follow.",
)  # fmt: skip
@click.argument("more", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--search", type=click.IntRange(0), metavar="N",
    help="Try N shapes of model; take the cheapest of those as good as the best.  [default: training.search_trials]",
)  # fmt: skip
@click.option("--keep-champion", is_flag=True, help="Only register it; `scoring promote` lets it score.")
@plain_option
@common
def train(
    first: str,
    more: tuple[str, ...],
    search: int | None,
    keep_champion: bool,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Train, calibrate and register a model, and make it the champion."""
    settings = _settings(config, verbose)
    from flows.summary import training_summary
    from flows.train_model import train_model

    files = [str(Path(name).resolve()) for name in (first, *more)]
    trained = _runnable(train_model, without_prefect=without_prefect)(
        applications=files, config=config, search=search, keep_champion=keep_champion
    )
    click.echo(training_summary(trained, settings))


@scoring.command()
@click.option("--version", required=True, help="Registered version that shall score from now on.")
@common
def promote(version: str, config: str | None, verbose: bool) -> None:
    """Let another registered model version score. Published days stay as they are."""
    settings = _settings(config, verbose)
    from tasks.model.load import registry_of

    registry = registry_of(settings)
    registry.promote(version)
    click.echo(f"{registry.model_name} version {version} is the {registry.alias} now.")


@scoring.command()
@as_of_option
@click.option(
    "--force", is_flag=True,
    help="Decide a published day again, from what lies in its landing, with today's model, policy and contract.",
)  # fmt: skip
@click.option(
    "--corrections", is_flag=True,
    help="Replace rows by those in the landing's corrections/, with the published model, policy and contract.",
)  # fmt: skip
@click.option("--reason", metavar="TEXT", help="Why a published day is revised; it is kept. No applicant's data.")
@plain_option
@common
def score(
    as_of: date,
    force: bool,
    corrections: bool,
    reason: str | None,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Score the applications of a day and publish the decisions. Safe to repeat.

    A published day stays as it is; --force or --corrections, with a --reason, make a new revision of it.
    """
    settings = _settings(config, verbose)
    from flows.score_applications import score_applications
    from flows.summary import day_summary
    from tasks.scoring.revise import read_order

    read_order(force=force, corrections=corrections, reason=reason)
    result = _runnable(score_applications, without_prefect=without_prefect)(
        as_of=as_of, config=config, force=force, corrections=corrections, reason=reason
    )
    click.echo(day_summary(result, settings))


@scoring.command()
@as_of_option
@plain_option
@common
def monitor(as_of: date, without_prefect: bool, config: str | None, verbose: bool) -> None:
    """Compare a published day with the reference: drift and data quality."""
    settings = _settings(config, verbose)
    from flows.monitor_decisions import monitor_decisions
    from flows.summary import monitoring_summary

    result = _runnable(monitor_decisions, without_prefect=without_prefect)(as_of=as_of, config=config)
    click.echo(monitoring_summary(result, settings))


@scoring.command()
@click.option("--as-of", type=Day(), help="One business day, with its history.")
@click.option(
    "--last",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="How many days the table shows.",
)
@click.option("--verify", is_flag=True, help="Read all that is published again, and name what is not as it should be.")
@common
def status(as_of: date | None, last: int, verify: bool, config: str | None, verbose: bool) -> None:
    """Show what is published, what is not, and whether it is whole. Changes nothing.

    A line a day; with --as-of one day with all its revisions; with --verify every published file read again.
    """
    settings = _settings(config, verbose)
    from configs.calendar import load_calendar
    from flows.status_summary import day_summary, days_table
    from tasks.inspection.status import day_history, list_days
    from tasks.store import open_store

    store = open_store(settings.storage)
    if verify:
        _verify(store, as_of, settings.storage.root)
        return
    calendar = load_calendar(settings.scoring.calendar)
    if as_of:
        click.echo(day_summary(day_history(store, calendar, as_of), store))
    else:
        click.echo(days_table(list_days(store, calendar, last=last), settings.storage.root))


@scoring.command()
@as_of_option
@click.option(
    "--rule", "rules", multiple=True, metavar="RULE", help="Only rows that break it; may be given several times."
)
@click.option(
    "--to",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Write the rows to a new file, ready to be corrected and delivered again.",
)
@common
def rejected(as_of: date, rules: tuple[str, ...], path: Path | None, config: str | None, verbose: bool) -> None:
    """Show why rows of a published day lie in quarantine; with --to, write them out to be corrected.

    What is written are applicants' data: every declared column as it came, then the rules that the row breaks, its
    file and its row. The store is left as it is.
    """
    settings = _settings(config, verbose)
    from flows.rejected_summary import exported_summary, rejected_summary
    from tasks.inspection.rejected import export_rejected, find_rejected
    from tasks.store import open_store

    store = open_store(settings.storage)
    found = find_rejected(store, as_of, rules)
    if path is None:
        click.echo(rejected_summary(found, store))
    else:
        export_rejected(found, path)
        click.echo(exported_summary(found, store, path))


@scoring.command()
@as_of_option
@click.option("--application-id", "applicant", type=ApplicationId(), required=True, help="Whose application.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE.png|.svg",
    help="Draw how the model came to it into a new file, too.",
)
@common
def explain(as_of: date, applicant: int, picture: Path | None, config: str | None, verbose: bool) -> None:
    """Show how one application of a published day was decided, and why.

    What was published: pd, decision, reasons with their sentences. While the landing still holds the row: how much each
    family of features pushed its score, by the model version that decided it. An application in quarantine: the rules
    that it breaks. What is shown is an applicant's; your shell may keep the id in its history.
    """
    settings = _settings(config, verbose)
    from flows.explain_summary import explain_summary
    from tasks.inspection.explain import draw, require_picture
    from tasks.inspection.explain import explain as explain_one
    from tasks.store import open_store

    if picture:
        require_picture(picture)
    explained = explain_one(open_store(settings.storage), as_of, applicant, settings)
    click.echo(explain_summary(explained))
    if picture:
        draw(explained, picture)
        click.echo(f"\n  Picture       {picture}; it is an applicant's, and you alone may read it")


@scoring.command()
@click.option("--apply", "is_applied", is_flag=True, help="Remove what is found; otherwise it is only told.")
@click.option(
    "--today",
    type=Day(),
    help="Day from which ages are counted; a future one needs a dry run.  [default: today, by the calendar's clock]",
)
@click.option("--erase", "applicant", type=ApplicationId(), help="Erase this applicant instead; see above.")
@click.option("--reason", metavar="TEXT", help="Why the applicant is erased; it is kept. No applicant's data.")
@plain_option
@common
def clean(
    is_applied: bool,
    today: date | None,
    applicant: int | None,
    reason: str | None,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Remove what the store no longer has to keep, by the settings' section `retention`. Safe to repeat.

    Without --apply nothing is changed. Decisions, manifests and reports always stay.

    --erase removes one applicant from all revisions, quarantine, landing files, reference samples and what readers see,
    and gives up writes that have not ended for a day, which nobody can search; models carry no ids. It never runs in
    Prefect, which would record the id. Your shell may keep it in its history, and a bucket that keeps versions keeps
    the old ones.
    """
    if applicant is not None and today:
        raise click.UsageError("--today is for ages; --erase asks for none.")
    if applicant is None and reason is not None:
        raise click.UsageError("--reason belongs to --erase.")
    settings = _settings(config, verbose)
    if applicant is not None:
        _erase(applicant, reason, settings, is_applied=is_applied)
        return
    from flows.clean_store import clean_store
    from flows.clean_summary import cleaning_summary

    cleaning = _runnable(clean_store, without_prefect=without_prefect)(config=config, apply=is_applied, today=today)
    click.echo(cleaning_summary(cleaning, settings))


def _erase(applicant: int, reason: str | None, settings: Settings, *, is_applied: bool) -> None:
    """Erase an applicant, or tell where they occur; an object that nobody can search is an error in the end."""
    if is_applied and reason is None:
        raise ConfigError("An erasure needs a reason, which is kept: --reason TEXT")
    from flows.clean_summary import erasure_summary
    from tasks.erasure.erase import erase, require_reason
    from tasks.erasure.search import require_searched, search
    from tasks.store import open_store

    store, limit = open_store(settings.storage), settings.scoring.max_unpacked_bytes
    if is_applied:
        erasure = erase(store, applicant, reason=reason or "", at=datetime.now(UTC), max_unpacked_bytes=limit)
    else:
        if reason is not None:
            require_reason(applicant, reason)
        erasure = search(store, applicant, max_unpacked_bytes=limit)
    click.echo(erasure_summary(erasure, settings))
    require_searched(store, erasure)


def program() -> None:
    """Run the command line as a program, which ends with its exit code, whatever the threads of its libraries do.

    A thread of Arrow's that lets go of a Python object while the interpreter is taken down aborts the process, exit 134
    (https://github.com/apache/arrow/issues/34314). So it is left right before that, last of all that runs at exit.
    """
    gc.set_threshold(_COLLECTED_EVERY)
    code: Any = 1
    atexit.register(lambda: _leave(code))  # what is registered first runs last
    try:
        main()
        code = 0
    except SystemExit as left:
        code = left.code
        raise


def _leave(code: Any) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Run the command line; an error of ours is one clear line and its exit code."""
    try:
        scoring.main(standalone_mode=False)
    except ScoringError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)


def _verify(store: Store, as_of: date | None, root: str) -> None:
    """Read again what is published, all or one day; each finding is told when it is made.

    Raises:
        PublishError: something is not as it should be, or nothing is there.
    """
    from flows.status_summary import checked_lines, verified_summary
    from tasks.core.words import counted
    from tasks.inspection.verify import verify_day, verify_store

    found = []
    for checked in [verify_day(store, as_of)] if as_of else verify_store(store):
        found.append(checked)
        for line in checked_lines(checked):
            click.echo(line)
    click.echo(verified_summary(found))
    if not any(checked.files for checked in found):
        what = f"{as_of} is not published" if as_of else "Nothing is published"
        raise PublishError(f"{what} in {root}, so nothing was verified. Is that the store?")
    if problems := sum(len(checked.problems) for checked in found):
        raise PublishError(f"{counted(problems, 'problem')} in what is published, told above. Nothing was changed.")


def _settings(config: str | None, verbose: bool) -> Settings:
    """The settings, with logging set up: our own lines of progress, or all that Prefect says.

    Called before Prefect is imported, which leaves the terminal alone where somebody else writes to it.
    """
    from configs.settings import load_settings
    from flows.terminal import show_own_lines

    if not verbose:
        show_own_lines()
    return load_settings(config)


def _runnable(flow: Any, *, without_prefect: bool) -> Callable[..., Any]:
    """The flow as Prefect runs and records it, or its plain function."""
    if without_prefect:
        return flow.fn
    from prefect import tags

    from tasks.running.step import require_prefect

    require_prefect()
    return tags("credit-scoring")(flow)


if __name__ == "__main__":
    main()
