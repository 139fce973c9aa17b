"""A run waits for files only where it is told to, tells that it does, and counts the time for no work."""

import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.settings import Settings
from tasks.errors import SourceError
from tasks.publication.layout import landing_key
from tasks.publication.manifests import commit
from tasks.running.context import settings_of_run, step_seconds
from tasks.scoring.wait import wait_for_files
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_manifest

BRIEF = {"wait_minutes": 0.01, "quiet_seconds": 0.1}
DECLARED = {"zone": "UTC", "weekend": [], "holidays": {}, "zero_row_days": {DAY: "moving house"}}


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def settings(root: Path, landing: dict[str, Any], **scoring: str) -> Settings:
    return Settings.model_validate({"storage": {"root": str(root)}, "landing": landing, "scoring": scoring})


@pytest.mark.parametrize("landing", [{}, {"wait_minutes": None}, {"wait_minutes": 0}])
def test_outside_a_schedule_nobody_waits_unless_the_settings_say_so(
    tmp_path: Path, landing: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "scoring"):
        wait_for_files(DAY, settings(tmp_path, landing))
    assert caplog.messages == []


def test_a_wait_in_vain_ends_with_the_error_of_a_missing_day(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "scoring"), pytest.raises(SourceError, match="no file came within 0.6 s"):
        wait_for_files(DAY, settings(tmp_path, BRIEF))
    first, *others = caplog.messages
    assert first.startswith("Waiting until ")
    assert first.endswith(f" Europe/Prague for the files of {DAY}: 0 files there, 0.0 MB")
    assert others == [], "within a minute nothing has come, which is no news"


def test_files_that_come_are_news_and_the_end_tells_how_long_it_took(
    store: FolderStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feed = threading.Timer(0.3, lambda: store.create(f"{landing_key(DAY)}a.csv", b"SK_ID_CURR\n"))
    with caplog.at_level("INFO", "scoring"):
        feed.start()
        wait_for_files(DAY, settings(tmp_path, {"wait_minutes": 10, "quiet_seconds": 0.6}))
    assert [message.split(": ")[-1] for message in caplog.messages] == [
        "0 files there, 0.0 MB",
        "1 file there, 0.0 MB; going on once nothing has changed for 0.6 s",
        "1 file there, 0.0 MB",
    ]
    assert caplog.messages[-1].startswith("Waited ")


def test_a_published_day_is_not_waited_for(
    store: FolderStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commit(store, made_manifest())
    with caplog.at_level("INFO", "scoring"):
        wait_for_files(DAY, settings(tmp_path, {"wait_minutes": 1440}))
    assert caplog.messages == []


def test_a_declared_day_is_not_waited_for(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.yaml"
    calendar.write_text(yaml.safe_dump(DECLARED))
    wait_for_files(DAY, settings(tmp_path, {"wait_minutes": 1440}, calendar=str(calendar)))


def test_waiting_is_no_work(store: FolderStore, tmp_path: Path) -> None:
    settings_of_run(None)
    store.create(f"{landing_key(DAY)}a.csv", b"SK_ID_CURR\n")
    wait_for_files(DAY, settings(tmp_path, BRIEF))
    assert step_seconds() == {}
