"""Switches off the telemetry of every dependency, unless the environment says otherwise.

The libraries read these variables when they are imported, so importing `tasks` or `flows` calls this first. It is the
one thing an import of this project does.
"""

from __future__ import annotations

import os
from typing import Final

OFF: Final = {
    "DO_NOT_TRACK": "1",  # Evidently, and others that honour the convention
    "GX_ANALYTICS_ENABLED": "false",  # Great Expectations
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # the Prefect server, embedded or started from this environment
}


def switch_off() -> None:
    """Set each variable of `OFF` that is not set."""
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
