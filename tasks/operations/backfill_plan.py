"""Plan of a backfill: each day of a range that is to be done, the reason, and the state that the plan saw.

A plan is made from the ledger and from listed names; no delivered file is read. As a file it is JSON,
which a person can look at, keep, and have executed exactly. It holds no file names and no applicant's value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

from pydantic import TypeAdapter, ValidationError

from configs.calendar import Calendar, load_calendar
from configs.settings import Settings
from tasks.core.day.manifest import Manifest
from tasks.core.reporting.days_page import MISSING, PUBLISHED, WITHDRAWN
from tasks.core.words import counted
from tasks.errors import ConfigError, ManifestDamaged, ObjectArchived
from tasks.publication.day_status import BEHIND, NOT_YET, REFUSED, UNPUBLISHED, DayStatus, days_between
from tasks.publication.stored_day import StoredDay
from tasks.running.checkpoints import digest_of
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import Store, open_store

Only = Literal["missing", "failed", "all"]
"""Days of a range: `missing` are not published, or withdrawn, and no contract stopped them; `failed`
were stopped by the contract, or are published and cannot be read; `all` are those, and the
published ones."""
KeptPins = Literal["as-was", "current"]
"""Model, policy and contract for published days: those of the newest revision, or those of today."""
Action = Literal["publish", "revise", "ask the feed", "restore"]
"""`publish`: score the day, or show what is published. `revise`: decide a published day again. `ask the feed`:
nothing was delivered. `restore`: a manifest is missing, damaged or archived."""
_PLAN_VERSION: Final = "1"
_MISSING_STATES: Final = (UNPUBLISHED, MISSING, WITHDRAWN)
_STATES_TO_PUBLISH: Final = (UNPUBLISHED, REFUSED, BEHIND, WITHDRAWN)
_BY_PINS: Final = {"as-was": "by their own model, policy and contract", "current": "by those of today"}


class Asked(NamedTuple):
    """Days that somebody asks for, and by which model, policy and contract published ones are decided again."""

    first: date
    last: date
    only: Only = "missing"
    pins: KeptPins | None = None
    """None if no published day is asked for."""
    reason: str | None = None
    """Reason for the revisions of published days; never an applicant's data."""


