"""A step is a plain function outside a flow run; a kept result is not made twice."""

import contextvars
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from configs.settings import Settings
from tasks.errors import ConfigError, OrchestratorError
from tasks.running.context import settings_of_run, step_seconds
from tasks.running.step import business_day, require_prefect, run_name, step

DAY = date(2026, 11, 2)


@dataclass(frozen=True)
class Count:
    n: int


CALLS: list[int] = []


@step("count", reuse=lambda n, settings: f"work/count-{n}.json" if n else None)
def count(n: int, settings: Settings) -> Count:  # noqa: ARG001 - where the result is kept
    CALLS.append(n)
    return Count(n)


def test_a_step_with_a_key_works_once_and_one_without_works_every_time(tmp_path: Path) -> None:
    settings = Settings.model_validate({"storage": {"root": str(tmp_path)}})
    CALLS.clear()
    assert [count(n, settings) for n in (1, 1, 2, 0, 0, 1)] == [Count(n) for n in (1, 1, 2, 0, 0, 1)]
    assert CALLS == [1, 2, 0, 0]


def test_a_step_keeps_its_name_and_its_words() -> None:
    @step("add one")
    def add_one(n: int) -> int:
        """Add one."""
        return n + 1

    assert (add_one(1), add_one.__name__, add_one.__doc__) == (2, "add_one", "Add one.")


def test_the_seconds_of_a_run_are_those_of_work_done_since_its_settings_were_loaded(tmp_path: Path) -> None:
    settings = Settings.model_validate({"storage": {"root": str(tmp_path)}})
    count(7, settings)
    settings_of_run(None)
    assert step_seconds() == {}
    count(7, settings)
    assert step_seconds() == {}, "a kept result takes no time"
    count(8, settings)
    once = step_seconds()["count"]
    count(9, settings)
    assert 0 < once < step_seconds()["count"]


def test_outside_a_run_no_seconds_are_kept(tmp_path: Path) -> None:
    settings = Settings.model_validate({"storage": {"root": str(tmp_path)}})
    copied = contextvars.Context()
    copied.run(count, 1, settings)
    assert copied.run(step_seconds) == {}


def test_the_day_that_is_asked_for_counts_and_without_one_nothing_is_guessed() -> None:
    assert business_day(DAY, Settings()) == DAY
    with pytest.raises(ConfigError, match="Give --as-of YYYY-MM-DD"):
        business_day(None, Settings())


def test_a_run_whose_day_is_not_known_is_named_by_its_verb() -> None:
    assert run_name("score")() == "score"


def test_an_unreachable_prefect_is_named_with_the_way_out() -> None:
    address = "http://127.0.0.1:9/api"
    expected = re.escape(f"Prefect cannot be reached at {address} (PREFECT_API_URL)") + ".*--without-prefect"
    with temporary_settings({PREFECT_API_URL: address}), pytest.raises(OrchestratorError, match=expected) as caught:
        require_prefect()
    assert caught.value.exit_code == 8
