"""Command `scoring policy`: show the policy in force, activate one, or try another one on published days."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flows.options import NameAndText, common_options, set_up
from tasks.core.words import counted

if TYPE_CHECKING:
    from configs.calendar import Calendar
    from configs.settings import Settings
    from tasks.core.monitoring.expected import ExpectedFigure
    from tasks.core.monitoring.fairness import KindFairness
    from tasks.core.monitoring.policy_trial import PricedPolicy
    from tasks.inspection.policy_trial import TriedPolicy
    from tasks.model.policy_in_force import PolicyInForce

_DAYS: Final = 28


@click.command("policy")
@click.option(
    "--activate",
    metavar="FILE|VERSION",
    help="Make the policy of a file, or one that was active before, the one that decides from the next run on.",
)
@click.option("--reason", metavar="TEXT", help="Why it is activated; it is kept. No applicant's data.")
@click.option(
    "--try",
    "tried",
    type=NameAndText("cutoff=0.08"),
    multiple=True,
    help="Price another cutoff or refer_from, both as a pd, on published days; nothing changes. May be repeated.",
)
@click.option("--days", type=click.IntRange(1), help="Published days that it is tried on.  [default: 28]")
@click.option(
    "--page",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Write the trial into a new page, with the cost of every cut-off as a picture.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@common_options
def policy_command(
    activate: str | None,
    reason: str | None,
    tried: tuple[tuple[str, str], ...],
    days: int | None,
    page: Path | None,
    as_json: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Show which policy is in force, since when and why; or activate another one.

    Without an option: the policy in force, its history, and whether the working file
    (configs/policy.yaml) differs from it. A change of that file decides nothing until it is
    activated. --activate keeps the policy in the store under its version and digest; to roll back,
    activate the version from before. Published days stay as they are.

    --try applies other thresholds to the published pd: approvals, referrals, refusals, expected cost
    and fairness, beside the policy in force.
    """
    if (activate is None) != (not (reason or "").strip()):
        raise click.UsageError('--activate and --reason "..." belong together.')
    if tried and activate is not None:
        raise click.UsageError("--try changes nothing and --activate does; give one of them.")
    if (days or page) and not tried:
        raise click.UsageError("--days and --page belong to --try.")
    if len(dict(tried)) < len(tried):
        raise click.UsageError("--try was given twice for a threshold; give it once for each.")
    settings = set_up(config, verbose=verbose)
    if tried:
        _try(dict(tried), days or _DAYS, page, settings, as_json=as_json)
        return
    from configs.calendar import load_calendar
    from tasks.model.policy_activation import activate_policy
    from tasks.model.policy_in_force import caveat_of, policy_in_force

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


def _try(tried: dict[str, str], days: int, page: Path | None, settings: Settings, *, as_json: bool) -> None:
    from tasks.inspection.policy_trial import require_trial_page, trial_record, try_on_published, write_trial_page

    if page:
        require_trial_page(page)
    result = try_on_published(tried, days, settings)
    click.echo(json.dumps(trial_record(result), indent=1) if as_json else trial_summary(result))
    if page:
        write_trial_page(page, result)
        click.echo(f"Page: {page}", err=as_json)


def trial_summary(tried: TriedPolicy) -> str:
    """Both policies as a table for people."""
    trial = tried.trial
    policies = (trial.active, trial.tried)
    days = f"{counted(len(tried.days), 'published day')}, {tried.days[0]} to {tried.days[-1]}"
    lines = [
        f"\nPolicy {tried.policy_version}, in force, and a tried one; nothing was changed\n",
        f"  On {counted(trial.rows, 'application')} of {days}, by the pd of {', '.join(tried.models)}\n",
        _line("", ("in force", "tried")),
        _line("Refused from pd", [f"{each.thresholds.cutoff:.4f}" for each in policies]),
        _line("Referred from pd", [_refer(each) for each in policies]),
    ]
    lines += [_line(name, [_rows(each, name) for each in policies]) for name in trial.active.decisions]
    lines.append(_line("Cost, expected", [_figure(each.cost) for each in policies]))
    lines.append(_line("Defaults, approved", [_figure(each.default_rate) for each in policies]))
    if trial.difference is not None:
        lines.append(f"\n  Difference in cost an application: {trial.difference:+.4f}")
    if trial.active.fairness:
        lines.append(f"\n  Ratio of approval rates, on {counted(tried.known_kinds, 'application')}")
    for before, after in zip(trial.active.fairness, trial.tried.fairness, strict=True):
        lines.append(_line(f"{before.grouping} {before.kind}", [_ratio(each) for each in (before, after)]))
    remarks = (textwrap.fill(each, 100, initial_indent="  ", subsequent_indent="  ") for each in tried.remarks)
    return "\n".join([*lines, "", *remarks])


def _line(name: str, texts: Sequence[str]) -> str:
    return f"  {name:<22}" + "".join(f"{text:>32}" for text in texts)


def _refer(priced: PricedPolicy) -> str:
    refer_from, cutoff = priced.thresholds.refer_from, priced.thresholds.cutoff
    return f"{refer_from:.4f}" if refer_from < cutoff else "nobody"


def _rows(priced: PricedPolicy, decision: str) -> str:
    rows, share = priced.decisions[decision], priced.shares[decision]
    return "too few to tell" if rows is None or share is None else f"{rows:,}  {share:6.1%}"


def _figure(figure: ExpectedFigure) -> str:
    if figure.value is None:
        return "not told"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"


def _ratio(each: KindFairness) -> str:
    if each.ratio is None:
        return "reference" if each.kind == each.reference else "-"
    return f"{each.ratio.value:.3f} ({each.ratio.low:.3f} to {each.ratio.high:.3f})"


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
