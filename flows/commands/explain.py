"""Command `scoring explain`: print how one application was decided.

This is the only place where values of an applicant are printed, and only because somebody asked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flows.options import ApplicationId, as_of_option, common_options, set_up

if TYPE_CHECKING:
    from tasks.core.decision.scoring import Account
    from tasks.inspection.explain import Explained

_CELLS: Final = 44
_LEAST_PUSH: Final = 0.0005
"""Least push that is shown; a lesser one would read 0.000."""
_UP, _DOWN, _HERE, _CUTOFF = "█", "░", "│", "┊"


@click.command("explain")
@as_of_option
@click.option(
    "--application-id",
    "applicant",
    type=ApplicationId(),
    required=True,
    help="Whose application.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE.png|.svg",
    help="Draw how the model came to it into a new file, too.",
)
@common_options
def explain_command(as_of: date, applicant: int, picture: Path | None, config: str | None, verbose: bool) -> None:
    """Show how one application of a published day was decided, and why.

    What was published: pd, decision, reasons with their sentences. While the landing still holds
    the row: how much each family of features pushed its score, by the model version that decided
    it. An application in quarantine: the rules that it breaks. What is shown is an applicant's;
    your shell may keep the id in its history.
    """
    settings = set_up(config, verbose=verbose)
    from tasks.inspection.explain import draw, explain, require_picture
    from tasks.store import open_store

    if picture:
        require_picture(picture)
    explained = explain(open_store(settings.storage), as_of, applicant, settings)
    click.echo(explain_summary(explained))
    if picture:
        draw(explained, picture)
        click.echo(f"\n  Picture       {picture}; it is an applicant's, and you alone may read it")


def explain_summary(explained: Explained) -> str:
    """Decision on the application, its reasons, and the way in which the model came to it."""
    published = explained.published
    title = f"Application of {published.as_of}, revision {published.revision}"
    row = explained.row
    if row is None:
        lines = [f"\n{title}: not decided, its row lies in quarantine", "\n  It breaks"]
        for rule, sentence in explained.broken.items():
            lines.append(f"    {rule}: {sentence}" if sentence else f"    {rule}")
        return "\n".join(lines)
    band = f"risk band {row['risk_band']}; refused from {row['cutoff']:.4f} on"
    model = f"{row['model_name']} version {row['model_version']}"
    made_with = f"{model}, policy {row['policy_version']}, contract {row['contract_version']}"
    return "\n".join(
        [
            f"\n{title}: {row['decision']}\n",
            f"  pd            {row['pd']:.4f}, {band}",
            f"  Made with     {made_with}",
            *_reasons(explained),
            *_warnings(explained),
            *(_waterfall(explained.account) if explained.account else ()),
        ]
    )


def _reasons(explained: Explained) -> Iterator[str]:
    yield "\n  Reasons" if explained.reasons else "\n  It states no reasons"
    for code, sentence in explained.reasons.items():
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
