"""Every page that the store or the registry holds, on a desk and on a telephone, light and dark."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tasks.adapters.pages.application import application_page
from tasks.adapters.pages.card import model_card_page
from tasks.adapters.pages.day_page import day_page
from tasks.adapters.pages.days import days_page
from tasks.adapters.pages.html import contract_page
from tasks.adapters.pages.model import model_page
from tasks.core.reporting.day_page import build_day_page
from tests.adapters.pages.test_application import FACTS
from tests.adapters.pages.test_promotion import verdict_of
from tests.browser.looking import SCREENS, Looker, Scheme
from tests.contract_reports import contract_report, reported
from tests.days_lines import wrong_month
from tests.manifests import sample_manifest
from tests.model_cards import drawn_pictures, model_card
from tests.paired_sides import made_comparison
from tests.reported_days import day_sources


def published_day() -> bytes:
    rules = [reported("a"), reported("b", "warned"), reported("c", "not judged"), reported("d", "rows quarantined")]
    return contract_page(contract_report(*rules, quarantined=3, quarantined_by_rule={"d": 3}))


def refused_day() -> bytes:
    refused = "More rows break the contract than the budget allows: 60 of 110."
    return contract_page(contract_report(reported("d", "day stopped"), quarantined=60, refused=refused, revision=None))


@cache
def card_of_a_model() -> bytes:
    choices = {"no age": model_card().figures}
    card = model_card(shapes=({"depth": 3, "cost": 0.52, "chosen": True},), choices=choices)
    return model_card_page(card, drawn_pictures(card))


def page_of_a_day() -> bytes:
    return day_page(build_day_page(day_sources(revisions=(sample_manifest(),))))


def page_of_all_days() -> bytes:
    lines = wrong_month()
    long_name = "REGION_RATING_CLIENT_W_CITY_in_domain " * 3
    return days_page([replace(lines[0], remarks=(long_name,), sentence=long_name), *lines[1:]], {})


def page_of_a_model() -> bytes:
    return model_page("credit-default", "3", wrong_month(), card_of_a_model())


def page_of_an_application() -> bytes:
    return application_page(FACTS)


def page_of_a_verdict() -> bytes:
    return verdict_of(made_comparison())


PAGES: list[Callable[[], bytes]] = [
    published_day,
    refused_day,
    card_of_a_model,
    page_of_a_day,
    page_of_all_days,
    page_of_a_model,
    page_of_an_application,
    page_of_a_verdict,
]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_a_page_is_in_order(
    browser: Looker, tmp_path: Path, page: Callable[[], bytes], width: int, scheme: Scheme
) -> None:
    path = tmp_path / f"{page.__name__}.html"
    path.write_bytes(page())
    assert browser.look(path, width, scheme).faults == []


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_charts_of_all_days_follow_the_filter_and_the_keys(
    browser: Looker, tmp_path: Path, width: int, scheme: Scheme
) -> None:
    path = tmp_path / "all_days.html"
    path.write_bytes(page_of_all_days())
    told: list[object] = []

    def act(page: Page) -> None:
        page.check('input[name="window"][value="7"]')
        told.append(page.locator("#days tbody tr:visible").count())
        page.focus("#trends .plot")
        page.keyboard.press("Home")
        told.append(page.locator("#trends .plot").first.get_attribute("aria-valuetext"))

    assert browser.visit(path, width, scheme, act, name="all-days-filtered").faults == []
    assert told == [7, "2026-11-25 Wednesday: ok. No change found."]
