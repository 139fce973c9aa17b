"""Name and tags of the flow run, by which ops find it in the UI."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.running.events import never_in_the_way
from tasks.running.flows import flow_context


def label_run(*, tags: Sequence[str] = (), name: str | None = None) -> None:
    """Add tags to the flow run, and rename it; outside a flow run there is nothing to label.

    Args:
        tags: those to add; the run keeps the others.
        name: new name; None leaves the one that it has.
    """
    context = flow_context()
    if context is None or context.flow_run is None:
        return
    from prefect.client.orchestration import get_client

    run = context.flow_run
    with never_in_the_way("name of the run", done="changed"):
        run.name = name or run.name
        run.tags = sorted({*run.tags, *tags})
        with get_client(sync_client=True) as client:
            client.update_flow_run(run.id, name=run.name, tags=run.tags)
