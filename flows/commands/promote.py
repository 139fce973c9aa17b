"""Command `scoring promote`: let a version score if the gate passes, go back, or list what was promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.commands.compare import given_option, given_rows
from flows.options import common_options, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.core.model_life.promotions import PromotionRecord
    from tasks.model_life.promote import Promoted


@click.command("promote")
@click.option("--version", help="Registered version that shall score.  [default: the challenger]")
@given_option
@click.option("--anyway", is_flag=True, help="Let it score though checks of the gate fail. Needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why; it is kept with your name. No applicant's data.")
@click.option("--rollback", is_flag=True, help="Let the version before score again. Needs --reason.")
@click.option("--history", is_flag=True, help="List what was promoted, by whom and why; change nothing.")
@common_options
def promote_command(
    version: str | None,
    files: tuple[str, ...],
    anyway: bool,
    reason: str | None,
    rollback: bool,
    history: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Compare a version with the one that scores, and let it score if the gate passes.

    Published days stay as they are. The verdict is a page in the store, the promotion a record that
    nobody changes. A sealed copy of the version lies in the store from then on, for days on which
    the registry is down.
    """
    if history and (version or files or anyway or reason or rollback):
        raise click.UsageError("--history changes nothing; with it give no other option.")
    if rollback and (version or files or anyway):
        raise click.UsageError("--rollback goes to the version before; with it give --reason alone.")
    settings = set_up(config, verbose=verbose)
    from tasks.model_life.promote import promote_challenger, promotion_history, roll_back
    from tasks.store import open_store

    if history:
        click.echo(history_lines(promotion_history(open_store(settings.storage), settings.registry.model_name)))
    elif rollback:
        click.echo(rollback_lines(roll_back(settings, reason=reason), settings))
    else:
        given = given_rows(files, settings)
        promoted = promote_challenger(settings, version=version, given=given, anyway=anyway, reason=reason)
        click.echo(promotion_lines(promoted, settings))


def promotion_lines(promoted: Promoted, settings: Settings) -> str:
    """Version that scores now, the checks of the gate, and the places of page and sealed copy."""
    from tasks.core.model_life.lines import check_lines
    from tasks.publication.layout import sealed_model_key
    from tasks.store import open_store

    model = promoted.model
    place = open_store(settings.storage).location(sealed_model_key(model.name, model.version, model.digest))
    alias = settings.registry.alias
    if promoted.record is None:
        return f"{model.name} version {model.version} is the {alias} already.\nSealed copy: {place}"
    lines = [f"{model.name} version {model.version} is the {alias} now."]
    if promoted.verdict:
        lines += check_lines(promoted.verdict.checks)
        lines.append(f"Verdict: {promoted.page}")
    if promoted.record.kind == "anyway":
        lines.append(f"{counted(len(promoted.record.overridden), 'check')} overridden by {promoted.record.who}.")
    return "\n".join([*lines, f"Promotion {promoted.record.number} is recorded.", f"Sealed copy: {place}"])


def rollback_lines(record: PromotionRecord, settings: Settings) -> str:
    """Version that scores again, and the days that the other one decided, with the commands that decide them anew."""
    from tasks.model_life.promote import days_decided_by

    model = record.after
    lines = [f"{model.name} version {model.version} is the {settings.registry.alias} again."]
    gone = record.before
    ranges = days_decided_by(gone, settings) if gone else []
    if gone and not ranges:
        lines.append(f"No published day was decided by version {gone.version}.")
    elif gone:
        days = sum(each.days for each in ranges)
        lines.append(
            f"{counted(days, 'published day')} decided by version {gone.version}. They stay as they are; to decide "
            "them again:"
        )
        lines += [
            f"  scoring backfill --from {each.first} --to {each.last} --only all --current "
            f'--reason "version {gone.version} was rolled back"'
            for each in ranges
        ]
    return "\n".join([*lines, f"Promotion {record.number} is recorded."])


def history_lines(records: list[PromotionRecord]) -> str:
    """Promotions, a line each, with the checks that were overridden."""
    if not records:
        return "No promotion is recorded in this store."
    lines = []
    for record in records:
        lines.append(record.line)
        lines += [f"     overridden: {sentence}" for sentence in record.overridden]
    return "\n".join(lines)
