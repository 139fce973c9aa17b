"""Flows: their plain functions at once, and Prefect's flows around them where Prefect is used.

A run without Prefect imports nothing of it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.context import FlowRunContext

OWN_OPTIONS: Final[dict[str, Any]] = {"retries": 0, "persist_result": False, "log_prints": False}
"""Options that Prefect would otherwise take from its own settings. A result that it persists is
pickled outside the store; of a training that would be applicants' rows."""
P = ParamSpec("P")
R = TypeVar("R")


class _FlowOnUse:
    """A flow that Prefect makes when it is used; its plain function is there without Prefect."""

    def __init__(self, fn: Callable[..., Any], options: dict[str, Any]) -> None:
        self.fn = fn
        self._options = options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._flow(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._flow, name)

    @functools.cached_property
    def _flow(self) -> Flow[..., Any]:
        return _made_by_prefect(self.fn, self._options)


def flow(name: str, flow_run_name: str | Callable[[], str] | None = None) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a function a flow that beats while it runs.

    Where Prefect is imported, it is Prefect's flow, as an entrypoint of a deployment has to be.
    Elsewhere Prefect makes that as soon as more is used than the plain function, `fn`.

    Args:
        name: as ops see it.
        flow_run_name: name of its runs, or the function that makes it.
    """
    options = {"name": name, "flow_run_name": flow_run_name}

    def wrap(function: Callable[P, R]) -> Any:
        return _made_by_prefect(function, options) if "prefect" in sys.modules else _FlowOnUse(function, options)

    return wrap


def _made_by_prefect(function: Callable[P, R], options: dict[str, Any]) -> Flow[P, R]:
    """Prefect's flow around a function, with `OWN_OPTIONS` and a heartbeat."""
    from prefect import Flow

    from tasks.running.heartbeat import beating

    return Flow(function, **OWN_OPTIONS, **beating(), **options)


def flow_context() -> FlowRunContext | None:
    """Context of the flow run around the caller; None outside one, so wherever Prefect is not imported."""
    if "prefect" not in sys.modules:
        return None
    from prefect.context import FlowRunContext

    return FlowRunContext.get()
