from tasks.adapters.pages.card import model_card_page
from tasks.adapters.pages.model import card_of_page, model_page
from tests.days_lines import line_of
from tests.model_cards import model_card
from tests.pages import Page

CARD = model_card_page(model_card(), {})
LINES = [line_of(0), line_of(1, verdict="alert", page="")]


def test_the_card_stays_whole_and_the_days_stand_before_its_footer() -> None:
    page = model_page("credit-default", "3", LINES, CARD)
    assert card_of_page(page) == CARD
    text = Page(page).text
    assert text.index("Limits") < text.index("Days that it decided") < text.index("nobody's values")


def test_a_day_is_linked_from_the_folder_of_the_model() -> None:
    links = [attrs["href"] for tag, attrs in Page(model_page("m", "3", LINES, None)).tags if tag == "a"]
    assert links == ["../../index.html", "../../day=2026-11-02/index.html"]


def test_each_day_is_told_newest_first() -> None:
    rows = [" ".join(row.split()) for row in Page(model_page("m", "3", LINES, None)).rows[1:]]
    assert rows == [
        "2026-11-03 Tuesday alert 1,990 75.2% 8.1% 0.480",
        "2026-11-02 Monday ok 1,980 75.0% 8.0% 0.480",
    ]


def test_without_the_card_the_page_says_where_it_lies() -> None:
    page = model_page("<b>", "3", [], None)
    assert card_of_page(page) is None
    assert "lies in the model registry" in Page(page).text
    assert "<b>, version 3" in Page(page).text


def test_days_renewed_leave_the_card_as_it_was() -> None:
    before = model_page("m", "3", LINES[:1], CARD)
    card = card_of_page(before)
    assert model_page("m", "3", LINES, card) == model_page("m", "3", LINES, CARD)


def test_the_verdict_of_the_gate_is_linked_where_there_is_one() -> None:
    def links(verdict: str) -> list[str]:
        return [attrs["href"] for tag, attrs in Page(model_page("m", "3", [], CARD, verdict)).tags if tag == "a"]

    assert [each for each in links("promotion.html") if each not in links("")] == ["promotion.html"]
