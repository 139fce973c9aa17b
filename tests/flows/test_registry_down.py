"""A day on which the registry is down is scored by the version that the alias last named, and all say so."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from configs.settings import Settings, load_settings
from flows.score_applications import score_applications
from tasks.core.day.manifest import Manifest
from tasks.errors import RegistryUnreachable
from tasks.feed.generate import generate_day, load_statistics
from tasks.model.champion import promote_version
from tasks.publication.layout import decisions_key, named_version_key, sealed_model_key
from tasks.publication.sealed_models import named_version
from tasks.store import Store, open_store
from tests.commands import call
from tests.conftest import DAY, Project
from tests.mlflow_servers import MLflowServer, dead_end

NAME = "credit-default"
NEXT = DAY.replace(day=DAY.day + 1)
SAID = "did not answer, so the sealed copy of version 2 scored, which champion last named"


@dataclass(frozen=True)
class Outage:
    """A project whose registry is a server, with two delivered days."""

    project: Project
    server: MLflowServer

    @property
    def settings(self) -> Settings:
        return load_settings(self.project.config)

    @property
    def store(self) -> Store:
        return open_store(self.settings.storage)

    def score(self, **order: Any) -> Manifest:
        manifest = score_applications.fn(as_of=DAY, config=self.project.config, **order).manifest
        assert manifest
        return manifest

    def score_next(self) -> Manifest:
        manifest = score_applications.fn(as_of=NEXT, config=self.project.config).manifest
        assert manifest
        return manifest


@pytest.fixture(params=["folder", "S3"])
def outage(request: pytest.FixtureRequest, rivals: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    monkeypatch.setenv(
        "MLFLOW_HTTP_REQUEST_TIMEOUT", "300"
    )  # a busy machine is no outage; a closed port is one at once
    root = str(rivals.root) if request.param == "folder" else request.getfixturevalue("s3_root")
    database = load_settings(rivals.config).registry.tracking_uri.removeprefix("sqlite:///")
    server = MLflowServer(Path(database))
    project = rivals.with_settings(registry={"tracking_uri": server.uri}, storage={"root": root})
    own = Outage(project.with_short_contract(), server)
    for number, day in enumerate((DAY, NEXT)):
        generate_day(own.store, load_statistics(), as_of=day, rows=60, seed=11 + number)
    try:
        server.start()
        yield own
    finally:
        server.stop()


def test_the_version_that_the_alias_last_named_scores_and_manifest_terminal_and_status_say_so(
    outage: Outage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    MlflowClient(outage.server.uri, registry_uri=outage.server.uri).set_registered_model_alias(NAME, "champion", "2")
    answered = outage.score()
    assert (answered.model.version, answered.sealed_copy) == ("2", "")
    outage.server.stop()
    told = call(
        ["score", "--as-of", str(NEXT), "--without-prefect", "--config", outage.project.config], monkeypatch, capsys
    )
    assert told.code == 0
    assert SAID in told.out
    history = call(["status", "--as-of", str(NEXT), "--config", outage.project.config], monkeypatch, capsys)
    assert SAID in history.out
    table = call(["status", "--config", outage.project.config], monkeypatch, capsys)
    assert [
        line.endswith("(not announced; scored by the sealed copy of the model)") for line in lines_of(table.out)
    ] == [
        False,
        True,
    ]
    silent = score_applications.fn(as_of=NEXT, config=outage.project.config).manifest
    assert silent
    assert (silent.model, SAID in silent.sealed_copy) == (answered.model, True)


def lines_of(table: str) -> list[str]:
    return [line for line in table.splitlines() if line.startswith((str(DAY), str(NEXT)))]


def test_a_day_is_the_same_to_the_byte_with_and_without_the_registry_and_it_may_come_back(outage: Outage) -> None:
    promote_version("2", outage.settings)
    outage.server.stop()
    without = outage.score()
    decisions = outage.store.read(decisions_key(DAY)).data
    outage.server.start()
    assert outage.score() == without, "the day is published, and stays"
    promote_version("1", outage.settings)
    promote_version("2", outage.settings)
    assert (
        score_applications.fn(
            as_of=DAY, config=outage.project.config, force=True, reason="the registry is back"
        ).outcome
        == "unchanged"
    )
    assert outage.store.read(decisions_key(DAY)).data == decisions
    assert outage.score_next().sealed_copy == ""


@pytest.mark.parametrize("outage", ["folder"], indirect=True)
def test_an_alias_that_moved_while_the_registry_answered_is_followed(outage: Outage) -> None:
    assert outage.score().model.version == "1"
    promote_version("2", outage.settings)
    outage.server.stop()
    assert outage.score_next().model.version == "2"


def spoil_byte(store: Store, key: str) -> None:
    stored = store.read(key)
    place = len(stored.data) // 3
    store.replace(key, stored.data[:place] + bytes([stored.data[place] ^ 1]) + stored.data[place + 1 :], tag=stored.tag)


def halve(store: Store, key: str) -> None:
    stored = store.read(key)
    store.replace(key, stored.data[: len(stored.data) // 2], tag=stored.tag)


SPOILT: dict[str, tuple[Callable[[Store, str], None], bool, str]] = {
    "a byte changed": (spoil_byte, False, "sealed copy .* is damaged"),
    "half a copy": (halve, False, "sealed copy .* is damaged"),
    "no copy": (lambda store, key: store.delete(key), False, "sealed copy .* does not exist"),
    "half a note": (halve, True, "this store has no note"),
    "no note": (lambda store, key: store.delete(key), True, "this store has no note"),
}
"""What is done to the sealed copy, or to the note of the version that the alias named; and what is said of it."""


@pytest.mark.parametrize("outage", ["folder"], indirect=True)
def test_nothing_scores_where_the_store_cannot_prove_what_the_alias_named(outage: Outage) -> None:
    model = outage.score().model
    outage.server.stop()
    copy, note = sealed_model_key(model.name, model.version, model.digest), named_version_key(NAME, "champion")
    whole = {key: outage.store.read(key).data for key in (copy, note)}
    for spoil, of_note, why in SPOILT.values():
        key = note if of_note else copy
        spoil(outage.store, key)
        no_answer = f"no MLflow server answers at {outage.server.uri} .*{why}"
        with pytest.raises(RegistryUnreachable, match=no_answer) as ended:
            outage.score_next()
        assert ended.value.exit_code == 5
        assert not list(outage.store.list(f"decisions/day={NEXT}/"))
        outage.store.delete(key)
        outage.store.create(key, whole[key])
    outage.store.delete(copy)
    outage.store.delete(note)
    outage.server.start()
    assert outage.score_next().sealed_copy == ""
    assert named_version(outage.store, "champion", NAME)


@pytest.mark.parametrize("outage", ["folder"], indirect=True)
def test_a_setting_forbids_it(outage: Outage) -> None:
    outage.score()
    outage.server.stop()
    strict = outage.project.with_settings(registry={"sealed_copy": "forbid"})
    with pytest.raises(RegistryUnreachable, match=r"no MLflow server answers at http://\S+ \(Connection refused\)"):
        score_applications.fn(as_of=NEXT, config=strict.config)


def test_a_run_decides_after_one_bounded_question(project: Project) -> None:
    project.deliver(rows=60)
    lean = project.with_short_contract()
    with dead_end() as silent:
        settings = lean.with_settings(registry={"tracking_uri": silent.uri})
        store = open_store(load_settings(settings.config).storage)
        model = promote_version("1", load_settings(lean.config))
        note = store.read(named_version_key(NAME, "champion"))
        of_silent = json.loads(note.data) | {"registry": silent.uri}
        store.replace(named_version_key(NAME, "champion"), json.dumps(of_silent).encode(), tag=note.tag)
        manifest = score_applications.fn(as_of=DAY, config=settings.config).manifest
        assert manifest
        assert (manifest.model, bool(manifest.sealed_copy)) == (model, True)
        assert silent.connections == 3, "asked once, and twice again"
