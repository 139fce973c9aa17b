"""Score the days of a range that are missing or have failed, or decide published ones again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from typing import Annotated, NamedTuple

from pydantic import Field

from configs.settings import Settings
from tasks.operations.backfill import BackfilledDay, Commands, backfill, require_done, show_days_done
from tasks.operations.backfill_plan import (
    BackfillPlan,
    KeptPins,
    Only,
    PlannedDay,
    log_plan,
    plan_backfill,
    read_plan,
    read_request,
)
from tasks.running.context import is_in_flow_run, parameters_of_run, settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow


class Backfill(NamedTuple):
    """A plan, and the end of each of its days."""

    plan: BackfillPlan
    days: tuple[BackfilledDay, ...]


def _run_name() -> str:
    """Name of the flow run, by its range."""
    given = parameters_of_run()
    return "backfill-by-plan" if given.get("plan") else f"backfill-{given.get('first')}-to-{given.get('last')}"


@flow(name="backfill-days", flow_run_name=_run_name)
@ends_in_a_line()
def backfill_days(
    first: date | None = None,
    last: date | None = None,
    only: Only = "missing",
    pins: KeptPins | None = None,
    reason: str | None = None,
    at_once: Annotated[int, Field(ge=1)] = 1,
    dry_run: bool = False,
    plan: str | None = None,
    config: str | None = None,
) -> Backfill:
    """Plan the days of a range, then score each in a run of its own, oldest first.

    A day that fails holds up no other one. The run fails if any day is left, with the gravest error.
    Started again it does no day twice. Monitoring follows by the events of the days; without Prefect
    it is called.

    Args:
        first: First day of the range, YYYY-MM-DD.
        last: Last day of the range, YYYY-MM-DD.
        only: Days that are taken: `missing` are not published, `failed` were stopped by the contract or
            cannot be read by readers, `all` are those and the published ones, which are decided again.
        pins: Model, policy and contract for published days: `as-was` for those of their newest
            revision, `current` for those of today. `all` needs it.
        reason: Reason for deciding published days again, in words, without any applicant's data. `all`
            needs it.
        at_once: Days in work at a time. Each takes the memory of a run.
        dry_run: Make and show the plan, and do nothing.
        plan: File of a plan on the machine that runs this; exactly that plan is executed, and days that
            have changed since are left out. It takes the place of all choices above but `at_once`.
        config: Settings file; by default configs/local.yaml.
    """
    settings = settings_of_run(config)
    made = _plan_in(plan, settings) or plan_backfill(read_request(first, last, only, pins, reason), settings)
    log_plan(made)
    if dry_run:
        return Backfill(made, ())
    days = backfill(made, _commands(made, config), settings, at_once)
    show_days_done(days)
    require_done(days)
    return Backfill(made, days)


def _plan_in(file: str | None, settings: Settings) -> BackfillPlan | None:
    """Plan in a file; None if no file is named."""
    return read_plan(file, settings) if file else None


def _commands(plan: BackfillPlan, config: str | None) -> Commands:
    """Commands that do a day of the plan."""
    common = ["--config", config] if config else []
    if is_in_flow_run():
        return lambda day: [_command("score", day, *_order(day, plan), *common)]
    plain = [*common, "--without-prefect"]  # nobody hears the event of the publication
    return lambda day: [
        _command("score", day, *_order(day, plan), *plain),
        _command("monitor", day, *plain),
    ]


def _command(name: str, day: PlannedDay, *options: str) -> list[str]:
    return [sys.executable, "-m", "flows.cli", name, "--as-of", str(day.as_of), *options]


def _order(day: PlannedDay, plan: BackfillPlan) -> Iterator[str]:
    """Options of `scoring score` that decide a published day again; none for another one."""
    if day.action == "revise":
        yield "--as-was" if plan.pins == "as-was" else "--force"
        yield from ("--reason", plan.reason or "")
