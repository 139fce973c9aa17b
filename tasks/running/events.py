"""Events and artifacts of a flow run, for listeners and for readers of the Prefect UI.

They are sent inside a flow run, and within `never_in_the_way`: no run depends on them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast
from uuid import UUID

from tasks.running.context import is_in_flow_run, run_logger


def send_event(
    event: str,
    *,
    event_id: UUID,
    resource: Mapping[str, str],
    payload: Mapping[str, Any],
) -> None:
    """Emit an event; two with the same id are one event."""
    from prefect.events import emit_event

    emit_event(event, resource=dict(resource), payload=dict(payload), id=event_id)


def show_markdown(markdown: str, *, key: str, description: str) -> None:
    """Show a page beside the flow run."""
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(markdown=markdown, key=key, description=description)


def show_table(rows: Sequence[Mapping[str, Any]], *, key: str, description: str) -> None:
    """Show a table beside the flow run; a row maps column to value."""
    from prefect.artifacts import create_table_artifact

    create_table_artifact([dict(row) for row in rows], key=key, description=description)


def show_progress(percent: float, *, key: str, description: str, shown: UUID | None = None) -> UUID:
    """Show a bar beside the flow run, or renew the one that is shown; returns its id.

    Args:
        percent: length of the bar, 0 to 100.
        key: name of the bar.
        description: Markdown.
        shown: id of the bar to renew; None for a new one.
    """
    from prefect.artifacts import create_progress_artifact, update_progress_artifact

    if shown is None:
        return cast(UUID, create_progress_artifact(percent, key=key, description=description))
    return cast(UUID, update_progress_artifact(shown, percent, description=description))


@contextlib.contextmanager
def never_in_the_way(what: str, *, done: str = "sent") -> Iterator[None]:
    """Turn any error of the block into a warning: no run depends on what is sent or shown.

    Nor does it wait for it long: a request to Prefect is tried twice, each time for
    PREFECT_API_REQUEST_TIMEOUT.

    Args:
        what: the thing that the block makes, for the warning.
        done: past participle of the verb that the warning denies.
    """
    try:
        with _hurried():
            yield
    except Exception as error:  # noqa: BLE001 - no error here may stop a run
        run_logger().warning("The %s could not be %s: %s", what, done, type(error).__name__)


def _hurried() -> AbstractContextManager[None]:
    """Few attempts at each request to Prefect; outside a flow run there are none to make."""
    if not is_in_flow_run():
        return contextlib.nullcontext()
    from tasks.running.prefect_api import few_attempts

    return few_attempts()
