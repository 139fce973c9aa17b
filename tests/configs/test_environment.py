"""The settings decide, whatever variables of libraries are set."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from configs.settings import PROJECT, load_settings
from tasks.errors import ConfigError
from tasks.store import open_store
from tasks.store.s3_client import connect

AWS = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"MLFLOW_WORKSPACE": "risk"}, "MLFLOW_WORKSPACE names a workspace .* Unset it"),
        (AWS | {"AWS_ENDPOINT_URL_S3": "http://minio:9000"}, "AWS_IGNORE_.* is true and AWS_ENDPOINT_URL_S3 is set"),
        (AWS | {"AWS_ENDPOINT_URL": "http://minio:9000"}, "AWS_IGNORE_.* is true and AWS_ENDPOINT_URL is set"),
        ({"PREFECT_DEBUG_MODE": "1"}, "PREFECT_DEBUG_MODE makes Prefect write the results"),
    ],
)
def test_a_variable_that_would_overrule_a_setting_is_refused_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as refused:
        load_settings(environ=environ)
    assert "http" not in str(refused.value)


def test_variables_that_overrule_nothing_are_left_alone() -> None:
    harmless = {
        "MLFLOW_WORKSPACE": "default",
        "PREFECT_DEBUG_MODE": "false",
        "AWS_ENDPOINT_URL_S3": "http://minio:9000",
    }
    assert load_settings(environ=harmless) == load_settings(environ=AWS) == load_settings(environ={})


def by_profile(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """The environment in which these settings stand in Prefect's profile alone."""
    lines = ['active = "ops"', "[profiles.ops]", *(f'{name} = "{value}"' for name, value in variables.items())]
    (folder / "profiles.toml").write_text("\n".join(lines))
    return {"PREFECT_HOME": str(folder)}


def told_by(program: str, environ: dict[str, str], folder: Path = PROJECT) -> str:
    """Last line that a program prints in this environment, started in a folder."""
    shown = subprocess.run(
        [sys.executable, "-c", program], env={"PATH": "", "PYTHONPATH": str(PROJECT), **environ}, cwd=folder,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return shown.stdout.splitlines()[-1]


@pytest.mark.parametrize("is_profile", [False, True])
def test_prefect_gets_the_options_of_flows_and_steps_from_us(tmp_path: Path, is_profile: bool) -> None:
    hostile = {
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
        "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "true",
        "PREFECT_FLOW_DEFAULT_RETRIES": "3",
        "PREFECT_FLOWS_DEFAULT_RETRIES": "3",
        "PREFECT_TASK_DEFAULT_RETRIES": "3",
        "PREFECT_TASKS_DEFAULT_RETRIES": "3",
        "PREFECT_TASKS_REFRESH_CACHE": "true",
        "PREFECT_LOGGING_LOG_PRINTS": "true",
    }
    told = (
        "import json, sys\n"
        "import prefect\n"
        "from flows.clean_store import clean_store\n"
        "from flows.monitor_decisions import monitor_decisions\n"
        "from flows.score_applications import score_applications\n"
        "from flows.train_model import train_model\n"
        "flows = [clean_store, monitor_decisions, score_applications, train_model]\n"
        "modules = [module for name, module in list(sys.modules.items()) if name.startswith('tasks.')]\n"
        "steps = {id(each): each for module in modules for each in vars(module).values() if hasattr(each, 'as_task')}\n"
        "made = [each.as_task() for each in steps.values()]\n"
        "options = [[each.name, each.retries, each.persist_result, each.log_prints] for each in (*flows, *made)]\n"
        "print(json.dumps([options, [each.refresh_cache for each in made]]))\n"
    )
    environ = by_profile(tmp_path, hostile) if is_profile else {"PREFECT_HOME": str(tmp_path), **hostile}
    options, refreshed = json.loads(told_by(told, environ))
    assert len(options) > 15
    assert [each for each in options if each[1:] != [0, False, False]] == []
    assert set(refreshed) == {False}


@pytest.mark.parametrize("source", ["profile", "prefect.toml", ".env", None])
def test_prefects_debug_mode_is_refused_wherever_it_was_switched_on(tmp_path: Path, source: str | None) -> None:
    program = (
        "from prefect.settings import PREFECT_API_URL\n"  # as a worker does, before our code is loaded
        "from tasks.running.context import require_discreet_prefect\n"
        "try:\n"
        "    require_discreet_prefect()\n"
        "    print('taken')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    environ = by_profile(tmp_path, {"PREFECT_DEBUG_MODE": "true"} if source == "profile" else {})
    if source and source != "profile":
        line = "debug_mode = true" if source.endswith(".toml") else "PREFECT_DEBUG_MODE=true"
        (tmp_path / source).write_text(line)
    told = told_by(program, environ, tmp_path)
    assert re.match(r"ConfigError PREFECT_DEBUG_MODE is on, .*config view --show-sources" if source else "taken", told)


def test_an_aws_profile_that_ignores_the_endpoint_is_refused(
    s3_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "config"
    profile.write_text("[default]\nignore_configured_endpoint_urls = true\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))
    storage = load_settings(environ={"SCORING_STORAGE__ROOT": s3_root}).storage
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL_S3 is set, and the AWS profile ignores it") as refused:
        next(open_store(storage).list(""), None)
    assert "http" not in str(refused.value)


def test_boto3_gets_its_attempts_and_checksums_from_us(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = {
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_RETRY_MODE": "legacy",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(environ={"SCORING_STORAGE__ROOT": s3_root, "SCORING_STORAGE__ATTEMPTS": "7"})
    config = connect(open_store(settings.storage)._root).meta.config  # type: ignore[attr-defined]
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 7)
