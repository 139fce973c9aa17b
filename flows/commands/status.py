"""Command `scoring status`: print a line a day, or one day with its history, or verify the store.

It needs neither Prefect nor the registry and imports neither, so that a status comes at once.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final

import click

from flows.options import ClockTime, Day, common_options, set_up
from tasks.core.words import counted, normal_name
from tasks.errors import PublishError
from tasks.publication.layout import decisions_key, manifest_key, report_key

if TYPE_CHECKING:
    from configs.calendar import Calendar
    from tasks.core.day.facts import RowCounts
    from tasks.core.day.manifest import Manifest
    from tasks.inspection.reread import Checked
    from tasks.publication.day_status import DayHistory, DayStatus
    from tasks.store import Store

_DIGITS: Final = 12
_TOO_FEW: Final = "too few"
"""Share of so few decisions that it would tell each."""
_HEAD: Final = (
    f"{'day':<10}  {'rev':>3}  {'received':>9}  {'decided':>9}  {'quarant.':>8}  {'approved':>8}  "
    f"{'monitoring':<13}  {'model':<6}  {'decisions':<12}  "
)


@click.command("status")
@click.option("--as-of", type=Day(), help="One business day, with its history.")
@click.option(
    "--last",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="How many days the table shows.",
)
@click.option(
    "--verify",
    is_flag=True,
    help="Read all that is published again, and name what is not as it should be.",
)
@click.option(
    "--expect",
    "--expect-by",
    "expect",
    type=ClockTime(),
    help="End with exit code 9 if a day that the calendar demands is not published and monitored; today's counts from "
    "this time on, by the calendar's clock.",
)
@click.option("--json", "is_json", is_flag=True, help="Print the days as JSON, for programs.")
@common_options
def status_command(
    as_of: date | None,
    last: int,
    verify: bool,
    expect: time | None,
    is_json: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Show what is published, what is not, and whether it is whole. Changes nothing.

    A line a day, also for days of which nothing came; with --as-of one day with all its revisions;
    with --verify every published file read again; with --expect an alarm that cron alone can raise.
    """
    if (as_of or verify) and (expect or is_json):
        raise click.UsageError("--expect and --json look at all days; leave out --as-of and --verify.")
    settings = set_up(config, verbose=verbose)
    from configs.calendar import load_calendar
    from tasks.inspection.day_record import day_record
    from tasks.inspection.overdue import overdue_days, require_nothing_overdue
    from tasks.publication.day_status import day_history, list_days
    from tasks.store import open_store

    store = open_store(settings.storage)
    calendar = load_calendar(settings.scoring.calendar)
    if verify:
        _verify(store, as_of, settings.storage.root, calendar)
    elif as_of:
        click.echo(history_summary(day_history(store, calendar, as_of), store, calendar))
    else:
        now = datetime.now(UTC)
        days = list_days(store, calendar, last=last, today=calendar.business_day(now))
        overdue = overdue_days(days, calendar, now, expect) if expect else []
        if is_json:
            late = [each.as_of for each in overdue] if expect else None
            click.echo(json.dumps([day_record(day, calendar, late) for day in days], indent=1))
        else:
            click.echo(days_table(days, settings.storage.root, calendar))
        if expect:
            require_nothing_overdue(overdue, expect)


def _verify(store: Store, as_of: date | None, root: str, calendar: Calendar) -> None:
    """Read again what is published, all or one day, and print each finding at once.

    Raises:
        PublishError: something is not as it should be, or nothing is there.
    """
    from tasks.inspection.verify import verify_day, verify_store

    found = []
    for checked in [verify_day(store, as_of, calendar)] if as_of else verify_store(store, calendar):
        found.append(checked)
        for line in checked_lines(checked):
            click.echo(line)
    click.echo(verified_summary(found))
    if not any(checked.files for checked in found):
        what = f"{as_of} is not published" if as_of else "Nothing is published"
        raise PublishError(f"{what} in {root}, so nothing was verified. Is that the store?")
    if n_problems := sum(len(checked.problems) for checked in found):
        problems = counted(n_problems, "problem")
        raise PublishError(f"{problems} in what is published, told above. Nothing was changed.")


def days_table(days: Sequence[DayStatus], root: str, calendar: Calendar) -> str:
    """Table with a line a day, newest last; without any day, the words how to begin."""
    if not days:
        return (
            f"\nNothing was delivered or published yet in {root}\n\n"
            "  Lay a day's files into landing/day=YYYY-MM-DD/ there, or make some: "
            "scoring generate --from YYYY-MM-DD\n"
            "  Then score the day: scoring score --as-of YYYY-MM-DD"
        )
    published = f"published ({calendar.zone})"
    return "\n".join(["", f"{_HEAD}{published}  state", *_lines(days, calendar, len(published))])


def history_summary(history: DayHistory, store: Store, calendar: Calendar) -> str:
    """State of a day and the facts of all its revisions, newest last."""
    as_of = history.status.as_of
    lines = [f"\nApplications of {as_of}: {_state(history.status)}"]
    if history.status.monitoring:
        lines.append(f"Monitoring: {history.status.monitoring}")
    if history.shown:
        seen = (decisions_key(as_of), report_key(as_of))
        lines += ["", *(f"  {store.location(key)}" for key in seen)]
    for revision, manifest in history.revisions.items():
        lines += _revision(revision, manifest, history, store, calendar)
    manifests = [manifest for manifest in history.revisions.values() if manifest]
    named = {name for manifest in manifests for name in manifest.inputs_by_name}
    lines += _named("Delivered, in no revision", sorted(history.landing - named))
    return "\n".join(lines)


