"""End of everything: schedules off, running days to their end, processes stopped; each is read back."""

from __future__ import annotations

import time
from typing import Final

import click
from prefect.client.schemas.objects import FlowRun

from flows.operations.prefect_side import PrefectSide
from flows.operations.processes import Processes
from flows.operations.surroundings import Surroundings
from tasks.errors import OrchestratorError

_PROGRESS_EVERY: Final = 30.0


def stop_everything(place: Surroundings, *, wait_seconds: float, is_forced: bool) -> None:
    """Switch the schedules off, let runs in progress end, stop every process, and read back that nothing runs.

    Args:
        place: folder and address of the processes.
        wait_seconds: longest wait for runs in progress.
        is_forced: stop although runs are in progress.

    Raises:
        OrchestratorError: runs are still in progress, and nothing was stopped; or schedules could not be switched off.
    """
    processes, prefect = Processes(place), PrefectSide(place)
    if not processes.is_up():
        click.echo("Nothing runs here.")
        return
    is_answering = prefect.answers()
    if is_answering:
        names = prefect.switch_off()
        click.echo(f"schedules: off, read back ({', '.join(names) or 'they were off before'})")
        _wait_for_runs(prefect, wait_seconds, is_forced=is_forced)
    processes.end_supervisor()
    if processes.is_up() or prefect.answers():
        raise OrchestratorError(f"Something still answers at {place.ui}, which is not ours to stop.")
    click.echo("Everything is down: no process is left, and nothing answers.")
    if not is_answering:
        raise OrchestratorError(
            "The server did not answer, so its schedules are still on: at the next `make up` late runs start at once."
        )


def _wait_for_runs(prefect: PrefectSide, wait_seconds: float, *, is_forced: bool) -> None:
    begun, told = time.monotonic(), float("-inf")
    while runs := prefect.under_way():
        waited = time.monotonic() - begun
        if waited >= wait_seconds:
            _require_forced(runs, is_forced=is_forced)
            return
        if time.monotonic() - told > _PROGRESS_EVERY:
            told = time.monotonic()
            click.echo(f"waiting for {_names(runs)}: {waited:.0f} of {wait_seconds:.0f} seconds")
        time.sleep(1)


def _require_forced(runs: list[FlowRun], *, is_forced: bool) -> None:
    if not is_forced:
        raise OrchestratorError(
            f"Still in progress: {_names(runs)}. Schedules are off, and nothing was stopped. `make down` again waits "
            "on; `python -m flows.operations down --now` stops them, and Retry goes on with them after `make up`."
        )
    click.echo(f"stopped in progress: {_names(runs)}; after `make up`, Retry goes on with them")


def _names(runs: list[FlowRun]) -> str:
    return ", ".join(f"{each.name} ({each.state_name})" for each in runs)
