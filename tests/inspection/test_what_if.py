"""What if: an application with other amounts is what the daily job would have made of it, to the last bit."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.settings import load_settings
from flows.score_applications import score_applications
from tasks.adapters.lightgbm import LightGBMModel
from tasks.core.applications import parse_rows
from tasks.core.day.manifest import policy_of
from tasks.core.decision.policy import DECISIONS, decide
from tasks.core.decision.reasons import REASONS, codes_of, principal_reasons
from tasks.core.model.bundle import pd_of
from tasks.core.model.features import build_features, family_numbers
from tasks.errors import ConfigError, ExpectationsNotMet, SourceError
from tasks.inspection.explain import Explained, explain
from tasks.inspection.what_if import find_ways, require_changeable, try_changes
from tasks.model.load import load_bundle
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

FILE = "applications_1.csv"
CREDIT, ANNUITY, PRICE = "AMT_CREDIT", "AMT_ANNUITY", "AMT_GOODS_PRICE"


@pytest.fixture(scope="module")
def kept(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("tried") / "store"
    project = Project(trained.with_settings(storage={"root": str(root)}).config, root)
    project.deliver(rows=120, bad_share=0.05)
    score_applications.fn(as_of=DAY, config=project.config)
    return project


def published(project: Project) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(project.decisions).to_pylist()
    return rows


@pytest.fixture(scope="module")
def applications(kept: Project) -> list[Explained]:
    """Some applications of the day, explained: approved ones, and refused ones, the nearest to the cut-off first."""
    read = load_settings(kept.config)
    refused = [row for row in published(kept) if row["decision"] == "refuse"]
    rows = sorted(refused, key=lambda row: row["pd"])[:5]
    rows += [row for row in published(kept) if row["decision"] == "approve"][:2]
    return [explain(FolderStore(kept.root), DAY, row["application_id"], read) for row in rows]


def delivered(project: Project) -> pd.DataFrame:
    return pd.read_csv(project.landing / FILE, dtype=str, keep_default_na=False)


STEPS = st.integers(100_000, 200_000_000)


@settings(max_examples=15)
@given(st.data(), STEPS, st.dictionaries(st.sampled_from([CREDIT, PRICE]), STEPS, min_size=1))
def test_an_application_with_other_amounts_is_scored_as_if_it_had_been_delivered_so(
    kept: Project, applications: list[Explained], data: st.DataObject, divisor: int, steps: dict[str, int]
) -> None:
    explained = data.draw(st.sampled_from(applications))
    amounts = {name: f"{step // 100}.{step % 100:02}" for name, step in steps.items()}
    if CREDIT in steps:  # a term that the contract allows
        amounts[ANNUITY] = str(round(steps[CREDIT] / 100 / (12 + divisor % 20), 2))
    read = load_settings(kept.config)
    tried = try_changes(explained, amounts, read)
    assert explained.row
    rows = delivered(kept)
    rows = rows[rows["SK_ID_CURR"] == str(explained.row["application_id"])].assign(**amounts)
    row = parse_rows(pa.Table.from_pandas(rows, preserve_index=False)).rows
    bundle = load_bundle(explained.published.model, read)
    oracle = LightGBMModel(bundle.model_text, family_numbers(bundle.features.names))
    matrix = build_features(row, bundle.features)
    pds = pd_of(matrix, oracle, bundle.calibration)
    decision = DECISIONS[decide(pds, policy_of(explained.published)).decision[0]]
    codes = principal_reasons(oracle.contributions(matrix), codes_of(explained.published.reasons))
    stated = [codes[name][0].as_py() for name in REASONS] if decision != "approve" else []
    assert (tried.pd, tried.decision) == (pds[0], decision)
    assert list(tried.reasons) == [code for code in stated if code]
    assert tried.after == {name: float(amount) for name, amount in amounts.items()}


def test_the_daily_job_publishes_of_changed_rows_what_was_tried(
    kept: Project, applications: list[Explained], tmp_path: Path
) -> None:
    read = load_settings(kept.config)
    root = tmp_path / "store"
    shutil.copytree(kept.landing, root / f"landing/day={DAY}")
    again = Project(kept.with_settings(storage={"root": str(root)}).config, root)
    rows, tried = delivered(kept), {}
    for explained in applications:
        assert explained.row
        applicant = explained.row["application_id"]
        is_theirs = rows["SK_ID_CURR"] == str(applicant)
        credit = float(rows.loc[is_theirs, CREDIT].iloc[0])
        amounts = {CREDIT: f"{credit * 0.9:.2f}", PRICE: f"{credit * 0.85:.2f}"}
        tried[applicant] = try_changes(explained, amounts, read)
        rows.loc[is_theirs, list(amounts)] = list(amounts.values())
    rows.to_csv(again.landing / FILE, index=False)
    (again.landing / "_control.json").unlink(missing_ok=True)
    score_applications.fn(as_of=DAY, config=again.config)
    anew = {row["application_id"]: row for row in published(again)}
    for applicant, what_if in tried.items():
        row = anew[applicant]
        assert (what_if.pd, what_if.decision, what_if.risk_band) == (row["pd"], row["decision"], row["risk_band"])
        assert list(what_if.reasons) == [row[name] for name in REASONS if row[name]]


def test_the_smallest_change_is_approved_and_a_step_less_is_not(kept: Project, applications: list[Explained]) -> None:
    read = load_settings(kept.config)
    found = 0
    for explained in applications:
        ways = find_ways(explained, read)
        assert ways.fault is None
        assert explained.row
        if explained.row["decision"] == "approve":
            assert ways.changes == ()
        for change in ways.changes:
            if change.nearest is None:
                continue
            found += 1
            assert try_changes(explained, {change.field: repr(change.nearest)}, read).decision == "approve"
            less = change.nearest + np.sign(change.now - change.nearest) / 100
            if abs(less - change.now) >= 0.01:
                assert try_changes(explained, {change.field: f"{less:.2f}"}, read).decision != "approve"
    assert found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({CREDIT: "0"}, r"AMT_CREDIT is above 0 and at most 100 million\. \(AMT_CREDIT_in_range\)"),
        ({CREDIT: "many"}, r"AMT_CREDIT holds a number\. \(AMT_CREDIT_parses\)"),
        ({CREDIT: ""}, r"AMT_CREDIT is given\. \(AMT_CREDIT_known\)"),
        ({ANNUITY: "90000000"}, r"AMT_ANNUITY is at most AMT_CREDIT\. \(annuity_within_credit\)"),
    ],
)
def test_amounts_that_the_contract_refuses_are_refused_with_its_sentence(
    kept: Project, applications: list[Explained], changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ExpectationsNotMet, match=message) as stopped:
        try_changes(applications[0], changes, load_settings(kept.config))
    assert not {"many", "90000000"} & set(str(stopped.value).split())


@pytest.mark.parametrize(
    "field", ["DAYS_BIRTH", "CODE_GENDER", "AMT_INCOME_TOTAL", "EXT_SOURCE_2", "AMT_CREDITS", "pd"]
)
def test_what_nobody_can_change_is_refused_and_what_may_be_is_listed(kept: Project, field: str) -> None:
    with pytest.raises(ConfigError, match="These may be: AMT_CREDIT, AMT_ANNUITY and AMT_GOODS_PRICE"):
        require_changeable({CREDIT: "1", field: "1"}, load_settings(kept.config))


def test_nothing_is_tried_without_the_delivered_row(kept: Project, applications: list[Explained]) -> None:
    gone = replace(applications[0], delivered=None)
    read = load_settings(kept.config)
    with pytest.raises(SourceError, match="Nothing was tried: the delivered row is needed"):
        try_changes(gone, {CREDIT: "1"}, read)
    assert find_ways(gone, read).changes == ()
