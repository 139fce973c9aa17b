"""The run fails exactly if a day is overdue, and its error is what the command says."""

from datetime import UTC, date, datetime, time

import pytest

from configs.calendar import load_calendar
from configs.settings import load_settings
from flows.expect_days import expect_days
from flows.score_applications import score_applications
from tasks.errors import DayOverdue
from tests.conftest import DAY, Project


def test_a_day_that_is_published_and_not_monitored_is_named_with_what_to_do(project: Project) -> None:
    project.deliver(rows=200)
    score_applications.fn(as_of=DAY, config=project.config)
    with pytest.raises(DayOverdue, match=rf"(?s)by 00:00.*{DAY}  published, not monitored: scoring monitor"):
        expect_days.fn(config=project.config, by=time(0), last=100_000)


def test_a_store_without_days_expects_today_alone(project: Project) -> None:
    today = load_calendar(load_settings(project.config).scoring.calendar).business_day(datetime.now(UTC))
    if is_demanded(project, today):
        with pytest.raises(DayOverdue, match=f"1 day.*\n  {today}  nothing delivered yet"):
            expect_days.fn(config=project.config, by=time(0))
    else:
        expect_days.fn(config=project.config, by=time(0))


def is_demanded(project: Project, day: date) -> bool:
    return not load_calendar(load_settings(project.config).scoring.calendar).excuse(day)
