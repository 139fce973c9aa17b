"""Whole processes of the command line on a small day, with and without a Prefect server."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from benchmarks.apart import run_command
from benchmarks.days import BAD_SHARE, DAY
from configs.settings import PROJECT

COMMAND_ROWS: Final = 2_000
GENERATE: Final = (
    "generate", "--from", str(DAY), "--rows", str(COMMAND_ROWS), "--bad-share", str(BAD_SHARE)
)  # fmt: skip
SCORE: Final = ("score", "--as-of", str(DAY))
WITHOUT_PREFECT: Final = "--without-prefect"
STATUS: Final = ("status",)
ALONE: Final = "`scoring score --without-prefect`"
WITH_OWN_SERVER: Final = "`scoring score`, with a server of its own"
BESIDE_SERVER: Final = "`scoring score`, beside a running server"
TOLD_STATUS: Final = "`scoring status`"
_LONGEST_START_SECONDS: Final = 180.0

Spent = dict[str, list[dict[str, float]]]


class Commands:
    """Measurements of the commands, each time in a new store."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Work in `folder`, under the variables that lead to the kept model and a Prefect of its own."""
        self._folder = folder
        self._environ = environ
        self.spent: Spent = {}
        """What each command took in each round."""

    def measure(self, server: str) -> None:
        """Measure each command once; one of them beside the Prefect server at this address."""
        beside = {"PREFECT_API_URL": server}
        with tempfile.TemporaryDirectory(dir=self._folder) as root:
            run_command(GENERATE, self._in_store(root, "made"))
            if not self.spent:  # Prefect makes its database once, and a server takes its first run
                self._score(root, "first", {})
                self._score(root, "first beside", beside)
            self._note(ALONE, self._score(root, "plain", {}, WITHOUT_PREFECT))
            self._note(WITH_OWN_SERVER, self._score(root, "own", {}))
            self._note(BESIDE_SERVER, self._score(root, "beside", beside))
            self._note(TOLD_STATUS, run_command(STATUS, self._in_store(root, "own")))

    def _score(self, root: str, store: str, place: Mapping[str, str], *options: str) -> dict[str, float]:
        shutil.copytree(Path(root, "made"), Path(root, store))
        return run_command((*SCORE, *options), {**self._in_store(root, store), **place})

    def _in_store(self, root: str, store: str) -> dict[str, str]:
        return {**self._environ, "SCORING_STORAGE__ROOT": f"{root}/{store}"}

    def _note(self, name: str, spent: dict[str, float]) -> None:
        click.echo(f"{'':>10}  {name:<44}{spent['wall']:>6.2f} s", err=True)
        self.spent.setdefault(name, []).append(spent)


@contextlib.contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Run a Prefect server in a process of its own, with its database in `folder`; its address.

    Raises:
        click.ClickException: it ended, or does not answer in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    address = f"http://127.0.0.1:{port}/api"
    given = ("server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui")
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "prefect", *given],
            cwd=PROJECT,
            env={**os.environ, "PREFECT_HOME": str(folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"{address}/health", process, log)
            yield address
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _LONGEST_START_SECONDS
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise click.ClickException(f"Prefect's server did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
