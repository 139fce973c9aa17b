"""Start of everything, step by step; each step finds what is there already."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import click

from configs.settings import load_settings
from flows.automations import AS_IT_WAS, AUTOMATIONS, apply_automations
from flows.operations.prefect_side import POOL, PrefectSide
from flows.operations.processes import SERVER, Processes
from flows.operations.surroundings import Surroundings
from flows.operations.told import tell_next_runs, tell_places
from flows.options import require_free
from tasks.errors import OrchestratorError

_LONGEST_WAIT: Final = 300.0
"""Seconds until server and worker must answer; the first start makes Prefect's database."""
_SCHEDULE_WAIT: Final = 20.0
"""Seconds in which the server makes the next runs of new schedules; it looks every five."""
_PROGRESS_EVERY: Final = 10.0


def start_everything(place: Surroundings) -> None:
    """Start supervisord, the server, what Prefect has to know, and the rest; wait until all of it answers.

    Raises:
        ConfigError: the server's port is taken, or `prefect deploy` refused.
        OrchestratorError: a process ended, or did not answer in time.
    """
    processes, prefect = Processes(place), PrefectSide(place)
    changes = [_start_server(place, processes, prefect)]
    for name, make in _set_up(prefect):
        is_made = make()
        click.echo(f"{name}: {'done' if is_made else 'unchanged'}")
        changes.append(is_made)
    changes.append(_start_the_rest(processes, prefect))
    click.echo("Everything is up." if any(changes) else "Everything was up; nothing was changed.")
    _wait_for_schedules(prefect)
    tell_places(place)
    tell_next_runs(prefect)


def _set_up(prefect: PrefectSide) -> list[tuple[str, Callable[[], bool]]]:
    """Names and makers of what the server has to know. A maker returns False if nothing was changed."""
    return [
        (f"work pool {POOL}", prefect.make_pool),
        ("automations of configs/automations", _make_automations),
        ("deployments of prefect.yaml", prefect.deploy),
        ("schedules that `make down` switched off, on again", lambda: bool(prefect.switch_on())),
    ]


def _make_automations() -> bool:
    """Make or renew the automations, by name; False if each is as its file has it."""
    applied = apply_automations(AUTOMATIONS, load_settings(None))
    return any(each.done != AS_IT_WAS for each in applied)


def _start_server(place: Surroundings, processes: Processes, prefect: PrefectSide) -> bool:
    is_new = not processes.is_up()
    is_running = not is_new and any(each.name == SERVER and each.pid for each in processes.all())
    if not is_running:
        require_free("127.0.0.1", place.port, otherwise="PREFECT_API_URL=http://127.0.0.1:PORT/api make up")
    if is_new:
        processes.start_supervisor()
    is_started = processes.start(SERVER)
    click.echo(f"{SERVER}: {'starting' if is_started else 'runs already'}")
    _wait_until(prefect.answers, SERVER, processes)
    return is_new or is_started


def _start_the_rest(processes: Processes, prefect: PrefectSide) -> bool:
    begun = time.time()
    started = [each.name for each in processes.all() if each.name != SERVER and processes.start(each.name)]
    for each in processes.all():
        if each.name != SERVER:
            click.echo(f"{each.name}: {'starting' if each.name in started else 'runs already'}")

    def has_worker() -> bool:
        since = begun if "worker" in started else 0.0
        return any(each.is_online and each.at and each.at.timestamp() >= since for each in prefect.workers())

    _wait_until(has_worker, "worker", processes)
    for each in processes.all():
        processes.require_alive(each.name)
    return bool(started)


def _wait_until(is_answering: Callable[[], bool], name: str, processes: Processes) -> None:
    """Wait until a program answers, with a line of progress every ten seconds. Raises `OrchestratorError`."""
    begun = told = time.monotonic()
    while not is_answering():
        processes.require_alive(name)
        now = time.monotonic()
        if now - begun > _LONGEST_WAIT:
            raise OrchestratorError(
                f"{name} runs and has not answered in {_LONGEST_WAIT:.0f} seconds. See {processes.log_of(name)}, then "
                "`make up` again, which goes on waiting."
            )
        if now - told > _PROGRESS_EVERY:
            told = now
            click.echo(f"  {name} has not answered yet; waiting for {now - begun:.0f} of {_LONGEST_WAIT:.0f} seconds")
        time.sleep(0.5)
    click.echo(f"{name}: answers")


def _wait_for_schedules(prefect: PrefectSide) -> None:
    """Wait a while until the server has made runs of its schedules; without them the first answer would be "none"."""
    deadline = time.monotonic() + _SCHEDULE_WAIT
    while prefect.awaited_schedules() and not prefect.next_runs() and time.monotonic() < deadline:
        time.sleep(0.5)
