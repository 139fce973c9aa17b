"""Where a command is attacked: an S3 behind a breaking proxy, and a folder; and the faults that each can have."""

import contextlib
import logging
import multiprocessing
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from tasks.store.folder import FolderStore
from tasks.store.probe import _probe
from tests.conftest import Project
from tests.proofs.fault_day import PROMISED, Command, Contents, Ending, run_flow
from tests.proofs.fault_disk import CHANGES, BreakingDisk, BreakingStore, Fuse, die, fail_in_store, fail_on_disk
from tests.s3_servers import moto_server
from tests.store.breaking_proxy import Answer, Break, BreakingProxy, Plan, nth

_ATTEMPTS: Final = 2
_HASTE_SECONDS, _LATE_SECONDS = 0.4, 0.55
_PREFIX: Final = "prod/"
_TRIES: Final = 5
_CHILD_SECONDS: Final = 300

S3_FAULTS: Final[Mapping[str, Callable[[int], Plan]]] = {
    "request lost": lambda n: nth(n, Break.LOSE_REQUEST),
    "answer lost": lambda n: nth(n, Break.LOSE_ANSWER),
    "answer halved": lambda n: nth(n, Break.HALVE_ANSWER),
    "request late": lambda n: nth(n, Break.ARRIVE_LATE),
    "request late, each time": lambda n: nth(n, Break.ARRIVE_LATE, times=_ATTEMPTS),
    "500": lambda n: nth(n, Answer(500, "InternalError")),
    "403": lambda n: nth(n, Answer(403, "AccessDenied")),
    "409": lambda n: nth(n, Answer(409, "ConditionalRequestConflict")),
    "gone for one request, each time": lambda n: nth(n, Break.LOSE_REQUEST, times=_ATTEMPTS),
    "gone before a request": lambda n: lambda call: Break.LOSE_REQUEST if call.number >= n else None,
    "gone after a request": lambda n: (
        lambda call: None if call.number < n else Break.LOSE_ANSWER if call.number == n else Break.LOSE_REQUEST
    ),
}


@dataclass(frozen=True)
class FolderFault:
    """How calls that reach a folder are struck; see `Fuse`."""

    strike: Callable[[str], None]
    among: Callable[[str], bool] = lambda _: True
    is_late: bool = False
    lasts: bool = False
    of_verbs: bool = False
    """Whether verbs of the store are struck, and not calls to the file system."""
    halves_writes: bool = False
    cuts_power: bool = False
    """Whether the disk then holds no more than what was flushed to it."""


def _is_change(call: str) -> bool:
    return call in CHANGES


def _is_change_or_flush(call: str) -> bool:
    return call in {*CHANGES, "fsync"}


def _is_write(call: str) -> bool:
    return call == "write"


FOLDER_FAULTS: Final[Mapping[str, FolderFault]] = {
    "verb fails": FolderFault(fail_in_store, of_verbs=True),
    "verb is done and fails": FolderFault(fail_in_store, is_late=True, of_verbs=True),
    "look fails": FolderFault(fail_on_disk, lambda call: not _is_change_or_flush(call)),
    "change fails": FolderFault(fail_on_disk, _is_change_or_flush),
    "change is done and fails": FolderFault(fail_on_disk, _is_change_or_flush, is_late=True),
    "write is half done and fails": FolderFault(fail_on_disk, _is_write, is_late=True, halves_writes=True),
    "disk gone before a change": FolderFault(fail_on_disk, _is_change, lasts=True),
    "power cut after a change": FolderFault(fail_on_disk, _is_change, is_late=True, lasts=True, cuts_power=True),
    "killed after a change": FolderFault(die, _is_change, is_late=True),
    "killed within a write": FolderFault(die, _is_write, is_late=True, halves_writes=True),
}


class Ground(Protocol):
    """A store, and ways to break it while a command runs."""

    def lay(self, contents: Contents) -> None:
        """Make the store hold this and nothing else, as if no process had ever used it."""

    def calls(self, command: Command) -> Mapping[str, Sequence[str]]:
        """Fault to the calls of an undisturbed run that it can strike, one after the other."""

    def attack(self, command: Command, fault: str, number: int) -> Ending:
        """Run the command, and strike one of those calls, counted from 1."""

    def run(self, command: Command) -> Ending:
        """Run the command undisturbed."""

    def left(self) -> Contents:
        """What the store holds where somebody relies on it."""


class S3Ground:
    """A bucket behind a proxy; who lays and who judges goes past the proxy."""

    def __init__(self, client: Any, proxy: BreakingProxy, project: Project) -> None:
        """`client` leads past the proxy."""
        self._client, self._proxy, self._project = client, proxy, project
        self._bucket = proxy.root.split("/")[2]

    def lay(self, contents: Contents) -> None:
        """See `Ground`."""
        if stale := [{"Key": _PREFIX + key} for key in self._keys()]:
            self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": stale})
        for key, data in contents.items():
            self._client.put_object(Bucket=self._bucket, Key=_PREFIX + key, Body=data)
        _probe.cache_clear()  # so that the store is probed as by a new process

    def calls(self, command: Command) -> Mapping[str, Sequence[str]]:
        """See `Ground`."""
        self.lay(command.before)
        self.run(command)
        calls = [str(call) for call in self._proxy.calls]
        return dict.fromkeys(S3_FAULTS, calls)

    def attack(self, command: Command, fault: str, number: int) -> Ending:
        """See `Ground`."""
        haste = {"read_timeout_seconds": _HASTE_SECONDS} if " late" in fault else {}
        for _ in range(_TRIES):
            self._proxy.start(S3_FAULTS[fault](number))
            ending = self._run(command, **haste)
            self._proxy.finish()
            if len(self._proxy.calls) >= number:
                return ending
            self.lay(command.before)  # a busy machine made the hasty client give up before
        raise AssertionError("the fault struck nothing")

    def run(self, command: Command) -> Ending:
        """See `Ground`."""
        self._proxy.start()
        return self._run(command)

    def left(self) -> Contents:
        """See `Ground`."""
        keys = [key for key in self._keys() if key.startswith(PROMISED)]
        return {key: self._client.get_object(Bucket=self._bucket, Key=_PREFIX + key)["Body"].read() for key in keys}

    def _run(self, command: Command, **patience: float) -> Ending:
        return command.run(self._project, root=self._proxy.root, attempts=_ATTEMPTS, **patience)

    def _keys(self) -> list[str]:
        listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=_PREFIX).get("Contents", [])
        return [each["Key"].removeprefix(_PREFIX) for each in listed]


