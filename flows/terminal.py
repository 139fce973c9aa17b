"""What the terminal shows of a running flow: our own lines of progress, not the machinery's."""

from __future__ import annotations

import logging
import sys

from configs.settings import PROJECT


class OwnLines(logging.Filter):
    """Lets through what this project's code says, and other people's warnings.

    Prefect's own account of a failing run is left out: the command prints the error itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """True for a record worth a line."""
        if record.pathname.startswith(str(PROJECT / "tasks")):
            return True
        return record.levelno >= logging.WARNING and not record.name.startswith(
            ("prefect.flow_runs", "prefect.task_runs")
        )


def show_own_lines() -> None:
    """Send the project's log lines to standard error. Prefect sees the handler and adds no console of its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    handler.addFilter(OwnLines())
    logging.getLogger().addHandler(handler)
    logging.getLogger("scoring").setLevel(logging.INFO)
