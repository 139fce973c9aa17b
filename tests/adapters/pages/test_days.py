import base64
import hashlib
import html
import itertools
import json
import re
from dataclasses import replace

import pytest

from tasks.adapters.pages.days import days_page, embedded_lines
from tasks.core.reporting.days_page import ColumnDrift, DayLine
from tests.days_lines import DRIFTED, line_of, wrong_month
from tests.pages import Page

MODELS = {("credit-default", "3"): "model=credit-default/version=3/index.html"}
HOSTILE = "</script><script>alert(1)</script><!-- <b>&\u2028'\""


def page_of(lines: list[DayLine]) -> bytes:
    return days_page(lines, MODELS)


def test_every_day_has_a_row_with_its_state_verdict_and_figures_in_words() -> None:
    page = Page(page_of(wrong_month()))
    assert page.cells("2026-11-16 Monday").endswith(
        "published ▲ watch Mean pd is 12.0%, instead of 9.0%. 2,000 1,980 75.8% 8.2% 1.0% 10.0% "
        "0.480 0.400 to 0.560 12.5 s 1 credit-default 3"
    )
    assert page.cells("2026-11-13 Friday").startswith("2026-11-13 Friday missing - - - -")
    assert "refused by the contract" in page.cells("2026-11-10")
    assert "Revised: revision 2, because the feed was corrected." in page.cells("2026-11-23")
    assert sum(row.strip().startswith("2026-") for row in page.rows) == 30


def test_the_box_names_each_wrong_day_before_any_other_day() -> None:
    text = " ".join(Page(page_of(wrong_month())).text.split())
    box = text[text.index("What went wrong") : text.index("Trends")]
    assert f"2026-11-17 TuesdayAlert: {DRIFTED}" in box
    for word in ("Missing:", "Refused by the contract:", "Late:", "Short:", "Revised:", "Watch:"):
        assert word in box
    assert "2026-11-12" not in box


def test_a_quiet_month_says_that_nothing_went_wrong() -> None:
    assert "Nothing in the last 30 days." in Page(page_of([line_of(0)])).text


def test_a_store_without_days_gives_a_page_without_a_script() -> None:
    page = page_of([])
    assert b"No day was delivered or published yet." in page
    assert b"<script" not in page


def test_days_and_models_are_linked_by_relative_addresses() -> None:
    links = [attrs["href"] for tag, attrs in Page(page_of([line_of(0), line_of(1, page="")])).tags if tag == "a"]
    assert links == [
        "#days-head",
        MODELS["credit-default", "3"],
        "day=2026-11-02/index.html",
        MODELS["credit-default", "3"],
    ]


def test_the_script_is_allowed_by_its_digest_alone_and_nothing_is_asked_for() -> None:
    page = page_of(wrong_month()).decode()
    policy = html.unescape(page[: page.index("<title>")])
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[-1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_the_page_embeds_its_own_lines_and_gives_the_same_bytes_from_them() -> None:
    page = page_of(wrong_month())
    assert embedded_lines(page) == wrong_month()
    assert page_of(embedded_lines(page)) == page


def test_hostile_texts_stay_texts() -> None:
    hostile = replace(
        line_of(0, verdict="alert"),
        sentence=HOSTILE,
        remarks=(f"Revised: {HOSTILE}",),
        model_name=HOSTILE,
        drift=(ColumnDrift(HOSTILE, 2.0, "alert"),),
    )
    page = page_of([hostile])
    assert page.count(b"<script") == page.count(b"</script") == 2
    assert b"alert(1)</script>" not in page
    assert embedded_lines(page) == [hostile]
    assert HOSTILE.split("\u2028", maxsplit=1)[0] in Page(page).text


@pytest.mark.parametrize("change", [("format", 0), ("fields", ["as_of"]), ("days", [[1]]), ("columns", None)])
def test_aggregates_of_another_program_are_not_taken(change: tuple[str, object]) -> None:
    page = page_of(wrong_month())
    found = re.search(rb'id="days-data">(.*?)</script>', page)
    assert found
    other = json.dumps(json.loads(found[1]) | dict([change])).encode()
    with pytest.raises(ValueError, match="aggregates|zip|validation"):
        embedded_lines(page.replace(found[1], other))


def test_a_page_without_aggregates_is_refused() -> None:
    with pytest.raises(ValueError, match="no aggregates"):
        embedded_lines(b"<html></html>")


def test_the_page_has_a_language_headings_in_order_and_named_columns() -> None:
    page = Page(page_of(wrong_month()))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert ("html", {"lang": "en"}) in page.tags
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")


def test_a_thousand_days_with_much_drift_stay_under_two_megabytes() -> None:
    drift = tuple(ColumnDrift(f"A_COLUMN_WITH_A_LONG_NAME_{n}", 1.2345 + n, "watch") for n in range(12))
    sentence = "12.3% of the values of A_COLUMN_WITH_A_LONG_NAME_1 are missing, instead of 4.5%."
    lines = [line_of(n, verdict="watch", sentence=sentence, drift=drift) for n in range(1000)]
    assert len(page_of(lines)) < 2_000_000
