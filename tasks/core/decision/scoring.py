"""From typed rows to what is said of them: pd and principal reasons. The batch and the served model both come here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.decision.policy import Policy, is_approved
from tasks.core.decision.reasons import REASONS, principal_reasons
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.bundle import Bundle, Engine, pd_of
from tasks.core.model.features import build_features
from tasks.core.model.tree_tables import BLOCK_ROWS


class Scored(NamedTuple):
    """One entry per row."""

    pd: np.ndarray
    """Probability of default in [0, 1]."""
    reasons: dict[str, pa.Array]
    """Codes by column of `REASONS`; null for whoever is approved."""


def score_rows(rows: pa.Table, bundle: Bundle, engine: Engine, *, policy: Policy, codes: tuple[str, ...]) -> Scored:
    """The pd of typed rows, and the reasons of those that the policy does not approve.

    Args:
        rows: they keep every critical rule of the contract.
        bundle: the model's features and calibration.
        engine: its trees.
        policy: what decides whose reasons are asked for.
        codes: those of the families, in the order of `FAMILIES`.
    """
    # A matrix of as many rows as the tables take at a time is some 20 MB; memory that is used again costs little.
    blocks = [rows.slice(start, BLOCK_ROWS) for start in range(0, rows.num_rows, BLOCK_ROWS)] or [rows]
    pds, masks, seen = zip(*(_score_block(block, bundle, engine, policy) for block in blocks), strict=True)
    is_explained = np.concatenate(masks)
    reasons = principal_reasons(engine.contributions(np.concatenate(seen, axis=1).T), codes)
    place = pa.array(np.cumsum(is_explained) - 1, mask=~is_explained)
    return Scored(np.concatenate(pds), {name: reasons[name].take(place) for name in REASONS})


def _score_block(
    rows: pa.Table, bundle: Bundle, engine: Engine, policy: Policy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pd of each row, whether it is not approved, and what the model saw of those, shape (features, they)."""
    matrix = build_features(rows, bundle.features)
    pd = pd_of(matrix, engine, bundle.calibration)
    is_explained = ~is_approved(pd, policy)
    return pd, is_explained, matrix.T[:, is_explained]


@dataclass(frozen=True, slots=True)
class Account:
    """How the model came to the score of one application, in log-odds."""

    base: float
    """The mean raw score, from which every application starts."""
    pushes: Mapping[str, float]
    """Family of features to what it added, the largest first; above 0: towards refusal. With the base the raw score."""
    raw: float
    pd: float
    base_pd: float
    """The pd at the base."""
    cutoff: float
    """The raw score from which applications are refused."""


def account_for(row: pa.Table, bundle: Bundle, engine: Engine, *, policy: Policy) -> Account:
    """How the score of a single typed row comes about."""
    matrix, calibration = build_features(row, bundle.features), bundle.calibration
    raw = float(engine.raw_scores(matrix)[0])
    contributions = engine.contributions(matrix)[0].tolist()
    base = raw - math.fsum(contributions)
    pushes = sorted(zip(FAMILIES, contributions, strict=True), key=lambda push: -abs(push[1]))
    pd, base_pd = calibration.pd_of(np.array([raw, base])).tolist()
    return Account(base, dict(pushes), raw, pd, base_pd, calibration.raw_at(policy.cutoff))
