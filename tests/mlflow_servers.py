"""An MLflow server on this machine that can be stopped and started again, as a real outage does it."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.s3_servers import free_port, wait_for

_PATIENCE_SECONDS = 300
_QUESTION = "/api/2.0/mlflow/registered-models/search?max_results=1"


@dataclass
class MLflowServer:
    """A registry behind HTTP, on the database of another one."""

    database: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Address for `registry.tracking_uri`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        place = ["--backend-store-uri", f"sqlite:///{self.database}", "--host", "127.0.0.1", "--port", str(self.port)]
        artifacts = ["--default-artifact-root", str(self.database.parent), "--workers", "1"]
        command = [sys.executable, "-m", "mlflow", "server", *place, *artifacts]
        env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with self.database.with_suffix(".log").open("ab") as log:
            # A session of its own, because the server starts workers that must end with it.
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
        wait_for(self.port, self._process, patience_seconds=_PATIENCE_SECONDS)
        # Its first answer takes long, because only then it opens the database.
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, _PATIENCE_SECONDS)) as connection:
            connection.request("GET", _QUESTION)
            assert connection.getresponse().status == http.HTTPStatus.OK

    def stop(self) -> None:
        """Kill it and its workers; its port refuses connections from then on."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_PATIENCE_SECONDS)
            self._process = None


@dataclass
class DeadEnd:
    """A port that takes connections and drops them; it counts them."""

    uri: str
    connections: int = 0


@contextlib.contextmanager
def dead_end() -> Iterator[DeadEnd]:
    """A registry's address behind which nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = DeadEnd(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def drop() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()
                    end.connections += 1

        thread = threading.Thread(target=drop, daemon=True)
        thread.start()
        yield end
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(_PATIENCE_SECONDS)
