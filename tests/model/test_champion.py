"""The version that scores is the one that the alias names, or last named; never another."""

import sqlite3
from pathlib import Path

import pytest
from mlflow import MlflowClient

from configs.settings import Settings, load_settings
from tasks.core.model.bundle import ModelPin
from tasks.errors import ModelError, RegistryUnreachable
from tasks.model.champion import Champion, find_champion, promote_version
from tasks.model.load import load_bundle, load_engine, registry_of
from tasks.publication.layout import named_version_key, sealed_model_key
from tasks.publication.sealed_models import named_version, sealed_files
from tasks.store import Store, open_store
from tests.conftest import Project

NAME = "credit-default"


def database(settings: Settings) -> Path:
    return Path(settings.registry.tracking_uri.removeprefix("sqlite:///"))


@pytest.fixture
def settings(rivals: Project) -> Settings:
    """Settings of a registry of its own, with a second version that is no champion."""
    return load_settings(rivals.config)


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings.storage)


def gone(settings: Settings) -> Settings:
    """The same settings, after the registry's database went away."""
    database(settings).rename(database(settings).with_suffix(".away"))
    return settings


def back(settings: Settings) -> Settings:
    database(settings).with_suffix(".away").rename(database(settings))
    return settings


def forbidding(settings: Settings) -> Settings:
    registry = settings.registry.model_copy(update={"sealed_copy": "forbid"})
    return settings.model_copy(update={"registry": registry})


def key_of(model: ModelPin) -> str:
    return sealed_model_key(model.name, model.version, model.digest)


def test_the_registry_is_asked_first_and_its_answer_sealed_and_noted(settings: Settings, store: Store) -> None:
    champion = find_champion(settings)
    assert champion == Champion(registry_of(settings).champion())
    noted = named_version(store, "champion", NAME)
    assert noted
    assert (noted.model, noted.registry) == (champion.model, settings.registry.tracking_uri)
    assert sealed_files(store, champion.model) == registry_of(settings).files(champion.model)


def test_without_the_registry_the_version_scores_that_was_named_last(settings: Settings) -> None:
    asked = find_champion(settings).model
    named = find_champion(gone(settings))
    assert named.model == asked
    assert "did not answer, so the sealed copy of version 1 scored, which champion last named" in named.sealed_copy
    bundle = load_bundle(asked, settings, is_registry_gone=True)
    assert load_bundle(asked, back(settings)) == bundle


@pytest.mark.parametrize("way", ["scoring promote", "MLflow's own page, and a run"])
def test_a_promotion_is_known_when_the_registry_goes(settings: Settings, way: str) -> None:
    find_champion(settings)
    if way == "scoring promote":
        assert promote_version("2", settings).version == "2"
    else:
        MlflowClient(settings.registry.tracking_uri).set_registered_model_alias(NAME, "champion", "2")
        assert find_champion(settings).model.version == "2"
    assert find_champion(gone(settings)).model.version == "2"


def test_a_setting_forbids_the_sealed_copy_and_the_same_note_is_kept(settings: Settings, store: Store) -> None:
    strict = forbidding(settings)
    model = find_champion(strict).model
    assert sealed_files(store, model)
    gone(settings)
    with pytest.raises(RegistryUnreachable, match="There is no model registry at .* yet"):
        find_champion(strict)
    for is_gone in (False, True):
        with pytest.raises(RegistryUnreachable, match="There is no model registry at"):
            load_bundle(model, strict, is_registry_gone=is_gone)
    assert find_champion(settings).model == model


# --- a store that cannot stand in


def test_a_store_without_a_note_cannot_stand_in(settings: Settings, store: Store) -> None:
    find_champion(settings)
    store.delete(named_version_key(NAME, "champion"))
    with pytest.raises(RegistryUnreachable, match=f"stands in: this store has no note .* {NAME}@champion last named"):
        find_champion(gone(settings))


@pytest.mark.parametrize("fault", ["changed", "half", "missing"])
def test_a_copy_that_is_not_whole_cannot_stand_in_until_the_registry_made_it_anew(
    settings: Settings, store: Store, fault: str
) -> None:
    model = find_champion(settings).model
    stored = store.read(key_of(model))
    spoilt = {"changed": stored.data.replace(b"0", b"1", 1), "half": stored.data[: len(stored.data) // 2]}
    if fault == "missing":
        store.delete(key_of(model))
    else:
        store.replace(key_of(model), spoilt[fault], tag=stored.tag)
    why = "does not exist" if fault == "missing" else "is damaged"
    gone(settings)
    for attempt in (find_champion, lambda each: load_bundle(model, each)):
        with pytest.raises(RegistryUnreachable, match=f"There is no model registry at .* sealed copy .* {why}"):
            attempt(settings)
    find_champion(back(settings))
    assert find_champion(gone(settings)).model == model


def test_a_note_of_another_registry_does_not_count(settings: Settings) -> None:
    find_champion(settings)
    registry = settings.registry.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})
    elsewhere = settings.model_copy(update={"registry": registry})
    with pytest.raises(RegistryUnreachable, match="the store knows credit-default@champion of another registry, sqli"):
        find_champion(elsewhere)


def test_a_registry_that_answers_is_believed(settings: Settings) -> None:
    find_champion(settings)
    MlflowClient(settings.registry.tracking_uri).delete_registered_model_alias(NAME, "champion")
    with pytest.raises(ModelError, match="alias champion not found") as refused:
        find_champion(settings)
    assert not isinstance(refused.value, RegistryUnreachable)


# --- promotion


def test_a_promotion_that_fails_half_way_leaves_no_note_to_be_wrong(settings: Settings, store: Store) -> None:
    find_champion(settings)
    with sqlite3.connect(database(settings)) as connection:
        connection.execute(
            "create trigger stuck before update on registered_model_aliases begin select raise(abort, 'stuck'); end"
        )
    with pytest.raises(ModelError, match="version 2 cannot become champion"):
        promote_version("2", settings)
    assert named_version(store, "champion", NAME) is None
    assert find_champion(settings).model.version == "1"
    assert find_champion(gone(settings)).model.version == "1"


def test_a_promotion_without_a_registry_changes_nothing(settings: Settings) -> None:
    find_champion(settings)
    gone(settings)
    with pytest.raises(RegistryUnreachable):
        promote_version("2", settings)
    assert find_champion(settings).model.version == "1"


def test_a_version_whose_files_are_not_as_registered_is_not_promoted(settings: Settings) -> None:
    (artifact,) = Path(settings.registry.artifact_root).rglob("scoring.json")
    artifact.write_bytes(artifact.read_bytes() + b" ")
    with pytest.raises(ModelError, match="is not what was registered"):
        promote_version("2", settings)
    assert registry_of(settings).champion().version == "1"


# --- a pinned model


def test_a_pinned_model_is_read_from_its_copy_where_the_registry_is_silent(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    promote_version("2", settings)
    second = find_champion(settings).model
    gone(settings)
    with caplog.at_level("WARNING"):
        engine = load_engine(second, settings)
    assert engine.caveat is None
    assert "credit-default version 2 is read from its sealed copy" in caplog.text
