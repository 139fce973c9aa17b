"""The flow run around a step, if there is one."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from configs.settings import PROJECT, Settings, load_settings
from tasks.errors import ConfigError
from tasks.running.flows import flow_context
from tasks.running.step_lines import begin_lines

_SECONDS: Final[ContextVar[defaultdict[str, float]]] = ContextVar("step seconds")


def step_seconds() -> defaultdict[str, float]:
    """Step to the seconds that it worked, all calls together, since the settings of the run were loaded."""
    return _SECONDS.get(defaultdict(float))


def run_logger() -> logging.Logger | logging.LoggerAdapter[Any]:
    """Logger of the flow run, or the project's own outside one.

    Lines carry only counts, columns and rule names.
    """
    if not is_in_flow_run():
        return logging.getLogger("scoring")
    from prefect import get_run_logger

    return get_run_logger()


def settings_of_run(config: str | None) -> Settings:
    """Load the settings of a flow; a deployed run tells its folder and its store in its log.

    The seconds of the run's steps are counted from here on. Raises what `load_settings` and, inside
    a flow run, `require_discreet_prefect` raise.
    """
    _SECONDS.set(defaultdict(float))
    begin_lines(flow_run_id() if is_in_flow_run() else None)
    settings = load_settings(config)
    if is_in_flow_run():
        require_discreet_prefect()
    if _is_deployed():
        run_logger().info("This run works in %s, on the store %s", PROJECT, settings.storage.root)
    return settings


def require_discreet_prefect() -> None:
    """Refuse Prefect's debug mode, wherever it was switched on.

    The variable is refused with the settings (`configs.environment.overruling`). This sees a profile
    and Prefect's files as well, which a deployed run has read before our code is loaded.

    Raises:
        ConfigError: Prefect would write the results of steps into its logs.
    """
    from prefect.settings import PREFECT_DEBUG_MODE

    if PREFECT_DEBUG_MODE.value():
        raise ConfigError(
            "PREFECT_DEBUG_MODE is on, by Prefect's profile or by a prefect.toml, pyproject.toml or .env of the "
            "folder: Prefect writes the results of steps into its logs, which must never hold an applicant's "
            "values. Nothing was done. Set it off where `prefect config view --show-sources` says that it is set."
        )


def is_in_flow_run() -> bool:
    """True if the caller is inside a flow run."""
    return flow_context() is not None


def is_scheduled_run() -> bool:
    """True in a flow run that the schedule of a deployment started, also when it is tried again."""
    context = flow_context()
    return bool(context and context.flow_run and context.flow_run.auto_scheduled)


def flow_run_id() -> str | None:
    """Id of the flow run; None outside one."""
    if not is_in_flow_run():
        return None
    from prefect.runtime import flow_run

    return str(flow_run.id) if flow_run.id else None


def scheduled_start() -> datetime | None:
    """Time for which the flow run was scheduled; None outside one."""
    if not is_in_flow_run():
        return None
    from prefect.runtime import flow_run

    return flow_run.scheduled_start_time


def parameters_of_run() -> Mapping[str, Any]:
    """Parameters of the flow run that Prefect prepares or runs."""
    from prefect.runtime import flow_run

    return flow_run.parameters


def _is_deployed() -> bool:
    """True in a run of a deployment."""
    if not is_in_flow_run():
        return False
    from prefect.runtime import deployment

    return bool(deployment.id)
