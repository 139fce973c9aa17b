"""A small trained model and a project folder of its own for every test that runs a whole day."""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings as hypothesis_settings

import tasks  # noqa: F401 - first of all: it sets what the libraries read from the environment when they are imported
from tests.s3_servers import S3Server, moto_server, rclone_server
from tests.store.breaking_proxy import BreakingProxy

for _name in [name for name in os.environ if name.startswith("SCORING_")]:
    del os.environ[_name]  # or tests would publish and promote in the store and registry of whoever runs them

importlib.import_module("prefect")  # flows that are imported after it are Prefect's own, as in a worker

hypothesis_settings.register_profile("without a clock", deadline=None)  # a busy machine breaks no rule
hypothesis_settings.load_profile("without a clock")

DAY = date(2026, 11, 2)
_TRAINING = {"max_trees": 60, "folds": 3, "reference_rows": 500}


_LONGEST = (
    "flows/test_worker.py",  # waits for a worker's silence to be noticed
    "flows/test_registry_down.py",  # waits for servers
    "proofs/test_fault_sweep_s3.py",
    "proofs/test_fault_sweep.py",
    "proofs/test_drift_study.py",
    "proofs/test_kill_sweep.py",
    "proofs/test_races.py",
    "erasure/test_erase.py",
    "flows/test_values.py",
)


class DoctestsWithoutGarbage:
    """Collects no garbage while a doctest runs, in whatever folder the doctest lies.

    Each doctest starts a debugger, which walks `linecache.cache` (bdb.Bdb.reset). SQLAlchemy takes entries out of it
    when a class that it generated is collected; a collection in the middle of the walk fails the doctest (KeyError).

    >>> gc.isenabled()
    False
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        if not isinstance(item, pytest.DoctestItem):
            return (yield)
        gc.disable()
        try:
            return (yield)
        finally:
            gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Let it apply to the doctests of all rooms; a hook written here would apply to this folder alone."""
    config.pluginmanager.register(DoctestsWithoutGarbage())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin first, so that no core idles while another is left with one of them."""

    def place(item: pytest.Item) -> int:
        name = item.path.as_posix()
        return next((n for n, longest in enumerate(_LONGEST) if name.endswith(longest)), len(_LONGEST))

    items.sort(key=place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that no page was looked at, if there is nothing to look with."""
    if not shutil.which("chromium"):
        terminalreporter.write_line(
            "No page was looked at in a browser: Chromium is missing. tests/browser/chromium.sh installs it."
        )


@dataclass(frozen=True)
class Project:
    """Settings on disk, with a store of their own and a registry that holds a champion."""

    config: str
    root: Path

    @property
    def landing(self) -> Path:
        return self.root / f"landing/day={DAY}"

    @property
    def decisions(self) -> Path:
        return self.root / f"decisions/day={DAY}/decisions.parquet"

    def with_settings(self, **sections: dict[str, Any]) -> Project:
        """The same project under other settings."""
        settings = yaml.safe_load(Path(self.config).read_text())
        for section, fields in sections.items():
            settings[section] = settings.get(section, {}) | fields
        path = Path(self.config).with_name(f"settings_{len(list(Path(self.config).parent.glob('*.yaml')))}.yaml")
        path.write_text(yaml.safe_dump(settings))
        return Project(str(path), self.root)

    def with_own_registry(self, folder: Path) -> Project:
        """The same project with a copy of its registry, in which a test registers and promotes what it likes."""
        from configs.settings import load_settings

        uri = load_settings(self.config).registry.tracking_uri
        database = folder / "mlflow.db"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(uri.removeprefix("sqlite:///"), database)
        own = {"tracking_uri": f"sqlite:///{database}", "artifact_root": f"{folder}/artifacts", "experiment": "own"}
        return self.with_settings(registry=own)

    def with_short_contract(self) -> Project:
        """The same project under the contract cut down to the domains of texts, for what does not judge rows."""
        from configs.settings import PROJECT

        suite = json.loads((PROJECT / "expectations/applications.json").read_text())
        kept = [each for each in suite["expectations"] if re.fullmatch("NAME_.*_in_domain", each["meta"]["id"])]
        path = Path(self.config).with_name("short_contract.json")
        path.write_text(json.dumps({**suite, "expectations": kept}))
        return self.with_settings(contract={"suite": str(path)})

    def promote(self, version: str) -> None:
        """Let another registered version score."""
        from configs.settings import load_settings
        from tasks.model.load import registry_of

        registry_of(load_settings(self.config)).promote(version)

    def block_publication(self) -> Path:
        """Lay a link in the way of the first manifest; returns it, to be removed."""
        in_the_way = self.root / f"revisions/day={DAY}/rev=0001"
        in_the_way.parent.mkdir(parents=True)
        in_the_way.symlink_to("nowhere")
        return in_the_way

    def deliver(self, rows: int = 400, **options: Any) -> None:
        """Lay a synthetic day into the landing."""
        from configs.settings import Storage
        from tasks.feed.generate import generate_day, load_statistics
        from tasks.store import open_store

        generate_day(
            open_store(Storage(root=str(self.root))), load_statistics(), as_of=DAY, rows=rows, seed=11, **options
        )


