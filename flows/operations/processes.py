"""Processes that supervisord keeps running, by its own door: started, told, stopped."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from configs.settings import PROJECT
from flows.operations.surroundings import Surroundings
from tasks.errors import OrchestratorError

CONFIGURATION: Final = PROJECT / "configs/supervisord.conf"
SERVER: Final = "prefect-server"
_UP: Final = {"RUNNING", "STARTING", "BACKOFF"}
_SECONDS: Final = 30.0
"""Seconds that supervisord may take to start, and to end once its programs have ended."""


@dataclass(frozen=True, slots=True)
class Process:
    """A program of the configuration as it stands now.

    Attributes:
        state: supervisord's word: RUNNING, STOPPED, STARTING, BACKOFF (ended, is tried again), FATAL (given up).
        since: time of its start; None if it does not run.
        told: supervisord's own sentence about it.
    """

    name: str
    state: str
    pid: int
    since: datetime | None
    told: str


class Processes:
    """The programs of configs/supervisord.conf on this machine."""

    def __init__(self, surroundings: Surroundings, configuration: Path = CONFIGURATION) -> None:
        """Nothing is started yet."""
        self._place = surroundings
        self._configuration = configuration
        self._pid_file = surroundings.run / "supervisord.pid"

    def is_up(self) -> bool:
        """True if supervisord takes orders."""
        try:
            self._supervisor().getPID()
        except (OSError, Fault):
            return False
        return True

    def start_supervisor(self) -> None:
        """Start supervisord, which starts none of its programs by itself.

        Raises:
            OrchestratorError: it did not start; says why.
        """
        for folder in (self._place.run, self._place.log):
            folder.mkdir(parents=True, exist_ok=True)
        program = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._configuration)]
        done = subprocess.run(  # noqa: S603 - a program of this environment
            program,
            cwd=PROJECT,
            env={**os.environ, **self._place.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        deadline = time.monotonic() + _SECONDS
        while done.returncode == 0 and time.monotonic() < deadline:
            if self.is_up():
                return
            time.sleep(0.1)
        raise OrchestratorError(
            f"supervisord did not start (exit {done.returncode}): {_last_lines(done.stderr)}. It keeps its log in "
            f"{self._place.log / 'supervisord.log'}. Mend what it names, then `make up` again."
        )

    def all(self) -> list[Process]:
        """Every program, in the order in which they are started."""
        told: Any = self._supervisor().getAllProcessInfo()
        return [_process(each) for each in told]

    def start(self, name: str) -> bool:
        """Start a program. False if it runs already; whoever calls waits until it answers."""
        try:
            self._supervisor().startProcess(name, False)
        except Fault as fault:
            if "ALREADY_STARTED" in fault.faultString:
                return False
            raise OrchestratorError(
                f"{name} could not be started: {fault.faultString}. See {self.log_of(name)}."
            ) from None
        return True

    def require_alive(self, name: str) -> None:
        """Require that a program runs or is being started.

        Raises:
            OrchestratorError: it has ended again and again, and supervisord tries it no longer.
        """
        process = next(each for each in self.all() if each.name == name)
        if process.state not in _UP:
            raise OrchestratorError(
                f"{name} ended as often as it was started ({process.told}). Its last lines: "
                f"{_last_lines(_read(self.log_of(name)))}. All of them stand in {self.log_of(name)}. Mend what they "
                "name, then `make up` again."
            )

    def stop(self, name: str) -> None:
        """Stop a program, and wait until it has ended; one that does not end is killed after its `stopwaitsecs`."""
        with contextlib.suppress(Fault):  # it does not run
            self._supervisor().stopProcess(name, True)

    def end_supervisor(self) -> None:
        """Stop every program and supervisord itself, and wait until it has ended.

        Raises:
            OrchestratorError: it still runs.
        """
        process = int(self._pid_file.read_text())
        for each in reversed(self.all()):
            self.stop(each.name)
        self._supervisor().shutdown()
        deadline = time.monotonic() + _SECONDS
        while _is_running(process):
            if time.monotonic() > deadline:
                raise OrchestratorError(f"supervisord (process {process}) has not ended in {_SECONDS:.0f} seconds.")
            time.sleep(0.1)

    def log_of(self, name: str) -> Path:
        """File that a program's output is written to."""
        return self._place.log / f"{name}.log"

    def _supervisor(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._place.socket}")
        return ServerProxy("http://127.0.0.1", transport=transport).supervisor


def _process(told: dict[str, Any]) -> Process:
    is_running = told["statename"] == "RUNNING"
    since = datetime.fromtimestamp(told["start"], UTC) if is_running else None
    return Process(told["name"], told["statename"], told["pid"], since, told["spawnerr"] or told["description"])


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A child that nobody has asked after is dead all the same.
    return "\nState:\tZ" not in _read(Path(f"/proc/{process}/status"))


def _read(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", errors="replace")
    return ""


def _last_lines(text: str, count: int = 3) -> str:
    """Last lines that are not empty, on one line."""
    lines: Iterator[str] = (line.strip() for line in text.splitlines())
    return " / ".join([line for line in lines if line][-count:]) or "none"
