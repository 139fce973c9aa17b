"""Command `scoring explain`: print how one application was decided.

This is the only place where values of an applicant are printed, and only because somebody asked.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from flows.options import ApplicationId, Day, common_options, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from configs.calendar import Calendar
    from tasks.core.decision.scoring import Account
    from tasks.inspection.explain import Explained
    from tasks.inspection.lookup import Appearance, LookUp
    from tasks.inspection.what_if import WaysToApproval, WhatIf
    from tasks.publication.stored_day import StoredDay

_CELLS: Final = 44
_LEAST_PUSH: Final = 0.0005
"""Least push that is shown; a lesser one would read 0.000."""
_YOURS_ALONE: Final = "it is an applicant's, and you alone may read it"
_UP, _DOWN, _HERE, _CUTOFF = "█", "░", "│", "┊"


class _Change(click.ParamType):
    """A field and the amount that it might have had; the amount is never repeated."""

    name = "FIELD=AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Field and amount as text, or a usage error (exit 2)."""
        if isinstance(value, tuple):
            return value
        field, separator, amount = str(value).partition("=")
        if not separator or not field.strip():
            self.fail("it is not a change; write it as FIELD=AMOUNT, for example AMT_CREDIT=300000.", param, ctx)
        return field.strip(), amount


@click.command("explain")
@click.option("--as-of", type=Day(), help="Business day of the application; without it all days are searched.")
@click.option(
    "--application-id",
    "applicant",
    type=ApplicationId(),
    required=True,
    help="Whose application.",
)
@click.option(
    "--revision",
    type=click.IntRange(1),
    metavar="N",
    help="An earlier revision of the day.  [default: the newest]",
)
@click.option(
    "--what-if",
    "what_if",
    type=_Change(),
    multiple=True,
    help="Decide it with another amount, too; may be repeated.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE.png|.svg",
    help="Draw how the model came to it into a new file, too.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Write all of it into a new page that needs no network, too.",
)
@common_options
def explain_command(
    as_of: date | None,
    applicant: int,
    revision: int | None,
    what_if: tuple[tuple[str, str], ...],
    picture: Path | None,
    page: Path | None,
    config: str | None,
    verbose: bool,
) -> None:
    """Show how one application was decided over days and revisions, and why.

    What was published: pd, decision, reasons with their sentences. While the landing still holds
    the row: how much each family of features pushed its score, by the model version that decided
    it. An application in quarantine: the rules that it breaks. Without --as-of a table tells all
    days and revisions that have the application, and the newest is explained.

    Of an application that is not approved: the smallest change of each amount that an applicant can
    change (configs/reasons.yaml) with which it would have been. --what-if decides it with other
    amounts. What is shown is an applicant's; your shell may keep the id in its history.
    """
    if revision and as_of is None:
        raise click.UsageError("--revision counts the revisions of one day; give --as-of, too.")
    changes = dict(what_if)
    if len(changes) < len(what_if):
        raise click.UsageError("--what-if was given twice for a field; give it once for each.")
    settings = set_up(config, verbose=verbose)
    from configs.calendar import load_calendar
    from tasks.inspection.explain import draw, explain, require_picture
    from tasks.inspection.lookup import look_up
    from tasks.inspection.page import require_page, write_page
    from tasks.inspection.what_if import WaysToApproval, find_ways, require_changeable, try_changes
    from tasks.store import open_store

    if picture:
        require_picture(picture)
    if page:
        require_page(page)
    if changes:
        require_changeable(changes, settings)
    store = open_store(settings.storage)
    appearances = None
    if as_of is None:
        calendar = load_calendar(settings.scoring.calendar)
        found = look_up(store, applicant, calendar, _shown_progress)
        click.echo(appearances_table(found, calendar))
        appearances, newest = found.appearances, found.newest.published
        as_of, revision = newest.as_of, newest.revision
    explained = explain(store, as_of, applicant, settings, revision=revision)
    click.echo(explain_summary(explained))
    tried, ways = None, WaysToApproval((), {})
    if changes:
        tried = try_changes(explained, changes, settings)
        click.echo(what_if_summary(tried))
    else:
        ways = find_ways(explained, settings)
        click.echo(ways_summary(ways, explained), nl=False)
    if picture:
        draw(explained, picture)
        click.echo(f"\n  Picture       {picture}; {_YOURS_ALONE}")
    if page:
        write_page(page, store, explained, settings, ways=ways, tried=tried, appearances=appearances)
        click.echo(f"\n  Page          {page}; {_YOURS_ALONE}")


