from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.core.lender.columns import NAMES, TYPED_SCHEMA
from tasks.core.lender.feature_list import DERIVED, FEATURES, FILLED, NEVER_INPUTS, SWITCHES
from tasks.core.model.features import (
    Encoding,
    FeatureSet,
    Typical,
    build_features,
    feature_names,
    fit_features,
    monotone_direction,
    seen_switches,
)

FROZEN = FeatureSet(
    (),
    fills={"EXT_SOURCE_1": 0.5, "EXT_SOURCE_2": 0.6, "EXT_SOURCE_3": 0.7},
    typical=(
        Typical("AMT_INCOME_TOTAL", "OCCUPATION_TYPE", {"Cooks": 80.0, "Drivers": 120.0}, 100.0),
        Typical("AMT_CREDIT", "NAME_INCOME_TYPE", {"Working": 500.0}, 400.0),
    ),
)


def typed(rows: int = 1, **columns: list[object]) -> pa.Table:
    return pa.table({name: columns.get(name, [None] * rows) for name in TYPED_SCHEMA.names}, schema=TYPED_SCHEMA)


def value(name: str, **columns: list[object]) -> float:
    return float(build_features(typed(1, **columns), replace(FROZEN, names=(name,)))[0, 0])


def test_gender_family_status_and_hour_are_never_inputs() -> None:
    assert not NEVER_INPUTS & set(feature_names())
    assert not any(NEVER_INPUTS & set(feature.columns) for feature in DERIVED)


@pytest.mark.parametrize(
    ("switch", "derived"),
    [
        ("age", "EMPLOYED_TO_AGE"),
        ("social_circle", "DEFAULTS_30_SHARE"),
        ("contact", "PHONE_CHANGE_TO_EMPLOYED"),
        ("region", None),
    ],
)
def test_without_an_input_nothing_derived_from_it_remains(switch: str, derived: str | None) -> None:
    kept = feature_names([switch])
    gone = set(feature_names()) - set(kept)
    columns = set(SWITCHES[switch])
    assert gone == columns | {feature.name for feature in DERIVED if columns & set(feature.columns)}
    assert derived is None or derived in gone
    assert switch in seen_switches(feature_names())
    assert switch not in seen_switches(kept)


