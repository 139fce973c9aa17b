"""The dashboard: a choice of views, and the view that was chosen. Streamlit runs it for each change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

import streamlit as st

from configs.settings import Settings
from tasks.dashboard.days import DayBook
from tasks.dashboard.desk import Desk
from tasks.dashboard.showing import in_streamlit
from tasks.dashboard.views.applicant import show_applicant
from tasks.dashboard.views.day import show_day
from tasks.dashboard.views.drift import show_drift
from tasks.dashboard.views.model import show_model
from tasks.dashboard.views.overview import show_overview
from tasks.dashboard.views.quarantine import show_quarantine
from tasks.errors import ScoringError
from tasks.publication.stored_day import StoredDay
from tasks.store import open_store

View = Callable[[DayBook, Mapping[date, StoredDay]], None]
_VIEWS: Final[Mapping[str, View]] = {
    "Overview": show_overview,
    "Day": show_day,
    "Drift": show_drift,
    "Quarantine": show_quarantine,
    "Model": show_model,
}
APPLICANT: Final = "Applicant"
"""View that reads no day book, and asks for a token."""
_LISTED_FOR: Final = timedelta(seconds=20)
"""Time for which a listing of the store serves; what is published meanwhile appears after it."""


def show_dashboard(settings: Settings, desk: Desk) -> None:
    """Show the view that the reader chose, on the store of the settings; the desk answers about applicants."""
    st.set_page_config(page_title="Credit scoring", layout="wide")
    st.title("Daily credit scoring")
    chosen = st.segmented_control(
        "View", [*_VIEWS, APPLICANT], default="Overview", required=True, key="view", bind="query-params"
    )
    try:
        if chosen == APPLICANT:
            show_applicant(desk, settings.dashboard)
        else:
            _show(_VIEWS[chosen or "Overview"], settings)
    except ScoringError as error:
        st.error(f"This view cannot be shown. {in_streamlit(str(error))}")


def _show(view: View, settings: Settings) -> None:
    book = _day_book(settings.storage.model_dump_json(), settings)
    days = _listed(settings.storage.model_dump_json(), book)
    if not days:
        st.info("The store holds no day that was published, refused or monitored. Score one: scoring score --as-of D")
        return
    view(book, days)


@st.cache_resource(show_spinner=False)
def _day_book(storage: str, _settings: Settings) -> DayBook:  # noqa: ARG001 - the key of the cache
    return DayBook(open_store(_settings.storage))


@st.cache_resource(ttl=_LISTED_FOR, show_spinner="Listing the store …")
def _listed(storage: str, _book: DayBook) -> dict[date, StoredDay]:  # noqa: ARG001 - the key of the cache
    return _book.list_days()
