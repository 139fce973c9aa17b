"""Quarantine by rule: which rules set rows aside, when, and which days were stopped."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.dashboard.made_days import REFUSED, WATCHED

Open = Callable[..., AppTest]


def test_rules_are_told_with_their_rows_and_stopped_days_with_the_reason(open_view: Open) -> None:
    app = open_view("Quarantine")
    stopped, rules, days = (each.proto.body for each in app.get("html"))
    assert str(REFUSED) in stopped
    assert "The feed *broke*." in stopped
    assert rules.index(">amount_known<") < rules.index(">40<") < rules.index(">id_conflicting<")
    assert app.selectbox[0].value == "amount_known"
    assert str(WATCHED) in days


def test_a_rule_is_shown_day_by_day(open_view: Open) -> None:
    app = open_view("Quarantine", rule="id_conflicting")
    assert "set aside by id_conflicting" in app.get("vega_lite_chart")[1].proto.alt
    assert app.get("html")[2].proto.body.count("<tr>") == 2


def test_a_period_without_rows_in_quarantine_says_so(open_view: Open) -> None:
    app = open_view("Quarantine", only_unmonitored=True)
    assert app.markdown[0].value == "No row was set aside on a published day of this period."
