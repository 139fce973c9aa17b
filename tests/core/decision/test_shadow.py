"""Published decisions beside those of a second model: every figure by a plain loop."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.decision.policy import Policy, decide, resolve_policy
from tasks.core.decision.published_rows import build_decisions
from tasks.core.decision.reasons import REASONS
from tasks.core.decision.shadow import ShadowComparison, compare_shadow_decisions

BANDS = [("A", 0.5), ("B", 1.0), ("C", None)]
COSTS = {"false_negative": 10.0, "false_positive": 1.0}


def policy(cutoff: float = 0.1) -> Policy:
    return resolve_policy("1", cutoff, refer_from=0.5, bands=BANDS)


def rows(pd: np.ndarray, ids: np.ndarray, reason: str = "R1") -> pa.Table:
    explained = [reason if each >= 0.05 else None for each in pd]
    columns = {name: pa.array(explained if name == REASONS[0] else [None] * len(pd), pa.string()) for name in REASONS}
    return pa.table({"application_id": ids.astype(np.int64), "pd": pd, **columns})


def published(pd: np.ndarray) -> pa.Table:
    return build_decisions(
        rows(pd, np.arange(len(pd)) + 1),
        as_of=date(2026, 11, 2),
        policy=policy(),
        model_name="m",
        model_version="1",
        contract_version="1",
    )


def compared(ours: np.ndarray, theirs: np.ndarray, *, cutoff: float = 0.1, reason: str = "R1") -> ShadowComparison:
    scored = rows(theirs, np.arange(len(theirs)) + 1, reason)
    return compare_shadow_decisions(published(ours), scored, policy=policy(cutoff), costs=COSTS)


def drawn(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).beta(1, 9, n)


@given(st.integers(0, 2**31), st.sampled_from([0.05, 0.1, 0.2]))
def test_every_figure_is_that_of_a_plain_loop(seed: int, cutoff: float) -> None:
    ours, theirs = drawn(1200, seed), drawn(1200, seed + 1)
    result = compared(ours, theirs, cutoff=cutoff)
    names = ("approve", "refer", "refuse")
    cells = {name: dict.fromkeys(names, 0) for name in names}
    costs = {"by_published_pd": [0.0, 0.0], "by_shadow_pd": [0.0, 0.0]}
    for one, other in zip(ours, theirs, strict=True):
        before = names[int(one >= 0.05) + int(one >= 0.1)]
        after = names[int(other >= cutoff / 2) + int(other >= cutoff)]
        cells[before][after] += 1
        for name, pd in (("by_published_pd", one), ("by_shadow_pd", other)):
            for place, decision in enumerate((before, after)):
                costs[name][place] += (1 - pd) if decision == "refuse" else 10 * pd
    for before in names:
        for after in names:
            exact, told = cells[before][after], result.decisions[before][after]
            assert (told is None) == (0 < exact < 20)
            assert told is None or abs(told - exact) <= 2.5
    otherwise = 1200 - sum(cells[name][name] for name in names)
    assert abs((result.decided_otherwise or 0) - otherwise) <= 2.5
    for name, sums in costs.items():
        expected = [each / 1200 for each in sums]
        told_cost = result.cost[name]
        assert [told_cost.published, told_cost.shadow] == pytest.approx(expected)
        assert told_cost.difference == pytest.approx(expected[1] - expected[0])


def test_a_model_beside_itself_decides_nothing_otherwise() -> None:
    pd = drawn(500, 1)
    result = compared(pd, pd)
    assert (result.rows, result.not_compared, result.decided_otherwise, result.decided_otherwise_share) == (
        500,
        0,
        0,
        0,
    )
    assert all(row[other] == 0 for name, row in result.bands.items() for other in row if other != name)
    assert result.other_first_reason_share == 0
    assert result.sentence == "The second model decides all 500 applications as the published one."


def test_first_reasons_are_compared_where_neither_approves() -> None:
    pd = drawn(2000, 2)
    both = int((pd >= 0.05).sum())
    result = compared(pd, pd, reason="R9")
    assert result.other_first_reason_share == pytest.approx(1, abs=0.01)
    assert abs((result.not_approved_by_both or 0) - both) <= 2.5


def test_rows_that_were_not_scored_are_counted_and_the_last_row_of_an_id_counts() -> None:
    ours = drawn(600, 3)
    ids = np.arange(600) + 1
    corrected = rows(ours[:100], ids[:100])
    wrong = rows(np.full(500, 0.9), ids[:500])
    scored = pa.concat_tables([wrong, rows(ours[100:500], ids[100:500]), corrected])
    result = compare_shadow_decisions(published(ours), scored, policy=policy(), costs=COSTS)
    assert (result.rows, result.not_compared, result.decided_otherwise) == (500, 100, 0)
    assert "100 applications could not be compared." in result.sentence


@pytest.mark.parametrize(("n", "is_told"), [(19, False), (20, True)])
def test_nothing_is_told_of_too_few(n: int, is_told: bool) -> None:
    pd = np.full(n, 0.01)
    result = compared(pd, pd)
    assert bool(result.decisions) == is_told
    assert is_told or "could be one applicant's own" in result.sentence


@pytest.mark.parametrize(("moved", "is_told"), [(19, False), (20, True)])
def test_a_cell_of_too_few_is_not_told(moved: int, is_told: bool) -> None:
    ours = np.full(400, 0.01)
    theirs = np.where(np.arange(400) < moved, 0.5, 0.01)
    result = compared(ours, theirs)
    assert result.decisions["approve"]["refuse"] == (20 if is_told else None)
    assert (result.decided_otherwise is None) != is_told
    assert ("fewer than 20" in result.sentence) != is_told


@pytest.mark.parametrize(("moved", "is_told"), [(49, False), (50, True)])
def test_no_cost_tells_the_mean_pd_of_too_few(moved: int, is_told: bool) -> None:
    ours = np.where(np.arange(400) < 100, 0.5, 0.01)
    theirs = np.where(np.arange(400) < 100 + moved, 0.5, 0.01)
    assert bool(compared(ours, theirs).cost) == is_told
    assert decide(ours, policy()).decision.tolist().count(2) == 100
