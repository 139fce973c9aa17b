"""What a command does not need it does not import: that is most of the time a small day takes."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.conftest import DAY, Project

WATCHED = {
    "evidently", "great_expectations", "lightgbm", "matplotlib", "mlflow", "optuna", "pandas", "prefect",
    "prefect.server.api.server", "scipy", "scipy.optimize", "sklearn",
}  # fmt: skip


def imported(*arguments: str) -> set[str]:
    """Which of the watched packages a command has imported in the end."""
    code = f"import sys; from flows.cli import main; main(); print(*{WATCHED!r} & sys.modules.keys(), file=sys.stderr)"
    call = [sys.executable, "-c", code, *arguments]
    return set(subprocess.run(call, capture_output=True, text=True, check=True).stderr.splitlines()[-1].split())


def test_scoring_a_day_imports_nothing_of_training_monitoring_and_the_server(project: Project) -> None:
    project.deliver(rows=200)
    found = imported("score", "--as-of", str(DAY), "--without-prefect", "--config", project.config)
    assert found >= {"great_expectations", "mlflow"}
    assert not found & {
        "evidently", "lightgbm", "matplotlib", "optuna", "prefect.server.api.server", "sklearn",
    }  # fmt: skip


def test_a_day_that_stays_as_it_is_needs_neither_contract_nor_registry(
    project: Project, score: Callable[..., Any]
) -> None:
    project.deliver(rows=200)
    score(project)
    found = imported("score", "--as-of", str(DAY), "--without-prefect", "--config", project.config)
    assert found <= {"pandas", "prefect"}
