"""A day arrives when its calendar, its files and the other days agree that it has."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml

from configs.settings import Settings
from tasks.core.day.records import PUBLISH, FileTotals, Order
from tasks.core.day.standing import Standing
from tasks.errors import ConfigError, PublishError, SourceError
from tasks.publication.claims import claim_inputs
from tasks.publication.erasure_token import note_erasure, read_token
from tasks.publication.layout import landing_key
from tasks.publication.manifests import commit
from tasks.scoring.arrive import arrive
from tasks.scoring.publish import roll_forward
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

ROWS = b"SK_ID_CURR\n1\n"
DECLARED = {"zone": "UTC", "weekend": [], "holidays": {}, "zero_row_days": {DAY: "moving house"}}
FORCE = Order("force", "delivered again")
PUBLISHED = made_manifest()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose calendar expects applications on the test day."""
    return Settings.model_validate({"storage": {"root": str(tmp_path / "store")}})


@pytest.fixture
def declared(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose calendar declares the test day to have no applications."""
    path = tmp_path / "calendar.yaml"
    path.write_text(yaml.safe_dump(DECLARED))
    scoring = settings.scoring.model_copy(update={"calendar": str(path)})
    return settings.model_copy(update={"scoring": scoring})


def lay(store: FolderStore, *names: str) -> None:
    for name in names:
        store.create(landing_key(DAY) + name, ROWS)


def test_what_arrived_is_told_in_numbers_alone(
    store: FolderStore, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    lay(store, "a.csv", "b.csv")
    with caplog.at_level("INFO", "scoring"):
        delivery = arrive(Standing(DAY), settings)
    assert [file.name for file in delivery.files] == ["a.csv", "b.csv"]
    assert caplog.messages == ["2 files arrived for 2026-11-02, 0.0 MB"]


def test_on_a_working_day_no_file_is_an_error_that_names_the_calendar(settings: Settings) -> None:
    with pytest.raises(SourceError, match=r"If none are due, declare the day in configs/calendar.yaml"):
        arrive(Standing(DAY), settings)


def test_on_a_declared_day_no_file_is_no_error_and_the_reason_is_kept(declared: Settings) -> None:
    standing = roll_forward(DAY, PUBLISH, declared)
    assert standing.excuse == "declared to have no applications (moving house)"
    assert arrive(standing, declared).files == ()


def test_what_is_delivered_on_a_declared_day_counts(store: FolderStore, declared: Settings) -> None:
    lay(store, "a.csv")
    assert len(arrive(roll_forward(DAY, PUBLISH, declared), declared).files) == 1


def test_a_published_day_may_lose_its_files_and_a_forced_one_may_not(declared: Settings) -> None:
    assert arrive(Standing(DAY, published=PUBLISHED), declared).files == ()
    with pytest.raises(SourceError, match="No application files have arrived"):
        arrive(Standing(DAY, FORCE, PUBLISHED), declared)


@pytest.mark.parametrize("text", ["{zone: Utopia, weekend: [], holidays: {}, zero_row_days: {}}", "[]"])
def test_a_wrong_calendar_stops_the_day(store: FolderStore, declared: Settings, text: str) -> None:
    lay(store, "a.csv")
    Path(declared.scoring.calendar).write_text(text)
    with pytest.raises(ConfigError, match="calendar.yaml"):
        roll_forward(DAY, PUBLISH, declared)


def test_corrections_that_wait_are_told_with_the_command_that_decides_them(
    store: FolderStore, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    lay(store, "a.csv", *(f"corrections/{n}.csv" for n in range(6)))
    with caplog.at_level("WARNING", "scoring"):
        standing = roll_forward(DAY, PUBLISH, settings)
        arrive(standing, settings)
    assert len(standing.waiting) == 6
    (told,) = caplog.messages
    assert "do not count yet, 6 files: corrections/0.csv, corrections/1.csv" in told
    assert "corrections/5.csv" not in told
    assert told.endswith(f'scoring score --as-of {DAY} --corrections --reason "..."')


def test_the_file_of_another_published_day_is_refused(store: FolderStore, settings: Settings) -> None:
    lay(store, "a.csv")
    delivery = arrive(Standing(DAY), settings)
    yesterday = date(2026, 11, 1)
    claim_inputs(store, replace(delivery, as_of=yesterday))
    commit(store, made_manifest(made_audit(files={"x.csv": FileTotals(1, 1, 0, 0)}), as_of=yesterday))
    arrive(Standing(DAY), settings)
    commit(store, made_manifest(as_of=yesterday, revision=2, inputs={"x.csv": delivery.files[0].sha256}))
    with pytest.raises(SourceError, match=f"a.csv is the file of another day: {yesterday}"):
        arrive(Standing(DAY), settings)


def test_an_erasure_is_noted_and_one_under_way_stops_the_day(store: FolderStore, settings: Settings) -> None:
    lay(store, "a.csv")
    assert roll_forward(DAY, PUBLISH, settings).erasure is None
    note_erasure(store, DAY, is_over=True)
    assert roll_forward(DAY, PUBLISH, settings).erasure == read_token(store, DAY)
    note_erasure(store, DAY, is_over=False)
    with pytest.raises(PublishError, match=f"An applicant is being erased from {DAY}"):
        roll_forward(DAY, PUBLISH, settings)
