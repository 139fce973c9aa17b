"""Trial of a policy on the pd of published days: read, priced, and written as a page. Nothing is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from configs.policy import PolicyFile
from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.day.manifest import Manifest
from tasks.core.lender.columns import ID
from tasks.core.lender.kinds import protected_kinds
from tasks.core.monitoring.policy_trial import ASSUMPTIONS, PdLimits, PolicyTrial, PricedPolicy, try_policy
from tasks.core.sampling import drawn_rows
from tasks.core.words import counted, in_json
from tasks.delivery.decided import decided_rows
from tasks.errors import ConfigError, ScoringError, SourceError
from tasks.inspection.handout import hand_out, require_place
from tasks.model.load import fill_in, load_bundle
from tasks.model.policy_in_force import policy_in_force
from tasks.publication.data_files import intact_data
from tasks.publication.layout import Room
from tasks.publication.stored_day import stored_days
from tasks.store import Store, open_store

_THRESHOLDS: Final = PdLimits._fields
_MOST_KINDS: Final = 100_000
"""Most applications whose delivered row is looked at for their kind, over all days."""
_SEED: Final = 7
_ROOMS: Final[tuple[Room, ...]] = ("revisions",)
_COLUMNS: Final = [APPLICATION_ID, "pd"]


class _Day(NamedTuple):
    """One published day: its revision, and id and pd of each application."""

    published: Manifest
    results: pa.Table


@dataclass(frozen=True, slots=True)
class TriedPolicy:
    """A trial, and what it was made of."""

    policy_version: str
    """Version of the policy in force."""
    trial: PolicyTrial
    days: tuple[str, ...]
    """Days in ISO form, oldest first."""
    models: tuple[str, ...]
    """Name and version of each model whose pd was read."""
    known_kinds: int
    """Applications whose gender and age were read for the fairness figures."""
    remarks: tuple[str, ...]
    """Sentences on what could not be read, and what the figures assume."""


def require_trial_page(path: Path) -> None:
    """Refuse a path at which no page can be written. Raises `ConfigError`."""
    require_place(path, (".html",), why="is not a page")


def tried_thresholds(tried: Mapping[str, str], active: PdLimits) -> PdLimits:
    """PdLimits of the tried policy: probabilities; what is not tried stays.

    Without a tried `refer_from` it moves with the cut-off, of which the policy makes it a multiple.

    Args:
        tried: `cutoff` or `refer_from` to its text.
        active: thresholds in force.

    >>> tried_thresholds({"cutoff": "0.08"}, PdLimits(0.1, 0.05))
    PdLimits(cutoff=0.08, refer_from=0.04)

    Raises:
        ConfigError: another name, or not 0 < refer_from <= cutoff < 1.
    """
    numbers = {name: _probability(name, text) for name, text in tried.items()}
    cutoff = numbers.get("cutoff", active.cutoff)
    refer_from = numbers.get("refer_from", active.refer_from * cutoff / active.cutoff)
    if refer_from > cutoff:
        raise ConfigError(
            f"refer_from {refer_from:g} is above the cut-off {cutoff:g}. In a trial both are probabilities; in a "
            "policy file refer_from is a multiple of the cut-off."
        )
    return PdLimits(cutoff, refer_from)


def _probability(name: str, text: str) -> float:
    if name not in _THRESHOLDS:
        raise ConfigError(f"{name!r} cannot be tried; expected {' or '.join(_THRESHOLDS)}, such as cutoff=0.08.")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < 1:
        raise ConfigError(f"{name} is {text!r}; it must be a probability between 0 and 1, such as {name}=0.08.")
    return number


def try_on_published(tried: Mapping[str, str], last: int, settings: Settings) -> TriedPolicy:
    """Price the policy in force and a tried one on the last published days.

    Args:
        tried: `cutoff` or `refer_from` to its text, a probability.
        last: number of published days.
        settings: place of the store.

    Raises:
        ConfigError: what is tried is wrong.
        SourceError: no published day can be read.
    """
    store = open_store(settings.storage)
    policy = policy_in_force(settings).policy
    remarks: list[str] = []
    days = _last_days(store, last, remarks)
    if not days:
        raise SourceError("No published day can be read, so no policy can be tried. Score a day first: scoring score.")
    bundle = load_bundle(days[-1].published.model, settings)
    active = _filled_in(policy, bundle.cutoff)
    thresholds = tried_thresholds(tried, active)
    pd = np.concatenate([day.results.column("pd").to_numpy() for day in days])
    kinds = _kinds(store, days, settings, remarks)
    trial = try_policy(
        pd,
        active,
        thresholds,
        costs=policy.costs.model_dump(),
        calibration_rows=max(1, int(bundle.reference["rows"])),
        kinds=kinds,
    )
    models = dict.fromkeys(f"{each.published.model.name} version {each.published.model.version}" for each in days)
    return TriedPolicy(
        policy.version,
        trial,
        tuple(str(day.published.as_of) for day in days),
        tuple(models),
        len(kinds[0]),
        (*remarks, *ASSUMPTIONS),
    )


def _filled_in(policy: PolicyFile, proposed: float) -> PdLimits:
    filled = fill_in(policy, proposed)
    return PdLimits(filled.cutoff, filled.refer_from)


def _last_days(store: Store, last: int, remarks: list[str]) -> list[_Day]:
    """The last published days, oldest first; adds a remark on each whose decisions cannot be read."""
    days: list[_Day] = []
    for as_of, day in sorted(stored_days(store, _ROOMS).items(), reverse=True):
        if len(days) == last:
            break
        try:
            newest = day.newest
        except ScoringError:
            remarks.append(f"{as_of} is left out: a manifest of it is damaged.")
            continue
        if newest is None or newest.is_withdrawn:
            continue
        data = intact_data(store, newest.audited.decisions)
        if data is None:
            remarks.append(f"{as_of} is left out: its decisions are gone or damaged.")
            continue
        days.append(_Day(newest, read_parquet(data, _COLUMNS)))
    return days[::-1]


def _kinds(
    store: Store, days: Sequence[_Day], settings: Settings, remarks: list[str]
) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
    """Pd and kinds of applications whose delivered row can be read, the same number drawn of each day."""
    limit = max(1, _MOST_KINDS // len(days))
    pds: list[np.ndarray] = []
    groups: dict[str, list[np.ndarray]] = {}
    unread = 0
    for published, results in days:
        chosen = results.take(pa.array(drawn_rows(results.num_rows, limit, seed=_SEED)))
        rows = decided_rows(store, published, chosen, settings.scoring).rows
        unread += chosen.num_rows - rows.num_rows
        if not rows.num_rows:
            continue
        ids = chosen.column(APPLICATION_ID).combine_chunks()
        place = pc.index_in(rows.column(ID).combine_chunks(), value_set=ids)
        pds.append(chosen.column("pd").take(place).to_numpy())
        for name, kinds in protected_kinds(rows).items():
            groups.setdefault(name, []).append(kinds)
    if unread:
        remarks.append(
            f"Fairness leaves out {counted(unread, 'application')} whose delivered row is not there any more."
        )
    if not pds:
        return np.empty(0), {}
    return np.concatenate(pds), {name: np.concatenate(each) for name, each in groups.items()}


def trial_record(tried: TriedPolicy) -> dict[str, Any]:
    """The trial for programs."""
    trial = tried.trial
    frontier = {name: values.tolist() for name, values in trial.frontier._asdict().items()}
    record = {
        "policy_version": tried.policy_version,
        "days": tried.days,
        "models": tried.models,
        "applications": trial.rows,
        "in_force": _record(trial.active),
        "tried": _record(trial.tried),
        "cost_difference": trial.difference,
        "frontier": frontier,
        "marks": trial.marks,
        "known_kinds": tried.known_kinds,
        "remarks": tried.remarks,
    }
    plain: dict[str, Any] = in_json(record)
    return plain


def _record(priced: PricedPolicy) -> dict[str, Any]:
    return {
        **priced.thresholds._asdict(),
        "decisions": priced.decisions,
        "shares": priced.shares,
        "expected_cost": priced.cost._asdict(),
        "expected_default_rate_of_approved": priced.default_rate._asdict(),
        "fairness": [
            each._asdict() | {"ratio": each.ratio._asdict() if each.ratio else None} for each in priced.fairness
        ],
    }


def write_trial_page(path: Path, tried: TriedPolicy) -> None:
    """Write the trial as a new page that needs no network.

    Raises:
        ConfigError: the file is there already.
        PublishError: the disk refused.
    """
    from tasks.adapters.pages.policy import policy_page

    trial = tried.trial
    made_of = f"{counted(len(tried.days), 'published day')}, {tried.days[0]} to {tried.days[-1]}"
    page = policy_page(
        trial,
        policy_version=tried.policy_version,
        made_of=f"{counted(trial.rows, 'application')} of {made_of}, scored by {', '.join(tried.models)}",
        remarks=tried.remarks,
    )
    hand_out(page, path)
