"""A process of its own beats for a run: also while the run keeps Python's lock, and never after its end."""

import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL, temporary_settings

from configs.settings import PROJECT
from tasks.running import heartbeat
from tasks.running.heartbeat import BEAT, BEAT_EVERY_SECONDS, WATCHED_TAG, beat_event, beating

Beats = queue.Queue[tuple[str, dict[str, Any], str | None]]


@pytest.fixture
def prefect_api() -> Iterator[tuple[str, Beats]]:
    """Address of an API that takes events, and the beats that came: path, event, who sent it."""
    beats: Beats = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (event,) = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            beats.put((self.path, event, self.headers.get("Authorization")))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/api", beats
        server.shutdown()


def a_run(*tags: str) -> FlowRun:
    return FlowRun(flow_id=uuid4(), deployment_id=uuid4(), name="score-2026-11-02", tags=list(tags))


def start(run: FlowRun, every_seconds: int = 1) -> None:
    beating(every_seconds)["on_running"][0](None, run, None)


def stop(run: FlowRun) -> None:
    beating()["on_completion"][0](None, run, None)


def test_a_beat_is_an_event_of_the_run_with_its_tags(prefect_api: tuple[str, Beats]) -> None:
    address, beats = prefect_api
    run = a_run(WATCHED_TAG, "scoring")
    with temporary_settings({PREFECT_API_URL: address}):
        start(run)
        (path, first, sender), (_, second, _) = beats.get(timeout=60), beats.get(timeout=60)
        stop(run)
    assert (path, sender) == ("/api/events", None)
    assert {**first, "id": "", "occurred": ""} == {**beat_event(run), "id": "", "occurred": ""}
    assert first["id"] != second["id"]
    assert first["occurred"] < second["occurred"]
    assert heartbeat._BEATING == {}


@pytest.mark.parametrize(
    ("setting", "value", "sender"),
    [
        (PREFECT_API_AUTH_STRING, "user:password", "Basic dXNlcjpwYXNzd29yZA=="),
        (PREFECT_API_KEY, "pnu_1", "Bearer pnu_1"),
    ],
)
def test_a_beat_knows_the_password(prefect_api: tuple[str, Beats], setting: Any, value: str, sender: str) -> None:
    address, beats = prefect_api
    run = a_run(WATCHED_TAG)
    with temporary_settings({PREFECT_API_URL: address, setting: value}):
        start(run)
        told = beats.get(timeout=60)[2]
        commands = [Path(f"/proc/{each.pid}/cmdline").read_text() for each in heartbeat._BEATING.values()]
        stop(run)
    assert told == sender
    assert not [command for command in commands if value in command]


def test_runs_of_others_and_runs_without_a_server_do_not_beat(prefect_api: tuple[str, Beats]) -> None:
    with temporary_settings({PREFECT_API_URL: prefect_api[0]}):
        start(a_run("scoring"))
    with temporary_settings({PREFECT_API_URL: None}):
        start(a_run(WATCHED_TAG))
    assert heartbeat._BEATING == {}


def test_a_run_whose_server_is_gone_goes_on() -> None:
    run = a_run(WATCHED_TAG)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        start(run)
        process = heartbeat._BEATING[run.id]
        time.sleep(1.5)  # a beat or two that nobody takes
        assert process.poll() is None
        stop(run)


LOCKED = f"""
import ctypes
from tests.running.test_heartbeat import a_run, start
start(a_run("{WATCHED_TAG}"))
ctypes.PyDLL(None).sleep(600)
"""


def test_a_run_beats_while_a_call_into_c_keeps_the_lock_until_it_is_killed(prefect_api: tuple[str, Beats]) -> None:
    address, beats = prefect_api
    environment = {**os.environ, "PREFECT_API_URL": address}
    run = subprocess.Popen([sys.executable, "-c", LOCKED], cwd=PROJECT, env=environment)
    for _ in range(4):
        beats.get(timeout=120)
    (child,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_until_gone(int(child))


def wait_until_gone(process: int) -> None:
    for _ in range(600):
        status = Path(f"/proc/{process}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the process still beats")


def test_the_automation_waits_for_several_beats_of_this_name() -> None:
    file = PROJECT / "configs/automations/missing-heartbeat.yaml"
    trigger = yaml.safe_load(file.read_text("utf-8"))["trigger"]
    assert trigger["after"] == [BEAT]
    assert BEAT in trigger["expect"]
    assert trigger["match_related"]["prefect.resource.id"] == f"prefect.tag.{WATCHED_TAG}"
    assert trigger["within"] >= 6 * BEAT_EVERY_SECONDS
