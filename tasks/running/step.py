"""How steps meet Prefect: a task inside a flow run, a plain function outside."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import date
from typing import Any, ParamSpec, TypeVar, get_type_hints

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed

from configs.calendar import load_calendar
from configs.settings import Settings, load_settings
from tasks.errors import ConfigError, OrchestratorError, ScoringError
from tasks.running.checkpoints import keep, recall
from tasks.running.context import run_logger
from tasks.store import open_store

P = ParamSpec("P")
R = TypeVar("R")


def step(
    name: str, *, reuse: Callable[..., str | None] | None = None, **options: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a step of a flow: Prefect runs and records it inside a flow run; elsewhere it just runs.

    That is what lets the same day run as plain Python when Prefect cannot be reached.

    Args:
        name: as ops see it.
        reuse: from the step's arguments to the key under which the store keeps its result, or None to work anew. A step
            whose result is kept is not done again; Prefect then shows it as `Cached`. It needs an argument `settings`
            and returns a frozen dataclass.
        options: those of `prefect.task`. Prefect's own cache is off: it pickles results, and trusts its keys.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def recorded(*args: P.args, **kwargs: P.kwargs) -> Any:
            result, is_kept = _once(function, reuse, *args, **kwargs)
            message = "Finished before; its result was kept in the store."
            if is_kept:
                run_logger().info("%s: %s A new run would begin anew.", name, message)
            return Completed(name="Cached", message=message, data=result) if is_kept else result

        as_task: Callable[..., Any] = task(name=name, cache_policy=NO_CACHE, persist_result=False, **options)(recorded)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if not FlowRunContext.get():
                return _once(function, reuse, *args, **kwargs)[0]
            result = as_task(*args, **kwargs)
            return result.result() if isinstance(result, State) else result  # a state with a name of ours stays one

        return run

    return wrap


def _once(
    function: Callable[P, R], reuse: Callable[..., str | None] | None, *args: P.args, **kwargs: P.kwargs
) -> tuple[R, bool]:
    """The function's result, and whether it was kept from before; a new one is kept."""
    key = reuse(*args, **kwargs) if reuse else None
    if key is None:
        return function(*args, **kwargs), False
    signature = inspect.signature(function)
    store = open_store(signature.bind(*args, **kwargs).arguments["settings"].storage)
    kept: R | None = recall(store, key, get_type_hints(function)["return"])
    if kept is not None:
        return kept, True
    result = function(*args, **kwargs)
    keep(store, key, result)
    return result, False


def require_prefect() -> None:
    """Stop early, and with the way out, where Prefect's API cannot be reached or its own server cannot start.

    Raises:
        OrchestratorError: names the address and what to start.
    """
    address = PREFECT_API_URL.value()
    try:
        with get_client(sync_client=True) as client:
            problem = client.api_healthcheck()
    except RuntimeError as error:  # the embedded server did not come up in time
        problem = error
    if problem is not None:
        where = f"at {address} (PREFECT_API_URL)" if address else "on this machine"
        raise OrchestratorError(
            f"Prefect cannot be reached {where}: {type(problem).__name__}. Start it with `prefect server start`, "
            "or run the same steps as plain Python with --without-prefect. Nothing was done."
        )


def business_day(as_of: date | None, settings: Settings) -> date:
    """The day to work on: `as_of`, else the day for which the flow run was scheduled, by the calendar's clock.

    A run that starts late or is retried keeps the day for which it was scheduled.

    Raises:
        ConfigError: neither is known.
    """
    if as_of is not None:
        return as_of
    scheduled = flow_run.scheduled_start_time if FlowRunContext.get() else None
    if scheduled is None:
        raise ConfigError("Which day? Give --as-of YYYY-MM-DD; only a scheduled run knows its day by itself.")
    return load_calendar(settings.scoring.calendar).business_day(scheduled)


def run_name(verb: str) -> Callable[[], str]:
    """A flow run's name, `<verb>-<day>`, from its `as_of` parameter or scheduled day.

    It is asked for before the run begins, where an error would leave a run without a word; so wrong settings are left
    for the run itself to tell.
    """

    def name() -> str:
        given = flow_run.parameters
        try:
            return f"{verb}-{business_day(given.get('as_of'), load_settings(given.get('config')))}"
        except ScoringError:
            return verb

    return name
