"""A small day, and two model versions to score it with, for proofs that need many of both."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from configs.settings import Settings, load_settings
from tasks.core.bundle import to_files
from tasks.generate import generate_day, load_statistics
from tasks.pin import registry_of
from tasks.store import Store, open_store
from tests.conftest import DAY, Project

THE_DAY: Final[Mapping[str, Any]] = {"rows": 60, "files": 2, "bad_share": 0.25, "seed": 11}
"""Some rows go to quarantine, and one is the copy of another."""
VERSIONS: Final = ("1", "2")
"""The second refuses from twice the pd on, so that some applications are decided differently."""


def with_two_versions(trained: Project, folder: Path) -> Project:
    """The trained project with a registry of its own, in which there is a second version, no champion yet."""
    own = {"artifact_root": str(folder / "artifacts"), "experiment": "rivals"}
    project = with_own_registry(trained, folder / "two.db", **own)
    registry = registry_of(load_settings(project.config))
    champion = registry.champion()
    bundle = registry.load(champion)
    lenient = replace(bundle, cutoff=2 * bundle.cutoff)
    second = registry.register(to_files(lenient), params={}, metrics={}, figures={})
    assert (champion.version, second.version) == VERSIONS
    return project


def with_own_registry(project: Project, database: Path, **others: str) -> Project:
    """The project with a copy of its registry, so that its champion can be moved alone."""
    uri = load_settings(project.config).registry.tracking_uri
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(uri.removeprefix("sqlite:///"), database)
    return project.with_settings(registry={"tracking_uri": f"sqlite:///{database}"} | others)


def deliver(settings: Settings) -> Store:
    """Lay the day into the landing of a store."""
    store = open_store(settings.storage)
    generate_day(store, load_statistics(), as_of=DAY, **THE_DAY)
    return store