class FolderGround:
    """A folder on a breaking disk. Who is killed is a process of its own."""

    def __init__(self, project: Project) -> None:
        """Attack the project's store."""
        self._root, self._project = project.root, project
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__, "tasks.adapters.gx", "tasks.adapters.mlflow"])

    def lay(self, contents: Contents) -> None:
        """See `Ground`."""
        shutil.rmtree(self._root, ignore_errors=True)
        for key, data in contents.items():
            path = self._root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def calls(self, command: Command) -> Mapping[str, Sequence[str]]:
        """See `Ground`."""
        verbs = self._seen(command, FOLDER_FAULTS["verb fails"])
        system_calls = self._seen(command, FolderFault(fail_on_disk))
        return {
            name: [call for call in (verbs if fault.of_verbs else system_calls) if fault.among(call.split()[0])]
            for name, fault in FOLDER_FAULTS.items()
        }

    def attack(self, command: Command, fault: str, number: int) -> Ending:
        """See `Ground`."""
        if FOLDER_FAULTS[fault].strike is die:
            return self._kill(command, fault, number)
        with _breaking(self._root, FOLDER_FAULTS[fault], number) as fuse:
            ending = self.run(command)
        assert len(fuse.calls) >= number, "the fault struck nothing"
        return ending

    def run(self, command: Command) -> Ending:
        """See `Ground`."""
        return command.run(self._project, root=str(self._root))

    def left(self) -> Contents:
        """See `Ground`."""
        return {key: data for key, data in contents_of(self._root).items() if key.startswith(PROMISED)}

    def _seen(self, command: Command, fault: FolderFault) -> list[str]:
        """The calls of an undisturbed run."""
        self.lay(command.before)
        with _breaking(self._root, fault, number=0) as fuse:
            self.run(command)
        return fuse.calls

    def _kill(self, command: Command, fault: str, number: int) -> Ending:
        config = command.config(self._project, root=str(self._root))
        told = (self._root, fault, number, command.is_withdrawal, config, command.options)
        process = self._processes.Process(target=_run_broken, args=told)
        process.start()
        process.join(_CHILD_SECONDS)
        assert process.exitcode == -signal.SIGKILL, "the fault struck nothing"
        return Ending(is_killed=True)


@contextlib.contextmanager
def ground(store: str, trained: Project) -> Iterator[Ground]:
    """A store to attack, "S3" or "folder", with a champion; gone when the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(shutil.copy(trained.config, folder), Path(folder) / "store")
        if store == "folder":
            yield FolderGround(project)
        else:
            with _s3_ground(project) as on_s3:
                yield on_s3


@contextlib.contextmanager
def _s3_ground(project: Project) -> Iterator[S3Ground]:
    """An S3 to which the AWS variables lead. The client pauses shortly between its tries, and nobody logs requests."""
    with moto_server() as server, pytest.MonkeyPatch.context() as patch:
        root = f"s3://{server.fresh_bucket()}/{_PREFIX.strip('/')}"
        server.use(patch)
        patch.setattr(logging.getLogger("werkzeug"), "disabled", True)
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
        with BreakingProxy(server.endpoint, root, late_seconds=_LATE_SECONDS).serving() as proxy:
            patch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
            yield S3Ground(server.client, proxy, project)


def contents_of(root: Path) -> Contents:
    """Key to bytes of everything in a folder but the store's own hidden files."""
    keys = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {key: path.read_bytes() for key, path in keys.items() if not key.startswith(".")}


def _run_broken(
    root: Path, fault: str, number: int, is_withdrawal: bool, config: str, options: Mapping[str, Any]
) -> None:
    """What a process does that is to be killed."""
    multiprocessing.set_start_method("fork", force=True)  # whose locks have no name that would outlive the process
    with _breaking(root, FOLDER_FAULTS[fault], number):
        run_flow(is_withdrawal, config, options)


@contextlib.contextmanager
def _breaking(root: Path, fault: FolderFault, number: int) -> Iterator[Fuse]:
    fuse = Fuse(number, fault.strike, fault.among, fault.is_late, fault.lasts)
    if fault.of_verbs:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tasks.store.FolderStore", lambda root: BreakingStore(FolderStore(root), fuse))
            yield fuse
        return
    disk = BreakingDisk(root, fuse, halves_writes=fault.halves_writes)
    with disk.in_use():
        yield fuse
    if fault.cuts_power:
        disk.unflushed.lose()
