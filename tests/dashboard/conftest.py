"""A store with a day of each kind, laid once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tasks.dashboard.days import DayBook
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.dashboard.made_days import lay_days, publish_day
from tests.house import ROOT

SCRIPT = ROOT / "flows/dashboard_app.py"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    lay_days(store)
    return store


@pytest.fixture
def book(store: FolderStore) -> DayBook:
    return DayBook(store)


@pytest.fixture(scope="session")
def unmonitored_store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """A store with one published day that nobody monitored."""
    store = FolderStore(tmp_path_factory.mktemp("unmonitored"))
    publish_day(store, DAY)
    return store


@pytest.fixture
def open_view(
    store: FolderStore, unmonitored_store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """Open a view as Streamlit runs it, with these choices in its address."""

    def run(view: str, *, only_unmonitored: bool = False, **choices: str) -> AppTest:
        shown = unmonitored_store if only_unmonitored else store
        monkeypatch.setenv("SCORING_STORAGE__ROOT", str(Path(shown.location("revisions/")).parent))
        app = AppTest.from_file(SCRIPT, default_timeout=60)
        app.query_params["view"] = view
        for name, choice in choices.items():
            app.query_params[name] = choice
        app.run()
        assert not app.exception
        return app

    return run
