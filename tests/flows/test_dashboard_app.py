"""The dashboard's answers about an applicant: what the command line knows, on a scored day."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from configs.settings import load_settings
from flows.dashboard_app import answer
from tasks.dashboard.desk import Question
from tasks.errors import SourceError
from tests.conftest import DAY, Project
from tests.dashboard.conftest import SCRIPT
from tests.pages import Page

TOKEN = "letters" * 3


@pytest.fixture
def refused(project: Project, score: Callable[..., Any]) -> int:
    """Id of an application that was refused on a scored day."""
    project.deliver(rows=200)
    score()
    rows = pq.read_table(project.decisions).to_pylist()
    return next(row["application_id"] for row in rows if row["decision"] == "refuse")


def test_an_applicant_is_shown_to_who_has_the_token_and_is_in_no_log(
    project: Project, refused: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCORING_CONFIG", project.config)
    monkeypatch.setenv("SCORING_DASHBOARD__TOKEN", TOKEN)
    monkeypatch.setenv("SCORING_DASHBOARD__LOOKUP_KEY", "others" * 3)
    app = AppTest.from_file(SCRIPT, default_timeout=120)
    app.query_params["view"] = "Applicant"
    app.run()
    for field, text in zip(app.text_input, (TOKEN, str(refused)), strict=False):
        field.set_value(text)
    with caplog.at_level(logging.DEBUG):
        app.button[0].click().run()
    assert not app.exception
    assert not app.error
    (frame,) = app.get("iframe")
    page = Page(frame.proto.srcdoc.encode())
    assert f"{DAY}" in page.text
    assert "refuse" in page.text
    assert str(refused) not in caplog.text
    assert [each for each in caplog.messages if re.fullmatch("An applicant was looked up: [0-9a-f]{32}", each)]


def test_an_answer_tells_what_if_and_no_id(project: Project, refused: int) -> None:
    settings = load_settings(project.config)
    told = Page(answer(Question(refused, DAY, 1, {}), settings).encode()).text
    assert str(refused) not in told
    tried = Page(answer(Question(refused, None, None, {"AMT_CREDIT": "300000"}), settings).encode()).text
    assert "300,000.00" in tried


def test_an_id_that_no_day_has_is_not_repeated(project: Project, refused: int) -> None:
    with pytest.raises(SourceError) as told:
        answer(Question(refused + 10**9, None, None, {}), load_settings(project.config))
    assert str(refused + 10**9) not in str(told.value)
