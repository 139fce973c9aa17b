"""Command `scoring score`: score a day, and print how its rows were decided and where all lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

import click

from flows.options import as_of_option, common_options, plain_option, runnable, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.core.day.facts import DecisionCount, FirstReason, RowCounts
    from tasks.core.day.rehearsal import Rehearsal
    from tasks.core.day.standing import DayResult

_BAR: Final = 30
_REASONS: Final = 4
_RULES: Final = 12
_SELDOM: Final = {"replaced", "erased"}
"""Fates of so few rows that nothing is said if there are none."""
_OUTCOMES: Final = {
    "published": "published",
    "unchanged": "nothing to do: published before from these very files, and stays as it was decided",
}


@click.command("score")
@as_of_option
@click.option(
    "--force",
    is_flag=True,
    help="Decide a published day again, from what lies in its landing, with today's model, policy and contract.",
)
@click.option(
    "--as-was",
    is_flag=True,
    help="Decide a published day again, from what lies in its landing, with the published model, policy and contract.",
)
@click.option(
    "--corrections",
    is_flag=True,
    help="Replace rows by those in the landing's corrections/, with the published model, policy and contract.",
)
@click.option(
    "--reason",
    metavar="TEXT",
    help="Why a published day is revised; it is kept. No applicant's data.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Publish nothing: tell how a run would decide the day now, and what would change by it. Needs no reason.",
)
@click.option(
    "--shadow",
    metavar="ALIAS",
    help="Score the day with a second model of the registry, too, and report where it would decide otherwise.",
)
@click.option(
    "--shadow-version",
    type=click.IntRange(1),
    metavar="N",
    help="The same with a registered version.",
)
@plain_option
@common_options
def score_command(
    as_of: date,
    force: bool,
    as_was: bool,
    corrections: bool,
    reason: str | None,
    dry_run: bool,
    shadow: str | None,
    shadow_version: int | None,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Score the applications of a day and publish the decisions. Safe to repeat.

    A published day stays as it is; --force, --as-was or --corrections, with a --reason, make a new
    revision of it. With --dry-run they tell what that revision would change, and nothing is
    published.
    """
    if shadow and shadow_version:
        raise click.UsageError("--shadow and --shadow-version name the second model; give one of them.")
    settings = set_up(config, verbose=verbose)
    from tasks.scoring.day_workers import begin_workers

    begin_workers(as_of, settings)
    from tasks.scoring.revise import read_order

    second = f"version:{shadow_version}" if shadow_version else shadow
    is_revision = force or as_was or corrections
    why = "a dry run" if dry_run and is_revision and not reason else reason
    order = read_order(force=force, corrections=corrections, reason=why, as_was=as_was)
    if dry_run:
        if second:
            raise click.UsageError("A dry run publishes nothing to compare a second model with; leave --shadow away.")
        from flows.rehearse_day import rehearse_day

        click.echo(rehearsal_summary(rehearse_day(as_of, order, settings)))
        return
    from flows.score_applications import score_applications

    result = runnable(score_applications, without_prefect=without_prefect)(
        as_of=as_of,
        config=config,
        force=force,
        corrections=corrections,
        reason=reason,
        as_was=as_was,
        shadow=second,
    )
    click.echo(scoring_summary(result, settings))


