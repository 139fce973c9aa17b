"""Overview: what a period was like, and which days to look at, in words."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.dashboard.made_days import ALERTED, OK, REFUSED, WATCHED

Open = Callable[..., AppTest]


def tables(app: AppTest) -> str:
    return " ".join(each.proto.body for each in app.get("html"))


def test_each_day_that_is_not_ok_is_told_with_its_reason(open_view: Open) -> None:
    app = open_view("Overview")
    assert "9 days from 2026-11-02 to 2026-11-10: 2 ok, 1 watch, 1 alert, 1 insufficient" in app.markdown[0].value
    to_look_at = app.get("html")[0].proto.body
    for day in (WATCHED, ALERTED, REFUSED):
        assert str(day) in to_look_at
    assert str(OK) not in to_look_at
    assert "of the values of EXT_SOURCE_2 are missing" in to_look_at
    assert "Not published. The feed *broke*." in to_look_at


def test_headline_figures_are_those_of_the_days_shown(open_view: Open) -> None:
    shown = {metric.label: metric.value for metric in open_view("Overview").metric}
    assert shown == {
        "Days": "9", "Decided applications": "12,260", "Approval rate": "90.0%", "In quarantine": "0.3%",
        "Expected cost": "0.500",
    }  # fmt: skip


def test_every_figure_has_a_chart_with_words_and_stands_in_a_table(open_view: Open) -> None:
    app = open_view("Overview")
    charts = app.get("vega_lite_chart")
    assert len(charts) == 5
    assert all("The table at the end has the numbers." in chart.proto.alt for chart in charts)
    assert "<th" in tables(app)
    assert "0.400 to 0.600" in tables(app)


def test_filters_leave_the_days_that_were_asked_for(open_view: Open) -> None:
    app = open_view("Overview")
    app.multiselect[1].set_value(["credit-default 2"]).run()
    assert app.metric[0].value == "1"
    app.multiselect[0].set_value(["ok"]).run()
    assert app.info[0].value.startswith("No day has this verdict and this model")


def test_a_short_period_holds_the_newest_days(open_view: Open) -> None:
    app = open_view("Overview", period="7 days")
    assert app.metric[0].value == "7"
    assert "2026-11-04 to 2026-11-10" in app.markdown[0].value
