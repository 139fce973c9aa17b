"""Measurement in a process of its own: time of each stage and of the start, and peak memory."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from configs.settings import PROJECT

_SHOWN_LINES: Final = 15


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to measure, as the process that measures it receives it."""

    name: str
    rows: int
    """Applications in the day it works on."""
    cores: int
    """Processors that its process may use; the project uses as many workers."""
    days: str
    """Folder of the prepared day (`benchmarks.days`)."""
    models: str
    """Folder of the prepared models."""
    scratch: str
    """Folder for results that are compared later; jobs on one day share it."""
    explained: int = 0
    """Applications that a rival must give reasons for: as many as this project did."""

    def path(self, name: str) -> Path:
        """Path of a file of the prepared day."""
        return Path(self.days, name)


class Spent(NamedTuple):
    """Time of a stage, in seconds; `cpu` counts all threads and ended children."""

    wall: float
    cpu: float


class Stopwatch:
    """Stopwatch for the stages of a job. A stage that is entered again adds up."""

    def __init__(self) -> None:
        """Begin with no stage."""
        self.stages: dict[str, Spent] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        wall = time.perf_counter()
        cpu = cpu_seconds()
        yield
        before = self.stages.get(name, Spent(0.0, 0.0))
        self.stages[name] = Spent(
            before.wall + time.perf_counter() - wall,
            before.cpu + cpu_seconds() - cpu,
        )


Work = Callable[[Job, Stopwatch], dict[str, Any]]


def cpu_seconds() -> float:
    """CPU seconds of this process, its threads, and its children, those that have ended among them."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = os.sysconf("SC_CLK_TCK")
    running = sum(int(fields[name]) for fields in _descendants() for name in (11, 12, 13, 14))
    return time.process_time() + ended.ru_utime + ended.ru_stime + running / ticks


def peak_bytes() -> int:
    """Largest peak memory of this process and its children, by Linux; `getrusage` would count that of its parent."""
    return max(_peak("self"), *(_peak(fields[-1]) for fields in _descendants()), 0)


def _peak(process: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _descendants(of: int | None = None) -> Iterator[list[str]]:
    """Fields of `/proc/PID/stat` from its third on, and last the PID, of each process under this one."""
    for task in Path(f"/proc/{of or os.getpid()}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield [*Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split(), child]
            yield from _descendants(int(child))


def measure(job: Job, work: Work, *, begun: float | None = None) -> dict[str, Any]:
    """Do a job in this process; its stages, its result, and the time spent before it began.

    Modules that the job imported the last time are imported before its clock starts.

    Args:
        job: the job, and the day that it works on.
        work: the function that does it.
        begun: time at which the process was started, in seconds since the epoch.
    """
    noted = Path(job.models, f"imports of {job.name}.json")
    for name in json.loads(noted.read_text("utf-8")) if noted.exists() else ():
        with contextlib.suppress(Exception):  # some can be imported from within their package alone
            importlib.import_module(name)
    start = Spent(time.time() - begun if begun else 0.0, cpu_seconds())
    known = set(sys.modules)
    watch = Stopwatch()
    found = work(job, watch)
    imported = [name for name, module in list(sys.modules.items()) if _is_file(module)]
    late = [name for name in imported if name not in known]
    if late:
        noted.write_text(json.dumps(imported), "utf-8")
    return {
        "start": start._asdict(),
        "stages": {name: spent._asdict() for name, spent in watch.stages.items()},
        "peak_bytes": peak_bytes(),
        "late_imports": len(late),
        "found": found,
    }


def _is_file(module: object) -> bool:
    return getattr(getattr(module, "__spec__", None), "has_location", False)


def run_apart(job: Job, environ: Mapping[str, str]) -> dict[str, Any]:
    """Run `measure` in a process of its own, on as many processors as the job may use."""
    given = ["--job", json.dumps(asdict(job)), "--begun", repr(time.time())]
    command = [sys.executable, "-m", "benchmarks", *given]
    done = subprocess.run(  # noqa: S603 - ourselves
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={**os.environ, **environ},
    )
    if done.returncode:
        lines = "\n".join(done.stderr.splitlines()[-_SHOWN_LINES:])
        raise click.ClickException(f"{job.name} on {job.rows:,} rows failed:\n{lines}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def keep_to(cores: int) -> None:
    """Limit this process and its children to so many processors.

    Call it before any library counts them.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def run_command(arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, float]:
    """Run `scoring` with these arguments; wall and CPU seconds and peak memory of the process."""
    command = [sys.executable, "-c", "from flows.cli import program; program()", *arguments]
    wall = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        command,
        cwd=PROJECT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"scoring {' '.join(arguments)} failed:\n{output[-2000:]}")
    return {
        "wall": time.perf_counter() - wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
    }
