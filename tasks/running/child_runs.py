"""Environment of a process that makes a run of its own, and is started by a run."""

from __future__ import annotations

import os
from typing import Final

from tasks.running.context import is_in_flow_run

_OF_THIS_RUN: Final = "PREFECT__"
"""Beginning of the variables by which Prefect tells a process which run it is."""


def child_environment() -> dict[str, str]:
    """Variables of this process, without those that name its run, and with the address of its Prefect.

    Without an address the other process would start a second server on the same database.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THIS_RUN)}
    if is_in_flow_run():
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            environment["PREFECT_API_URL"] = str(client.api_url).rstrip("/")
    return environment
