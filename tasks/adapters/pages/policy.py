"""Page of a tried policy: the policy in force beside it, and the frontier as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from tasks.adapters.pages.html import template
from tasks.adapters.pages.plots import as_svg, draw_policy_frontier
from tasks.core.monitoring.policy_trial import PolicyTrial

_A_CURVE = 2
"""Fewest points of a frontier that is drawn."""


def policy_page(trial: PolicyTrial, *, policy_version: str, made_of: str, remarks: Sequence[str]) -> bytes:
    """Render the page. The same trial gives the same bytes.

    Args:
        trial: both policies, priced.
        policy_version: version of the policy in force.
        made_of: words for the applications behind the figures.
        remarks: sentences on what could not be read, and on what the figures assume.
    """
    picture = None
    if len(trial.frontier.cutoffs) >= _A_CURVE:
        svg = as_svg(draw_policy_frontier(trial.frontier, trial.marks), name="frontier")
        picture = Markup(svg)  # noqa: S704 - matplotlib escapes every text in it
    page = template("policy_page.html").render(
        trial=trial,
        policies={f"Policy {policy_version}, in force": trial.active, "Tried": trial.tried},
        fairness=list(zip(trial.active.fairness, trial.tried.fairness, strict=True)),
        made_of=made_of,
        remarks=remarks,
        picture=picture,
    )
    return page.encode()
