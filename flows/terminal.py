"""Log lines on the terminal while a flow runs: our own progress, not that of the machinery."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from configs.settings import PROJECT, is_log_json


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


class JsonLines(logging.Formatter):
    """Formatter of a line as JSON, for `SCORING_LOG=json`. An error's traceback is left to the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: time, level and message."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": at, "level": record.levelname.lower(), "message": record.getMessage()})


def show_own_lines() -> None:
    """Send our log lines to standard error. Prefect sees the handler and adds no console."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    handler.setFormatter(JsonLines() if is_log_json() else plain)
    handler.addFilter(OwnLines())
    logging.getLogger().addHandler(handler)
    logging.getLogger("scoring").setLevel(logging.INFO)
