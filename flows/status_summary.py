"""What `scoring status` prints: a line a day, one day with its history, or what reading everything again has found.

Prefect and the registry are not needed for it, and not imported: a status comes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tasks.core.day.facts import RowCounts, day_facts
from tasks.core.day.manifest import Manifest
from tasks.core.words import counted
from tasks.inspection.reread import Checked
from tasks.inspection.status import DayHistory, DayStatus
from tasks.publication.layout import decisions_key, manifest_key, report_key
from tasks.publication.places import kept_places_of
from tasks.store import Store

_DIGITS: Final = 12
_HEAD: Final = (
    f"{'day':<10}  {'rev':>3}  {'received':>9}  {'decided':>9}  {'quarant.':>8}  {'approved':>8}  {'model':<6}  "
    f"{'decisions':<12}  {'published (UTC)':<16}  state"
)


def days_table(days: Sequence[DayStatus], root: str) -> str:
    """A line a day, newest last; how to begin where there is none."""
    if not days:
        return (
            f"\nNothing was delivered or published yet in {root}\n\n"
            "  Lay a day's files into landing/day=YYYY-MM-DD/ there, or make some: scoring generate --from YYYY-MM-DD\n"
            "  Then score the day: scoring score --as-of YYYY-MM-DD"
        )
    return "\n".join(["", _HEAD, *(_line(day) for day in days)])


def day_summary(history: DayHistory, store: Store) -> str:
    """One day with all its revisions, newest last: what was decided, why, from which files, and where it lies."""
    status = history.status
    lines = [f"\nApplications of {status.as_of}: {_state(status)}"]
    if history.shown:
        lines += ["", *(f"  {store.location(key)}" for key in (decisions_key(status.as_of), report_key(status.as_of)))]
    for revision, manifest in history.revisions.items():
        lines += _revision(revision, manifest, history, store)
    named = {name for manifest in history.revisions.values() if manifest for name in manifest.inputs}
    lines += _named("Delivered, in no revision", sorted(history.landing - named))
    return "\n".join(lines)


def checked_lines(checked: Checked) -> Iterable[str]:
    """What reading a day again has found, a line each."""
    day = str(checked.as_of or "no day")
    yield from (f"{day:<10}  PROBLEM  {_shown(each)}" for each in checked.problems)
    yield from (f"{day:<10}  remark   {_shown(each)}" for each in checked.remarks)


def verified_summary(checked: Sequence[Checked]) -> str:
    """How much was read again, and how it went."""
    problems = sum(len(each.problems) for each in checked)
    days, revisions = sum(each.revisions > 0 for each in checked), sum(each.revisions for each in checked)
    numbers = {"day": days, "revision": revisions, "file": sum(each.files for each in checked)}
    read = ", ".join(counted(number, noun) for noun, number in numbers.items())
    return f"{read} re-read: {counted(problems, 'problem') if problems else 'no problem'}"


def _line(day: DayStatus) -> str:
    manifest = day.newest
    if manifest is None:
        return str(day.as_of).ljust(_HEAD.index("state")) + _state(day)
    facts = day_facts(manifest)
    became = facts.rows.became
    return (
        f"{day.as_of}  {manifest.revision:>3}  {facts.rows.received:>9,}  {became['decided']:>9,}  "
        f"{became['quarantined']:>8,}  {facts.decisions['approve'].share:>8.1%}  {manifest.model.version:<6}  "
        f"{facts.digest[:_DIGITS]}  {facts.published_at}  {_state(day)}"
    )


def _state(day: DayStatus) -> str:
    return day.state + (f" ({'; '.join(day.hints)})" if day.hints else "")


def _revision(revision: int, manifest: Manifest | None, history: DayHistory, store: Store) -> Iterable[str]:
    as_of = history.status.as_of
    if manifest is None:
        yield f"\n  Revision {revision}: no manifest that can be read; see scoring status --as-of {as_of} --verify"
        return
    facts = day_facts(manifest)
    seen = ": what readers see" if history.shown == facts.digest else ""
    yield f"\n  Revision {revision}, published {facts.published_at} UTC{seen}"
    lines = {
        "Reason": _shown(facts.reason),
        "Made with": facts.made_with,
        "Rows": _rows(facts.rows),
        "Erased": _shown("; ".join(facts.erasures)),
        "Decided": ", ".join(f"{name} {each.rows:,}" for name, each in facts.decisions.items()),
        "Changed": f"{facts.changed}, since revision {revision - 1}" if facts.changed else "",
        "Digest": facts.digest[:_DIGITS],
    }
    yield from (f"    {name:<12}{text}" for name, text in lines.items() if text)
    for name, sha256 in facts.inputs.items():
        is_there = "a file of this name is in the landing" if name in history.landing else "not in the landing any more"
        yield f"    {'File':<12}{_shown(name)}, {sha256[:_DIGITS]}, {is_there}"
    # A manifest that was put in the place of another one names its own place.
    places = kept_places_of(manifest) | {"Manifest": manifest_key(as_of, revision)}
    for name, key in places.items():
        expired = history.expired.get(key)
        gone = f" (expired on {expired['at']}: {expired['rule']})" if expired else ""
        yield f"    {name:<12}{store.location(key)}{gone}"


def _rows(rows: RowCounts) -> str:
    became = [f"{count:,} {name}" for name, count in rows.became.items() if count or name != "erased"]
    return f"{rows.received:,} received: {', '.join(became)}"


def _named(title: str, names: Sequence[str]) -> Iterable[str]:
    if names:
        yield f"\n  {title}"
        yield from (f"    {_shown(name)}" for name in names)


def _shown(text: str) -> str:
    """A file's name or a reason as any terminal can show it."""
    return text if text.isprintable() else ascii(text)