def checked_lines(checked: Checked) -> Iterable[str]:
    """Findings of reading a day again, a line each."""
    day = str(checked.as_of or "no day")
    yield from (f"{day:<10}  PROBLEM  {_shown(each)}" for each in checked.problems)
    yield from (f"{day:<10}  remark   {_shown(each)}" for each in checked.remarks)


def verified_summary(checked: Sequence[Checked]) -> str:
    """Number of days, revisions and files that were read again, and of problems."""
    numbers = {
        "day": sum(each.revisions > 0 for each in checked),
        "revision": sum(each.revisions for each in checked),
        "file": sum(each.files for each in checked),
    }
    read = ", ".join(counted(number, noun) for noun, number in numbers.items())
    n_problems = sum(len(each.problems) for each in checked)
    problems = counted(n_problems, "problem") if n_problems else "no problem"
    return f"{read} re-read: {problems}"


def _lines(days: Sequence[DayStatus], calendar: Calendar, width: int) -> Iterator[str]:
    """A line a day, and one for all missing days that follow each other."""
    from tasks.core.reporting.days_page import MISSING

    for state, group in itertools.groupby(days, key=lambda day: day.state):
        same = list(group)
        if state == MISSING and len(same) > 1:
            told = f"{state}: {counted(len(same), 'day')} that the calendar demands, to {same[-1].as_of}"
            yield f"{same[0].as_of!s:<{len(_HEAD) + width}}  {told}"
        else:
            yield from (_line(day, calendar, width) for day in same)


def _line(day: DayStatus, calendar: Calendar, width: int) -> str:
    from tasks.core.day.facts import day_facts

    manifest = day.newest
    if manifest is None:
        return f"{day.as_of!s:<{len(_HEAD) + width}}  {_state(day)}"
    facts = day_facts(manifest)
    became = facts.rows.became
    approved = facts.decisions.get("approve")
    share = f"{approved.share:.1%}" if approved else _TOO_FEW
    version = manifest.model.version
    if facts.is_withdrawn:  # nothing was decided, by no model
        share, version = "", ""
    published_at = calendar.local_time(facts.published_at).removesuffix(f" {calendar.zone}")
    return (
        f"{day.as_of}  {manifest.revision:>3}  {facts.rows.received:>9,}  {became['decided']:>9,}  "
        f"{became['quarantined']:>8,}  {share:>8}  {day.monitoring:<13}  {version:<6}  "
        f"{facts.digest[:_DIGITS]}  {published_at:<{width}}  {_state(day)}"
    )


def _state(day: DayStatus) -> str:
    return day.state + (f" ({'; '.join(day.hints)})" if day.hints else "")


def _revision(
    revision: int,
    manifest: Manifest | None,
    history: DayHistory,
    store: Store,
    calendar: Calendar,
) -> Iterable[str]:
    from tasks.core.day.facts import day_facts
    from tasks.publication.places import kept_places_of

    as_of = history.status.as_of
    if manifest is None:
        see = f"see scoring status --as-of {as_of} --verify"
        yield f"\n  Revision {revision}: no manifest that can be read; {see}"
        return
    facts = day_facts(manifest)
    seen = ": what readers see" if history.shown == facts.digest else ""
    yield f"\n  Revision {revision}, published {calendar.local_time(facts.published_at)}{seen}"
    erasures = (f"{calendar.local_time(each['at'])}, {each['reason']}" for each in facts.erasures)
    lines = {
        "Reason": _shown(facts.reason),
        "Made with": facts.made_with,
        "Sealed copy": facts.sealed_copy,
        "Rows": _rows(facts.rows),
        "Erased": _shown("; ".join(erasures)),
        "Decided": ", ".join(f"{name} {each.rows:,}" for name, each in facts.decisions.items()),
        "Not told": facts.untold,
        "Changed": f"{facts.changed}, since revision {revision - 1}" if facts.changed else "",
        "Digest": facts.digest[:_DIGITS],
    }
    yield from (f"    {name:<12}{text}" for name, text in lines.items() if text)
    for name, sha256 in facts.inputs.items():
        is_there = normal_name(name) in history.landing
        place = "a file of this name is in the landing" if is_there else "not in the landing any more"
        yield f"    {'File':<12}{_shown(name)}, {sha256[:_DIGITS]}, {place}"
    # A manifest that was put in the place of another one names its own place.
    places = kept_places_of(manifest) | {"Manifest": manifest_key(as_of, revision)}
    for name, key in places.items():
        expired = history.expired.get(key)
        gone = f" (expired on {calendar.local_time(expired['at'])}: {expired['rule']})" if expired else ""
        yield f"    {name:<12}{store.location(key)}{gone}"


def _rows(rows: RowCounts) -> str:
    shown = {name: count for name, count in rows.became.items() if count or name != "erased"}
    became = ", ".join(f"{count:,} {name}" for name, count in shown.items())
    return f"{rows.received:,} received: {became}"


def _named(title: str, names: Sequence[str]) -> Iterable[str]:
    if names:
        yield f"\n  {title}"
        yield from (f"    {_shown(name)}" for name in names)


def _shown(text: str) -> str:
    """Name of a file, or a reason, as any terminal can show it."""
    return text if text.isprintable() else ascii(text)
