"""Command line of operations: `python -m flows.operations up|ps|down`, which are `make up`, `make ps`, `make down`."""

from __future__ import annotations

import os
import sys

import click

from flows.operations.surroundings import Surroundings, read_surroundings
from tasks.errors import ScoringError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def operations(context: click.Context) -> None:
    """Server, worker and deployments on this machine."""
    context.obj = read_surroundings(os.environ)
    os.environ |= context.obj.environment


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


def main() -> None:
    """Run the command line; an error of ours is one clear line and its exit code."""
    try:
        operations.main(standalone_mode=False)
    except ScoringError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped. The same command goes on where this one was.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
