"""Trends: the figures of a day beside those of the days before it."""

from collections.abc import Mapping
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.core.monitoring.metrics import Metric
from tasks.core.reporting.trends import Trend, trends_of
from tests.reported_days import AS_OF

BEFORE = {AS_OF - timedelta(days=2): (Metric("rows_received", 50.0, 50),), AS_OF - timedelta(days=1): ()}
TODAY = (Metric("rows_received", 100.0, 100, low=40.0, high=200.0),)


def rows_trend(
    *today: Metric, before: Mapping[date, tuple[Metric, ...]] = BEFORE, known: dict[str, float] | None = None
) -> Trend:
    return trends_of(AS_OF, today, before, known=known or {})["rows_received"]


def test_days_stand_in_their_order_and_the_day_itself_last() -> None:
    trend = rows_trend(*TODAY)
    assert [day.as_of.day for day in trend.days] == [31, 1, 2]
    assert [(day.value, day.height) for day in trend.days] == [(50.0, 25), (None, 0), (100.0, 50)]
    assert (trend.low_height, trend.high_height) == (20, 100)
    assert trend.summary == "100; usual is 40 to 200"
    assert [trend.on(day.as_of) for day in trend.days] == ["50", "-", "100"]


def test_a_day_that_is_not_monitored_has_what_is_known_without_it() -> None:
    trend = rows_trend(known={"rows_received": 70.0})
    assert (trend.days[-1].value, trend.low, trend.summary) == (70.0, None, "70")


def test_a_figure_of_too_few_rows_is_not_filled_in_from_elsewhere() -> None:
    trend = rows_trend(Metric("rows_received", None, 0), known={"rows_received": 12.0})
    assert trend.days[-1].value is None
    assert trend.summary == "not shown, or not known"


def test_a_figure_that_no_day_has_has_no_trend() -> None:
    assert trends_of(AS_OF, (), {}, known={}) == {}
    assert set(trends_of(AS_OF, TODAY, BEFORE, known={})) == {"rows_received"}


def test_the_figure_of_a_part_of_the_day_is_not_that_of_the_day() -> None:
    assert trends_of(AS_OF, (Metric("approval_rate", 0.4, 200, slice="gender=F"),), {}, known={}) == {}


@given(st.lists(st.none() | st.floats(0, 1e9), min_size=1, max_size=28))
def test_no_column_leaves_the_chart_and_the_highest_fills_it(values: list[float | None]) -> None:
    before = {
        AS_OF - timedelta(days=back): (Metric("rows_received", value, 50),)
        for back, value in enumerate(values, start=1)
    }
    trends = trends_of(AS_OF, (), before, known={})
    heights = [day.height for trend in trends.values() for day in trend.days]
    assert all(0 <= height <= 100 for height in heights)
    assert max(heights, default=0) == (100 if any(values) else 0)
