"""The day is shown beside the run that works on it, published or refused, also when the run fails."""

from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter

from configs.settings import Settings, Storage
from tasks.errors import PublishError
from tasks.publication.shown import show_newest
from tasks.reporting.beside_run import day_shown, show_beside_run
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import commit_revision


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=Storage(root=str(tmp_path)))


def beside(run_id: Any) -> tuple[str, str]:
    """Description and text of the page that a run shows beside itself."""
    with get_client(sync_client=True) as prefect:
        artifacts = prefect.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id={"any_": [run_id]}))
    (page,) = (each for each in artifacts if each.key == f"day-{DAY}")
    return str(page.description), str(page.data)


def test_outside_a_flow_run_nothing_is_read(settings: Settings, tmp_path: Path) -> None:
    show_beside_run(DAY, settings)
    with day_shown(DAY, settings):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("prefect_server")
def test_a_published_day_is_shown_with_the_places_that_are_there(
    store: FolderStore, settings: Settings, tmp_path: Path
) -> None:
    commit_revision(store)
    show_newest(store, DAY)

    @flow
    def score() -> None:
        with day_shown(DAY, settings):
            pass

    description, page = beside(score(return_state=True).state_details.flow_run_id)
    assert description.startswith(f"{DAY}: Published")
    assert f"- Decisions: `{tmp_path}/decisions/day={DAY}/decisions.parquet`" in page
    assert "This run failed" not in page
    assert "Page of the day" not in page, "it is not written yet"


@pytest.mark.usefixtures("prefect_server")
def test_a_run_that_fails_shows_what_to_do_and_still_fails(settings: Settings) -> None:
    @flow
    def score() -> None:
        with day_shown(DAY, settings):
            raise PublishError("The store is full. Make room.")

    state = score(return_state=True)
    assert state.is_failed()
    _, page = beside(state.state_details.flow_run_id)
    assert "**This run failed.** Exit 6, operator: The store is full. Make room." in page
