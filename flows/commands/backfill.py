"""Command `scoring backfill`: plan the days of a range, and do them; or execute a plan that was made."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from flows.options import Day, common_options, plain_option, runnable, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from tasks.operations.backfill_plan import KeptPins, Only


@click.command("backfill")
@click.option("--from", "first", type=Day(), help="First day of the range.")
@click.option("--to", "last", type=Day(), help="Last day of the range.")
@click.option(
    "--only",
    type=click.Choice(["missing", "failed", "all"]),
    help="Days to take: not published; stopped by the contract, or not shown to readers; or both, and the published "
    "ones, which are decided again.  [default: missing]",
)
@click.option(
    "--as-was",
    "pins",
    flag_value="as-was",
    help="Decide published days by the model, policy and contract of their newest revision.",
)
@click.option("--current", "pins", flag_value="current", help="Decide published days by those of today.")
@click.option("--reason", metavar="TEXT", help="Why published days are decided again; it is kept. No applicant's data.")
@click.option(
    "--at-once",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="DAYS",
    help="Days in work at a time; each takes the memory of a run.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan as JSON, and a table on standard error; do nothing.")
@click.option(
    "--plan",
    type=click.Path(resolve_path=True),
    help="Execute exactly the plan in this file. Days that have changed since are left out.",
)
@plain_option
@common_options
def backfill_command(
    first: date | None,
    last: date | None,
    only: Only | None,
    pins: KeptPins | None,
    reason: str | None,
    at_once: int,
    dry_run: bool,
    plan: str | None,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Score the days of a range that are missing or have failed, each in a run of its own.

    Started again it does no day twice. A day that fails holds up no other one; the exit code is that
    of the gravest error.
    """
    if plan and (first or last or only or pins or reason or dry_run):
        raise click.UsageError("--plan says all that is to be done; with it give nothing but --at-once.")
    settings = set_up(config, verbose=verbose)
    if dry_run:
        from tasks.operations.backfill_plan import plan_backfill, plan_table, read_request

        made = plan_backfill(read_request(first, last, only or "missing", pins, reason), settings)
        click.echo(plan_table(made), err=True)
        click.echo(made.to_json())
        return
    from flows.backfill_days import backfill_days
    from tasks.operations.backfill import days_done
    from tasks.operations.backfill_plan import read_plan, read_request

    # Wrong options are told before Prefect is asked for anything.
    if plan:
        read_plan(plan, settings)
    else:
        read_request(first, last, only or "missing", pins, reason)
    ended = runnable(backfill_days, without_prefect=without_prefect)(
        first=first,
        last=last,
        only=only or "missing",
        pins=pins,
        reason=reason,
        at_once=at_once,
        plan=plan,
        config=config,
    )
    click.echo("\n".join(["", backfill_title(len(ended.days)), days_done(ended.days)]).rstrip())


def backfill_title(days: int) -> str:
    """First line of the summary.

    >>> backfill_title(0)
    'Nothing to do: no day of the range was asked for'
    """
    return (
        f"Backfill of {counted(days, 'day')}, all done\n"
        if days
        else "Nothing to do: no day of the range was asked for"
    )
