"""What our dependencies are told through the environment, unless it says otherwise: no telemetry, and some manners.

The libraries read these variables when they are imported, so importing `tasks` or `flows` sets them first. It is
the one thing an import of this project does.
"""

from __future__ import annotations

import os
from typing import Final

TELEMETRY_OFF: Final = {
    "DO_NOT_TRACK": "1",  # Evidently, and others that honour the convention
    "GX_ANALYTICS_ENABLED": "false",  # Great Expectations
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # the Prefect server, embedded or started from this environment
}
MANNERS: Final = {
    # The first start on a machine makes Prefect's database, which can take longer than its own 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # LightGBM's threads soon sleep while they wait: spinning, they train 8 times slower beside one busy process.
    "GOMP_SPINCOUNT": "1000",
    # MLflow would ask a registry that is down for four minutes, and one that is silent for a quarter of an hour.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",  # seconds, doubled with each retry
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds without a word
}


def set_defaults() -> None:
    """Set each of these variables that is not set."""
    for name, value in (TELEMETRY_OFF | MANNERS).items():
        os.environ.setdefault(name, value)
