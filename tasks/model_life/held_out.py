"""Applications on which two versions may be compared: for each version, pd by trees that never saw them.

A version that learned from an application is judged on it by its out-of-fold pd: the trees that gave
it, and the calibration, had the application held out. A version that did not learn from it is judged
by its registered bundle. No pd is ever one of trees that were fitted on the application. Out-of-fold
trees have seen fewer rows than the registered ones, so where only one version learned from an
application, it is at a small disadvantage.

The first reason is no figure of merit and needs no outcome, so it is that of the registered bundle
everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from tasks.core.applications import APPLICATION_ID
from tasks.core.decision.policy import Policy
from tasks.core.decision.reasons import REASONS, codes_of
from tasks.core.decision.scoring import score_rows
from tasks.core.lender.columns import ID
from tasks.core.lender.kinds import groupings_of, protected_kinds
from tasks.core.model.bundle import ModelPin
from tasks.core.model.tree_tables import BLOCK_ROWS
from tasks.core.model_life.comparison import Side
from tasks.errors import ModelError
from tasks.model.load import fill_in, load_bundle, load_engine, reasons_of
from tasks.model.policy_in_force import policy_in_force
from tasks.publication.references import HeldOut, read_held_out, read_out_of_fold
from tasks.store import open_store

_NOBODY: Final = Policy("", 0.0, 0.0, ())
"""Policy that approves nobody, so that every application has reasons."""
_KIND: Final = "kind: "
_PROTECTED: Final = "protected: "
_OUTCOME: Final = "defaulted"
_PD: Final = "pd"
_REASON: Final = "reason"
_OTHER: Final = "champion_"
"""Beginning of the columns of the champion of then."""


@dataclass(frozen=True, slots=True)
class PairedRows:
    """Applications with what two versions say of them."""

    challenger: Side
    champion: Side
    groupings: Mapping[str, np.ndarray]
    protected: Mapping[str, np.ndarray]
    defaulted: np.ndarray | None
    """True if the applicant defaulted, shape (rows,); None without outcomes."""
    source: str
    """Applications in words."""
    left_out: Mapping[str, int]
    """Reason for leaving applications out, to their number."""


def held_out_table(
    rows: pa.Table, defaulted: np.ndarray, model: ModelPin, champion: ModelPin | None, settings: Settings
) -> pa.Table:
    """Applications with outcomes, and what one or two versions say of them out of their sight.

    Args:
        rows: typed rows, each id once.
        defaulted: True if the applicant defaulted, shape (rows,).
        model: the version.
        champion: the version to compare it with; None if there is none.
        settings: of models, reasons and store.

    Raises:
        ModelError: a version is not to be had, or nobody knows what it learned from.
    """
    columns = {
        APPLICATION_ID: rows.column(ID),
        _OUTCOME: pa.array(defaulted),
        **_said_by(model, rows, settings),
    }
    if champion:
        columns |= {f"{_OTHER}{name}": values for name, values in _said_by(champion, rows, settings).items()}
    columns |= {f"{_KIND}{name}": pa.array(kinds) for name, kinds in groupings_of(rows).items()}
    columns |= {f"{_PROTECTED}{name}": pa.array(kinds) for name, kinds in protected_kinds(rows).items()}
    return pa.table(columns)


def paired_of_table(
    table: pa.Table,
    challenger: ModelPin,
    champion: ModelPin,
    settings: Settings,
    *,
    source: str,
    left_out: Mapping[str, int],
) -> PairedRows:
    """Two versions on a table that `held_out_table` made with both of them."""

    def kinds(mark: str) -> dict[str, np.ndarray]:
        names = [name for name in table.column_names if name.startswith(mark)]
        return {name.removeprefix(mark): _texts(table, name) for name in names}

    return PairedRows(
        Side(_numbers(table, _PD), _texts(table, _REASON), policy_filled(challenger, settings)),
        Side(
            _numbers(table, f"{_OTHER}{_PD}"),
            _texts(table, f"{_OTHER}{_REASON}"),
            policy_filled(champion, settings),
        ),
        kinds(_KIND),
        kinds(_PROTECTED),
        table.column(_OUTCOME).to_numpy(),
        source,
        left_out,
    )


def kept_pairs(challenger: ModelPin, champion: ModelPin, settings: Settings) -> PairedRows:
    """Two versions on the applications that the store kept when the challenger was trained.

    If the champion of then was another one, they are compared on the applications that both learned
    from. What is kept of the champion serves where nothing is kept of the challenger's comparison
    with it: the two only change places.

    Raises:
        ModelError: the store does not hold what is needed; says what to give instead.
    """
    store = open_store(settings.storage)
    ours, theirs = read_held_out(store, challenger), read_held_out(store, champion)
    if ours and ours.champion == champion.digest:
        source = _named_source(f"the history of version {challenger.version}", ours)
        return paired_of_table(ours.table, challenger, champion, settings, source=source, left_out={})
    if theirs and theirs.champion == challenger.digest:
        source = _named_source(f"the history of version {champion.version}", theirs)
        table = _swapped(theirs.table)
        return paired_of_table(table, challenger, champion, settings, source=source, left_out={})
    if ours and theirs:
        table, left_out = _shared(ours.table, theirs.table)
        shared = f"applications that versions {challenger.version} and {champion.version} both learned from"
        source = _named_source(shared, ours, theirs)
        return paired_of_table(table, challenger, champion, settings, source=source, left_out=left_out)
    raise ModelError(
        f"Versions {challenger.version} and {champion.version} of {challenger.name} cannot be compared by what "
        "the store keeps: it holds no held-out predictions of both. Give applications with outcomes: "
        "--applications FILE."
    )


def policy_filled(model: ModelPin, settings: Settings) -> Policy:
    """Policy with its numbers for a version, even for one that the policy forbids."""
    return fill_in(policy_in_force(settings).policy, load_bundle(model, settings).cutoff)


def reasons_and_pd(rows: pa.Table, model: ModelPin, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """First reason and pd of each application by the registered bundle.

    Returns:
        codes, texts, shape (rows,), empty where nothing speaks against the application; pd in
        [0, 1], shape (rows,).
    """
    bundle, engine = load_bundle(model, settings), load_engine(model, settings)
    codes = codes_of(reasons_of(settings))
    reasons, pds = [np.empty(0, dtype=str)], [np.empty(0)]
    # Block by block: the matrix of all rows would be some hundred megabytes.
    for start in range(0, rows.num_rows, BLOCK_ROWS):
        scored = score_rows(rows.slice(start, BLOCK_ROWS), bundle, engine, policy=_NOBODY, codes=codes)
        first = scored.reasons[REASONS[0]].fill_null("")
        reasons.append(np.asarray(first.to_numpy(zero_copy_only=False), dtype=str))
        pds.append(scored.pd)
    return np.concatenate(reasons), np.concatenate(pds)


def _said_by(model: ModelPin, rows: pa.Table, settings: Settings) -> dict[str, pa.Array]:
    predicted = read_out_of_fold(open_store(settings.storage), model)
    if predicted is None:
        raise ModelError(
            f"The store holds no out-of-fold predictions of {model.name} version {model.version}, so nobody knows "
            "which applications it learned from. Restore reference/ of the store, or train the version again."
        )
    reasons, pd = reasons_and_pd(rows, model, settings)
    place = _places(rows.column(ID).to_numpy(), predicted.column(APPLICATION_ID).to_numpy())
    is_learned = place >= 0
    pd[is_learned] = predicted.column(_PD).to_numpy()[place[is_learned]]
    return {_PD: pa.array(pd), _REASON: pa.array(reasons)}


def _named_source(name: str, *kept: HeldOut) -> str:
    """Applications in words. Outcomes that matured say nothing of those whom only the challenger approves."""
    if not any(each.is_of_not_refused for each in kept):
        return name
    return f"{name} (with outcomes that matured, which only applicants have who were not refused)"


def _places(ids: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Position of each id among others, each of which occurs once; -1 where it does not occur."""
    order = np.argsort(among)
    near = np.minimum(np.searchsorted(among[order], ids), max(len(among) - 1, 0))
    if not len(among):
        return np.full(len(ids), -1)
    return np.where(among[order][near] == ids, order[near], -1)


