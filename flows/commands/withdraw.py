"""Command `scoring withdraw`: take the published decisions of a day back, and print what that means."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import click

from flows.options import as_of_option, common_options, plain_option, runnable, set_up

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.core.day.standing import DayResult

_OUTCOMES: Final = {
    "withdrawn": "no application of the day has a decision now",
    "unchanged": "nothing to do: withdrawn before; no reason is kept",
}


@click.command("withdraw")
@as_of_option
@click.option(
    "--reason",
    metavar="TEXT",
    required=True,
    help="Why the day is withdrawn; it is kept. No applicant's data.",
)
@plain_option
@common_options
def withdraw_command(
    as_of: date,
    reason: str,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Take the decisions of a day back that was published from the wrong delivery. Safe to repeat.

    It makes a revision without decisions, which readers see at once. All earlier revisions stay.
    Then lay the right files into the landing, and score the day as usual.
    """
    settings = set_up(config, verbose=verbose)
    from flows.withdraw_decisions import withdraw_decisions
    from tasks.scoring.withdraw import order_withdrawal

    order_withdrawal(reason)
    result = runnable(withdraw_decisions, without_prefect=without_prefect)(as_of=as_of, reason=reason, config=config)
    click.echo(withdrawal_summary(result, settings))


def withdrawal_summary(result: DayResult, settings: Settings) -> str:
    """Result of a withdrawal, the places of what it made, and the next step."""
    from tasks.core.day.facts import day_facts
    from tasks.publication.places import places_of
    from tasks.store import open_store

    if result.manifest is None:
        raise ValueError("a withdrawal ends with a manifest")
    facts = day_facts(result.manifest)
    store = open_store(settings.storage)
    places = {name: store.location(key) for name, key in places_of(result.manifest).items()}
    lines = {
        "Reason": facts.reason,
        "Changed": facts.changed,
        "Changes": places.get("Changes", ""),
        "Decisions": places["Decisions"],
        "Manifest": places["Manifest"],
        "To do": f"lay the right files into the landing, then scoring score --as-of {result.manifest.as_of}",
    }
    return "\n".join(
        [
            f"\n{facts.title}: {_OUTCOMES[result.outcome]}\n",
            *(f"  {name:<14}{text}" for name, text in lines.items() if text),
        ]
    )
