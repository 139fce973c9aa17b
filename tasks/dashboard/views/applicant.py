"""One applicant: what was decided over days and revisions, why, and what if. It asks for a token first.

Without the right token nothing is looked up, so that the answer, and the time it takes, tell nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import streamlit as st

from configs.settings import Dashboard
from tasks.dashboard.desk import Desk, Question, is_admitted, note_lookup, note_refusal
from tasks.dashboard.showing import in_streamlit, write
from tasks.errors import ConfigError, ScoringError

_PAGE_HEIGHT: Final = 1000
"""Height of the place in which the page of an application scrolls, in pixels."""


def show_applicant(desk: Desk, secrets: Dashboard) -> None:
    """Ask for a token and an application, and show its page."""
    st.header("One applicant")
    if not secrets.is_open:
        st.info(
            "This view is off. To switch it on, start the dashboard with a token of your own in "
            "SCORING_DASHBOARD__TOKEN, which this view will ask for, and a key in SCORING_DASHBOARD__LOOKUP_KEY, "
            "by which look-ups are logged; both of 16 characters at least."
        )
        return
    st.markdown("Each look-up is logged, by a keyed hash of the id. What is shown is an applicant's.")
    with st.form("applicant"):
        token = st.text_input("Token", type="password", autocomplete="off")
        applicant = st.text_input("Application id", autocomplete="off")
        left, right = st.columns(2)
        day = left.text_input("Day, YYYY-MM-DD (optional)", autocomplete="off")
        revision = right.text_input("Revision of the day (optional)", autocomplete="off")
        with st.expander("What if an amount had been another one?"):
            amounts = {
                field: st.text_input(f"{words[:1].upper()}{words[1:]} (optional)", autocomplete="off")
                for field, words in desk.changeable().items()
            }
        is_sent = st.form_submit_button("Look up")
    if not is_sent:
        return
    if not is_admitted(token or "", secrets):
        note_refusal()
        st.error("The token is wrong or missing. Nothing was looked up.")
        return
    try:
        question = read_question(applicant or "", day or "", revision or "", amounts)
        note_lookup(question.applicant, secrets)
        with st.spinner("Looking through the days …"):
            page = desk.page_of(question)
    except ScoringError as error:
        st.error(in_streamlit(str(error)))
        return
    # A height of its own: to fit it to the page Streamlit would need a script in it, which the page forbids.
    st.iframe(page, height=_PAGE_HEIGHT, tab_index=0, alt="Page of the application")
    write("To keep it as a file: scoring explain with --page.")


def read_question(applicant: str, day: str, revision: str, amounts: Mapping[str, str | None]) -> Question:
    """The question in the texts of the form; an amount that was left empty is not changed.

    Raises:
        ConfigError: a text is not what its field takes. The message does not repeat it.
    """
    is_id = applicant.strip().isascii() and applicant.strip().isdigit()
    if not is_id or not int(applicant):
        raise ConfigError("The application id is not a positive whole number. Write its digits alone.")
    if revision.strip() and not (revision.strip().isascii() and revision.strip().isdigit()):
        raise ConfigError("The revision is not a whole number. Write one from 1 on, or leave it empty.")
    if revision.strip() and not day.strip():
        raise ConfigError("A revision counts the revisions of one day. Write the day, too.")
    return Question(
        int(applicant),
        _read_day(day.strip()),
        int(revision) if revision.strip() else None,
        {field: amount.strip() for field, amount in amounts.items() if amount and amount.strip()},
    )


def _read_day(day: str) -> date | None:
    try:
        return date.fromisoformat(day) if day else None
    except ValueError:
        raise ConfigError("The day is not a day of the calendar. Write it as YYYY-MM-DD.") from None
