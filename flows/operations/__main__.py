"""Command line of operations: `python -m flows.operations up|ps|down`, which are `make up`, `make ps`, `make down`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flows.operations.surroundings import Surroundings, read_surroundings
from flows.options import run_program


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def operations(context: click.Context) -> None:
    """Server, worker and deployments on this machine."""
    place = read_surroundings(os.environ)
    os.environ |= place.environment
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    context.obj = place


@operations.command()
@click.pass_obj
def up(place: Surroundings) -> None:
    """Start everything in the background and wait until it answers; a second call changes nothing."""
    from flows.operations.up import start_everything

    start_everything(place)


@operations.command()
@click.pass_obj
def ps(place: Surroundings) -> None:
    """Tell what runs, since when, and what comes next."""
    from flows.operations.told import tell_everything

    tell_everything(place)


@operations.command()
@click.option(
    "--wait-minutes", type=click.FloatRange(min=0), default=30, show_default=True, help="Longest wait for running days."
)
@click.option(
    "--now", is_flag=True, help="Wait for no running day: its run becomes Crashed, and Retry goes on with it."
)
@click.pass_obj
def down(place: Surroundings, *, wait_minutes: float, now: bool) -> None:
    """Switch schedules off, let running days end, and stop everything."""
    from flows.operations.down import stop_everything

    stop_everything(place, wait_seconds=0 if now else 60 * wait_minutes, is_forced=now)


if __name__ == "__main__":
    run_program(operations)
