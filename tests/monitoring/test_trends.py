"""The trends of the monitored days: one workspace, made of what the store holds."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from evidently.ui.workspace import Workspace

from tasks.adapters.evidently import ShownDay, draw_day
from tasks.adapters.evidently_workspace import PROJECT_ID
from tasks.errors import ConfigError, ObjectArchived, SourceError
from tasks.monitoring.trends import build_trends
from tasks.publication.layout import monitoring_key, snapshot_key, window_key
from tasks.store import Stored
from tasks.store.folder import FolderStore
from tests.conftest import DAY

NEXT = DAY + timedelta(1)


def snapshot(day: date) -> bytes:
    shown = ShownDay(day, 1, "1", "ok", ("Nothing moved.",), {"rows": 2_000.0}, ())
    return draw_day(shown, pd.DataFrame(), pd.DataFrame(), {}).snapshot


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A store in which two days were monitored, and a window."""
    store = FolderStore(tmp_path / "store")
    for day in (NEXT, DAY):
        store.create(snapshot_key(day), snapshot(day))
        store.create(monitoring_key(day, "drift.html"), b"a page")
    store.create(window_key(DAY, NEXT, "drift.json"), snapshot(NEXT))
    return store


def shown_days(folder: Path) -> list[date]:
    workspace = Workspace(str(folder))
    runs = [workspace.get_run(PROJECT_ID, run) for run in workspace.list_runs(PROJECT_ID)]
    return sorted(run.timestamp.date() for run in runs if run)


def test_the_workspace_shows_every_monitored_day_once_and_no_window(store: FolderStore, tmp_path: Path) -> None:
    trends = build_trends(store, tmp_path / "workspace")
    assert (trends.folder, trends.days, dict(trends.left_out)) == (tmp_path / "workspace", (DAY, NEXT), {})
    assert shown_days(trends.folder) == [DAY, NEXT]


def test_a_snapshot_of_an_earlier_program_or_a_damaged_one_hides_no_other_day(
    store: FolderStore, tmp_path: Path
) -> None:
    (tmp_path / "store" / snapshot_key(DAY)).write_bytes(b'{"metrics": [], "tests": []}')
    store.create(snapshot_key(DAY - timedelta(1)), b"torn")
    trends = build_trends(store, tmp_path / "workspace")
    assert trends.days == (NEXT,)
    assert list(trends.left_out) == [DAY - timedelta(1), DAY]
    assert shown_days(trends.folder) == [NEXT]


def test_a_store_without_a_monitored_day_says_what_to_do_and_makes_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no snapshot .* Monitor a day first: scoring monitor --as-of"):
        build_trends(FolderStore(tmp_path / "store"), tmp_path / "workspace")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file is in the way")
    with pytest.raises(ConfigError, match=f"{tmp_path}/workspace cannot be written: .*monitoring.workspace"):
        build_trends(store, tmp_path / "workspace")


class Archiving(FolderStore):
    """A store of which one snapshot was moved to an archive."""

    def read(self, key: str) -> Stored:
        if key == snapshot_key(DAY):
            raise ObjectArchived(f"{key} is archived")
        return super().read(key)


@pytest.mark.usefixtures("store")
def test_an_archived_snapshot_is_left_out_and_told(tmp_path: Path) -> None:
    trends = build_trends(Archiving(tmp_path / "store"), tmp_path / "workspace")
    assert (trends.days, trends.left_out) == ((NEXT,), {DAY: "is archived"})
