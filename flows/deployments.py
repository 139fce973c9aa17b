"""Step of `prefect deploy`, named in prefect.yaml: a checkout takes no other's deployment unasked.

Prefect itself replaces a deployment of the same name without a word, and with it the folder that
scheduled runs work in.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from prefect.client.orchestration import get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from tasks.errors import ConfigError

CONSENT: Final = "DEPLOY_INSTEAD_OF"
"""Variable that names the checkout whose deployments may be taken."""
_PULL_STEP: Final = "prefect.deployments.steps.set_working_directory"


def require_own_deployment(name: str) -> dict[str, str]:
    """End `prefect deploy` if the server's deployment of this name runs from another folder.

    Returns:
        The folder of this checkout as `checkout`, for the deployment's description.
    """
    here = str(Path.cwd().resolve())
    with get_client(sync_client=True) as client:
        try:
            there = _folder_of(client.read_deployment_by_name(name))
        except ObjectNotFound:
            there = None
        if there in (None, here, os.environ.get(CONSENT)):
            return {"checkout": here}
        address = client.api_url
    sys.stderr.write(
        f"{name} on {address} runs from {there}. Deployed from {here} it would run here instead, with the settings "
        "of this folder, and no longer there. A second system needs a Prefect server of its own: set PREFECT_API_URL. "
        f"To move the deployment here on purpose: {CONSENT}={there} prefect deploy --all\n"
    )
    # Prefect shows any other error as a traceback.
    raise SystemExit(ConfigError.exit_code)


def _folder_of(deployment: DeploymentResponse) -> str | None:
    """Folder in which the deployment's runs work; None if they fetch their code from elsewhere."""
    for step in deployment.pull_steps or []:
        if _PULL_STEP in step:
            return str(step[_PULL_STEP]["directory"])
    return deployment.path