def test_each_switch_forbids_the_columns_of_one_family() -> None:
    by_family = {family: {each.name for each in FEATURES if each.family == family} for family in SWITCHES}
    for switch, columns in SWITCHES.items():
        assert {name for name in by_family[switch] if name in NAMES} == set(columns)


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("CREDIT_TO_INCOME", {"AMT_CREDIT": [300.0], "AMT_INCOME_TOTAL": [100.0]}, 3.0),
        ("CREDIT_TO_INCOME", {"AMT_CREDIT": [300.0], "AMT_INCOME_TOTAL": [0.0]}, np.nan),
        ("CREDIT_TO_INCOME", {"AMT_CREDIT": [300.0]}, np.nan),
        ("EMPLOYED_TO_AGE", {"DAYS_EMPLOYED": [-500.0], "DAYS_BIRTH": [-10000.0]}, 0.05),
        ("EMPLOYED_TO_AGE", {"DAYS_EMPLOYED": [365243.0], "DAYS_BIRTH": [-10000.0]}, np.nan),
        ("DAYS_EMPLOYED", {"DAYS_EMPLOYED": [365243.0]}, np.nan),
        ("DAYS_EMPLOYED", {"DAYS_EMPLOYED": [-3.0]}, -3.0),
        ("EXT_SOURCE_MEAN", {"EXT_SOURCE_1": [0.2], "EXT_SOURCE_3": [0.4]}, 0.3),
        ("EXT_SOURCE_MEAN", {}, np.nan),
        ("EXT_SOURCE_MIN", {"EXT_SOURCE_1": [0.2], "EXT_SOURCE_3": [0.4]}, 0.2),
        ("EXT_SOURCE_MAX", {"EXT_SOURCE_1": [0.2], "EXT_SOURCE_3": [0.4]}, 0.4),
        ("EXT_SOURCE_KNOWN", {"EXT_SOURCE_1": [0.2], "EXT_SOURCE_3": [0.4]}, 2.0),
        ("EXT_SOURCE_KNOWN", {}, 0.0),
        ("EXT_SOURCE_WEIGHTED", {"EXT_SOURCE_1": [0.2], "EXT_SOURCE_3": [0.4]}, (2 * 0.2 + 3 * 0.6 + 4 * 0.4) / 9),
        ("EXT_SOURCE_PRODUCT", {"EXT_SOURCE_2": [0.2]}, 0.5 * 0.2 * 0.7),
        ("EXT_SOURCE_2_TIMES_3", {"EXT_SOURCE_2": [0.2]}, np.nan),
        ("FLAT_RATE", {"AMT_CREDIT": [1000.0], "AMT_ANNUITY": [100.0]}, 0.2),
        ("FLAT_RATE", {"AMT_CREDIT": [1200.0], "AMT_ANNUITY": [100.0]}, 0.5),
        ("FLAT_RATE", {"AMT_CREDIT": [0.0], "AMT_ANNUITY": [100.0]}, np.nan),
        ("FLAT_RATE", {"AMT_CREDIT": [1000.0], "AMT_ANNUITY": [0.0]}, np.nan),
        ("FLAT_RATE_ON_GOODS", {"AMT_CREDIT": [1000.0], "AMT_ANNUITY": [100.0], "AMT_GOODS_PRICE": [800.0]}, 0.5),
        ("LAST_INSTALMENT", {"AMT_CREDIT": [1025.0], "AMT_ANNUITY": [100.0]}, 0.25),
        ("LAST_INSTALMENT", {"AMT_CREDIT": [1025.0], "AMT_ANNUITY": [0.0]}, np.nan),
        ("INCOME_AFTER_INSTALMENTS", {"AMT_INCOME_TOTAL": [2000.0], "AMT_ANNUITY": [100.0]}, 800.0),
        ("INCOME_TO_TYPICAL", {"AMT_INCOME_TOTAL": [60.0], "OCCUPATION_TYPE": ["Drivers"]}, 0.5),
        ("INCOME_TO_TYPICAL", {"AMT_INCOME_TOTAL": [60.0], "OCCUPATION_TYPE": ["Poets"]}, 0.6),
        ("INCOME_TO_TYPICAL", {"AMT_INCOME_TOTAL": [60.0]}, 0.6),
        ("CREDIT_TO_TYPICAL", {"AMT_CREDIT": [600.0], "NAME_INCOME_TYPE": ["Working"]}, 1.2),
        ("DOCUMENTS", {f"FLAG_DOCUMENT_{n}": [float(n % 2)] for n in range(2, 22)}, 10.0),
        ("CAR_AGE_TO_AGE", {"OWN_CAR_AGE": [5.0], "DAYS_BIRTH": [-10000.0]}, -0.0005),
    ],
)
def test_derived_features_follow_their_formula(name: str, columns: dict[str, list[object]], expected: float) -> None:
    np.testing.assert_allclose(value(name, **columns), expected, rtol=1e-15)


def test_categories_rank_by_default_rate_and_unseen_ones_stand_at_the_overall_rate() -> None:
    levels = ["Cash loans"] * 500 + ["Revolving loans"] * 500
    defaulted = np.array([True] * 100 + [False] * 400 + [True] * 10 + [False] * 490)
    features = fit_features(typed(1000, NAME_CONTRACT_TYPE=levels), defaulted, feature_names())
    encoding = features.encodings["NAME_CONTRACT_TYPE"]
    assert encoding == Encoding(("Revolving loans", "Cash loans"), 0.5)
    matrix = build_features(
        typed(4, NAME_CONTRACT_TYPE=["Cash loans", "Revolving loans", "Barter", None]),
        FeatureSet(("NAME_CONTRACT_TYPE",), {"NAME_CONTRACT_TYPE": encoding}),
    )
    np.testing.assert_array_equal(matrix[:, 0], [1.0, 0.0, 0.5, np.nan])


@pytest.mark.parametrize("rows", [19, 20])
def test_a_category_of_few_rows_has_no_rank_that_would_tell_their_outcome(rows: int) -> None:
    levels = ["Cash loans"] * (300 - rows) + ["Barter"] * rows
    features = fit_features(typed(300, NAME_CONTRACT_TYPE=levels), np.arange(300) >= 290, ["NAME_CONTRACT_TYPE"])
    assert ("Barter" in features.encodings["NAME_CONTRACT_TYPE"].levels) == (rows == 20)


def test_nothing_frozen_is_the_value_of_a_few() -> None:
    rows = typed(300, EXT_SOURCE_1=[0.1234] * 49 + [None] * 251, AMT_CREDIT=[777.0] + [None] * 299)
    features = fit_features(rows, np.arange(300) < 30, feature_names())
    assert features.fills["EXT_SOURCE_1"] == 0.0
    assert [each.otherwise for each in features.typical] == [0.0, 0.0]


