"""Heartbeat of a flow run, by which `configs/automations/missing-heartbeat.yaml` tells a dead run from a slow one.

Prefect's own heartbeat is a thread of the run. A call into C that keeps Python's lock silences it, and a healthy
run is declared dead. Here a process of its own beats. It ends with the run's process, because the pipe between them
closes then, whatever killed it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import loggers
from prefect.settings import get_current_settings

WATCHED_TAG: Final = "credit-scoring"
"""Tag of the runs that beat."""
BEAT: Final = "scoring.run.beat"
BEAT_EVERY_SECONDS: Final = 15
"""A sixth of the silence after which the automation declares a run dead."""
_PROGRAM: Final = Path(__file__).with_name("beat.py")
_BEATING: Final[dict[UUID, subprocess.Popen[bytes]]] = {}


def beating(every_seconds: int = BEAT_EVERY_SECONDS) -> dict[str, Any]:
    """Options of a flow that beats while it runs: hooks for its states, as `prefect.flow` takes them."""

    def start_beating(flow: Any, run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - the arguments of a hook
        _start(run, every_seconds)

    def stop_beating(flow: Any, run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - the arguments of a hook
        _stop(run)

    ends = ("on_completion", "on_failure", "on_crashed", "on_cancellation")
    return {"on_running": [start_beating], **{end: [stop_beating] for end in ends}}


def _start(run: FlowRun, every_seconds: int) -> None:
    """Start the process that beats for a run. No run depends on it: without it, nobody misses a beat.

    A run without the tag, or without a server of its own address, does not beat.
    """
    api = get_current_settings().api
    if not api.url or WATCHED_TAG not in run.tags:
        return
    order = {
        "url": f"{api.url.rstrip('/')}/events",
        "headers": _authorization(),
        "certificates": api.ssl_cert_file,
        "every_seconds": every_seconds,
        "event": beat_event(run),
    }
    try:
        # Isolated and without `site`, Python starts in 0.1 s. A session of its own keeps Ctrl+C from it.
        process = subprocess.Popen(  # noqa: S603 - a file of ours
            [sys.executable, "-I", "-S", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # who reads the output of the run must not wait for this process
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _BEATING[run.id] = process
        if process.stdin:
            process.stdin.write(f"{json.dumps(order)}\n".encode())
            process.stdin.flush()
    except OSError as error:
        loggers.flow_run_logger(run).warning("This run sends no heartbeat: %s", error.strerror)


def _stop(run: FlowRun) -> None:
    """End the process that beats for a run, at once: a beat after the end would wait for another one."""
    if process := _BEATING.pop(run.id, None):
        process.kill()
        process.communicate()


def beat_event(run: FlowRun) -> dict[str, Any]:
    """Event of a beat, without id and time: about the run, related to its tags and its deployment."""
    related = [{"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"} for tag in run.tags]
    if run.deployment_id:
        deployment = f"prefect.deployment.{run.deployment_id}"
        related.append({"prefect.resource.id": deployment, "prefect.resource.role": "deployment"})
    resource = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    return {"event": BEAT, "resource": resource, "related": related, "payload": {}}


def _authorization() -> dict[str, str]:
    """Header with which Prefect's API lets the caller in; none if it is open."""
    api = get_current_settings().api
    if api.auth_string:
        password = base64.b64encode(api.auth_string.get_secret_value().encode()).decode()
        return {"Authorization": f"Basic {password}"}
    if api.key:
        return {"Authorization": f"Bearer {api.key.get_secret_value()}"}
    return {}
