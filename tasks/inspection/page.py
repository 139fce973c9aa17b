"""One application as a page for whoever answers the applicant, handed out as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.calendar import Calendar, load_calendar
from configs.settings import Settings
from tasks.adapters.pages.application import ApplicationFacts, HistoryLine, TriedAmounts, application_page
from tasks.core.decision.what_if import promise_sentence, way_sentence
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.lender.kinds import ALIKE
from tasks.inspection.explain import Explained, otherwise_sentences
from tasks.inspection.handout import hand_out, require_place
from tasks.inspection.lookup import SET_ASIDE, Appearance
from tasks.inspection.place import Places, find_places
from tasks.inspection.what_if import WaysToApproval, WhatIf
from tasks.store import Store


def require_page(path: Path) -> None:
    """Refuse a path at which no page can be written. Raises `ConfigError`."""
    require_place(path, (".html",), why="is not a page")


def write_page(
    path: Path,
    store: Store,
    explained: Explained,
    settings: Settings,
    *,
    ways: WaysToApproval,
    tried: WhatIf | None = None,
    appearances: Sequence[Appearance] | None = None,
) -> None:
    """Write the page of an application to a new file that its owner alone may read.

    Args:
        path: where to.
        store: where the day lies; its delivered rows are read for the place among others.
        explained: the application.
        settings: of calendar and reading.
        ways: the smallest changes that would have been approved.
        tried: a what-if, if one was asked for.
        appearances: the application over all days, if they were looked up; else over its day.

    Raises:
        ConfigError, PublishError: the file cannot be written.
    """
    facts = application_facts(
        explained,
        load_calendar(settings.scoring.calendar),
        ways=ways,
        places=find_places(store, explained, settings),
        tried=tried,
        appearances=appearances,
    )
    hand_out(application_page(facts), path)


def application_facts(
    explained: Explained,
    calendar: Calendar,
    *,
    ways: WaysToApproval,
    places: Places | None,
    tried: WhatIf | None = None,
    appearances: Sequence[Appearance] | None = None,
) -> ApplicationFacts:
    """Content of the page, in words."""
    published, row = explained.published, explained.row
    model = f"{published.model.name} version {published.model.version}"
    contract = published.contract["version"]
    sentences = [way_sentence(change, ways.words[change.field]) for change in ways.changes]
    return ApplicationFacts(
        day=str(published.as_of),
        revision=published.revision,
        outcome=row["decision"] if row else SET_ASIDE,
        history=[_history_line(each, explained, calendar) for each in appearances or explained.revisions],
        otherwise=[f"{sentence}." for sentence in otherwise_sentences(explained)],
        warnings=_warnings(explained),
        row=row,
        made_with=f"Made with {model}, policy {published.policy['version']}, contract {contract}.",
        broken=explained.broken,
        reasons=explained.reasons,
        account=explained.account,
        families=FAMILIES,
        places={"all applications of the day": places.of_all, f"those of {ALIKE}": places.of_alike} if places else {},
        ways=[*sentences, ways.fault] if ways.fault else sentences,
        promise=promise_sentence(published.model, published.policy["version"]),
        tried=TriedAmounts(tried.amounts_in_words, tried.outcome_in_words, tried.reasons) if tried else None,
    )


def _warnings(explained: Explained) -> list[str]:
    """Sentences on an account that is missing, or that may not be that of the published decision."""
    told = []
    if explained.otherwise:
        told.append(
            f"Not as published: {', '.join(explained.otherwise)} come out otherwise today. How the model came to it "
            "explains today's result, and not the published decision."
        )
    elif explained.row and explained.account is None:
        told.append("How the model came to it cannot be told.")
    return [*told, *explained.remarks]


def _history_line(appearance: Appearance, explained: Explained, calendar: Calendar) -> HistoryLine:
    published, row = appearance.published, appearance.row
    return HistoryLine(
        day=str(published.as_of),
        revision=published.revision,
        outcome=appearance.outcome,
        pd=f"{row['pd']:.4f}" if row else "-",
        cutoff=f"{row['cutoff']:.4f}" if row else "-",
        model=f"{published.model.name} {published.model.version}",
        policy=published.policy["version"],
        published=calendar.local_time(published.run.get("published_at", "-")),
        is_shown=(published.as_of, published.revision) == (explained.published.as_of, explained.published.revision),
    )
