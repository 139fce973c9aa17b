"""The view of an applicant: it asks for a token first, and tells nothing without it."""

import logging
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from tasks.dashboard.desk import Question
from tasks.dashboard.views.applicant import read_question
from tasks.errors import ConfigError
from tests.dashboard.conftest import SCRIPT

TOKEN = "letters" * 3
REFUSED = "The token is wrong or missing. Nothing was looked up."


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> AppTest:
    """The view with both secrets, on an empty store."""
    monkeypatch.setenv("SCORING_DASHBOARD__TOKEN", TOKEN)
    monkeypatch.setenv("SCORING_DASHBOARD__LOOKUP_KEY", "others" * 3)
    monkeypatch.setenv("SCORING_STORAGE__ROOT", str(tmp_path))
    return opened()


def opened() -> AppTest:
    app = AppTest.from_file(SCRIPT, default_timeout=60)
    app.query_params["view"] = "Applicant"
    app.run()
    assert not app.exception
    return app


def asked(view: AppTest, token: str, applicant: str, day: str = "") -> AppTest:
    for field, text in zip(view.text_input, (token, applicant, day), strict=False):
        field.set_value(text)
    view.button[0].click().run()
    assert not view.exception
    return view


@pytest.mark.parametrize("name", ["", "SCORING_DASHBOARD__TOKEN", "SCORING_DASHBOARD__LOOKUP_KEY"])
def test_without_both_secrets_the_view_is_off_and_says_how_to_switch_it_on(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name:
        monkeypatch.setenv(name, TOKEN)
    app = opened()
    assert app.info[0].value.startswith("This view is off. To switch it on, start the dashboard with a token")
    assert len(app.text_input) == 0


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN.upper()])
@pytest.mark.parametrize("applicant", ["100002", "", "no id"])
def test_a_wrong_token_gets_one_answer_whatever_was_asked(
    view: AppTest, caplog: pytest.LogCaptureFixture, token: str, applicant: str
) -> None:
    with caplog.at_level(logging.INFO, "scoring"):
        app = asked(view, token, applicant)
    assert [each.value for each in app.error] == [REFUSED]
    assert caplog.messages == ["A look-up was refused: the token was wrong or missing"]
    assert app.get("iframe") == []


def test_an_unknown_id_is_told_without_being_repeated(view: AppTest, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "scoring"):
        app = asked(view, TOKEN, "100002")
    assert len(app.error) == 1
    assert "100002" not in app.error[0].value
    assert "100002" not in caplog.text
    assert caplog.messages[0].startswith("An applicant was looked up: ")


def test_secrets_and_ids_never_come_into_the_address(view: AppTest) -> None:
    asked(view, TOKEN, "100002", "2026-11-02")
    assert dict(view.query_params) == {"view": "Applicant"}


@pytest.mark.parametrize(
    ("texts", "question"),
    [
        (("100002", "", ""), Question(100002, None, None, {})),
        ((" 7 ", "2026-11-02", ""), Question(7, date(2026, 11, 2), None, {})),
        (("7", " 2026-11-02", "2"), Question(7, date(2026, 11, 2), 2, {})),
    ],
)
def test_what_is_asked_is_read(texts: tuple[str, str, str], question: Question) -> None:
    assert read_question(*texts, {}) == question


def test_an_amount_that_is_left_empty_is_not_changed() -> None:
    assert read_question("7", "", "", {"a": " 300000 ", "b": "", "c": None}).changes == {"a": "300000"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("", "", ""), "application id"), (("0", "", ""), "application id"), (("-9151", "", ""), "application id"),
        (("9.5", "", ""), "application id"), (("²", "", ""), "application id"), (("7", "02.11.2026", ""), "YYYY-MM-DD"),
        (("7", "2026-11-02", "x"), "The revision"), (("7", "", "2"), "Write the day, too"),
    ],
)  # fmt: skip
def test_a_text_that_is_not_what_its_field_takes_is_told_and_not_repeated(
    texts: tuple[str, str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as told:
        read_question(*texts, {})
    assert not any(text in str(told.value) for text in texts if len(text) > 1)
