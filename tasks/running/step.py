"""Steps of a flow: a Prefect task inside a flow run, a plain function outside."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from datetime import date
from typing import Any, ParamSpec, TypeVar, get_type_hints

from configs.calendar import load_calendar
from configs.settings import Settings, load_settings
from tasks.errors import ConfigError, OrchestratorError, ScoringError
from tasks.running.checkpoints import keep, recall
from tasks.running.context import is_in_flow_run, parameters_of_run, run_logger, scheduled_start, step_seconds
from tasks.running.flows import OWN_OPTIONS
from tasks.running.step_lines import note_day, step_line
from tasks.store import open_store

P = ParamSpec("P")
R = TypeVar("R")


def step(
    name: str, *, reuse: Callable[..., str | None] | None = None, **options: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a step of a flow.

    Inside a flow run, Prefect runs and records the step. Elsewhere it is a plain function, so the
    same day runs as plain Python if Prefect cannot be reached.

    Args:
        name: as ops see it.
        reuse: maps the step's arguments to the key of its kept result, or to None to work anew. A
            step whose result is kept is not done again; Prefect then shows it as `Cached`. Such a
            step needs an argument `settings` and returns a frozen dataclass.
        options: those of `prefect.task`. Prefect's own cache is off, because it pickles results and
            trusts its keys.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        as_task = functools.cache(functools.partial(_task_of, name, function, reuse, options))

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if not is_in_flow_run():
                return _once(name, function, reuse, *args, **kwargs)[0]
            return _result_of(as_task()(*args, **kwargs))

        run.as_task = as_task  # type: ignore[attr-defined]  # whoever asks what Prefect is told finds it here
        return run

    return wrap


def _task_of(
    name: str,
    function: Callable[..., Any],
    reuse: Callable[..., str | None] | None,
    options: dict[str, Any],
) -> Callable[..., Any]:
    """Prefect's task around a step. A result that was kept from before is a state that says so."""
    from prefect import task
    from prefect.cache_policies import NO_CACHE
    from prefect.states import Completed

    @functools.wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        result, is_kept = _once(name, function, reuse, *args, **kwargs)
        message = "Finished before; its result was kept in the store."
        if is_kept:
            run_logger().info("%s: %s A new run would begin anew.", name, message)
        return Completed(name="Cached", message=message, data=result) if is_kept else result

    make_task = task(name=name, **OWN_OPTIONS | {"cache_policy": NO_CACHE, "refresh_cache": False} | options)
    return make_task(recorded)


def _result_of(result: Any) -> Any:
    """Result of a task; Prefect does not unwrap a state that we named."""
    from prefect.client.schemas.objects import State

    return result.result() if isinstance(result, State) else result


def _once(
    name: str,
    function: Callable[P, R],
    reuse: Callable[..., str | None] | None,
    *args: P.args,
    **kwargs: P.kwargs,
) -> tuple[R, bool]:
    """Return the function's result, and True if it was kept from before; keep a new one, and write the step's line."""
    with step_line(name) as line:
        result, is_kept = _worked_or_kept(name, function, reuse, *args, **kwargs)
        line.note(result, is_kept=is_kept)
        return result, is_kept


def _worked_or_kept(
    name: str,
    function: Callable[P, R],
    reuse: Callable[..., str | None] | None,
    *args: P.args,
    **kwargs: P.kwargs,
) -> tuple[R, bool]:
    key = reuse(*args, **kwargs) if reuse else None
    if key is None:
        return _timed(name, function, *args, **kwargs), False
    signature = inspect.signature(function)
    store = open_store(signature.bind(*args, **kwargs).arguments["settings"].storage)
    kept: R | None = recall(store, key, get_type_hints(function)["return"])
    if kept is not None:
        return kept, True
    result = _timed(name, function, *args, **kwargs)
    keep(store, key, result)
    return result, False


def _timed(name: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the function's result; its time is added to `step_seconds`."""
    begun = time.monotonic()
    result = function(*args, **kwargs)
    step_seconds()[name] += time.monotonic() - begun
    return result


def require_prefect() -> None:
    """Stop early if Prefect's API cannot be reached or used, or its own server cannot start.

    Raises:
        OrchestratorError: says what is wrong, what to set or start, and how to run without Prefect.
    """
    from tasks.running.prefect_api import find_problem

    if problem := find_problem():
        raise OrchestratorError(
            f"{problem} Or run the same steps as plain Python with --without-prefect. Nothing was done."
        )


def business_day(as_of: date | None, settings: Settings) -> date:
    """Day to work on: `as_of`, else the day for which the flow run was scheduled.

    The calendar's clock turns the scheduled time into a day.

    A run that starts late or is retried keeps the day for which it was scheduled.

    Raises:
        ConfigError: neither is known.
    """
    day = as_of or _scheduled_day(settings)
    note_day(day)
    return day


def _scheduled_day(settings: Settings) -> date:
    """Day for which the flow run was scheduled. Raises `ConfigError` if it was not."""
    scheduled = scheduled_start()
    if scheduled is None:
        raise ConfigError("Which day? Give --as-of YYYY-MM-DD; only a scheduled run knows its day by itself.")
    return load_calendar(settings.scoring.calendar).business_day(scheduled)


def run_name(verb: str) -> Callable[[], str]:
    """Make the function that names a flow run `<verb>-<day>`, by parameter `as_of` or schedule.

    Prefect asks for the name before the run begins. An error then would end the run without a
    message. So wrong settings are ignored here, and the run itself reports them.
    """

    def name() -> str:
        given = parameters_of_run()
        try:
            return f"{verb}-{business_day(given.get('as_of'), load_settings(given.get('config')))}"
        except ScoringError:
            return verb

    return name
