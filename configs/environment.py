"""Environment of our dependencies: no telemetry, some manners, and nothing against the settings.

A variable that is set already stays as it is. The libraries read these variables when they are
imported, so importing `tasks` or `flows` sets them first. An import of this project does nothing
else.

The settings decide. Most variables of a library that could overrule one are overruled in turn,
because the code gives the library its value explicitly: MLflow both its addresses, its experiment
and its run, Prefect the options of each flow and step, boto3 its attempts and checksums. So it is
with the same setting in a profile of Prefect or AWS. Where a library cannot be told, `overruling`
names the variable, and the settings are not loaded; what a profile does of this kind is refused by
`tasks.running.context` and `tasks.store.s3_client`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

TELEMETRY_OFF: Final = {
    "DO_NOT_TRACK": "1",  # Evidently, and others that honour the convention
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",  # Streamlit
    "GX_ANALYTICS_ENABLED": "false",  # Great Expectations
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow
    # The Prefect server, embedded or started from this environment.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
MANNERS: Final = {
    # The first start on a machine makes Prefect's database, which can take more than its 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # A request that Prefect's server does not answer, because its database is locked, is asked anew
    # after these seconds. By Prefect's default of 60 and 6 attempts one call can take seven minutes.
    "PREFECT_API_REQUEST_TIMEOUT": "20",
    # LightGBM's threads must sleep soon while they wait: if they spin, training is 8 times slower
    # beside one busy process.
    "GOMP_SPINCOUNT": "1000",
    # By default MLflow asks a registry that is down for four minutes, and a silent one for a
    # quarter of an hour.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",  # seconds, doubled with each retry
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds without an answer
}
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def overruling(environ: Mapping[str, str]) -> Iterator[str]:
    """Sentences that name the variables of libraries that would overrule a setting.

    >>> list(overruling({"MLFLOW_WORKSPACE": "default", "AWS_ENDPOINT_URL_S3": "http://minio:9000"}))
    []
    """
    if environ.get("MLFLOW_WORKSPACE", "").strip() not in {"", "default"}:
        yield (
            "MLFLOW_WORKSPACE names a workspace of MLflow, so registry.tracking_uri and "
            "registry.model_name would lead to other models than those reviewed. Unset it."
        )
    ignores = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").strip().lower() == "true"
    for name in (name for name in _ENDPOINTS if ignores and environ.get(name)):
        yield (
            f"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true and {name} is set: storage.root would lie "
            f"in a bucket of AWS, not at that address. Unset one of the two."
        )
    if environ.get("PREFECT_DEBUG_MODE", "").strip().lower() in {"1", "true", "yes", "on"}:
        yield (
            "PREFECT_DEBUG_MODE makes Prefect write the results of steps into its logs, which must "
            "never hold an applicant's values. Unset it."
        )


def set_defaults() -> None:
    """Set every variable that is not set yet."""
    for name, value in (TELEMETRY_OFF | MANNERS).items():
        os.environ.setdefault(name, value)
