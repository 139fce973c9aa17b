"""What a command does not need it does not import: that is most of the time a small day takes."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from flows.cli import scoring
from tests.conftest import DAY, Project

WATCHED = {
    "altair", "boto3", "botocore", "evidently", "great_expectations", "lightgbm", "matplotlib", "mlflow", "optuna",
    "pandas", "prefect", "scipy", "scipy.optimize", "scipy.stats", "sklearn", "sqlalchemy",
}  # fmt: skip

EVERY_HEAVY = WATCHED | {"numpy", "pyarrow", "pydantic", "yaml"}
WRONG_CALLS = [
    ["guess"],
    ["generate", "--from", "9999-12-31", "--days", "2"],
    ["train", "--applications", "nowhere.csv"],
    ["promote", "--rollback", "--history"],
    ["compare"],
    ["compare", "--version", "2", "--days", "2026-11-03..2026-11-02"],
    ["score", "--as-of", "2026-02-30"],
    ["backfill", "--from", "2026-02-30"],
    ["monitor", "--as-off", "2026-02-03"],
    ["status", "--last", "0"],
    ["rejected", "--as-of", "2026-02-30"],
    ["explain", "--as-of", str(DAY), "--application-id", "0"],
    ["clean", "--reason", "for nothing"],
]


def imported(*arguments: str) -> set[str]:
    """Which of the watched packages a command has imported in the end."""
    code = f"import sys; from flows.cli import main; main(); print(*{WATCHED!r} & sys.modules.keys(), file=sys.stderr)"
    call = [sys.executable, "-c", code, *arguments]
    return set(subprocess.run(call, capture_output=True, text=True, check=True).stderr.splitlines()[-1].split())


def test_help_and_usage_errors_come_at_once() -> None:
    with_lists = {"generate"}  # its help lists drifts and faults, whose modules compute
    calls = [["--help"], *([name, "--help"] for name in sorted(scoring.commands.keys() - with_lists)), *WRONG_CALLS]
    code = (
        "import json, sys\n"
        "from flows.cli import scoring\n"
        "told = []\n"
        "for call in json.loads(sys.argv[1]):\n"
        "    try: scoring(call)\n"
        "    except SystemExit as ended: told.append([ended.code, *sorted(set(sys.argv[2:]) & sys.modules.keys())])\n"
        "print(json.dumps(told))"
    )
    process = [sys.executable, "-c", code, json.dumps(calls), *EVERY_HEAVY]
    shown = subprocess.run(process, capture_output=True, text=True, check=True)
    told = json.loads(shown.stdout.splitlines()[-1])
    assert dict(zip(map(" ".join, calls), told, strict=True)) == {
        " ".join(call): [2 if call in WRONG_CALLS else 0] for call in calls
    }


def test_scoring_a_day_without_prefect_imports_little_more_than_the_contract(project: Project) -> None:
    project.deliver(rows=200)
    found = imported("score", "--as-of", str(DAY), "--without-prefect", "--config", project.config)
    assert found == {"great_expectations", "pandas", "scipy"}


def test_a_day_that_stays_as_it_is_needs_neither_contract_nor_registry(
    project: Project, score: Callable[..., Any]
) -> None:
    project.deliver(rows=200)
    score(project)
    found = imported("score", "--as-of", str(DAY), "--without-prefect", "--config", project.config)
    assert found <= {"pandas"}
