from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.core.reporting.days_page import (
    LOOKED_BACK_DAYS,
    MISSING,
    MOST_WRONG_DAYS,
    PUBLISHED,
    ColumnDrift,
    DayLine,
    drifted_columns,
    gravity,
    reasons_of_day,
    with_missing_days,
    wrong_days,
)
from tests.days_lines import CALENDAR, DRIFTED, FIRST, REASON, line_of, wrong_month


@given(st.sets(st.integers(0, 60), min_size=1, max_size=20))
def test_each_day_that_the_calendar_demands_has_a_line(offsets: set[int]) -> None:
    lines = with_missing_days([line_of(n) for n in offsets], CALENDAR.excuse)
    demanded = {n for n in range(min(offsets), max(offsets) + 1) if not CALENDAR.excuse(FIRST + timedelta(days=n))}
    assert [line.as_of for line in lines] == sorted(FIRST + timedelta(days=n) for n in offsets | demanded)
    assert {line.as_of for line in lines if line.state == MISSING} == {
        FIRST + timedelta(days=n) for n in demanded - offsets
    }
    assert with_missing_days(lines, CALENDAR.excuse) == lines


def test_a_day_that_came_is_missing_no_longer() -> None:
    lines = with_missing_days([line_of(0), line_of(2)], CALENDAR.excuse)
    assert [line.state for line in with_missing_days([*lines, line_of(1)], CALENDAR.excuse)] == [PUBLISHED] * 3


def test_there_is_nothing_to_say_without_a_day() -> None:
    assert with_missing_days([], CALENDAR.excuse) == []
    assert wrong_days([]) == []


def test_the_days_that_went_wrong_are_named_newest_first_with_their_reasons() -> None:
    told = [(each.line.as_of.day, each.reasons[0].partition(":")[0]) for each in wrong_days(wrong_month())]
    assert told == [
        (23, "Revised"),
        (19, "Short"),
        (17, "Alert"),
        (16, "Watch"),
        (13, "Missing"),
        (10, "Refused by the contract"),
        (5, "Late"),
    ]


def test_a_wrong_day_is_forgotten_after_the_days_looked_back() -> None:
    def days(n: int) -> list[DayLine]:
        return [line_of(0, verdict="alert"), *(line_of(k) for k in range(1, n))]

    assert len(wrong_days(days(LOOKED_BACK_DAYS))) == 1
    assert wrong_days(days(LOOKED_BACK_DAYS + 1)) == []


def test_among_many_wrong_days_the_gravest_are_named() -> None:
    lines = [line_of(n, verdict="watch") for n in range(20)] + [line_of(20, verdict="ok")]
    lines[0] = line_of(0, verdict="alert")
    named = wrong_days(lines)
    assert len(named) == MOST_WRONG_DAYS
    assert named[-1].line.as_of == FIRST
    assert named[0].line.as_of == FIRST + timedelta(days=19)


def test_a_refused_day_says_why_and_an_alert_its_first_finding() -> None:
    by_day = {each.line.as_of.day: each.reasons for each in wrong_days(wrong_month())}
    assert by_day[10] == (f"Refused by the contract: {REASON}",)
    assert by_day[17] == (f"Alert: {DRIFTED}",)


def test_a_published_day_in_another_state_says_the_state_alone() -> None:
    line = line_of(0, state="behind", verdict="ok")
    assert gravity(line) == 3
    assert reasons_of_day(line) == ("Behind.",)


def test_columns_found_most_often_come_first_and_then_the_largest() -> None:
    drifts = (
        (ColumnDrift("a", 9.0, "ok"), ColumnDrift("b", 1.0, "watch")),
        (ColumnDrift("b", None, "alert"), ColumnDrift("c", 2.0, "ok")),
    )
    lines = [line_of(n, drift=drift) for n, drift in enumerate(drifts)]
    found = drifted_columns(lines, most=2)
    assert [each.column for each in found] == ["b", "a"]
    assert found[0] == ("b", 2, 1, date(2026, 11, 3), 1.0)
    assert found[1] == ("a", 0, 0, None, 9.0)