@dataclass(frozen=True, slots=True)
class Seen:
    """State of a day by which a change is noticed."""

    landing: str
    """Digest of names, sizes and times of all objects in its landing."""
    revision: int
    """Newest revision; 0 if the day was never published."""
    publication: str | None
    """Digest of the newest revision (`Manifest.publication`); None if there is none, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A day of the plan."""

    as_of: date
    action: Action
    why: str
    """State of the day in words."""
    seen: Seen


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """Days of a range that are to be done, oldest first."""

    store: str
    """Root of the store that the plan is about."""
    first: date
    last: date
    only: Only
    pins: KeptPins | None
    reason: str | None
    days: tuple[PlannedDay, ...]
    others: Mapping[str, int]
    """State of the days of the range that are not in the plan, to their number."""
    made_at: datetime
    plan_version: str = _PLAN_VERSION

    def to_json(self) -> str:
        """The plan as the content of a file."""
        return json.dumps(asdict(self), default=str, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: the text is not such a plan; the message quotes nothing of it.
        """
        try:
            plan = TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            places = (".".join(map(str, each["loc"])) for each in error.errors(include_input=False))
            wrong = ", ".join(dict.fromkeys(filter(None, places)))
            raise ValueError(f"wrong or missing there: {wrong}" if wrong else "it is not JSON") from None
        if plan.plan_version != _PLAN_VERSION:
            raise ValueError(f"plan_version is not {_PLAN_VERSION}")
        return plan


def read_request(
    first: date | None,
    last: date | None,
    only: Only = "missing",
    pins: KeptPins | None = None,
    reason: str | None = None,
) -> Asked:
    """Read what is asked for.

    Raises:
        ConfigError: a day of the range is not given, or the last lies before the first; or published
            days are asked for without pins and a reason, or these without published days.
    """
    if first is None or last is None:
        raise ConfigError("Which days? Give the first and the last (--from, --to), or a plan that was made (--plan).")
    if last < first:
        raise ConfigError(f"The range ends on {last}, before it begins on {first}. Exchange them.")
    reason = (reason or "").strip() or None
    if only == "all" and (pins is None or reason is None):
        raise ConfigError(
            "all takes published days, too, and decides them again: say by which model, policy and contract (--as-was "
            "for those of the newest revision, --current for those of today), and why (--reason). For the days that "
            "are not published: --only missing."
        )
    if only != "all" and (pins or reason):
        raise ConfigError(
            f"{only} takes no day that readers see, so nothing is decided again: leave out --as-was, --current and "
            "--reason, or ask for --only all."
        )
    return Asked(first, last, only, pins, reason)


@step("plan days")
def plan_backfill(asked: Asked, settings: Settings) -> BackfillPlan:
    """Plan of the days that are asked for, as they stand now; today is that of the calendar's clock."""
    now = datetime.now(UTC)
    return planned_by(
        asked, open_store(settings.storage), load_calendar(settings.scoring.calendar), settings.storage.root, now
    )


def planned_by(asked: Asked, store: Store, calendar: Calendar, root: str, now: datetime) -> BackfillPlan:
    """Plan of the days that are asked for.

    Args:
        asked: the days.
        store: where they lie.
        calendar: the business calendar, which demands days of which nothing came.
        root: root of the store as the settings name it, which the plan keeps.
        now: aware moment, of which the calendar tells the business day.
    """
    today = calendar.business_day(now)
    statuses = days_between(store, calendar, asked.first, asked.last, today=today)
    is_asked = {status.as_of: _is_asked(status, asked.only) for status in statuses}
    others = Counter(status.state for status in statuses if not is_asked[status.as_of])
    return BackfillPlan(
        store=root,
        first=asked.first,
        last=asked.last,
        only=asked.only,
        pins=asked.pins,
        reason=asked.reason,
        days=tuple(_planned(store, status) for status in statuses if is_asked[status.as_of]),
        others=dict(others),
        made_at=now,
    )


def _is_asked(status: DayStatus, only: Only) -> bool:
    """True if a day belongs to the plan. Today does not, until something comes."""
    if status.state in _MISSING_STATES:
        return only in ("missing", "all")
    if status.state == PUBLISHED:
        return only == "all"
    return only in ("failed", "all") and status.state != NOT_YET


def _planned(store: Store, status: DayStatus) -> PlannedDay:
    why = f"{status.state} ({'; '.join(status.hints)})" if status.hints else status.state
    return PlannedDay(status.as_of, _action_of(status), why, look_at(StoredDay(store, status.as_of)))


def _action_of(status: DayStatus) -> Action:
    if status.state in _STATES_TO_PUBLISH:
        return "publish"
    if status.state == PUBLISHED:
        return "revise"
    return "ask the feed" if status.state == MISSING else "restore"


def look_at(day: StoredDay) -> Seen:
    """State of a day by which a change is noticed."""
    landing = [(entry.key, entry.size_bytes, entry.modified_at.isoformat()) for entry in day.entries("landing")]
    newest = _newest(day)
    return Seen(digest_of(landing), day.last_left, newest.publication if newest else None)


def _newest(day: StoredDay) -> Manifest | None:
    """Manifest of the newest revision; None if there is none, or it is damaged or archived."""
    try:
        return day.newest
    except (ManifestDamaged, ObjectArchived):
        return None


class Change(NamedTuple):
    """Difference between a day and the state that the plan saw."""

    told: str
    is_done: bool
    """True if the difference is what the plan asked for, by an earlier execution or by somebody else."""


def change_since(planned: PlannedDay, plan: BackfillPlan, store: Store) -> Change | None:
    """Change of a day since the plan; None if the day stands as the plan saw it.

    A day that the plan wanted published and that is published now, from the same landing, is done; so is
    one whose next revision has the plan's reason.
    """
    day = StoredDay(store, planned.as_of)
    now, before = look_at(day), planned.seen
    if now.landing != before.landing:
        return Change("its landing has changed since the plan", is_done=False)
    if now == before:
        return None
    newest = _newest(day)
    if newest is None or newest.revision < before.revision:
        return Change("its revisions are not those that the plan saw", is_done=False)
    is_next = newest.revision == before.revision + 1
    if planned.action == "publish":
        is_wanted = not newest.is_withdrawn and _was_undecided(day, before.revision)
    else:
        is_wanted = newest.reason == plan.reason
    told = f"revision {newest.revision} was published since the plan"
    return Change(told, is_done=is_next and is_wanted)


def _was_undecided(day: StoredDay, revision: int) -> bool:
    """True if nothing of the day was decided at a revision: it was not published, or withdrawn."""
    return all(manifest.is_withdrawn for manifest in day.manifests or () if manifest.revision == revision)


def read_plan(path: str, settings: Settings) -> BackfillPlan:
    """Plan in a file that `scoring backfill --dry-run` wrote.

    Raises:
        ConfigError: the file cannot be read, is not a plan, or is about another store.
    """
    anew = "Make it anew: scoring backfill --from D --to D --dry-run > plan.json"
    try:
        plan = BackfillPlan.from_json(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"The plan {path} cannot be read: {error.strerror}. {anew}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not a plan of a backfill; {error}. {anew}") from None
    if plan.store != settings.storage.root:
        raise ConfigError(
            f"{path} is a plan for the store {plan.store}; these settings name {settings.storage.root}. "
            "Give the --config that it was made with."
        )
    return plan


def plan_table(plan: BackfillPlan) -> str:
    """The plan as lines: its range, a line a day with action and reason, and the days left out."""
    days = counted(len(plan.days), "day")
    by = f", published ones {_BY_PINS[plan.pins]}" if plan.pins else ""
    lines = [f"{days} of {plan.first} to {plan.last} to do ({plan.only}{by})"]
    lines += [f"  {day.as_of}  {day.action:<13}{day.why}" for day in plan.days]
    if plan.others:
        told = ", ".join(f"{number:,} {state}" for state, number in sorted(plan.others.items()))
        lines.append(f"  Not in the plan: {told}")
    return "\n".join(lines)


def log_plan(plan: BackfillPlan) -> None:
    """Write the plan into the log of the run."""
    for line in plan_table(plan).splitlines():
        run_logger().info("%s", line)
