"""Days that are published and not judged are found, and no others."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.monitoring.missing import unjudged_days
from tasks.publication.day_status import DayStatus
from tests.conftest import DAY
from tests.manifests import sample_manifest

PUBLISHED_AT = datetime(2026, 11, 2, 7, 5, tzinfo=UTC)
LONG_AFTER = PUBLISHED_AT + timedelta(days=1)


def status(monitoring: str, state: str = "published") -> DayStatus:
    newest = sample_manifest(run={"published_at": PUBLISHED_AT.isoformat()})
    return DayStatus(DAY, newest, state, (), monitoring)


@pytest.mark.parametrize("monitoring", ["not monitored", "rev 1 only", "damaged"])
def test_a_day_without_a_verdict_that_counts_is_found(monitoring: str) -> None:
    assert [*unjudged_days([status(monitoring), status(monitoring, "behind")], LONG_AFTER)] == [DAY, DAY]


@pytest.mark.parametrize("monitoring", ["ok", "watch", "alert", "insufficient", "archived"])
def test_a_judged_day_is_left_alone(monitoring: str) -> None:
    assert [*unjudged_days([status(monitoring)], LONG_AFTER)] == []


def test_a_day_that_is_not_published_is_left_alone() -> None:
    assert [*unjudged_days([DayStatus(DAY, None, "delivered, not published")], LONG_AFTER)] == []


@pytest.mark.parametrize(("seconds", "is_found"), [(-1, False), (0, True)])
def test_a_later_publication_is_left_to_its_own_run(seconds: int, is_found: bool) -> None:
    until = PUBLISHED_AT + timedelta(seconds=seconds)
    assert bool([*unjudged_days([status("not monitored")], until)]) is is_found


def test_a_publication_that_noted_no_time_is_not_waited_for() -> None:
    day = DayStatus(DAY, sample_manifest(run={}), "published", (), "not monitored")
    assert [*unjudged_days([day], PUBLISHED_AT)] == [DAY]
