"""A model with a cut-off for other costs scores; a challenger for the costs of now is far better."""

import shutil
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from configs.settings import Settings, load_settings
from flows.train_model import train_model
from tasks.core.model.bundle import ModelPin
from tasks.feed.generate import load_statistics, write_history
from tasks.model.load import registry_of
from tasks.training.train import Trained
from tests.conftest import Project

LIMITS = {"least_rows": 1000, "least_defaulted": 50}


class Rivalry(NamedTuple):
    """Version 1 scores, with a cut-off for defaults that cost three times as much as they do now.

    Version 2 has the cut-off of now, and is far cheaper; version 3 has that of version 1, and is the
    challenger.
    """

    project: Project
    better: Trained
    worse: Trained
    histories: dict[str, Path]


@pytest.fixture(scope="session")
def rivalry(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Rivalry:
    """Three versions that were trained one after the other on overlapping histories."""
    folder = tmp_path_factory.mktemp("rivalry")
    histories = {}
    for name, rows in {"small": 2400, "large": 3600}.items():
        path = folder / f"{name}.parquet"
        write_history(path, load_statistics(), rows=rows, seed=5, as_of=date(2026, 10, 1), file_format="parquet")
        histories[name] = path
    registry = {"tracking_uri": f"sqlite:///{folder}/mlflow.db", "artifact_root": f"{folder}/artifacts"}
    base = trained.with_settings(storage={"root": str(folder / "store")}, registry=registry, promotion=LIMITS)

    former = folder / "former_policy.yaml"
    former.write_text(
        Path("configs/policy.yaml").read_text("utf-8").replace("false_negative: 10 ", "false_negative: 30 ")
    )

    def train(policy: str, history: str, trees: int = 30) -> Trained:
        lean = {
            "max_trees": trees,
            "max_depth": 3,
            "folds": 2,
            "reference_rows": 300,
            "baselines": "none",
            "choice_rows": 0,
        }
        config = base.with_settings(training=lean, scoring={"policy": policy}).config
        return train_model.fn(applications=[str(histories[history])], config=config)

    assert train(str(former), "small").alias == "champion"
    better = train("configs/policy.yaml", "large")
    worse = train(str(former), "small", trees=29)
    return Rivalry(Project(base.config, folder / "store"), better, worse, histories)


@pytest.fixture
def duel(rivalry: Rivalry, tmp_path: Path) -> Rivalry:
    """The same with a store and a registry of its own, in which a test promotes what it likes."""
    shutil.copytree(rivalry.project.root, tmp_path / "store")
    own = rivalry.project.with_own_registry(tmp_path / "registry")
    return rivalry._replace(project=Project(own.with_settings(storage={"root": str(tmp_path / "store")}).config,
                                            tmp_path / "store"))  # fmt: skip


@pytest.fixture
def settings(duel: Rivalry) -> Settings:
    return load_settings(duel.project.config)


def champion_of(settings: Settings) -> ModelPin:
    return registry_of(settings).champion()
