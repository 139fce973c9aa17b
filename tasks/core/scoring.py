"""From typed rows to what is said of them: pd and principal reasons. The batch and the served model both come here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.bundle import Bundle, Engine, pd_of
from tasks.core.features import build_features
from tasks.core.policy import APPROVE, Policy, decide
from tasks.core.reasons import REASONS, principal_reasons


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
    matrix = build_features(rows, bundle.features)
    pd = pd_of(matrix, engine, bundle.calibration)
    is_explained = decide(pd, policy).decision != APPROVE
    contributions = engine.contributions(matrix.T[:, is_explained].T)  # which stays column-major
    reasons = principal_reasons(contributions, codes)
    place = pa.array(np.cumsum(is_explained) - 1, mask=~is_explained)
    return Scored(pd, {name: reasons[name].take(place) for name in REASONS})
