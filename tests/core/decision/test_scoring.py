"""What batch and served model say of rows: the same alone and together, and reasons only where they are owed."""

import math

import numpy as np
import pyarrow as pa
import pytest

from tasks.core.decision.policy import Band, Policy
from tasks.core.decision.reasons import REASONS
from tasks.core.decision.scoring import account_for, score_rows
from tasks.core.lender.columns import ID, NUMBERS, TEXTS, TYPED_SCHEMA
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.bundle import Bundle, Golden
from tasks.core.model.calibration import Calibration
from tasks.core.model.features import family_numbers, feature_names, fit_features

ROWS = 60
POLICY = Policy("1", 0.5, 0.4, (Band("A", 0.4), Band("B", 0.5), Band("C", math.inf)))
CODES = tuple(f"R{n:02}" for n in range(1, len(FAMILIES) + 1))
CALIBRATION = Calibration((-40.0, 40.0), (0.0, 1.0))


class SumOfFeatures:
    """A model whose scores and contributions anyone can check; it keeps how many rows it explained."""

    caveat = None

    def __init__(self, families: np.ndarray) -> None:
        self.families = families
        self.explained = 0

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        return 0.5 + self.contributions(matrix, is_counted=False).sum(axis=1)

    def contributions(self, matrix: np.ndarray, *, is_counted: bool = True) -> np.ndarray:
        self.explained += len(matrix) * is_counted
        known = np.round(np.clip(np.nan_to_num(matrix, posinf=0, neginf=0), -1, 1) * 64) / 64  # whose sums are exact
        return np.stack([known[:, self.families == n].sum(axis=1) for n in range(len(FAMILIES))], axis=1)


def people() -> pa.Table:
    random = np.random.default_rng(1)
    columns = {name: random.normal(size=ROWS) for name in NUMBERS}
    columns |= {name: np.array(["x", "y"] * (ROWS // 2), dtype=object) for name in TEXTS}
    return pa.table({ID: np.arange(ROWS), **columns}).select(TYPED_SCHEMA.names).cast(TYPED_SCHEMA)


@pytest.fixture
def bundle() -> Bundle:
    features = fit_features(people(), np.arange(ROWS) % 3 == 0, feature_names())
    return Bundle("", features, CALIBRATION, 0.5, {}, Golden({}, (), (), ()))


@pytest.fixture
def engine(bundle: Bundle) -> SumOfFeatures:
    return SumOfFeatures(family_numbers(bundle.features.names))


def test_only_those_who_are_not_approved_are_explained(bundle: Bundle, engine: SumOfFeatures) -> None:
    scored = score_rows(people(), bundle, engine, policy=POLICY, codes=CODES)
    is_approved = scored.pd < POLICY.refer_from
    referred = (scored.pd >= POLICY.refer_from) & (scored.pd < POLICY.cutoff)
    assert 0 < is_approved.sum() < ROWS
    assert referred.any()
    assert engine.explained == (~is_approved).sum()
    assert [code is None for code in scored.reasons["reason_1"].to_pylist()] == is_approved.tolist()


def test_a_row_alone_is_told_what_it_is_told_in_a_batch(bundle: Bundle, engine: SumOfFeatures) -> None:
    rows = people()
    together = score_rows(rows, bundle, engine, policy=POLICY, codes=CODES)
    for place in range(ROWS):
        alone = score_rows(rows.slice(place, 1), bundle, engine, policy=POLICY, codes=CODES)
        assert alone.pd[0] == together.pd[place]
        assert [alone.reasons[name][0] for name in REASONS] == [together.reasons[name][place] for name in REASONS]


@pytest.mark.parametrize("rows", [0, 1])
def test_nobody_and_somebody_approved_have_columns_all_the_same(
    bundle: Bundle, engine: SumOfFeatures, rows: int
) -> None:
    approving = Policy("1", 1.0, 1.0, (Band("A", 1.0), Band("B", math.inf)))
    scored = score_rows(people().slice(0, rows), bundle, engine, policy=approving, codes=CODES)
    assert len(scored.pd) == rows
    assert {name: column.to_pylist() for name, column in scored.reasons.items()} == dict.fromkeys(
        REASONS, [None] * rows
    )
    assert {str(column.type) for column in scored.reasons.values()} == {"string"}


def test_an_account_leads_from_the_mean_to_the_score(bundle: Bundle, engine: SumOfFeatures) -> None:
    row = people().slice(7, 1)
    account = account_for(row, bundle, engine, policy=POLICY)
    scored = score_rows(row, bundle, engine, policy=POLICY, codes=CODES)
    assert account.pd == scored.pd[0]
    assert account.base == pytest.approx(0.5, abs=1e-12)
    assert account.base_pd == pytest.approx(CALIBRATION.pd_of(np.array([0.5]))[0])
    assert account.base + math.fsum(account.pushes.values()) == pytest.approx(account.raw, abs=1e-12)
    assert account.pushes.keys() == FAMILIES.keys()
    sizes = [abs(push) for push in account.pushes.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert account.cutoff == 0.0
