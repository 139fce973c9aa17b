"""Work in processes: the results of one after the other, whatever becomes of a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from configs.settings import PROJECT
from tasks.errors import ScoringError, SourceError
from tasks.running.processes import WorkerProcesses, end_processes, started_processes
from tests.running import process_works as works

Start = Callable[..., WorkerProcesses]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes, which end with the test."""
    started: list[WorkerProcesses] = []

    def make(count: int, *, prepare: Callable[[Any], object] = works.note, most_seconds: float = 60) -> WorkerProcesses:
        modules = ["tests.running.process_works"]
        made = WorkerProcesses(count, modules=modules, prepare=prepare, argument="this", most_seconds=most_seconds)
        started.append(made)
        return made

    yield make
    for each in started:
        each.close()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_the_order_of_the_orders(start: Start, count: int) -> None:
    processes = start(count)
    assert list(processes.run(works.square, range(7))) == [number**2 for number in range(7)]
    assert list(processes.run(works.slow_first, range(4))) == [0, 1, 2, 3]
    assert list(processes.run(works.square, [])) == []


def test_each_process_is_prepared_once_and_has_the_environment_of_the_run(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = start(2)
    monkeypatch.setenv("SEEN", "as set by now")
    looks = list(processes.run(works.look, range(6)))
    assert {tuple(prepared) for _, prepared, _, _ in looks} == {("this",)}
    assert {seen for _, _, seen, _ in looks} == {"as set by now"}
    assert {threads for *_, threads in looks} == {1}
    assert os.getpid() not in {process for process, *_ in looks}


def test_a_preparation_that_fails_is_left_to_the_orders(start: Start) -> None:
    assert list(start(1, prepare=works.fail_to_prepare).run(works.square, [3])) == [9]


@pytest.mark.parametrize("failing", [0, 2, 5])
def test_an_error_comes_in_its_turn_and_the_processes_go_on(start: Start, failing: int) -> None:
    processes = start(2)
    results = processes.run(works.fail_at, [(number, failing) for number in range(6)])
    assert [next(results) for _ in range(failing)] == list(range(failing))
    with pytest.raises(SourceError, match=f"^cut off at {failing}$"):
        next(results)
    assert list(processes.run(works.square, range(4))) == [0, 1, 4, 9]


def test_an_error_that_cannot_travel_is_named_without_its_text(start: Start) -> None:
    with pytest.raises(RuntimeError, match="^Stubborn in a process of the run$"):
        list(start(1).run(works.fail_stubbornly, [1]))


def test_a_process_that_dies_costs_the_order_that_it_worked_on(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(start(2).run(works.die_once, [(number, str(tmp_path)) for number in range(6)])) == list(range(6))
    tries = sorted(path.stem for path in tmp_path.iterdir())
    assert tries == ["0", "1", "2", "2", "3", "4", "5"]
    assert "A process died or hung; part 3 of the day is worked on again" in caplog.text


def test_an_idle_process_that_dies_is_replaced(start: Start) -> None:
    processes = start(1)
    ((process, *_),) = processes.run(works.look, [0])
    os.kill(process, signal.SIGKILL)
    assert list(processes.run(works.square, range(3))) == [0, 1, 4]


def test_an_order_that_kills_three_processes_ends_the_work(start: Start) -> None:
    processes = start(2)
    with pytest.raises(ScoringError, match=r"3 processes in turn died, .* over part 1 of the day.*scoring.workers"):
        list(processes.run(works.die, [0]))
    assert list(processes.run(works.square, [2])) == [4]


def test_a_process_that_hangs_costs_the_order_that_it_worked_on(start: Start, tmp_path: Path) -> None:
    orders = [(number, str(tmp_path)) for number in range(4)]
    assert list(start(2, most_seconds=1).run(works.hang_once, orders)) == [0, 1, 2, 3]


def test_work_that_is_given_up_does_not_disturb_what_comes_after_it(start: Start) -> None:
    processes = start(2)
    results = processes.run(works.slow_first, [1, 0, 0, 0])
    assert next(results) == 1
    results.close()
    assert list(processes.run(works.square, range(5))) == [0, 1, 4, 9, 16]


def test_processes_of_a_run_are_started_once() -> None:
    def make() -> WorkerProcesses:
        return WorkerProcesses(1, modules=[], prepare=works.note, argument="this", most_seconds=9)

    end_processes()
    first = started_processes(1, make)
    ((process, *_),) = first.run(works.look, [0])
    assert started_processes(1, make) is first
    assert Path(f"/proc/{process}").exists()
    assert started_processes(2, make) is not first
    assert not Path(f"/proc/{process}").exists()
    end_processes()


RUN_THAT_IS_KILLED = """
import os, sys
from tasks.running.processes import WorkerProcesses
from tests.running import process_works as works
processes = WorkerProcesses(2, modules=[], prepare=works.note, argument="", most_seconds=600)
print(*(look[0] for look in processes.run(works.look, range(9))), flush=True)
{then}
"""


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize(
    "then", ["sys.stdin.read()", "list(processes.run(works.pause, range(9)))"], ids=["idle", "busy"]
)
def test_processes_end_with_a_run_that_is_killed(then: str, signal_: int) -> None:
    program = [sys.executable, "-c", RUN_THAT_IS_KILLED.format(then=then)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as run:
        assert run.stdout
        pids = {int(pid) for pid in run.stdout.readline().split()}
        run.send_signal(signal_)
    assert pids
    ends_by = time.monotonic() + 20
    while alive := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < ends_by, alive
        time.sleep(0.05)
