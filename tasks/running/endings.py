"""The end of a flow run in one line: its exit code, who must act, and what to do."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from tasks.errors import ScoringError, ending_of
from tasks.running.flows import flow_context

P = ParamSpec("P")
R = TypeVar("R")
_PREFECT_LOGGERS: Final = ("prefect.engine", "prefect.flow_runs", "prefect.task_runs")
"""Loggers by which Prefect writes the traceback of an error: of a step, of the run, and of its process."""


def ends_in_a_line(tell: Callable[[Any], str] | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let the flow runs of a function end in a state whose message is one line, without tracebacks.

    An error of ours ends the run as `Failed` with `ending_of` it; whoever called the flow gets the
    error itself. Any other error is left to Prefect, traceback included. Outside a flow run, and in
    the run of another flow, the function is a plain one.

    Args:
        tell: line of a result; by default the state `Completed` has no message.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> Any:
            if not _is_run_of(function):
                return function(*args, **kwargs)
            from prefect.states import Completed, Failed

            _leave_tracebacks_out()
            try:
                result = function(*args, **kwargs)
            except ScoringError as error:
                return Failed(message=ending_of(error), data=error)
            return Completed(message=tell(result), data=result) if tell else result

        # Prefect reads the types of parameters where a function stands; here their names mean nothing.
        run.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
        run.__annotations__ = inspect.get_annotations(function, eval_str=True)
        return run

    return wrap


def _is_run_of(function: Callable[..., Any]) -> bool:
    """True inside a flow run of this function."""
    context = flow_context()
    return context is not None and context.flow is not None and inspect.unwrap(context.flow.fn) is function


class _WithoutTracebacks(logging.Filter):
    """Filter of the records that carry the traceback of an error of ours: the final state tells it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a record that is to be left out."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, ScoringError)


_FILTER: Final = _WithoutTracebacks()


def _leave_tracebacks_out() -> None:
    """Keep the tracebacks of our errors out of Prefect's logs; a logger keeps one filter once."""
    for name in _PREFECT_LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