def _swapped(table: pa.Table) -> pa.Table:
    """Table with the two versions in each other's place."""

    def swap(name: str) -> str:
        if name in (_PD, _REASON):
            return f"{_OTHER}{name}"
        return name.removeprefix(_OTHER)

    return table.rename_columns([swap(name) for name in table.column_names])


def _shared(ours: pa.Table, theirs: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    """Applications of two tables, with what each says by its own version, and what was left out.

    Where the two tables tell different outcomes, nobody here can know which is true.
    """
    place = _places(ours.column(APPLICATION_ID).to_numpy(), theirs.column(APPLICATION_ID).to_numpy())
    is_shared = place >= 0
    both = ours.filter(pa.array(is_shared))
    other = theirs.take(pa.array(place[is_shared]))
    is_same = both.column(_OUTCOME).to_numpy() == other.column(_OUTCOME).to_numpy()
    for name in (_PD, _REASON):
        column = f"{_OTHER}{name}"
        both = both.drop_columns([column]) if column in both.column_names else both
        both = both.append_column(column, other.column(name))
    left_out = {
        "learned from by one version alone": int((~is_shared).sum()) + theirs.num_rows - int(is_shared.sum()),
        "with another outcome in the other history": int((~is_same).sum()),
    }
    return both.filter(pa.array(is_same)), {why: rows for why, rows in left_out.items() if rows}


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    values: np.ndarray = table.column(name).to_numpy()
    return values


def _texts(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table.column(name).to_numpy(), dtype=str)
