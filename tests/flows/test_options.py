"""A flow's work counts, even if Prefect is lost before it has noted the end of the run."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from prefect import flow
from prefect.events.clients import NullEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from flows.options import runnable
from tasks.errors import OrchestratorError, SourceError

pytestmark = pytest.mark.usefixtures("prefect_server")


class Wire:
    """A wire to Prefect's server that can be cut."""

    def __init__(self) -> None:
        self._upstream = urlsplit(PREFECT_API_URL.value())
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = [self._listening]
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}{self._upstream.path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((self._upstream.hostname, self._upstream.port))
                self._ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, target), daemon=True).start()

    def cut(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A wire of this test; events and log lines stay off it.

    A process sends them by one client that never changes its address: the tests that follow would send theirs into the
    wire that was cut, and find no step of any run on the server.
    """
    wire = Wire()
    EventsWorker.set_client_override(NullEventsClient)
    settings = {PREFECT_API_URL: wire.address, PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(settings):
        yield wire
    EventsWorker.set_client_override(None)
    wire.cut()


def test_work_that_is_done_is_done_though_prefect_was_lost(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []

    @flow
    def publish(day: str) -> str:
        done.append(day)
        wire.cut()
        return f"published {day}"

    assert runnable(publish, without_prefect=False)(day="2026-11-02") == "published 2026-11-02"
    assert done == ["2026-11-02"]
    assert "Prefect was lost during the run" in capsys.readouterr().err


def test_work_that_was_stopped_by_the_loss_of_prefect_says_what_to_do(wire: Wire) -> None:
    @flow
    def inner() -> None:
        """Never begun."""

    @flow
    def publish() -> None:
        wire.cut()
        inner()

    with pytest.raises(OrchestratorError, match="lost during the run: .*scoring status.*--without-prefect"):
        runnable(publish, without_prefect=False)()


def test_an_error_of_the_flow_and_a_run_without_prefect_are_as_they_were(wire: Wire) -> None:
    @flow
    def fail() -> None:
        raise SourceError("no files")

    for without in (False, True):
        with pytest.raises(SourceError, match="no files"):
            runnable(fail, without_prefect=without)()
    wire.cut()
