"""Command `scoring policy`: show the policy in force, activate one, or try another one on published days."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from flows.options import common_options, set_up

if TYPE_CHECKING:
    from configs.calendar import Calendar
    from tasks.model.policy_in_force import PolicyInForce


@click.command("policy")
@click.option(
    "--activate",
    metavar="FILE|VERSION",
    help="Make the policy of a file, or one that was active before, the one that decides from the next run on.",
)
@click.option("--reason", metavar="TEXT", help="Why it is activated; it is kept. No applicant's data.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@common_options
def policy_command(
    activate: str | None,
    reason: str | None,
    as_json: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Show which policy is in force, since when and why; or activate another one.

    Without an option: the policy in force, its history, and whether the working file
    (configs/policy.yaml) differs from it. A change of that file decides nothing until it is
    activated. --activate keeps the policy in the store under its version and digest; to roll back,
    activate the version from before. Published days stay as they are.
    """
    if (activate is None) != (not (reason or "").strip()):
        raise click.UsageError('--activate and --reason "..." belong together.')
    settings = set_up(config, verbose=verbose)
    from configs.calendar import load_calendar
    from tasks.model.policy_in_force import activate_policy, caveat_of, policy_in_force

    if activate is not None:
        policy, activation = activate_policy(activate, reason or "", settings)
        click.echo(
            f"Policy {policy.version} is active, by activation {activation.number}. It decides from the next run on."
        )
    in_force = policy_in_force(settings)
    caveat = caveat_of(in_force, settings)
    if as_json:
        click.echo(json.dumps(policy_record_of(in_force, caveat), indent=1))
        return
    click.echo(policy_summary(in_force, caveat, load_calendar(settings.scoring.calendar)))


def policy_record_of(in_force: PolicyInForce, caveat: str | None) -> dict[str, object]:
    """Policy in force and its history, for programs."""
    from dataclasses import asdict

    return {
        "policy": in_force.policy.model_dump(),
        "digest": in_force.policy.digest,
        "history": [asdict(each) for each in in_force.history],
        "caveat": caveat,
    }


def policy_summary(in_force: PolicyInForce, caveat: str | None, calendar: Calendar) -> str:
    """Policy in force, its history, newest first, and the caveat, as lines for people."""
    policy = in_force.policy
    cutoff = "the model's proposal" if policy.cutoff == "bundle" else f"{policy.cutoff:g}"
    refer = "nobody" if policy.refer_from is None else f"from {policy.refer_from:g} times the cut-off on"
    forbidden = ", ".join(name.replace("_", " ") for name in policy.inputs.forbidden) or "none"
    active = in_force.activation
    since = f"active since {calendar.local_time(active.at)}" if active else "the working file; none was ever activated"
    costs = policy.costs
    lines = [
        f"\nPolicy {policy.version}, {since}\n",
        f"  Digest        {policy.digest}",
        f"  Costs         {costs.false_negative:g} approved and lost, {costs.false_positive:g} refused and good",
        f"  Cut-off       {cutoff}",
        f"  Referred      {refer}",
        f"  Forbidden     {forbidden}",
    ]
    if in_force.history:
        lines.append("\n  History, newest first")
    for each in reversed(in_force.history):
        made = f"policy {each.version}, digest {each.digest[:12]}, {calendar.local_time(each.at)}, {each.who}"
        lines.append(f"    {each.number:>3}  {made}: {each.reason}")
    return "\n".join([*lines, *(["", f"  {caveat}"] if caveat else [])])