def test_what_is_learned_does_not_depend_on_how_rows_came_in_chunks() -> None:
    random = np.random.default_rng(2)
    rows = typed(3000, EXT_SOURCE_1=random.random(3000).tolist(), AMT_CREDIT=random.random(3000).tolist())
    chunked = pa.concat_tables([rows.slice(start, 7) for start in range(0, 3000, 7)])
    defaulted, names = random.random(3000) < 0.1, feature_names()
    assert fit_features(chunked, defaulted, names) == fit_features(rows, defaulted, names)


def test_xna_is_missing_not_a_category() -> None:
    encoding = Encoding(("School",), 0.5)
    features = FeatureSet(("ORGANIZATION_TYPE",), {"ORGANIZATION_TYPE": encoding})
    assert np.isnan(build_features(typed(1, ORGANIZATION_TYPE=["XNA"]), features)[0, 0])


def people(rows: int) -> pa.Table:
    random = np.random.default_rng(1)
    columns: dict[str, list[object]] = {}
    for name in NAMES:
        kind = TYPED_SCHEMA.field(name).type
        if kind == pa.string():
            columns[name] = random.choice(np.array(["x", "y", "z", "XNA", None], dtype=object), rows).tolist()
        elif kind == pa.float64():
            values = random.normal(size=rows).round(2)
            columns[name] = [*np.where(random.random(rows) < 0.2, np.nan, values)]
        else:
            columns[name] = list(range(rows))
    table = typed(rows, **columns)
    return pa.Table.from_arrays(
        [pc.if_else(pc.is_nan(each), None, each) if each.type == pa.float64() else each for each in table.columns],
        schema=TYPED_SCHEMA,
    )


def test_a_row_has_the_same_features_alone_in_a_batch_and_whatever_the_order_of_columns() -> None:
    table = people(301)
    features = fit_features(table, np.arange(301) % 3 == 0, feature_names())
    together = build_features(table, features)
    for row in (0, 150, 300):
        np.testing.assert_array_equal(build_features(table.slice(row, 1), features)[0], together[row])
    shuffled = table.select(np.random.default_rng(2).permutation(table.column_names).tolist())
    np.testing.assert_array_equal(build_features(shuffled, features), together)
    chunked = pa.concat_tables([table.slice(0, 7), table.slice(7, 100), table.slice(107)])
    np.testing.assert_array_equal(build_features(chunked, features), together)


def test_frozen_values_are_those_of_training_and_rare_groups_have_none_of_their_own() -> None:
    incomes: list[object] = [*[10.0] * 60, *[30.0] * 60, *[7.0] * 49]
    rows = typed(
        169,
        AMT_INCOME_TOTAL=incomes,
        OCCUPATION_TYPE=["Cooks"] * 60 + ["Drivers"] * 60 + ["Poets"] * 49,
        EXT_SOURCE_1=[0.25] * 100 + [None] * 69,
    )
    features = fit_features(rows, np.arange(169) % 2 == 0, ("INCOME_TO_TYPICAL",))
    assert features.fills == {"EXT_SOURCE_1": 0.25, "EXT_SOURCE_2": 0.0, "EXT_SOURCE_3": 0.0}
    assert features.typical[0] == Typical("AMT_INCOME_TOTAL", "OCCUPATION_TYPE", {"Cooks": 10.0, "Drivers": 30.0}, 10.0)
    day = typed(2, AMT_INCOME_TOTAL=[20.0, 2000.0], OCCUPATION_TYPE=["Drivers", "Drivers"])
    np.testing.assert_array_equal(build_features(day, features)[:, 0], [20 / 30, 2000 / 30])


def test_a_combination_of_external_scores_moves_as_its_direction_says() -> None:
    lower, higher = people(200), people(200)
    for name in FILLED:
        position = higher.column_names.index(name)
        higher = higher.set_column(position, name, pc.add(pc.abs(higher.column(name)), 0.1))
        lower = lower.set_column(position, name, pc.abs(lower.column(name)))
    combined = [feature for feature in FEATURES if feature.family == "external_scores"]
    features = fit_features(lower, np.arange(200) % 3 == 0, [feature.name for feature in combined])
    fell = build_features(higher, features) < build_features(lower, features)
    assert not fell.any()
    for feature in combined:
        assert monotone_direction(feature.name) == (0 if feature.name == "EXT_SOURCE_KNOWN" else -1)


def test_a_column_that_is_no_input_can_be_measured_and_has_no_direction() -> None:
    rows = typed(40, CODE_GENDER=["F", "M"] * 20)
    features = fit_features(rows, np.array([True, False] * 20), ("CODE_GENDER",))
    np.testing.assert_array_equal(build_features(rows, features)[:, 0], [1.0, 0.0] * 20)
    assert monotone_direction("CODE_GENDER") == 0
