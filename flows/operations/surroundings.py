"""Place and variables of the processes on this machine. Set before Prefect is imported, which reads them then."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from configs.settings import PROJECT
from tasks.errors import ConfigError

_ADDRESS: Final = "http://127.0.0.1:4200/api"
_THIS_MACHINE: Final = {"127.0.0.1", "localhost"}
_LONGEST_SOCKET: Final = 107
"""Bytes of a UNIX socket's path, by Linux (unix(7), sun_path)."""
_SOCKET_SUFFIX: Final = 8
"""Bytes that supervisord adds to the socket's name while it makes it: a dot and its process id."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Folder and address of the processes.

    Attributes:
        folder: holds sockets and process ids (`run/`), logs (`log/`), and Prefect's database
            unless PREFECT_HOME names another place.
        port: TCP port of the Prefect server, on 127.0.0.1.
    """

    folder: Path
    port: int

    @property
    def ui(self) -> str:
        """Address of the Prefect UI."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        """Value of PREFECT_API_URL."""
        return f"{self.ui}/api"

    @property
    def run(self) -> Path:
        """Folder of sockets and process ids."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        """Folder of logs."""
        return self.folder / "log"

    @property
    def socket(self) -> Path:
        """Socket on which supervisord takes orders."""
        return self.run / "supervisor.sock"

    @property
    def environment(self) -> dict[str, str]:
        """Variables of every process, this one included."""
        home = os.environ.get("PREFECT_HOME") or str(self.folder / "prefect")
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {
            "OPERATIONS_FOLDER": str(self.folder),
            "PATH": programs,
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": home,
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(self.port),
        }


def read_surroundings(environ: Mapping[str, str]) -> Surroundings:
    """Find folder and address by OPERATIONS_FOLDER and PREFECT_API_URL; each has a default.

    Raises:
        ConfigError: the server of the address is not on this machine, or the folder's name is too long.

    >>> read_surroundings({"PREFECT_API_URL": "http://localhost:4300/api", "OPERATIONS_FOLDER": "/srv/var"}).ui
    'http://127.0.0.1:4300'
    """
    address = environ.get("PREFECT_API_URL") or _ADDRESS
    url = urlsplit(address)
    if url.scheme != "http" or url.hostname not in _THIS_MACHINE or url.path.rstrip("/") != "/api":
        raise ConfigError(
            f"PREFECT_API_URL names a server that is not one of this machine; `make up` starts one, by default at "
            f"{_ADDRESS}. Unset it, or set it to http://127.0.0.1:PORT/api. For a server elsewhere start only a "
            "worker: prefect worker start --pool credit-scoring"
        )
    folder = Path(environ.get("OPERATIONS_FOLDER") or PROJECT / "var").resolve()
    found = Surroundings(folder=folder, port=url.port or 80)
    length = len(os.fsencode(found.socket))
    if length > _LONGEST_SOCKET - _SOCKET_SUFFIX:
        raise ConfigError(
            f"The socket {found.socket} has {length} bytes in its name; this system takes "
            f"{_LONGEST_SOCKET - _SOCKET_SUFFIX}. Set OPERATIONS_FOLDER to a folder with a shorter name."
        )
    return found
