"""Drift by column over days: the columns found most often, and one of them beside its line."""

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.made_days import ALERTED, SMALL

Open = Callable[..., AppTest]


def test_the_column_found_most_often_is_told_and_shown_first(open_view: Open) -> None:
    app = open_view("Drift")
    assert app.selectbox[0].value == "EXT_SOURCE_2"
    assert app.subheader[1].value == "EXT_SOURCE_2: size of the drift"
    assert "<td" in app.get("html")[0].proto.body
    assert "EXT_SOURCE_2" in app.get("html")[0].proto.body


def test_the_chart_has_the_line_of_findings_and_small_days_in_grey(open_view: Open) -> None:
    spec = json.loads(open_view("Drift").get("vega_lite_chart")[0].proto.spec)
    told = json.dumps(spec)
    assert '"datum": 1.0' in told
    assert "a finding from here on" in told
    rows = spec["layer"][0]["data"]["values"]
    standings = {row["as_of"][:10]: row["standing"] for row in rows}
    assert (standings[str(ALERTED)], standings[str(SMALL)]) == ("alert", "insufficient")


@pytest.mark.parametrize("figure", ["missing_share", "psi"])
def test_other_figures_of_the_column_are_shown_with_what_is_expected(open_view: Open, figure: str) -> None:
    app = open_view("Drift")
    app.selectbox[1].set_value(figure).run()
    assert not app.exception
    assert "The band is the range expected of 95 of 100 days" in " ".join(each.value for each in app.markdown)
    assert "insufficient" in app.get("html")[1].proto.body


def test_a_period_without_a_monitored_day_says_what_to_do(open_view: Open) -> None:
    assert open_view("Drift", only_unmonitored=True).info[0].value.startswith("No day of this period was monitored.")
