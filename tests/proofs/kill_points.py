"""Where a run is killed: at a request to S3, or at an operation in the store's folder, counted from its beginning."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from configs.settings import PROJECT
from tests.proofs.kill_runs import end_of
from tests.s3_servers import S3Server
from tests.store.breaking_proxy import Break, BreakingProxy, Call

_SWITCH: Final = PROJECT / "tests/proofs/kill_switch"
_NAME_OF_ITS_OWN: Final = re.compile(r"\b[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b")
_PUBLISHES: Final = re.compile(r"(PUT|os\.link) (revisions/.*/manifest\.json|decisions/.*)$")
_PATIENCE_SECONDS: Final = 120


@dataclass(frozen=True)
class Point:
    """One moment of a run."""

    number: int
    """Of the operation, counted from 1."""
    is_done: bool
    """Whether the store still does the operation."""
    operation: str

    def __str__(self) -> str:
        return f"{'after' if self.is_done else 'before'} {self.number}, {self.operation}"


class Place(Protocol):
    """A store in which a run is killed."""

    root: str
    """As the settings name it."""

    def watching(self, point: Point | None) -> Mapping[str, str]:
        """The environment of a run that is to end at this point, or to live."""

    def kill(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code of a run that was started with this environment and has met its point."""

    def operations(self) -> list[str]:
        """What the run did, or was about to do, since it was started."""


@dataclass
class Folder:
    """A folder; `kill_switch` kills the process from within, right before an operation."""

    root: str

    def watching(self, point: Point | None) -> Mapping[str, str]:
        """The environment that arms the switch."""
        self._log.unlink(missing_ok=True)
        fatal = str(point.number if point else 0)
        return {"PYTHONPATH": str(_SWITCH), "KILL_ROOT": self.root, "KILL_LOG": str(self._log), "KILL_AT": fatal}

    def kill(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code."""
        return end_of(process)

    def operations(self) -> list[str]:
        """Those that the switch has noted."""
        return [_same_in_every_run(line) for line in self._log.read_text().splitlines()]

    @property
    def _log(self) -> Path:
        return Path(self.root).with_name("operations.log")


class Bucket:
    """A bucket behind a proxy. It freezes the process while it waits for an answer; only then is the process killed."""

    def __init__(self, server: S3Server) -> None:
        """A fresh bucket."""
        self.root = f"s3://{server.fresh_bucket()}/prod"
        self._proxy = BreakingProxy(server.endpoint, self.root)
        self._process_id = 0
        self._is_frozen = threading.Event()

    @contextmanager
    def serving(self) -> Iterator["Bucket"]:
        """Serve the proxy until the block ends."""
        with self._proxy.serving():
            yield self

    def watching(self, point: Point | None) -> Mapping[str, str]:
        """The environment that leads to the proxy."""

        def freeze(call: Call) -> Break | None:
            if point is None or call.number != point.number:
                return None
            os.kill(self._process_id, signal.SIGSTOP)
            self._is_frozen.set()
            return Break.LOSE_ANSWER if point.is_done else Break.LOSE_REQUEST

        self._proxy.start(freeze)
        return {"AWS_ENDPOINT_URL_S3": self._proxy.endpoint}

    def kill(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code; the process meets its point seconds after it was started."""
        self._process_id = process.pid
        if self._is_frozen.wait(_PATIENCE_SECONDS):
            self._proxy.finish()
            process.kill()
        return end_of(process)

    def operations(self) -> list[str]:
        """The requests, without the addresses they went to."""
        bucket = self.root.removeprefix("s3:/")
        requests = [f"{call.method} {call.path.removeprefix(bucket)}" for call in self._proxy.calls]
        return [_same_in_every_run(each) for each in requests]


def points_of(place: Place, operations: Sequence[str]) -> list[Point]:
    """All moments at which a run in this place can be told apart."""
    both = (False, True) if isinstance(place, Bucket) else (False,)
    return [Point(n, is_done, told) for n, told in enumerate(operations, 1) for is_done in both]


def spread(points: Sequence[Point], size: int) -> list[Point]:
    """So many points all over a run, and those around the commit and around what readers see of it."""
    even = {int((n + 0.5) * len(points) / size) for n in range(size)}
    published = {n for n, point in enumerate(points) if _PUBLISHES.match(point.operation)}
    after = {n + 1 for n in published if n + 1 < len(points)}
    return [points[n] for n in sorted(even | published | after)]


def _same_in_every_run(operation: str) -> str:
    """An operation as it is called in every run: without names that a run makes up, and without a query."""
    path = operation.partition("?")[0].replace("%3D", "=").replace(" /", " ")
    return _NAME_OF_ITS_OWN.sub("*", path)
