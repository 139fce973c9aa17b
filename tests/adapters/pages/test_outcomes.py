"""The page of a backtest: every table in words, and nothing that a file's name could break."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from tasks.adapters.pages.outcomes import outcomes_page
from tasks.core.outcomes.backtest import Backtest, InitialValidation, run_backtest
from tasks.core.outcomes.limits import EVERY_LIMIT
from tasks.core.outcomes.report import BacktestReport, DeliveryLine, figures_table, summary_of
from tasks.core.outcomes.settling import FATES
from tests.outcome_days import COSTS, MODEL, simulated_day
from tests.pages import Page

ATTACK = '"><script>alert(1)</script>.csv'


def report_of(shift: float = 0.0, **changes: Any) -> BacktestReport:
    random = np.random.default_rng(1)
    pd = 1 / (1 + np.exp(2.6 - random.normal(size=20_000)))
    initial = {MODEL: InitialValidation(pd, random.random(20_000) < pd)}
    days = [simulated_day(date(2026, month, 2), 6000, random, shift=shift) for month in (9, 11)]
    backtest = run_backtest(days, initial, costs=COSTS, seed=7, resamples=20)
    counted = sum(len(day.rows) for day in days)
    line = DeliveryLine(1, "o.csv", "2027-12-01T07:05:59+00:00", counted + 3, 3, {"id_known": 3}, is_expired=False)
    fates = dict.fromkeys(FATES, 0) | {"counted": counted}
    report = BacktestReport(date(2028, 1, 1), 365, (line,), counted + 3, 3, fates, backtest)
    return replace(report, **changes)


def test_the_page_tells_all_figures_and_on_whom_they_are_measured() -> None:
    report = report_of()
    page = Page(outcomes_page(report))
    (whole,) = report.backtest.models
    assert all(sentence in page.text for sentence in EVERY_LIMIT)
    assert summary_of(report) in page.text
    assert "as expected" in page.text
    assert page.cells("2026-09 model 1").split()[3] == f"{report.backtest.cohorts[0].decided:,}"
    portfolio = page.cells("All told cohorts model 1 portfolio")
    assert f"{whole.rows:,} {whole.defaults:,}" in portfolio
    assert portfolio.strip().endswith(f"{whole.p_value:.5f}")
    assert page.cells("set aside").split()[2] == "3"
    assert page.cells("1 o.csv").endswith("id_known 3")
    assert page.text.count("Expected against realised cost over time") == 1


def test_a_cost_outside_the_interval_is_said_in_words_and_colour() -> None:
    page = outcomes_page(report_of(shift=0.7))
    assert b"not as expected" in page
    assert b'<body class="watch">' in page


def test_a_name_of_a_file_breaks_nothing() -> None:
    report = report_of()
    named = replace(report, deliveries=(replace(report.deliveries[0], name=ATTACK),))
    page = outcomes_page(named)
    assert b"<script" not in page
    assert ATTACK in Page(page).text


def test_the_same_report_gives_the_same_bytes() -> None:
    assert outcomes_page(report_of()) == outcomes_page(report_of())


def test_without_figures_the_page_says_how_many_are_needed() -> None:
    nothing = Backtest("day", (), (), (), ("2026-11-02 of credit-default 1",))
    page = Page(outcomes_page(report_of(backtest=nothing)))
    assert "No cohort has enough outcomes: 100" in page.text
    assert "in no total: 2026-11-02 of credit-default 1" in page.text
    assert "Tables for validation" not in page.text


def test_the_table_holds_the_figures_of_cohorts_bands_and_models() -> None:
    report = report_of()
    table = figures_table(report).to_pandas()
    assert set(table.cohort) == {"2026-09", "2026-11", "all"}
    whole = table[(table.cohort == "all") & (table.slice == "cohort")].set_index("metric").value
    (model,) = report.backtest.models
    assert whole["p_jeffreys"] == model.p_value
    assert whole["realised_auc"] == pytest.approx(model.realised["auc"].value)
    assert model.auc
    assert whole["p_auc_decline"] == model.auc.of_all.p_value
    assert set(table.slice) == {"cohort", "band=A", "band=B"}
