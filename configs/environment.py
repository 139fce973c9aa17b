"""Defaults for the environment of our dependencies: no telemetry, and some manners.

A variable that is set already stays as it is. The libraries read these variables when they are
imported, so importing `tasks` or `flows` sets them first. An import of this project does nothing
else.
"""

from __future__ import annotations

import os
from typing import Final

TELEMETRY_OFF: Final = {
    "DO_NOT_TRACK": "1",  # Evidently, and others that honour the convention
    "GX_ANALYTICS_ENABLED": "false",  # Great Expectations
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow
    # The Prefect server, embedded or started from this environment.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
MANNERS: Final = {
    # The first start on a machine makes Prefect's database, which can take more than its 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # LightGBM's threads must sleep soon while they wait: if they spin, training is 8 times slower
    # beside one busy process.
    "GOMP_SPINCOUNT": "1000",
    # By default MLflow asks a registry that is down for four minutes, and a silent one for a
    # quarter of an hour.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",  # seconds, doubled with each retry
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds without an answer
}


def set_defaults() -> None:
    """Set every variable that is not set yet."""
    for name, value in (TELEMETRY_OFF | MANNERS).items():
        os.environ.setdefault(name, value)
