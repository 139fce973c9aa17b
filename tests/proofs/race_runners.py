"""Processes that score one day at once, and one that reads it all the while; they live for many rounds.

They are forked from a server process that has imported what a day needs and done nothing else, so that eight of them
cost one start. This module is light: that server imports it, too.
"""

import contextlib
import hashlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

_HEAVY: Final = [
    "flows.score_applications",
    "tasks.adapters.gx",
    "tasks.adapters.lightgbm",
    "tasks.adapters.mlflow",
    "boto3",
    "tests.proofs.race_runners",
]
_PATIENCE_SECONDS: Final = 300
_READING_PAUSE_SECONDS: Final = 0.001
_LOST: Final = "Another run published revision"
_CONTEXT: Final = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Job:
    """Scoring runs of one process, one after the other."""

    config: str
    as_of: date
    is_recorded: bool
    """By Prefect; else a run is plain Python."""
    times: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    """What else the flow is told."""


class Ending(NamedTuple):
    """How a run ended."""

    outcome: str
    """As the flow returns it; `lost` where another run was first; else the error."""
    revision: int
    """That the run returned; 0 where there is none."""
    fingerprint: str
    """Of that revision."""


class Sight(NamedTuple):
    """What a reader saw from beginning to end."""

    reads: int
    changes: list[str | None]
    """SHA-256 of what lay there, whenever it was not what lay there before; None for nothing."""


class Racers:
    """So many processes that score what they are given, all at once."""

    def __init__(self, size: int) -> None:
        """Start them."""
        _CONTEXT.set_forkserver_preload(_HEAVY)
        self._gate = _Gate(_CONTEXT.Lock(), _CONTEXT.Barrier(size))  # lives as long as the processes that wait at it
        self._lines: list[Connection] = []
        for _ in range(size):
            ours, theirs = _CONTEXT.Pipe()
            _CONTEXT.Process(target=_score_for_ever, args=(theirs, dict(os.environ), self._gate), daemon=True).start()
            theirs.close()
            self._lines.append(ours)

    def race(self, jobs: Sequence[Job]) -> list[list[Ending]]:
        """How the runs of each process ended; all begin the first at the same time."""
        return self._run(dict(enumerate(jobs)), is_together=True)

    def run(self, jobs: Mapping[int, Job]) -> list[list[Ending]]:
        """How the runs of some of the processes ended."""
        return self._run(jobs, is_together=False)

    def _run(self, jobs: Mapping[int, Job], *, is_together: bool) -> list[list[Ending]]:
        for number, job in jobs.items():
            self._lines[number].send((job, is_together))
        return [_answer(self._lines[number]) for number in jobs]

    def stop(self) -> None:
        """End the processes."""
        for line in self._lines:
            line.send(None)


class Reader:
    """A process that reads one object in a tight loop."""

    def __init__(self) -> None:
        """Start it."""
        self._line, theirs = _CONTEXT.Pipe()
        _CONTEXT.Process(target=_read_for_ever, args=(theirs, dict(os.environ)), daemon=True).start()
        theirs.close()

    @contextlib.contextmanager
    def watching(self, root: str, key: str) -> Iterator[list[Sight]]:
        """Read the object under `key` until the block ends; then the list holds what was seen."""
        sights: list[Sight] = []
        self._line.send((root, key))
        _answer(self._line)
        yield sights
        self._line.send(None)
        sights.append(_answer(self._line))

    def stop(self) -> None:
        """End the process."""
        self._line.send(None)


class Alternation:
    """Does two things in turn, in a thread of its own, until the block ends."""

    def __init__(self, *turns: Any, pause_seconds: float) -> None:
        """`turns` are called without arguments, again and again."""
        self._turns, self._pause_seconds = turns, pause_seconds
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._alternate)
        self.count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _alternate(self) -> None:
        while not self._is_over.wait(self._pause_seconds):
            self._turns[self.count % len(self._turns)]()
            self.count += 1


def _answer(line: Connection) -> Any:
    if not line.poll(_PATIENCE_SECONDS):
        raise TimeoutError("a process gave no answer")
    return line.recv()


class _Gate(NamedTuple):
    """What a process waits at before a run begins."""

    one_by_one: Any
    """A lock: a server on SQLite lets those who report at once wait for seconds."""
    together: Any
    """A barrier."""


def _score_for_ever(line: Connection, environ: Mapping[str, str], gate: _Gate) -> None:
    os.environ.update(environ)  # the fork server may have been started by another test, with that one's
    while order := line.recv():
        job, is_together = order
        line.send([_score(job, gate, is_together=is_together and not n) for n in range(job.times)])


def _score(job: Job, gate: _Gate, *, is_together: bool) -> Ending:
    from tasks.errors import PublishError

    try:
        result = _run(job, gate, is_together=is_together)
    except PublishError as error:
        return Ending("lost" if str(error).startswith(_LOST) else f"PublishError: {error}", 0, "")
    except Exception as error:  # noqa: BLE001 - the proof names whatever it is
        return Ending(f"{type(error).__name__}: {error}", 0, "")
    manifest = result.manifest
    return Ending(result.outcome, manifest.revision if manifest else 0, manifest.fingerprint if manifest else "")


def _run(job: Job, gate: _Gate, *, is_together: bool) -> Any:
    """Run the flow; where all begin together, a recorded run is Running by then, and so does not lag behind."""
    from flows.score_applications import score_applications

    def begin(*_: Any) -> None:
        gate.one_by_one.release()
        if is_together:
            gate.together.wait()

    gate.one_by_one.acquire()
    if job.is_recorded:
        return score_applications.with_options(on_running=[begin])(as_of=job.as_of, config=job.config, **job.options)
    begin()
    return score_applications.fn(as_of=job.as_of, config=job.config, **job.options)


def _read_for_ever(line: Connection, environ: Mapping[str, str]) -> None:
    os.environ.update(environ)
    while order := line.recv():
        line.send(_watch(line, *order))


def _watch(line: Connection, root: str, key: str) -> Sight:
    """Read until there is word on the line, and once more after it."""
    read = _object_reader(root, key) if root.startswith("s3://") else _file_reader(Path(root) / key)
    last = read()
    reads, changes = 1, [_digest(last)]
    line.send("reading")
    is_over = False
    while not is_over:
        is_over = line.poll()
        data = read()
        reads += 1
        if data != last:
            last = data
            changes.append(_digest(data))
        time.sleep(_READING_PAUSE_SECONDS)
    line.recv()
    return Sight(reads, changes)


def _file_reader(path: Path) -> Any:
    def read() -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    return read


def _object_reader(root: str, key: str) -> Any:
    import boto3
    from botocore.config import Config

    bucket, _, prefix = root.removeprefix("s3://").partition("/")
    client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))

    def read() -> bytes | None:
        try:
            data: bytes = client.get_object(Bucket=bucket, Key=f"{prefix}/{key}")["Body"].read()
        except client.exceptions.NoSuchKey:
            return None
        return data

    return read


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
