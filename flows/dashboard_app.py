"""Script that Streamlit runs for `scoring dashboard`, anew for each change that a reader makes."""

from __future__ import annotations

from configs.settings import Settings, load_settings
from tasks.dashboard.app import show_dashboard
from tasks.dashboard.desk import Desk, Question
from tasks.model.load import changeable_fields


def answer(question: Question, settings: Settings) -> str:
    """Page of an application as HTML: what `scoring explain --page` writes into a file.

    Raises:
        SourceError: no day has the application, or not the day that was asked for.
        ConfigError: the day has no such revision, or an amount may not be changed.
        ExpectationsNotMet: with the other amounts the contract would set the application aside.
        ModelError, PublishError: model or store are not to be had.
    """
    from configs.calendar import load_calendar
    from tasks.adapters.pages.application import application_page
    from tasks.inspection.explain import explain
    from tasks.inspection.lookup import look_up
    from tasks.inspection.page import application_facts
    from tasks.inspection.place import find_places
    from tasks.inspection.what_if import WaysToApproval, find_ways, try_changes
    from tasks.store import open_store

    store, calendar = open_store(settings.storage), load_calendar(settings.scoring.calendar)
    as_of, revision, appearances = question.as_of, question.revision, None
    if as_of is None:
        found = look_up(store, question.applicant, calendar)
        newest = found.newest.published
        as_of, revision, appearances = newest.as_of, newest.revision, found.appearances
    explained = explain(store, as_of, question.applicant, settings, revision=revision)
    tried = try_changes(explained, question.changes, settings) if question.changes else None
    facts = application_facts(
        explained,
        calendar,
        ways=WaysToApproval((), {}) if tried else find_ways(explained, settings),
        places=find_places(store, explained, settings),
        tried=tried,
        appearances=appearances,
    )
    return application_page(facts).decode()


def _show() -> None:
    settings = load_settings()
    show_dashboard(settings, Desk(lambda: changeable_fields(settings), lambda question: answer(question, settings)))


if __name__ == "__main__":
    _show()
