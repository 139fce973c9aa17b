"""An alarm is a line, whatever is in it; what it is posted on to may fail, and only another line says so."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.calendar import Calendar
from configs.settings import PROJECT, Settings, load_settings
from flows.alarm_receiver import HOST, PATH, AlarmServer, Inbox, read_alarm
from tasks.errors import ConfigError

PRAGUE = Calendar(zone="Europe/Prague", weekend=("saturday", "sunday"), holidays={}, zero_row_days={})
NOW = datetime(2026, 11, 2, 7, 5, 12, tzinfo=UTC)
GIVEN = {
    "alarm": "crashed run",
    "run": "score-2026-11-02",
    "scheduled": "2026-11-02 06:00:00+00:00",
    "why": "No heartbeat for 90 seconds.",
    "what_to_do": "press Retry",
    "link": "http://127.0.0.1:4200/runs/flow-run/1",
}


def read(**changes: object) -> str:
    return read_alarm(json.dumps(GIVEN | changes).encode(), NOW, PRAGUE).line()


def test_an_alarm_is_one_line_by_the_clock_of_the_business() -> None:
    assert read() == (
        "2026-11-02 08:05:12+01:00 | crashed run | score-2026-11-02 | day 2026-11-02 | No heartbeat for 90 seconds. | "
        "press Retry | http://127.0.0.1:4200/runs/flow-run/1"
    )


@pytest.mark.parametrize(
    ("given_", "day"),
    [
        ({"day": "2026-10-01"}, "2026-10-01"),
        ({"run": "grey-fox"}, "2026-11-02"),
        ({"run": "grey-fox", "scheduled": "2026-11-01 23:30:00+00:00"}, "2026-11-02"),
        ({"run": "grey-fox", "scheduled": "2026-11-01 23:30:00"}, "2026-11-02"),
    ],
)
def test_the_day_is_that_of_the_name_or_of_the_schedule(given_: dict[str, str], day: str) -> None:
    assert f" | day {day} | " in read(**given_)


@pytest.mark.parametrize("scheduled", ["None", "", None, "soon", "9999-12-31 23:59:59+00:00"])
def test_a_day_that_is_not_known_is_left_out(scheduled: object) -> None:
    assert "day" not in read(run="grey-fox", scheduled=scheduled)


@given(st.dictionaries(st.sampled_from(sorted(GIVEN)), st.text() | st.none() | st.integers(), min_size=1))
def test_no_text_makes_a_second_line_or_a_field_of_its_own(changes: dict[str, Any]) -> None:
    line = read(**changes | {"alarm": "late run"})
    assert len(line.splitlines()) == 1
    assert line.count(" | ") <= 6
    assert line.isprintable()


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'{"alarm": ""}', b"[" * 50_000])
def test_what_is_no_alarm_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="an alarm must be a JSON object"):
        read_alarm(body, NOW, PRAGUE)


def settings_for(folder: Path, webhook: str | None = None, port: int = 4210) -> Settings:
    alarms = {"log": str(folder / "log/alarms.log"), "webhook": webhook, "port": port}
    return Settings.model_validate({"alarms": alarms})


@contextmanager
def listening(inbox: Inbox) -> Iterator[AlarmServer]:
    with AlarmServer(0, inbox) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield server
        finally:
            server.shutdown()


def post(port: int, body: bytes, path: str = PATH, kind: str = "application/json") -> int:
    connection = HTTPConnection(HOST, port, timeout=30)
    connection.request("POST", path, body, {"Content-Type": kind})
    return connection.getresponse().status


def wait_for_lines(log: Path, number: int) -> list[str]:
    """The lines of a log, once there are so many."""
    for _ in range(600):
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        if len(lines) >= number:
            break
        time.sleep(0.1)
    assert len(lines) == number, lines
    return lines


@contextmanager
def webhook(answers: list[int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Address that gives these answers one after the other, the last one for ever; and what it received."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://{HOST}:{server.server_port}/secret-path", received
        server.shutdown()


def test_alarms_that_come_at_once_are_a_line_each(tmp_path: Path) -> None:
    used = settings_for(tmp_path)
    with listening(Inbox(used)) as server:
        calls = [
            Thread(target=post, args=(server.server_port, json.dumps(GIVEN | {"run": f"run-{n}"}).encode()))
            for n in range(20)
        ]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
    lines = wait_for_lines(Path(used.alarms.log), 20)
    assert {line.split(" | ")[2] for line in lines} == {f"run-{n}" for n in range(20)}


def test_the_webhook_gets_the_line_and_its_parts_and_is_asked_again(tmp_path: Path) -> None:
    pauses: list[float] = []
    with webhook([503, 200]) as (address, received):
        used = settings_for(tmp_path, address)
        with listening(Inbox(used, pauses.append)) as server:
            assert post(server.server_port, json.dumps(GIVEN).encode()) == 202
    line = Path(used.alarms.log).read_text("utf-8").rstrip()
    assert [each["text"] for each in received] == [line, line]
    assert (received[0]["alarm"], received[0]["day"]) == ("crashed run", "2026-11-02")
    assert pauses == [1.0]


@pytest.mark.parametrize(("answers", "why"), [([500], "it answers 500"), (None, "ConnectionRefusedError")])
def test_a_webhook_that_fails_is_a_line_that_does_not_repeat_its_address(
    tmp_path: Path, answers: list[int] | None, why: str
) -> None:
    pauses: list[float] = []

    def take(address: str) -> list[str]:
        used = settings_for(tmp_path, address)
        with listening(Inbox(used, pauses.append)) as server:
            assert post(server.server_port, json.dumps(GIVEN).encode()) == 202
        return wait_for_lines(Path(used.alarms.log), 2)

    if answers:
        with webhook(answers) as (address, received):
            lines = take(address)
        assert len(received) == 4
    else:
        lines = take(f"http://{HOST}:{free_port()}/secret-path")
    assert f"could not be posted to the webhook in 4 attempts: {why} | " in lines[1]
    assert "secret-path" not in "".join(lines)
    assert pauses == [1.0, 5.0, 25.0]


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text("no folder")
    with webhook([200]) as (address, received), listening(Inbox(settings_for(tmp_path, address))) as server:
        assert post(server.server_port, json.dumps(GIVEN).encode()) == 202
    assert len(received) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "path", "kind"),
    [
        (b"{}", PATH, "application/json"),
        (json.dumps(GIVEN).encode(), "/", "application/json"),
        (json.dumps(GIVEN).encode(), PATH, "text/plain"),
        (b" " * 65_537, PATH, "application/json"),
    ],
)
def test_other_calls_are_refused_and_leave_no_line(tmp_path: Path, body: bytes, path: str, kind: str) -> None:
    used = settings_for(tmp_path)
    with listening(Inbox(used)) as server:
        assert post(server.server_port, body, path, kind) == 400
    assert not Path(used.alarms.log).exists()


def test_the_webhook_is_a_secret_and_an_address(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("alarms: {webhook: https://example.org/hook}")
    with pytest.raises(ConfigError, match="SCORING_ALARMS__WEBHOOK"):
        load_settings(file, environ={})
    file.write_text("")
    with pytest.raises(ConfigError, match="begins with https:// or http://") as error:
        load_settings(file, environ={"SCORING_ALARMS__WEBHOOK": "file:///etc/hook"})
    assert "etc/hook" not in str(error.value)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[int], "subprocess.Popen[str]"]:
    """Start the receiver as a program, on a port."""

    def start(port: int) -> "subprocess.Popen[str]":
        environment = {**os.environ, "SCORING_ALARMS__PORT": str(port), "SCORING_ALARMS__LOG": str(tmp_path / "a.log")}
        call = [sys.executable, "-m", "flows.alarm_receiver"]
        pipe = subprocess.PIPE
        return subprocess.Popen(call, cwd=PROJECT, env=environment, stdout=pipe, stderr=pipe, text=True)

    return start


def test_the_program_says_where_it_listens_and_ends_when_it_is_told(
    tmp_path: Path, program: Callable[[int], "subprocess.Popen[str]"]
) -> None:
    port = free_port()
    first = program(port)
    assert first.stdout
    assert f"http://{HOST}:{port}{PATH}" in first.stdout.readline()
    second = program(port)
    assert "cannot be had" in second.communicate()[1]
    assert second.returncode == 2
    assert post(port, json.dumps(GIVEN).encode()) == 202
    first.send_signal(signal.SIGTERM)
    told, errors = first.communicate(timeout=60)
    assert (told, errors, first.returncode) == ("Stopped.\n", "", 0)
    assert len((tmp_path / "a.log").read_text("utf-8").splitlines()) == 1
