"""A row is decided for itself: alone, or among any others, it is the same row that comes out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.policy import load_policy
from configs.settings import Settings, load_settings
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import BROKEN_RULES, SOURCE_ROW, screen_chunk
from tasks.core.decision.policy import Policy
from tasks.core.decision.reasons import codes_of
from tasks.core.decision.scoring import score_rows
from tasks.core.feed.spoiling import spoil_rows
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import NAMES
from tasks.core.model.bundle import Bundle, Engine
from tasks.feed.generate import load_statistics
from tasks.model.load import load_bundle, load_contract, load_engine, policy_for, reasons_of, registry_of, suite_text
from tests.conftest import DAY, Project

ROWS = 400


@dataclass(frozen=True, repr=False)
class Decider:
    bundle: Bundle
    engine: Engine
    policy: Policy


@pytest.fixture(scope="module")
def decider(trained: Project) -> Decider:
    configured = load_settings(trained.config)
    model = registry_of(configured).champion()
    bundle = load_bundle(model, configured)
    policy = policy_for(model, bundle, load_policy(configured.scoring.policy))
    return Decider(bundle, load_engine(model, configured), policy)


@cache
def delivered() -> pa.Table:
    """A day as text, a fifth of it bad."""
    made = synthesize_applications(load_statistics(), as_of=DAY, rows=ROWS, seed=3)
    return spoil_rows(made.select(NAMES), 0.2, seed=3, as_of=DAY)[0]


def decided(rows: pa.Table, decider: Decider) -> list[tuple[object, ...]]:
    """What becomes of each row, in their order: pd and reasons, or the rules it breaks."""
    suite = load_contract(suite_text("expectations/applications.json"))
    chunk = screen_chunk(rows, first_row=1, source="a.csv", contract=suite)
    codes = codes_of(reasons_of(Settings()))
    scored = score_rows(chunk.accepted, decider.bundle, decider.engine, policy=decider.policy, codes=codes)
    reasons = zip(*(column.to_pylist() for column in scored.reasons.values()), strict=True)
    told: dict[int, tuple[object, ...]] = {
        row: (pd, *why) for row, pd, why in zip(chunk.accepted_rows.tolist(), scored.pd.tolist(), reasons, strict=True)
    }
    broken = chunk.rejected.select([SOURCE_ROW, APPLICATION_ID, BROKEN_RULES]).to_pylist()
    told |= {each[SOURCE_ROW]: (each[APPLICATION_ID], each[BROKEN_RULES]) for each in broken}
    return [told[row] for row in range(1, rows.num_rows + 1)]


@pytest.fixture(scope="module")
def among_all(decider: Decider) -> list[tuple[object, ...]]:
    return decided(delivered(), decider)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=5))
def test_any_row_comes_out_alone_as_among_any_others(
    decider: Decider, among_all: list[tuple[object, ...]], chosen: list[int]
) -> None:
    assert decided(delivered().take(pa.array(chosen)), decider) == [among_all[row] for row in chosen]
    assert decided(delivered().slice(chosen[0], 1), decider) == [among_all[chosen[0]]]


def test_among_the_rows_are_all_kinds(among_all: list[tuple[object, ...]]) -> None:
    kinds = {len(row) if row[1] is None or len(row) == 2 else "explained" for row in among_all}
    assert kinds == {2, 5, "explained"}
