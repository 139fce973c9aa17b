"""The settings decide, whatever variables of libraries are set."""

import json
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


def test_prefect_gets_the_options_of_flows_and_steps_from_us(tmp_path: Path) -> None:
    hostile = {
        "PREFECT_HOME": str(tmp_path),
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
        "import json\n"
        "from prefect import Task\n"
        "made, plain = [], Task.__init__\n"
        "def noted(self, *given, **options):\n"
        "    plain(self, *given, **options)\n"
        "    made.append(self)\n"
        "Task.__init__ = noted\n"
        "from flows.clean_store import clean_store\n"
        "from flows.monitor_decisions import monitor_decisions\n"
        "from flows.score_applications import score_applications\n"
        "from flows.train_model import train_model\n"
        "flows = [clean_store, monitor_decisions, score_applications, train_model]\n"
        "options = [[each.name, each.retries, each.persist_result, each.log_prints] for each in (*flows, *made)]\n"
        "print(json.dumps([options, [each.refresh_cache for each in made]]))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", told], env={"PATH": "", "PYTHONPATH": str(PROJECT), **hostile}, cwd=PROJECT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    options, refreshed = json.loads(shown.stdout.splitlines()[-1])
    assert len(options) > 15
    assert [each for each in options if each[1:] != [0, False, False]] == []
    assert set(refreshed) == {False}


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