def _shown_progress(days: Collection[StoredDay]) -> Iterable[StoredDay]:
    """Pass the days on, and show on a terminal how many are searched."""
    if not sys.stderr.isatty():
        yield from days
        return
    with click.progressbar(days, label="Days searched", file=sys.stderr) as bar:
        yield from bar


def appearances_table(found: LookUp, calendar: Calendar) -> str:
    """Decisions on an application over days and revisions, newest first; a line a revision."""
    appearances = found.appearances
    days = {each.published.as_of for each in appearances}
    revisions = counted(len(appearances), "revision")
    title = f"{'day':<12}{'rev':>3}  {'outcome':<14}{'pd':>6}  {'cut-off':>7}  {'model':<24}{'policy':<8}published"
    lines = [f"\nThe application over {counted(len(days), 'day')}, {revisions}\n", f"  {title}"]
    lines += [f"  {_appearance_line(each, calendar)}" for each in appearances]
    if found.unread:
        parts = counted(len(found.unread), "part")
        lines.append(f"\n  {parts} of the store could not be searched, the first: {found.unread[0]}")
    return "\n".join(lines)


def _appearance_line(appearance: Appearance, calendar: Calendar) -> str:
    published, row = appearance.published, appearance.row
    pd = f"{row['pd']:.4f}" if row else "-"
    cutoff = f"{row['cutoff']:.4f}" if row else "-"
    model = f"{published.model.name} {published.model.version}"
    at = calendar.local_time(published.run.get("published_at", "-"))
    return (
        f"{published.as_of!s:<12}{published.revision:>3}  {appearance.outcome:<14}{pd:>6}  {cutoff:>7}  "
        f"{model:<24}{published.policy['version']:<8}{at}"
    )


def explain_summary(explained: Explained) -> str:
    """Decision on the application, its reasons, and the way in which the model came to it."""
    published = explained.published
    title = f"Application of {published.as_of}, revision {published.revision}"
    row = explained.row
    if row is None:
        lines = [f"\n{title}: not decided, its row lies in quarantine", "\n  It breaks"]
        for rule, sentence in explained.broken.items():
            lines.append(f"    {rule}: {sentence}" if sentence else f"    {rule}")
        return "\n".join([*lines, *_other_revisions(explained)])
    band = f"risk band {row['risk_band']}; refused from {row['cutoff']:.4f} on"
    model = f"{row['model_name']} version {row['model_version']}"
    made_with = f"{model}, policy {row['policy_version']}, contract {row['contract_version']}"
    return "\n".join(
        [
            f"\n{title}: {row['decision']}\n",
            f"  pd            {row['pd']:.4f}, {band}",
            f"  Made with     {made_with}",
            *_other_revisions(explained),
            *_reasons(explained),
            *_warnings(explained),
            *(_waterfall(explained.account) if explained.account else ()),
        ]
    )


def what_if_summary(tried: WhatIf) -> str:
    """Decision on the application with other amounts, and the reasons that it would state."""
    lines = [f"\n  What if {tried.amounts_in_words}", f"    {tried.outcome_in_words}", *_coded(tried.reasons)]
    return "\n".join(lines)


