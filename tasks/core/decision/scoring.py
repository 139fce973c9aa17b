"""Scoring of typed rows: their pd and principal reasons, for the batch and for the served model."""

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
    """Results of scoring, one entry per row."""

    pd: np.ndarray
    """Probability of default in [0, 1]."""
    reasons: dict[str, pa.Array]
    """Column of `REASONS` to its codes; null for approved applications."""


def score_rows(
    rows: pa.Table,
    bundle: Bundle,
    engine: Engine,
    *,
    policy: Policy,
    codes: tuple[str, ...],
) -> Scored:
    """Score typed rows, and explain those that the policy does not approve.

    Args:
        rows: typed rows that keep every critical rule of the contract.
        bundle: the model's features and calibration.
        engine: the model's trees.
        policy: the policy that decides which rows need reasons.
        codes: codes of the families, in the order of `FAMILIES`.
    """
    # A block has as many rows as the tables take at a time. Its matrix is some 20 MB; memory that
    # is used again costs little.
    starts = range(0, rows.num_rows, BLOCK_ROWS)
    blocks = [rows.slice(start, BLOCK_ROWS) for start in starts] or [rows]
    scored = (_score_block(block, bundle, engine, policy) for block in blocks)
    pds, masks, seen = zip(*scored, strict=True)
    is_explained = np.concatenate(masks)
    reasons = principal_reasons(engine.contributions(np.concatenate(seen, axis=1).T), codes)
    place = pa.array(np.cumsum(is_explained) - 1, mask=~is_explained)
    return Scored(np.concatenate(pds), {name: reasons[name].take(place) for name in REASONS})


def _score_block(
    rows: pa.Table, bundle: Bundle, engine: Engine, policy: Policy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pd of each row, mask of the rows not approved, and their inputs, shape (features, rows)."""
    matrix = build_features(rows, bundle.features)
    pd = pd_of(matrix, engine, bundle.calibration)
    is_explained = ~is_approved(pd, policy)
    return pd, is_explained, matrix.T[:, is_explained]


@dataclass(frozen=True, slots=True)
class Account:
    """Account of the score of one application, in log-odds."""

    base: float
    """Mean raw score, from which every application starts."""
    pushes: Mapping[str, float]
    """Family of features to its contribution, the largest first; above 0 is towards refusal. Base
    and contributions add up to the raw score."""
    raw: float
    pd: float
    base_pd: float
    """Pd at the base."""
    cutoff: float
    """Raw score from which applications are refused."""


def account_for(row: pa.Table, bundle: Bundle, engine: Engine, *, policy: Policy) -> Account:
    """Account for the score of a single typed row."""
    matrix = build_features(row, bundle.features)
    calibration = bundle.calibration
    raw = float(engine.raw_scores(matrix)[0])
    contributions = engine.contributions(matrix)[0].tolist()
    base = raw - math.fsum(contributions)
    pushes = sorted(zip(FAMILIES, contributions, strict=True), key=lambda push: -abs(push[1]))
    pd, base_pd = calibration.pd_of(np.array([raw, base])).tolist()
    return Account(base, dict(pushes), raw, pd, base_pd, calibration.raw_at(policy.cutoff))
