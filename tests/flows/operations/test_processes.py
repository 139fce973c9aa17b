"""A real supervisord: what it keeps running, and what it says of a program that ends."""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import prefect.settings
import pytest

from configs.settings import PROJECT
from flows.operations.processes import CONFIGURATION, Processes
from flows.operations.surroundings import Surroundings
from tasks.errors import OrchestratorError

UNIT = PROJECT / "docs/systemd/credit-scoring.service"
PROGRAM = """
[program:{name}]
command = {command}
autostart = false
autorestart = true
startsecs = 0
startretries = 1
redirect_stderr = true
stdout_logfile = %(ENV_OPERATIONS_FOLDER)s/log/{name}.log
"""


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Two programs: one that stays, and one that cannot start."""
    general = CONFIGURATION.read_text("utf-8").split("[program:")[0].replace("%(here)s/..", "/")
    with tempfile.TemporaryDirectory(prefix="up") as folder:  # a socket's name must be short
        configuration = Path(folder) / "supervisord.conf"
        broken = PROGRAM.format(name="broken", command="sh -c 'echo a line that says why; exit 3'")
        stays = PROGRAM.format(name="stays", command="sleep 600")
        configuration.write_text(general + stays + broken.replace("startsecs = 0", "startsecs = 5"))
        found = Processes(Surroundings(Path(folder), 4200), configuration)
        yield found
        if found.is_up():
            found.end_supervisor()


def state_of(name: str, processes: Processes) -> str:
    return next(each.state for each in processes.all() if each.name == name)


def wait_for_state(name: str, state: str, processes: Processes) -> None:
    deadline = time.monotonic() + 60
    while state_of(name, processes) != state:
        assert time.monotonic() < deadline, processes.all()
        time.sleep(0.1)


def test_a_program_is_started_once_restarted_when_killed_and_stopped(processes: Processes) -> None:
    assert not processes.is_up()
    processes.start_supervisor()
    assert [each.state for each in processes.all()] == ["STOPPED", "STOPPED"]
    assert processes.start("stays")
    assert not processes.start("stays")
    wait_for_state("stays", "RUNNING", processes)
    first = processes.all()[1]
    assert first.name == "stays"
    assert first.since
    os.kill(first.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while (again := processes.all()[1]).pid in {0, first.pid}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    processes.end_supervisor()
    assert not processes.is_up()
    assert not Path(f"/proc/{again.pid}").exists()


def test_a_program_that_ends_again_and_again_is_an_error_with_its_last_lines(processes: Processes) -> None:
    processes.start_supervisor()
    processes.start("broken")
    wait_for_state("broken", "FATAL", processes)
    with pytest.raises(OrchestratorError, match=r"broken ended as often as it was started.*a line that says why"):
        processes.require_alive("broken")


def test_a_configuration_that_supervisord_refuses_is_told(processes: Processes) -> None:
    processes._configuration.write_text("[supervisord]\nlogfile = /nowhere/at/all.log\n")
    with pytest.raises(OrchestratorError, match=r"supervisord did not start.*nowhere"):
        processes.start_supervisor()


def test_prefect_knows_every_setting_of_the_server() -> None:
    names = re.findall(r"^  (PREFECT_\w+)=", CONFIGURATION.read_text("utf-8"), re.MULTILINE)
    assert names
    assert [name for name in names if not hasattr(prefect.settings, name)] == []


@pytest.mark.skipif(not which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/credit-scoring", str(PROJECT)))
    done = subprocess.run(
        [str(which("systemd-analyze")), "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
