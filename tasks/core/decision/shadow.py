"""Decisions of a second model beside the published ones of the same applications.

Both are made by the same policy, filled in for each model. The expected cost trusts a calibrated pd
(`core.monitoring.expected`); which of the two models is right about it only outcomes can tell. So
each cost is told twice, once by the pd of either model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.decision.migration import Migrations, count_migrations, told_cell, told_migrations
from tasks.core.decision.policy import DECISIONS, Policy, decide, decision_costs
from tasks.core.decision.reasons import REASONS
from tasks.core.disclosure import is_enough, is_none_or_enough_for_mean, rounded_rate, too_few
from tasks.core.words import counted, percent

ASSUMPTION: Final = (
    "The cost trusts the pd of one model: of the published one, and then of the second one. Only outcomes can tell "
    "which of them is right. Referred applications count as not refused."
)
_REFUSE: Final = DECISIONS.index("refuse")
_FIRST_REASON: Final = REASONS[0]


@dataclass(frozen=True, slots=True)
class ExpectedCost:
    """Expected cost per application of both sets of decisions, by the pd of one model."""

    published: float
    shadow: float
    difference: float
    """Cost of the second model's decisions minus that of the published ones."""


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """Published decisions beside those of a second model. What may not be told is None or empty."""

    sentence: str
    """Result in words."""
    rows: int
    """Applications that both have decided."""
    not_compared: int
    """Published applications that the second model has not scored."""
    decided_otherwise: int | None
    """Applications with another decision, to the nearest 5."""
    decided_otherwise_share: float | None
    """Their share, in [0, 1], three decimals."""
    decisions: Migrations
    """Published decision to that of the second model to the number of applications."""
    bands: Migrations
    """Published risk band to that of the second model to the number of applications."""
    cost: Mapping[str, ExpectedCost]
    """`by_published_pd` and `by_shadow_pd`."""
    not_approved_by_both: int | None
    """Applications that neither approves, to the nearest 5."""
    other_first_reason_share: float | None
    """Share of them whose first reason is another one, in [0, 1], three decimals."""
    assumption: str = ASSUMPTION


def compare_shadow_decisions(
    published: pa.Table,
    scored: pa.Table,
    *,
    policy: Policy,
    costs: Mapping[str, float],
) -> ShadowComparison:
    """Compare the published rows of a day with the results of a second model.

    Args:
        published: published rows of the day.
        scored: `application_id`, `pd` and the first reason by the second model. Of several rows of
            one id the last one counts, for that is a correction.
        policy: the policy of the day, filled in for the second model.
        costs: `false_negative` and `false_positive`, in units of the cost matrix.
    """
    place = _last_place(published.column("application_id"), scored.column("application_id"))
    is_scored = pc.is_valid(place)
    not_compared = published.num_rows - pc.sum(is_scored, min_count=0).as_py()
    ours = published.filter(is_scored)
    theirs = scored.take(place.drop_null())
    rows = ours.num_rows
    if not is_enough(rows):
        return ShadowComparison(too_few(rows), rows, not_compared, None, None, {}, {}, {}, None, None)
    names = tuple(band.name for band in policy.bands)
    pds = [table.column("pd").to_numpy() for table in (ours, theirs)]
    after = decide(pds[1], policy)
    before = _place_in(ours.column("decision"), DECISIONS)
    decisions = count_migrations(before, after.decision, DECISIONS)
    bands = count_migrations(_place_in(ours.column("risk_band"), names), after.band, names)
    otherwise = rows - sum(decisions[name][name] for name in DECISIONS)
    reasons = _first_reasons(ours, theirs, (before > 0) & (after.decision > 0))
    cost = _costs(pds, before == _REFUSE, after.decision == _REFUSE, costs)
    told = told_cell(otherwise)
    share = None if told is None else rounded_rate(told / rows)
    return ShadowComparison(
        _sentence(rows, otherwise, cost, not_compared),
        rows,
        not_compared,
        told,
        share,
        told_migrations(decisions),
        told_migrations(bands),
        cost,
        *reasons,
    )


def _last_place(wanted: pa.ChunkedArray, ids: pa.ChunkedArray) -> pa.Array:
    """Place of the last row of each wanted id; null if there is none."""
    reversed_ids = pa.array(ids.to_numpy()[::-1])
    place = pc.index_in(wanted.combine_chunks(), value_set=reversed_ids)
    return pc.subtract(pa.scalar(len(ids) - 1, pa.int32()), place)


def _place_in(values: pa.ChunkedArray, names: tuple[str, ...]) -> np.ndarray:
    place: np.ndarray = pc.index_in(values, value_set=pa.array(names, pa.string())).to_numpy()
    return place


def _first_reasons(ours: pa.Table, theirs: pa.Table, is_explained: np.ndarray) -> tuple[int | None, float | None]:
    """Applications that neither approves, and the share of them with another first reason."""
    rows = int(is_explained.sum())
    told = told_cell(rows)
    if not is_enough(rows) or told is None:
        return told, None
    pair = [table.column(_FIRST_REASON).filter(pa.array(is_explained)) for table in (ours, theirs)]
    differs = pc.not_equal(*(pc.fill_null(reasons, "") for reasons in pair))
    changed = told_cell(int(pc.sum(differs, min_count=0).as_py()))
    return told, None if changed is None else rounded_rate(changed / rows)


def _costs(
    pds: list[np.ndarray], is_refused: np.ndarray, would_refuse: np.ndarray, costs: Mapping[str, float]
) -> dict[str, ExpectedCost]:
    """Expected costs by either pd; none if a difference would tell the mean pd of too few."""
    moved = int((is_refused != would_refuse).sum())
    refused = [int(each.sum()) for each in (is_refused, would_refuse)]
    parts = (moved, *refused, *(len(is_refused) - each for each in refused))
    if not all(map(is_none_or_enough_for_mean, parts)):
        return {}
    told = {}
    for name, pd in zip(("by_published_pd", "by_shadow_pd"), pds, strict=True):
        ours, theirs = (float(decision_costs(each, pd, **costs).mean()) for each in (is_refused, would_refuse))
        told[name] = ExpectedCost(ours, theirs, theirs - ours)
    return told


def _sentence(rows: int, otherwise: int, cost: Mapping[str, ExpectedCost], not_compared: int) -> str:
    if not otherwise:
        told = f"The second model decides all {counted(rows, 'application')} as the published one."
    elif told_cell(otherwise) is None:
        told = f"The second model decides fewer than 20 of {counted(rows, 'application')} otherwise."
    else:
        about = told_cell(otherwise) or 0
        told = (
            f"The second model decides {about:,} of {counted(rows, 'application')} otherwise ({percent(about / rows)})."
        )
    if cost and otherwise:
        each = [f"{cost[name].difference:+.4f}" for name in ("by_published_pd", "by_shadow_pd")]
        told += f" Expected cost an application: {each[0]} by the published pd, {each[1]} by its own."
    if not_compared:
        told += f" {counted(not_compared, 'application')} could not be compared."
    return told
