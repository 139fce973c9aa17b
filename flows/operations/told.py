"""Processes, runs and places of this machine, in lines for a terminal."""

from __future__ import annotations

from datetime import datetime

import click

from flows.operations.prefect_side import PrefectSide
from flows.operations.processes import Processes
from flows.operations.surroundings import Surroundings
from tasks.errors import OrchestratorError


def tell_everything(place: Surroundings) -> None:
    """Print every process, the worker's last sign, runs in progress and the next ones.

    Raises:
        OrchestratorError: nothing runs, or a program has ended; the rest is printed all the same.
    """
    processes, prefect = Processes(place), PrefectSide(place)
    if not processes.is_up():
        raise OrchestratorError("Nothing runs here. Start everything: make up")
    programs = processes.all()
    for each in programs:
        since = f"since {_local(each.since)}, process {each.pid}" if each.since else each.told
        click.echo(f"{each.name:<18}{each.state.lower():<10}{since}")
    if not prefect.answers():
        raise OrchestratorError(
            f"The Prefect server at {place.ui} does not answer. See {processes.log_of('prefect-server')}."
        )
    for sign in prefect.workers()[:1]:
        click.echo(f"worker's last sign: {_local(sign.at)} ({'online' if sign.is_online else 'offline'})")
    for run in prefect.under_way():
        click.echo(f"in progress: {run.name}, {run.state_name}, since {_local(run.start_time)}")
    tell_next_runs(prefect)
    tell_places(place)
    if ended := [each.name for each in programs if not each.since]:
        raise OrchestratorError(f"Not running: {', '.join(ended)}. Start what is missing: make up")


def tell_next_runs(prefect: PrefectSide) -> None:
    """Print the runs that come next, by the clock of this machine."""
    names = {each.id: each.name for each in prefect.deployments()}
    for run in prefect.next_runs():
        name = names.get(run.deployment_id) if run.deployment_id else None
        click.echo(f"next: {name or run.name} at {_local(run.next_scheduled_start_time)}")


def tell_places(place: Surroundings) -> None:
    """Print the address of the UI, the folder of logs, and the variable that other terminals need."""
    click.echo(f"UI: {place.ui}")
    click.echo(f"logs: {place.log}")
    click.echo(f"in other terminals: export PREFECT_API_URL={place.api}")


def _local(time: datetime | None) -> str:
    """Time by the clock of this machine.

    >>> _local(None)
    'never'
    """
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if time else "never"
