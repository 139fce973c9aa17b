"""A day that was published twice, for tests of what the store says of it."""

from datetime import date
from pathlib import Path

import yaml

from flows.score_applications import score_applications
from tests.conftest import DAY, Project

NEXT = date(2026, 11, 3)
WHY = "applications in the grey zone go to a person"


def publish(trained: Project, root: Path) -> Project:
    """A project on a store of its own, in which the day is published from two files."""
    project = Project(trained.with_settings(storage={"root": str(root)}).config, root)
    project.deliver(rows=200, bad_share=0.05, files=2)
    score_applications.fn(as_of=DAY, config=project.config)
    return project


def revise(project: Project) -> None:
    """Publish the day again, under a policy that lets a person decide some applications."""
    policy = yaml.safe_load(Path("configs/policy.yaml").read_text("utf-8"))
    path = Path(project.config).with_name("referring.policy")
    path.write_text(yaml.safe_dump(policy | {"version": "2", "refer_from": 0.5}))
    referring = project.with_settings(scoring={"policy": str(path)})
    score_applications.fn(as_of=DAY, config=referring.config, force=True, reason=WHY)