def ways_summary(ways: WaysToApproval, explained: Explained) -> str:
    """The smallest changes that would have been approved, with a line end; empty if none were looked for."""
    from tasks.core.decision.what_if import promise_sentence, way_sentence

    if not (ways.changes or ways.fault):
        return ""
    lines = ["\n  What would have been approved, all else as it is"]
    lines += [f"    {way_sentence(change, ways.words[change.field])}" for change in ways.changes]
    if ways.fault:
        lines.append(f"    It cannot be told. {ways.fault}")
    published = explained.published
    told = promise_sentence(published.model, published.policy["version"])
    lines.append(textwrap.fill(told, 110, initial_indent=" " * 4, subsequent_indent=" " * 4))
    return "\n".join(lines) + "\n"


def _other_revisions(explained: Explained) -> Iterator[str]:
    """Lines about the other revisions of the day that came to another outcome."""
    from tasks.inspection.explain import otherwise_sentences

    sentences = otherwise_sentences(explained)
    for sentence, revisions in zip(sentences, explained.decided_otherwise.values(), strict=True):
        yield f"  OTHERWISE     {sentence}; see it with --revision {revisions[-1]}"


def _reasons(explained: Explained) -> Iterator[str]:
    yield "\n  Reasons" if explained.reasons else "\n  It states no reasons"
    yield from _coded(explained.reasons)


def _coded(reasons: Mapping[str, str]) -> Iterator[str]:
    """Codes with their sentences, as lines."""
    for code, sentence in reasons.items():
        line = f"{code:<10}{sentence}"
        yield textwrap.fill(line, 110, initial_indent=" " * 4, subsequent_indent=" " * 14)


def _warnings(explained: Explained) -> Iterator[str]:
    if explained.otherwise:
        otherwise = ", ".join(explained.otherwise)
        yield (
            f"\n  NOT AS PUBLISHED: {otherwise} come out otherwise today. "
            "What follows explains today's\n"
            "  result, and not the published decision: the delivered row was changed, "
            "or this is another program."
        )
    elif explained.account is None:
        yield "\n  How the model came to it cannot be told"
    elif explained.remarks:
        yield "\n  Worth knowing"
    yield from (f"    {remark}" for remark in explained.remarks)


def _waterfall(account: Account) -> Iterator[str]:
    from tasks.core.lender.feature_list import FAMILIES

    shown = {name: push for name, push in account.pushes.items() if abs(push) >= _LEAST_PUSH}
    pushes = {FAMILIES[name]: push for name, push in shown.items()}
    levels = [account.base]
    for push in pushes.values():
        levels.append(levels[-1] + push)
    low = min(*levels, account.raw, account.cutoff)
    high = max(*levels, account.raw, account.cutoff)

    def cell(level: float) -> int:
        return round((level - low) / ((high - low) or 1.0) * (_CELLS - 1))

    def line(name: str, number: str, first: float, last: float, sign: str, remark: str = "") -> str:
        cells = [" "] * _CELLS
        cells[cell(account.cutoff)] = _CUTOFF
        begin, end = sorted((cell(first), cell(last)))
        cells[begin : end + 1] = sign * (end + 1 - begin)
        return f"    {name:<40}{number:>8}  {''.join(cells)}{remark}".rstrip()

    yield "\n  How the model came to it, in log-odds"
    yield f"  {_UP} towards refusal   {_DOWN} towards approval   {_CUTOFF} refused from here on\n"
    base, raw = account.base, account.raw
    base_pd, pd = f"  pd {account.base_pd:.4f}", f"  pd {account.pd:.4f}"
    yield line("Mean of all in training", f"{base:.3f}", base, base, _HERE, base_pd)
    for (name, push), first, last in zip(pushes.items(), levels, levels[1:], strict=False):
        yield line(name, f"{push:+.3f}", first, last, _UP if push > 0 else _DOWN)
    yield line("This application", f"{raw:.3f}", raw, raw, _HERE, pd)
