from collections.abc import Callable
from datetime import timedelta

import pytest

from configs.settings import Registry, Settings, load_settings
from tasks.adapters.pages.model import card_of_page
from tasks.core.model.bundle import ModelPin
from tasks.core.training.model_card import CARD_FILE
from tasks.model.load import registry_of
from tasks.publication.layout import model_page_key
from tasks.reporting.days import renew_days_page
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite
from tests.conftest import Project
from tests.pages import Page
from tests.reported_store import FIRST, lay_day


@pytest.fixture
def settings(project: Project) -> Settings:
    return load_settings(project.config)


@pytest.fixture
def lay(settings: Settings) -> Callable[[int], None]:
    """Publish a day that the champion decided, so many days after the first."""
    champion = registry_of(settings).champion()

    def publish(n: int) -> None:
        lay_day(open_store(settings.storage), FIRST + timedelta(days=n), model=champion)

    return publish


def page_in(store: Store) -> bytes:
    return store.read(model_page_key("credit-default", "1")).data


def without_registry(settings: Settings) -> Settings:
    return settings.model_copy(update={"registry": Registry(tracking_uri="sqlite:////nowhere/mlflow.db")})


def test_the_card_comes_from_the_registry_and_outlasts_it(settings: Settings, lay: Callable[[int], None]) -> None:
    store, registry = open_store(settings.storage), registry_of(settings)
    lay(0)
    renew_days_page(settings)
    assert card_of_page(page_in(store)) == registry.document(registry.champion(), CARD_FILE)
    assert "Reliability" in Page(page_in(store)).text
    lay(1)
    renew_days_page(without_registry(settings), FIRST + timedelta(days=1))
    assert card_of_page(page_in(store)) == registry.document(registry.champion(), CARD_FILE)
    assert "2 days, 2026-11-02 to 2026-11-03" in Page(page_in(store)).text


def test_a_page_without_the_card_gets_it_when_the_registry_is_back(
    settings: Settings, lay: Callable[[int], None]
) -> None:
    lay(0)
    renew_days_page(without_registry(settings))
    assert card_of_page(page_in(open_store(settings.storage))) is None
    renew_days_page(settings, FIRST)
    assert card_of_page(page_in(open_store(settings.storage))) is not None


def test_the_pages_of_other_models_are_left_alone(settings: Settings, lay: Callable[[int], None]) -> None:
    store = open_store(settings.storage)
    lay(0)
    renew_days_page(settings)
    overwrite(store, model_page_key("credit-default", "1"), b"kept")
    lay_day(store, FIRST + timedelta(days=1), model=ModelPin("credit-default", "9", "d"))
    renew_days_page(settings, FIRST + timedelta(days=1))
    assert page_in(store) == b"kept"
    assert card_of_page(store.read(model_page_key("credit-default", "9")).data) is None
