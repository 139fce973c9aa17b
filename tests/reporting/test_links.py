"""Links of a day's page lead to pages that are there, from wherever the store lies."""

from datetime import date

from tasks.core.model.bundle import ModelPin
from tasks.publication.layout import day_page_key, days_page_key, model_page_key, monitoring_key, verdict_key
from tasks.reporting.links import links_of, neighbours

DAY = date(2026, 11, 2)
BEFORE, AFTER = date(2026, 10, 30), date(2026, 11, 4)
MODEL = ModelPin("credit default", "1", "d")


def test_only_pages_that_are_there_are_linked() -> None:
    assert links_of(DAY, MODEL, set()) == {}
    keys = {verdict_key(DAY), days_page_key(), model_page_key("credit default", "1"), verdict_key(BEFORE)}
    assert links_of(DAY, MODEL, keys) == {
        "index": "../index.html",
        "verdict": "verdict.json",
        "model": "../model=credit%2520default/version=1/index.html",
    }
    assert "model" not in links_of(DAY, None, keys)


def test_the_nearest_days_with_a_page_are_the_neighbours() -> None:
    others = {monitoring_key(date(2026, 11, 3), "drift.html"), day_page_key(date(2026, 10, 1)), days_page_key()}
    keys = {day_page_key(BEFORE), day_page_key(DAY), day_page_key(AFTER), *others}
    assert neighbours(DAY, keys) == (BEFORE, AFTER)
    assert neighbours(AFTER, keys) == (DAY, None)
    links = links_of(DAY, None, keys)
    assert (links["before"], links["after"]) == ("../day=2026-10-30/index.html", "../day=2026-11-04/index.html")
