"""A registry in a file of SQLite is read as MLflow reads it, or left to MLflow."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.store.db.utils import _get_latest_schema_revision

from configs.settings import Settings, load_settings
from tasks.adapters.mlflow_file import SCHEMA, aliased_version, registered_document, registered_files
from tasks.core.model.bundle import ModelPin
from tasks.core.training.model_card import CARD_FILE
from tasks.errors import ModelError
from tasks.model.load import RegistryReader, registry_of
from tests.conftest import Project

NAME, ALIAS = "credit-default", "champion"


@pytest.fixture
def settings(project: Project, tmp_path: Path) -> Settings:
    """Settings with a registry of their own."""
    return load_settings(project.with_own_registry(tmp_path / "own").config)


@pytest.fixture
def uri(settings: Settings) -> str:
    return settings.registry.tracking_uri


@pytest.fixture
def pin(settings: Settings) -> ModelPin:
    return registry_of(settings).champion()


def change(uri: str, *statements: str) -> None:
    database = sqlite3.connect(uri.removeprefix("sqlite:///"))
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def test_the_schema_that_is_read_is_that_of_the_pinned_mlflow() -> None:
    assert _get_latest_schema_revision() == SCHEMA


def test_what_is_read_is_what_mlflow_says(settings: Settings, uri: str, pin: ModelPin) -> None:
    mlflow = registry_of(settings)
    assert aliased_version(uri, NAME, ALIAS) == pin
    assert registered_files(uri, pin) == mlflow.files(pin)
    assert registered_document(uri, pin, CARD_FILE) == mlflow.document(pin, CARD_FILE)


def test_another_version_is_named_as_soon_as_mlflow_has_moved_the_alias(
    settings: Settings, uri: str, pin: ModelPin
) -> None:
    mlflow = registry_of(settings)
    second = mlflow.register(mlflow.files(pin), params={}, metrics={}, figures={})
    assert aliased_version(uri, NAME, ALIAS) == pin
    mlflow.promote(second.version)
    assert aliased_version(uri, NAME, ALIAS) == second == replace(pin, version="2")


@pytest.mark.parametrize(
    "statement",
    [
        "update alembic_version set version_num = 'f00000000000'",
        "delete from alembic_version",
        "drop table registered_model_aliases",
        "delete from registered_model_aliases",
        "delete from model_version_tags",
        "update model_versions set current_stage = 'Deleted_Internal'",
        "insert into registered_models (name, workspace) values ('another', 'theirs')",
    ],
)
def test_anything_unusual_is_left_to_mlflow(statement: str, uri: str) -> None:
    assert aliased_version(uri, NAME, ALIAS) is not None
    change(uri, statement)
    assert aliased_version(uri, NAME, ALIAS) is None


@pytest.mark.parametrize("alias", ["latest", "Latest", "nobody"])
def test_an_alias_that_names_no_version_by_itself_is_left_to_mlflow(alias: str, uri: str) -> None:
    change(uri, "insert into registered_model_aliases (name, alias, version) values ('credit-default', 'latest', 1)")
    assert aliased_version(uri, NAME, alias) is None


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "sqlite:///nowhere.db", "postgresql://nobody@nowhere/mlflow"]
)
def test_any_other_registry_is_left_to_mlflow(address: str, pin: ModelPin) -> None:
    assert aliased_version(address, NAME, ALIAS) is None
    assert registered_files(address, pin) is None
    assert registered_document(address, pin, CARD_FILE) is None


def test_a_file_that_is_no_database_is_left_to_mlflow(uri: str, pin: ModelPin) -> None:
    Path(uri.removeprefix("sqlite:///")).write_text("no database, but longer than its head")
    assert aliased_version(uri, NAME, ALIAS) is None
    assert registered_files(uri, pin) is None


def test_files_that_are_not_as_registered_are_left_to_mlflow_which_refuses_them(
    settings: Settings, uri: str, pin: ModelPin
) -> None:
    mlflow = registry_of(settings)
    second = mlflow.register(mlflow.files(pin), params={}, metrics={}, figures={})
    folder = Path(mlflow.document_address(second, "model"))
    (folder / "bundle/model.txt").write_bytes(b"another tree")
    assert registered_files(uri, second) is None
    with pytest.raises(ModelError, match="is not what was registered"):
        RegistryReader(settings.registry).files(second)
    assert registered_files(uri, replace(pin, digest="0" * 64)) is None


def test_what_lies_elsewhere_is_left_to_mlflow(uri: str, pin: ModelPin) -> None:
    change(uri, "update model_versions set source = 's3://bucket/model', storage_location = null")
    assert aliased_version(uri, NAME, ALIAS) == pin
    assert registered_files(uri, pin) is None
    assert registered_document(uri, pin, CARD_FILE) is None


def test_the_reader_asks_mlflow_where_the_file_has_no_answer(settings: Settings, uri: str, pin: ModelPin) -> None:
    change(uri, "delete from registered_model_aliases")
    with pytest.raises(ModelError, match="Registered versions: 1. Aliases: none"):
        RegistryReader(settings.registry).champion()
    assert RegistryReader(settings.registry).document(pin, CARD_FILE)
    with pytest.raises(ModelError, match="nothing.html of credit-default version 1 is not at"):
        RegistryReader(settings.registry).document(pin, "nothing.html")
