"""Evidently's workspace: the snapshots of many days in a local folder, with panels over time."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from evidently.core.report import Snapshot
from evidently.sdk.models import DashboardPanelPlot, PanelMetric, ProjectModel
from evidently.sdk.panels import line_plot_panel
from evidently.ui.workspace import Workspace

from tasks.adapters.evidently import FIGURES, DayFigure, ShownFigure

PROJECT_NAME: Final = "Daily credit scoring"
PROJECT_ID: Final = uuid.uuid5(uuid.NAMESPACE_OID, PROJECT_NAME)
"""Identifier of the project in each workspace, so that a link to it stays good."""
_PORT: Final = 8000
"""TCP port on which Evidently serves by default."""


def build_workspace(folder: Path, days: Mapping[date, bytes]) -> tuple[date, ...]:
    """Lay a workspace into a local folder: one project, a panel a figure, a run a day.

    A project that an earlier call made there is replaced. Anything else in the folder stays.

    Args:
        folder: Folder to make, or to make anew.
        days: Snapshots of `draw_day` by business day.

    Returns:
        Days that are left out, ascending: their snapshots are damaged, or of another version of
        Evidently.
    """
    runs = {as_of: _read_snapshot(days[as_of]) for as_of in sorted(days)}
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(str(folder.resolve()))
    if workspace.get_project(PROJECT_ID) is not None:
        workspace.delete_project(PROJECT_ID)
    project = workspace.add_project(ProjectModel(id=PROJECT_ID, name=PROJECT_NAME))
    for name, figure in FIGURES.items():
        project.dashboard.add_panel(_panel(name, figure))
    for run in runs.values():
        if run is not None:
            workspace.add_run(PROJECT_ID, run, include_data=False)
    return tuple(as_of for as_of, run in runs.items() if run is None)


def ui_command(folder: Path, *, port: int = _PORT) -> list[str]:
    """Command that shows a workspace to this machine alone, at http://127.0.0.1:<port>.

    Evidently's telemetry is off as long as the environment has `DO_NOT_TRACK`, which importing
    `tasks` sets.
    """
    options = ["--host", "127.0.0.1", "--port", str(port), "--workspace", str(folder.resolve())]
    return [sys.executable, "-m", "evidently.cli", "ui", *options]


def _panel(name: str, figure: ShownFigure) -> DashboardPanelPlot:
    metric = PanelMetric(legend=figure.title, metric=DayFigure.__name__, metric_labels={"figure": name})
    return line_plot_panel(title=figure.title, values=[metric], description=figure.subtitle, size="half")


def _read_snapshot(snapshot: bytes) -> Snapshot | None:
    """Snapshot of a day; None if it cannot be read."""
    try:
        return Snapshot.loads(snapshot.decode())
    except (ValueError, TypeError, KeyError):
        return None
