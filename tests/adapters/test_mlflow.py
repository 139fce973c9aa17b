"""The registry of the settings decides, and what it lacks is told as what it is."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from configs.settings import load_settings
from tasks.adapters.mlflow import ModelRegistry
from tasks.core.model.bundle import ModelPin
from tasks.core.training.model_card import CARD_FILE
from tasks.errors import ModelError
from tasks.model.load import registry_of
from tests.conftest import Project, with_rival

FILES = {"model.txt": b"tree"}


def registry(project: Project, **settings: Any) -> ModelRegistry:
    return registry_of(load_settings(project.with_settings(registry=settings).config if settings else project.config))


def database(project: Project) -> Path:
    return Path(load_settings(project.config).registry.tracking_uri.removeprefix("sqlite:///"))


def changed(project: Project, folder: Path, *statements: str) -> Project:
    """The project with a copy of its registry in which SQL has changed something."""
    own = project.with_own_registry(folder)
    with sqlite3.connect(database(own)) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return own


@pytest.fixture
def own(project: Project, tmp_path: Path) -> Project:
    return project.with_own_registry(tmp_path / "own")


def test_no_variable_of_mlflow_leads_to_another_registry(
    own: Project, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = with_rival(project, tmp_path / "other")
    other.promote("2")
    ours, theirs = registry(own), registry(other)
    champion, foreign = ours.champion(), theirs.champion()
    elsewhere = load_settings(other.config).registry.tracking_uri
    hostile = {
        "MLFLOW_REGISTRY_URI": elsewhere,
        "MLFLOW_TRACKING_URI": elsewhere,
        "MLFLOW_EXPERIMENT_NAME": "foreign",
        "MLFLOW_EXPERIMENT_ID": "0",
        "MLFLOW_RUN_ID": "0" * 32,
        "MLFLOW_ENABLE_ASYNC_LOGGING": "true",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    assert (champion.version, ours.champion()) == ("1", champion)
    assert ours.load(champion).cutoff != theirs.load(foreign).cutoff
    made = ours.register(FILES, params={"a": 1}, metrics={"auc": 0.7}, figures={})
    ours.promote(made.version)
    assert (ours.champion(), theirs.champion()) == (made, foreign)
    client = MlflowClient(ours.address, registry_uri=ours.address)
    run = client.get_run(client.get_model_version(made.name, made.version).run_id)
    assert (run.data.params, run.data.metrics) == ({"a": "1"}, {"auc": 0.7})
    assert client.get_experiment(run.info.experiment_id).name == "own"


def test_files_that_moved_are_missed_at_the_address_where_they_were_registered(
    project: Project, tmp_path: Path
) -> None:
    folder = Path(load_settings(project.config).registry.artifact_root)
    columns = {"runs": "artifact_uri", "model_versions": "source", "experiments": "artifact_location"}
    moved = [
        f"update {table} set {name} = replace({name}, '{folder}', '/old/place')" for table, name in columns.items()
    ]
    moved.append(f"update model_versions set storage_location = replace(storage_location, '{folder}', '/old/place')")
    away = registry(changed(project, tmp_path / "moved", *moved))
    with pytest.raises(ModelError) as missed:
        away.load(away.champion())
    told = str(missed.value)
    assert missed.value.exit_code == 5
    assert "credit-default version 1 cannot be fetched: its files are not at /old/place/" in told
    assert "/model/bundle (No such artifact: 'bundle'), where registry sqlite:///" in told
    assert "move it back" in told


def test_files_that_are_half_gone_are_told_by_name(own: Project) -> None:
    ours = registry(own)
    made = ours.register(FILES, params={}, metrics={}, figures={})
    with pytest.raises(ModelError, match=r"The registered model lacks scoring.json, reference.json, golden.json"):
        ours.load(made)


def test_a_version_of_another_registry_is_not_taken_for_the_pinned_one(own: Project) -> None:
    ours = registry(own)
    pin = replace(ours.champion(), digest="0" * 64)
    with pytest.raises(ModelError, match="is not what was registered when .* Versions count from 1 in every registry"):
        ours.load(pin)


# --- where a new model goes


def test_a_model_goes_where_the_settings_say_also_in_a_copy_of_the_registry(own: Project, tmp_path: Path) -> None:
    def experiment_of(**settings: str) -> str:
        ours = registry(own, **settings)
        made = ours.register(FILES, params={}, metrics={}, figures={})
        client = MlflowClient(ours.address, registry_uri=ours.address)
        run = client.get_run(client.get_model_version(made.name, made.version).run_id)
        return str(client.get_experiment(run.info.experiment_id).name)

    there = tmp_path / "own/artifacts"
    for same in (there, f"{there}/", f"file://{there}", tmp_path / "own/../own/artifacts"):
        assert experiment_of(artifact_root=str(same)) == "own"
    assert len(list(there.rglob("model.txt"))) == 4
    copy = tmp_path / "copy"
    assert [experiment_of(artifact_root=str(copy)) for _ in range(2)] == [f"own at {copy}"] * 2
    assert len(list(copy.rglob("model.txt"))) == 2
    assert experiment_of() == "own"


# --- what a registry lacks


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"model_name": "credit-large"},
            "No model is named credit-large there, but: credit-default. If it was renamed, set registry.model_name",
        ),
        ({"model_name": 'it\'s "no" model'}, "Registered Model .* not found"),
        (
            {"alias": "hero"},
            r"alias hero not found. Registered versions: 1. Aliases: champion \(version 1\). .* as hero with `scoring",
        ),
    ],
)
def test_a_name_or_alias_that_is_missing_is_told_with_those_that_are_there(
    own: Project, settings: dict[str, str], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        registry(own, **settings).champion()


def test_a_renamed_model_is_told_as_renamed(own: Project) -> None:
    ours = registry(own)
    champion = ours.champion()
    MlflowClient(ours.address, registry_uri=ours.address).rename_registered_model("credit-default", "credit-small")
    attempts: dict[str, Callable[[], Any]] = {
        "is not available": ours.champion,
        "cannot be fetched": lambda: ours.load(champion),
        "cannot become champion": lambda: ours.promote("1"),
        "cannot be found": lambda: ours.document(champion, "x"),
    }
    for failed, attempt in attempts.items():
        with pytest.raises(ModelError, match=f"{failed}.*No model is named credit-default there, but: credit-small"):
            attempt()
    assert registry(own, model_name="credit-small").champion().digest == champion.digest


def test_a_document_is_read_of_the_pinned_model_alone(project: Project) -> None:
    ours = registry(project)
    champion = ours.champion()
    assert champion.digest.encode() in ours.document(champion, CARD_FILE)
    with pytest.raises(ModelError, match="is not what was registered when this was decided"):
        ours.document(replace(champion, digest="0" * 64), CARD_FILE)
    with pytest.raises(ModelError, match="nothing.html of credit-default version 1 is not at"):
        ours.document(champion, "nothing.html")


@pytest.mark.parametrize("schema", ["fffffffffff1", "451aebb31d03"])
def test_a_database_of_another_mlflow_is_told_as_that(project: Project, tmp_path: Path, schema: str) -> None:
    other = changed(project, tmp_path / "other", f"update alembic_version set version_num = '{schema}'")
    for attempt in (lambda: registry(other).champion(), lambda: registry(other).require_answer()):
        with pytest.raises(ModelError, match=f"was written by another version of MLflow .*{schema}.*db upgrade") as no:
            attempt()
        assert "scoring train" not in str(no.value)


@pytest.mark.parametrize("kind", ["junk", "tables of another program", "a folder"])
def test_what_is_not_a_registry_is_told_at_once_and_left_as_it_is(own: Project, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "other.db"
    if kind == "a folder":
        path.mkdir()
    elif kind == "junk":
        path.write_bytes(b"junk" * 300)
    else:
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("create table cats (name)")
    before = path.read_bytes() if path.is_file() else None
    other = registry(own, tracking_uri=f"sqlite:///{path}")
    for attempt in (other.champion, other.require_answer):
        with pytest.raises(
            ModelError, match="other.db cannot be read as a database of MLflow: .*set registry.tracking_"
        ):
            attempt()
    assert (path.read_bytes() if path.is_file() else None) == before


def test_an_earlier_database_is_not_migrated_by_reading_it(project: Project, tmp_path: Path) -> None:
    tables = "drop table webhook_events", "drop table webhooks"
    older = changed(project, tmp_path / "o", *tables, "update alembic_version set version_num = '451aebb31d03'")
    before = database(older).read_bytes()
    with pytest.raises(ModelError, match="was written by another version of MLflow .*schema 451aebb31d03, expected"):
        registry(older).champion()
    assert database(older).read_bytes() == before


def test_a_registry_without_models_says_to_train(tmp_path: Path, own: Project) -> None:
    ours = registry(own)
    empty = tmp_path / "empty.db"
    shutil.copy(ours.address.removeprefix("sqlite:///"), empty)
    with sqlite3.connect(empty) as connection:
        for table in ("registered_model_aliases", "model_version_tags", "model_versions", "registered_models"):
            connection.execute(f"delete from {table}")
    connection.close()
    uri = f"sqlite:///{empty}"
    with pytest.raises(
        ModelError, match="Registered versions: none. You can train and promote one with `scoring train`"
    ):
        registry(own, tracking_uri=uri).champion()
    with pytest.raises(ModelError, match="credit-default version 1 cannot be fetched"):
        registry(own, tracking_uri=uri).load(ModelPin("credit-default", "1", "0" * 64))
