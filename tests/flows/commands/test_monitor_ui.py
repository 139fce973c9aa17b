"""`scoring monitor --ui`: a workspace, and Evidently's own server that shows it."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from configs.settings import PROJECT
from flows.cli import scoring
from flows.commands.monitor import trends_summary
from tasks.adapters.evidently import ShownDay, draw_day
from tasks.adapters.evidently_workspace import PROJECT_NAME
from tasks.monitoring.trends import Trends
from tasks.publication.layout import snapshot_key
from tasks.store.folder import FolderStore
from tests.commands import call
from tests.conftest import DAY

PATIENCE_SECONDS = 90
"""Longest wait for Evidently's server."""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Settings of a store in which one day was monitored."""
    shown = ShownDay(DAY, 1, "1", "ok", ("Nothing moved.",), {"rows": 2_000.0}, ())
    drawn = draw_day(shown, pd.DataFrame(), pd.DataFrame(), {})
    FolderStore(tmp_path / "store").create(snapshot_key(DAY), drawn.snapshot)
    path = tmp_path / "settings.yaml"
    sections = {"storage": {"root": str(tmp_path / "store")}, "monitoring": {"workspace": str(tmp_path / "workspace")}}
    path.write_text(yaml.safe_dump(sections))
    return str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def monitor(*arguments: str) -> Result:
    return CliRunner().invoke(scoring, ["monitor", *arguments])


@pytest.fixture
def serve(config: str) -> Iterator[Callable[[int], subprocess.Popen[str]]]:
    """Start the command as a person does; whatever is left of it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(port: int) -> subprocess.Popen[str]:
        program = [sys.executable, "-c", "from flows.cli import program; program()"]
        command = [*program, "monitor", "--ui", "--port", str(port), "--config", config]
        started.append(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def projects_at(address: str, process: subprocess.Popen[str]) -> str:
    """Answer of Evidently's server, as soon as it gives one."""
    until = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/api/projects", timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - ours
                return answer.read().decode()
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{address} does not answer; the command ended with {process.poll()}")


def test_the_server_shows_the_project_until_it_is_stopped(serve: Callable[[int], subprocess.Popen[str]]) -> None:
    port = free_port()
    process = serve(port)
    address = f"http://127.0.0.1:{port}"
    assert [each["name"] for each in json.loads(projects_at(address, process))] == [PROJECT_NAME]
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert f"Trends of 1 monitored day, {DAY} to {DAY}\n" in printed
    assert f"  Look at it  {address}, as soon as it says that it runs; Ctrl+C stops it\n" in printed


def test_a_workspace_is_made_without_a_server(config: str, tmp_path: Path) -> None:
    shown = monitor("--ui", "--build-only", "--config", config)
    assert (shown.exit_code, shown.exception) == (0, None)
    assert shown.output.endswith(f"  Workspace   {tmp_path}/workspace\n")
    assert any((tmp_path / "workspace").rglob("*.json"))


def test_a_port_that_is_taken_is_told_before_anything_is_made(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = call(["monitor", "--ui", "--port", str(port), "--config", config], monkeypatch, capsys)
    assert ended.code == 2
    assert f"ConfigError: Port {port} of 127.0.0.1 cannot be had: Address already in use." in ended.err
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ui", "--as-of", str(DAY)], "--ui shows all monitored days"),
        (["--ui", "--from", str(DAY), "--to", str(DAY)], "--ui shows all monitored days"),
        (["--as-of", str(DAY), "--build-only"], "--build-only belongs to --ui"),
        (["--ui", "--port", "0"], "0 is not in the range"),
        ([], "Give one day by --as-of, a window by --from and --to, or --missing."),
    ],
)
def test_a_call_that_cannot_be_is_a_usage_error(arguments: list[str], message: str) -> None:
    shown = monitor(*arguments)
    assert shown.exit_code == 2
    assert message in shown.output


def test_days_that_are_left_out_are_told_by_reason() -> None:
    left_out = {DAY + timedelta(n): "is damaged" if n else "is archived" for n in range(5)}
    archived, damaged = trends_summary(Trends(Path("/w"), (DAY,), left_out)).splitlines()[-2:]
    anew = "to make one anew: scoring monitor --as-of"
    assert archived == f"  Left out    1 day whose snapshot is archived: 2026-11-02; {anew} 2026-11-02"
    few = "2026-11-03, 2026-11-04, 2026-11-05 …"
    assert damaged == f"  Left out    4 days whose snapshot is damaged: {few}; {anew} 2026-11-03"
