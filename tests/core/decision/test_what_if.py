"""The smallest change is held against every amount of a fine grid, and against rows scored anew."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.core.applications import parse_rows
from tasks.core.contract.rules import Rule, RuleCount, Verdicts
from tasks.core.decision import what_if
from tasks.core.decision.policy import Band, Policy, is_approved
from tasks.core.decision.what_if import (
    SmallestChange,
    change_delivered,
    feature_thresholds,
    smallest_change,
    way_sentence,
)
from tasks.core.lender.amounts import MONEY
from tasks.core.lender.columns import ID, NUMBERS, TEXTS, TYPED_SCHEMA
from tasks.core.lender.feature_list import FEATURES
from tasks.core.model.bundle import Bundle, Golden, pd_of
from tasks.core.model.calibration import Calibration
from tasks.core.model.features import (
    FeatureSet,
    build_features,
    build_stretches,
    delivered_columns,
    family_numbers,
    feature_names,
    fit_features,
)
from tasks.core.model.tree_tables import TreeTables
from tasks.core.model.trees import Tree, read_trees

CHANGEABLE = ("AMT_CREDIT", "AMT_ANNUITY", "AMT_GOODS_PRICE")
LIMITS = {"AMT_CREDIT": 150.0, "AMT_ANNUITY": 40.0, "AMT_GOODS_PRICE": 120.0, "AMT_INCOME_TOTAL": 500.0}
"""Small money, so that every amount that the contract allows can be tried."""
RULE = Rule("amounts_small", "Amounts are above 0 and small.", "critical", "data owner", "row", CHANGEABLE)


STEPS = st.floats(0.0, 6.0).map(lambda exponent: round(10**exponent))
"""Amounts in hundredths, of every size alike."""


class SmallMoney:
    """A contract of amounts above 0 and at most their limit, of which no instalment is above its loan."""

    rules = (RULE,)

    def check_rows(self, rows: pa.Table, *, about: str | None = None) -> Verdicts:
        frame = rows.to_pandas()
        assert about is None or about in RULE.columns
        within = [frame[name].isna() | ((frame[name] > 0) & (frame[name] <= limit)) for name, limit in LIMITS.items()]
        is_sound = np.logical_and.reduce([*within, ~(frame["AMT_ANNUITY"] > frame["AMT_CREDIT"])])
        broken = np.flatnonzero(~is_sound)
        return Verdicts({RULE.id: broken} if len(broken) else {}, {RULE.id: RuleCount(len(frame), 0, len(broken))})


@dataclass(frozen=True)
class Trained:
    """A model of small money, its trees, and the rows that it learned from."""

    bundle: Bundle
    engine: TreeTables
    trees: tuple[Tree, ...]
    rows: pa.Table


def applications(seed: int, rows: int) -> pa.Table:
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: np.round(random.normal(size=rows), 2) for name in NUMBERS}
    for name, limit in LIMITS.items():
        columns[name] = np.round(random.uniform(0.1, 0.8, rows) * limit, 2)
    months = random.uniform(3, 60, rows)  # several years, so that the flat rates have several stretches
    columns["AMT_ANNUITY"] = np.round(columns["AMT_CREDIT"] / months, 2)
    columns["AMT_GOODS_PRICE"] = np.where(random.random(rows) < 0.1, np.nan, columns["AMT_GOODS_PRICE"])
    columns |= {name: random.choice(np.array(["x", "y", None], dtype=object), rows) for name in TEXTS}
    return (
        pa.Table.from_pandas(pd.DataFrame({ID: np.arange(1, rows + 1), **columns}), preserve_index=False)
        .select(TYPED_SCHEMA.names)
        .cast(TYPED_SCHEMA)
    )


def train(seed: int, **params: Any) -> Trained:
    """A model whose outcome depends on all that the amounts make, on sawteeth above all."""
    rows = applications(seed, 600)
    features = fit_features(rows, np.arange(600) % 3 == 0, feature_names(["age"]))
    matrix = build_features(rows, features)
    loan = [n for n, name in enumerate(features.names) if set(delivered_columns(name)) & set(CHANGEABLE)]
    random = np.random.default_rng(seed)
    known = np.nan_to_num(matrix[:, loan])
    ranks = known.argsort(axis=0).argsort(axis=0) / len(known)
    label = (np.sin(9 * ranks) @ random.normal(size=len(loan)) + random.normal(size=600) * 0.3 > 0).astype(float)
    given = {"objective": "binary", "verbosity": -1, "num_threads": 1, "max_depth": 4, "num_leaves": 12, "seed": seed}
    allowed = {"min_data_in_leaf": 3, "feature_fraction": 0.6, **params}
    text = lightgbm.train({**given, **allowed}, lightgbm.Dataset(matrix, label=label), 25).model_to_string()
    bundle = Bundle(text, features, Calibration((-8.0, 8.0), (0.0, 1.0)), 0.5, {}, Golden({}, (), (), ()))
    return Trained(bundle, TreeTables(text, family_numbers(features.names)), read_trees(text), rows)


MODELS = {"plain": train(1), "zeros missing": train(2, zero_as_missing=True), "no missing": train(3, use_missing=False)}


def policy_at(refer_from: float) -> Policy:
    return Policy("1", 0.99, refer_from, (Band("A", refer_from), Band("B", 0.99), Band("C", math.inf)))


def found(model: Trained, row: pa.Table, field: str, policy: Policy) -> SmallestChange | None:
    return smallest_change(
        row, field, bundle=model.bundle, engine=model.engine, trees=model.trees, policy=policy, contract=SmallMoney()
    )


def every_amount(model: Trained, row: pa.Table, field: str) -> tuple[np.ndarray, np.ndarray]:
    """Every amount that the contract allows, and the pd of the row with it."""
    amounts = np.arange(1, round(LIMITS[field] * 100) + 1) / 100
    rows = row.take(pa.array(np.zeros(len(amounts), np.int64)))
    rows = rows.set_column(rows.column_names.index(field), field, pa.array(amounts))
    verdicts = SmallMoney().check_rows(rows)
    is_sound = np.ones(len(amounts), dtype=bool)
    is_sound[verdicts.broken.get(RULE.id, [])] = False
    return amounts[is_sound], pd_of(
        build_features(rows, model.bundle.features), model.engine, model.bundle.calibration
    )[is_sound]


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(MODELS)),
    st.sampled_from(CHANGEABLE),
    st.integers(0, 599),
    st.floats(0.0, 1.0),
    st.sampled_from([0.0, 0.003]),
)
def test_nothing_nearer_is_approved_than_the_smallest_change(
    name: str, field: str, place: int, rank: float, off: float
) -> None:
    model = MODELS[name]
    row = model.rows.slice(place, 1)
    now = row.column(field)[0].as_py()
    if now is None:
        assert found(model, row, field, policy_at(0.5)) is None
        return
    now += off  # an amount between two steps
    row = row.set_column(row.column_names.index(field), field, pa.array([now]))
    amounts, pds = every_amount(model, row, field)
    policy = policy_at(float(np.quantile(pds, rank)))
    present = pd_of(build_features(row, model.bundle.features), model.engine, model.bundle.calibration)
    assume(not is_approved(present, policy)[0])
    change = found(model, row, field, policy)
    assert change
    assert (change.low, change.high, change.now) == (amounts[0], amounts[-1], now)
    approved = amounts[is_approved(pds, policy)]
    if not len(approved):
        assert change.nearest is None
        return
    distances = np.abs(np.round(approved * 100) - now * 100)
    assert change.nearest is not None
    assert change.nearest in approved
    assert abs(round(change.nearest * 100) - now * 100) == pytest.approx(distances.min(), abs=1e-6)
    equally_near = approved[distances <= distances.min() + 1e-6]
    assert change.nearest == equally_near.min()


def test_there_are_answers_in_both_directions_near_and_far_to_compare() -> None:
    model, answers = MODELS["plain"], list[SmallestChange]()
    for place in range(12):
        row = model.rows.slice(place, 1)
        _, pds = every_amount(model, row, "AMT_CREDIT")
        answer = found(model, row, "AMT_CREDIT", policy_at(float(np.quantile(pds, 0.05))))
        assert answer
        answers.append(answer)
    shares = [answer.nearest / answer.now - 1 for answer in answers if answer.nearest is not None]
    assert min(shares) < -0.05
    assert max(shares) > 0.05
    assert min(map(abs, shares)) < 0.2


PAIRS = {
    f"{feature.name} by {field}": (feature, field)
    for feature in FEATURES
    for field in MONEY
    if field in feature.columns
}


@pytest.mark.parametrize("pair", PAIRS)
@settings(max_examples=12)
@given(
    st.lists(STEPS, min_size=20, max_size=60),
    st.fixed_dictionaries(dict.fromkeys(MONEY, STEPS)),
)
def test_a_feature_never_turns_within_a_stretch(pair: str, steps: list[int], others: Mapping[str, int]) -> None:
    feature, field = PAIRS[pair]
    model = MODELS["plain"]
    row = model.rows.slice(0, 1)
    for name, amount in others.items():
        row = row.set_column(row.column_names.index(name), name, pa.array([amount / 100]))
    amounts = np.unique(steps) / 100
    rows = row.take(pa.array(np.zeros(len(amounts), np.int64)))
    rows = rows.set_column(rows.column_names.index(field), field, pa.array(amounts))
    alone = FeatureSet(
        (feature.name,), model.bundle.features.encodings, model.bundle.features.fills, model.bundle.features.typical
    )
    values = build_features(rows, alone)[:, 0]
    numbers = build_stretches(rows, alone, feature.name)
    numbers = np.zeros(len(rows)) if numbers is None else numbers
    turns = np.diff(numbers)
    assert (turns >= 0).all() or (turns <= 0).all()
    signs = set()
    for number in np.unique(numbers):
        signs |= set(np.sign(np.diff(values[numbers == number])).tolist()) - {0.0}
    assert len(signs) <= 1


@pytest.mark.parametrize(
    ("credit", "annuity"), [(0.6, 0.2), (0.3, 0.1), (4.35, 1.45), (6.0, 2.0), (5.99, 2.0), (1e8, 0.01), (1e8, 3.33)]
)
def test_full_instalments_are_those_of_exact_arithmetic(credit: float, annuity: float) -> None:
    row = MODELS["plain"].rows.slice(0, 1)
    for name, amount in (("AMT_CREDIT", credit), ("AMT_ANNUITY", annuity)):
        row = row.set_column(row.column_names.index(name), name, pa.array([amount]))
    numbers = build_stretches(row, MODELS["plain"].bundle.features, "LAST_INSTALMENT")
    assert numbers is not None
    assert numbers[0] == Fraction(credit) // Fraction(annuity)


def test_a_range_of_too_many_stretches_is_narrowed_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS["plain"]
    monkeypatch.setattr(what_if, "_MOST_STRETCHES", 3)
    row = model.rows.slice(1, 1)
    change = found(model, row, "AMT_CREDIT", policy_at(1e-9))
    assert change
    assert change.nearest is None
    assert change.low <= change.now <= change.high < LIMITS["AMT_CREDIT"]


def test_many_amounts_are_scored_in_parts_with_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model, policy = MODELS["plain"], policy_at(0.2)
    before = [found(model, model.rows.slice(place, 1), "AMT_CREDIT", policy) for place in range(3)]
    for name, few in (("_SCORED_AMOUNTS", 3), ("_CHECKED_AMOUNTS", 2)):
        monkeypatch.setattr(what_if, name, few)
    assert [found(model, model.rows.slice(place, 1), "AMT_CREDIT", policy) for place in range(3)] == before


def test_limits_are_the_thresholds_and_the_ends_of_zero() -> None:
    trees = MODELS["plain"].trees
    limits = feature_thresholds(trees)
    for tree in trees:
        for split in tree.splits:
            assert split.threshold in limits[split.column.feature]
    assert all((np.diff(each) > 0).all() for each in limits.values())
    assert all((np.abs(each) <= 2e-35).sum() >= 2 for each in limits.values())


@pytest.mark.parametrize(
    ("nearest", "told"), [(150.0, "(-25.0%)"), (200.01, "(+0.005%)"), (400.0, "(+100.0%)"), (199.99, "(-0.005%)")]
)
def test_a_small_change_is_never_told_as_none(nearest: float, told: str) -> None:
    assert told in way_sentence(SmallestChange("AMT_CREDIT", 200.0, nearest, 0.01, 1e8), "loan")


@settings(max_examples=20)
@given(st.sampled_from(CHANGEABLE), st.integers(1, 10**9), st.integers(0, 599))
def test_a_change_reads_as_if_the_feed_had_delivered_it(field: str, step: int, place: int) -> None:
    row = MODELS["plain"].rows.slice(place, 1)
    changed = parse_rows(change_delivered(row, {field: f"{step // 100}.{step % 100:02}"})).rows
    assert changed.column(field)[0].as_py() == step / 100
    assert changed.drop_columns(field).equals(parse_rows(row).rows.drop_columns(field))
