"""The steps of the test day by hand, for tests of one step."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd

from configs.settings import Settings, load_settings
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import PUBLISH, Audited, Delivery, Draft, Order, PartRef, Pins
from tasks.core.day.standing import Standing
from tasks.scoring.arrive import arrive
from tasks.scoring.audit import audit
from tasks.scoring.pin import pin
from tasks.scoring.publish import publish, roll_forward
from tasks.scoring.revise import draft
from tasks.scoring.screen_score import screen_and_score_files
from tasks.store import Store, open_store
from tests.conftest import DAY, Project

FIRST: Final = Draft(1, None, None)
"""The first revision of a day."""


class Day:
    """The test day as one run works on it: each step runs when its result is first asked for."""

    def __init__(self, project: Project, order: Order = PUBLISH) -> None:
        self.project = project
        self.order = order

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.project.config)

    @cached_property
    def store(self) -> Store:
        return open_store(self.settings.storage)

    @cached_property
    def standing(self) -> Standing:
        return roll_forward(DAY, self.order, self.settings)

    @cached_property
    def delivery(self) -> Delivery:
        return arrive(self.standing, self.settings)

    @cached_property
    def pins(self) -> Pins:
        return pin(self.standing, self.delivery, self.settings)

    @cached_property
    def draft(self) -> Draft:
        return draft(self.standing, self.delivery, self.settings)

    @cached_property
    def parts(self) -> list[PartRef]:
        return screen_and_score_files(self.delivery.files, self.pins, self.settings)

    @cached_property
    def audited(self) -> Audited:
        return audit(self.delivery, self.pins, self.draft, self.parts, self.settings)

    @cached_property
    def manifest(self) -> Manifest:
        """The revision that the run publishes."""
        return publish(self.standing, self.delivery, self.pins, self.draft, self.audited, self.settings)


def elsewhere(project: Project, root: Path) -> Project:
    """The same project with its store at another place."""
    return Project(project.with_settings(storage={"root": str(root)}).config, root)


def delivered(project: Project, name: str = "applications_1.csv") -> pd.DataFrame:
    """A delivered file's applications as text, just as they came."""
    return pd.read_csv(project.landing / name, dtype=str, keep_default_na=False)


def lay(project: Project, rows: pd.DataFrame, name: str = "applications_1.csv") -> Path:
    """Deliver rows as a file that no control file announces."""
    path = project.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (project.landing / "_control.json").unlink(missing_ok=True)
    rows.to_csv(path, index=False)
    return path