def scoring_summary(result: DayResult, settings: Settings) -> str:
    """Counts of a scored day, by fate of the rows and by decision, and the places of its files."""
    from tasks.core.day.facts import day_facts
    from tasks.publication.places import places_of
    from tasks.store import open_store

    standing = result.standing
    manifest = result.manifest
    if manifest is None:
        nobody = f"none came, and none need come: it is {standing.excuse}"
        return f"\nApplications of {standing.as_of}: {nobody}"
    facts = day_facts(manifest)
    store = open_store(settings.storage)
    places = {name: store.location(key) for name, key in places_of(manifest).items()}
    lines = {
        "Made with": facts.made_with,
        "Sealed copy": facts.sealed_copy,
        "Reason": facts.reason,
        "Corrections": facts.corrections,
        "Changed": facts.changed,
        "Changes": places.get("Changes", ""),
        "Decisions": places["Decisions"],
        "Quarantine": places.get("Quarantine", "none"),
        "Contract": places["Contract"],
        "Manifest": places["Manifest"],
        "Waiting": ", ".join(standing.waiting),
        "Shadow": result.shadow,
    }
    return "\n".join(
        [
            f"\n{facts.title}: {_OUTCOMES[result.outcome]}\n",
            *_rows(facts.rows),
            "",
            *_bars(facts.decisions),
            *_reasons(facts.first_reasons),
            *([f"  {facts.untold}"] if facts.untold else []),
            *_quarantine(facts.broken_rules),
            "",
            *(f"  {name:<14}{text}" for name, text in lines.items() if text),
        ]
    )


def rehearsal_summary(rehearsal: Rehearsal) -> str:
    """Decisions that a run would make of a day now, and the changes against the published revision."""
    from tasks.core.day.facts import day_facts
    from tasks.core.decision.migration import migration_lines, told_migrations

    standing, drafted = rehearsal.standing, rehearsal.drafted
    if drafted is None:
        there = f"Revision {standing.published.revision} stays" if standing.published else "There is nothing to decide"
        return f"\nApplications of {standing.as_of}: a dry run. {there}: a run would publish nothing now."
    facts = day_facts(drafted)
    lines = [f"\n{facts.title}: a dry run; nothing was published\n", *_rows(facts.rows), ""]
    lines += [*_bars(facts.decisions), *_reasons(facts.first_reasons)]
    lines += [f"  {facts.untold}"] if facts.untold else []
    lines += [*_quarantine(facts.broken_rules), "", f"  Would be made with  {facts.made_with}"]
    before = standing.published
    if before is None:
        return "\n".join([*lines, "  The day is not published, so there is nothing to compare it with."])
    lines += [f"  Published with      {day_facts(before).made_with or 'nothing: it is withdrawn'}"]
    lines += [f"  Would change        {facts.changed}"]
    if rehearsal.more_quarantined:
        lines += ["\n  Rows in quarantine, by rule"]
        lines += [f"    {rule:<44}{change:>+8,}" for rule, change in rehearsal.more_quarantined.items()]
    moves = migration_lines(told_migrations(rehearsal.moves))
    return "\n".join(
        [
            *lines,
            f"\n  Decisions of revision {before.revision}, and what they would become",
            *(f"    {x}" for x in moves),
        ]
    )


def _rows(rows: RowCounts) -> Iterable[str]:
    yield _count("Rows received", rows.received)
    for name, count in rows.became.items():
        if count or name not in _SELDOM:
            yield _count(name.capitalize(), count)


def _bars(decisions: Mapping[str, DecisionCount]) -> Iterable[str]:
    for name, each in decisions.items():
        bar = "█" * round(each.share * _BAR)
        yield f"{_count(name, each.rows)}  {each.share:>6.1%}  {bar}".rstrip()


def _count(name: str, count: int) -> str:
    return f"  {name:<16}{count:>12,}"


def _reasons(reasons: Sequence[FirstReason]) -> Iterable[str]:
    if not reasons:
        return
    yield "\n  First reason of those not approved"
    for each in reasons[:_REASONS]:
        yield f"    {f'{each.code} {each.family}':<44}{each.rows:>8,}  {each.share:>6.1%}"
    if len(reasons) > _REASONS:
        others = counted(len(reasons) - _REASONS, "other")
        yield f"    and {others}; all are counted in the manifest"


def _quarantine(by_rule: Mapping[str, int]) -> Iterable[str]:
    if not by_rule:
        return
    yield "\n  Quarantined by rule (a row may break several)"
    for rule, count in list(by_rule.items())[:_RULES]:
        yield f"    {rule:<44}{count:>8,}"
    if len(by_rule) > _RULES:
        yield f"    and {len(by_rule) - _RULES} more rules; all stand in the contract report"
