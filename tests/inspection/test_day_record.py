"""A day's status as programs read it."""

import json

from configs.calendar import Calendar
from tasks.inspection.day_record import day_record
from tasks.publication.day_status import DayStatus
from tests.conftest import DAY
from tests.manifests import sample_manifest

CALENDAR = Calendar(zone="UTC", weekend=("monday",), holidays={}, zero_row_days={})


def test_a_published_day_has_its_facts() -> None:
    record = day_record(DayStatus(DAY, sample_manifest(), "published", ("a hint",), "watch"), CALENDAR, [DAY])
    assert json.loads(json.dumps(record)) == {
        "as_of": "2026-11-02",
        "state": "published",
        "hints": ["a hint"],
        "excuse": "a Monday",
        "monitoring": "watch",
        "overdue": True,
        "revision": 1,
        "published_at": "2026-11-02T07:05:59.123456+00:00",
        "model": "credit-default 3",
        "sealed_copy": None,
        "received": 5034,
        "decided": 4032,
        "quarantined": 902,
        "approval_rate": 0.75,
        "sha256": "dd",
    }


def test_a_day_without_a_publication_has_the_same_names() -> None:
    record = day_record(DayStatus(DAY, None, "missing"), CALENDAR, None)
    assert record.keys() | {"overdue"} == day_record(DayStatus(DAY, sample_manifest(), ""), CALENDAR, []).keys()
    assert (record["monitoring"], record["revision"]) == (None, None)
    assert "overdue" not in record
