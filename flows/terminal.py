"""Log lines on the terminal while a flow runs: our own progress, not that of the machinery."""

from __future__ import annotations

import logging
import sys

from configs.settings import PROJECT


class OwnLines(logging.Filter):
    """Filter that passes the lines of this project's code, and the warnings of other code.

    Prefect's own lines about a failing run are left out: the command prints the error itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """True if the record is worth a line."""
        if record.pathname.startswith(str(PROJECT / "tasks")):
            return True
        return record.levelno >= logging.WARNING and not record.name.startswith(
            ("prefect.flow_runs", "prefect.task_runs")
        )


def show_own_lines() -> None:
    """Send our log lines to standard error. Prefect sees the handler and adds no console."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    handler.addFilter(OwnLines())
    logging.getLogger().addHandler(handler)
    logging.getLogger("scoring").setLevel(logging.INFO)