def _settings(folder: Path, registry: Path, **sections: dict[str, Any]) -> Path:
    path = folder / "settings.yaml"
    settings = {
        "storage": {"root": str(folder / "store")},
        "registry": {"tracking_uri": f"sqlite:///{registry}/mlflow.db", "artifact_root": str(registry / "artifacts")},
        "training": _TRAINING,
        **sections,
    }
    path.write_text(yaml.safe_dump(settings))
    return path


def with_rival(project: Project, folder: Path) -> Project:
    """The project with a registry of its own, in which version 2, no champion yet, refuses from twice the pd on."""
    from configs.settings import load_settings
    from tasks.core.model.bundle import to_files
    from tasks.model.load import registry_of

    own = project.with_own_registry(folder)
    registry = registry_of(load_settings(own.config))
    champion = registry.champion()
    bundle = registry.load(champion)
    lenient = replace(bundle, cutoff=2 * bundle.cutoff)
    second = registry.register(to_files(lenient), params={}, metrics={}, figures={})
    assert (champion.version, second.version) == ("1", "2")
    return own


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose registry holds one trained champion.

    Tests copy its store and share its registry: whoever registers or promotes takes `with_own_registry`.
    """
    from flows.train_model import train_model
    from tasks.feed.generate import load_statistics, write_history

    folder = tmp_path_factory.mktemp("trained")
    config = str(_settings(folder, folder))
    history = folder / "history.parquet"
    write_history(history, load_statistics(), rows=4000, seed=5, as_of=date(2026, 10, 1), file_format="parquet")
    train_model.fn(applications=[str(history)], config=config)
    return Project(config, folder / "store")


@pytest.fixture
def project(trained: Project, tmp_path: Path) -> Project:
    """A fresh project with the trained champion and its reference sample; it trains quickly, with nothing beside."""
    lean = _TRAINING | {"baselines": "none", "choice_rows": 0}
    config = _settings(tmp_path, Path(trained.config).parent, training=lean)
    shutil.copytree(trained.root / "reference", tmp_path / "store/reference")
    return Project(str(config), tmp_path / "store")


@pytest.fixture
def rivals(project: Project) -> Project:
    """A project with a registry of its own, in which version 2, no champion yet, refuses from twice the pd on."""
    return with_rival(project, Path(project.config).parent / "registry")


@pytest.fixture
def score(project: Project) -> Callable[..., Any]:
    """Score the test day as plain Python."""
    from flows.score_applications import score_applications

    def run(using: Project = project, **order: Any) -> Any:
        return score_applications.fn(as_of=DAY, config=using.config, **order)

    return run


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A real Prefect server on a database of its own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=90):
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 that honours conditional writes."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def heedless_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 that ignores conditional writes."""
    with rclone_server(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture
def s3_root(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A `storage.root` in a fresh bucket, with the AWS variables that lead there."""
    s3_server.use(monkeypatch)
    return f"s3://{s3_server.fresh_bucket()}/prod"


@pytest.fixture
def heedless_s3_root(heedless_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same on the S3 that ignores conditional writes."""
    heedless_s3_server.use(monkeypatch)
    return f"s3://{heedless_s3_server.fresh_bucket()}/prod"


@pytest.fixture
def s3_proxy(s3_root: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingProxy]:
    """A proxy that breaks requests as planned; the AWS variables lead to it, and on to `s3_root`."""
    with BreakingProxy(s3_server.endpoint, s3_root).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        yield proxy
