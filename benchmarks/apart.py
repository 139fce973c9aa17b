"""Measuring in a process of its own: what each stage took, what starting took, and the most memory it held."""

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

_TOLD_LINES: Final = 15


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to measure, as it is told to the process that measures it."""

    name: str
    rows: int
    """Applications in the day it works on."""
    cores: int
    """Processors that its process may use; the project is told to use as many workers."""
    days: str
    """Folder of the prepared day (`benchmarks.days`)."""
    models: str
    """Folder of the prepared models."""
    scratch: str
    """Folder for what it leaves to be compared; jobs on one day share it."""
    explained: int = 0
    """Applications that a rival must give reasons for: as many as this project did."""

    def path(self, name: str) -> Path:
        """A file of the prepared day."""
        return Path(self.days, name)


class Spent(NamedTuple):
    """What a stage took, in seconds; `cpu` counts all threads and ended children."""

    wall: float
    cpu: float


class Stopwatch:
    """What each stage of a job took; a stage entered again adds up."""

    def __init__(self) -> None:
        """Begin with no stage."""
        self.stages: dict[str, Spent] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        yield
        before = self.stages.get(name, Spent(0.0, 0.0))
        self.stages[name] = Spent(before.wall + time.perf_counter() - wall, before.cpu + cpu_seconds() - cpu)


Work = Callable[[Job, Stopwatch], dict[str, Any]]


def cpu_seconds() -> float:
    """CPU seconds of this process, its threads, and its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_bytes() -> int:
    """Most memory that this process has held, as Linux tells it; `getrusage` would begin with what its parent held."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def measure(job: Job, work: Work, *, begun: float | None = None) -> dict[str, Any]:
    """Do a job in this process and tell its stages, what it found, and what had been spent before it began.

    Modules that the job imported the last time are imported before its clock starts, wherever they are imported first.

    Args:
        job: what to do, and on what.
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
    late = [name for name, module in list(sys.modules.items()) if name not in known and _is_file(module)]
    if late:
        noted.write_text(json.dumps([name for name, module in list(sys.modules.items()) if _is_file(module)]), "utf-8")
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
    """`measure` in a process of its own, on as many processors as the job may use."""
    command = [sys.executable, "-m", "benchmarks", "--job", json.dumps(asdict(job)), "--begun", repr(time.time())]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, check=False, capture_output=True, text=True, cwd=PROJECT, env={**os.environ, **environ}
    )
    if done.returncode:
        told = "\n".join(done.stderr.splitlines()[-_TOLD_LINES:])
        raise click.ClickException(f"{job.name} on {job.rows:,} rows failed:\n{told}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def keep_to(cores: int) -> None:
    """Let this process, and what it starts, use so many processors; called before any library counts them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def run_command(arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, float]:
    """Wall and CPU seconds and the peak of `scoring` with these arguments, from before its start to after its end."""
    command = [sys.executable, "-c", "from flows.cli import program; program()", *arguments]
    wall = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        command, cwd=PROJECT, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    told = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"scoring {' '.join(arguments)} failed:\n{told[-2000:]}")
    return {
        "wall": time.perf_counter() - wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
    }
