import numpy as np
import pyarrow as pa
import pytest

from tasks.core.applications import TYPED_SCHEMA
from tasks.core.features import DERIVED, NEVER_INPUTS, Encoding, FeatureSet, build_features, feature_names, fit_features


def typed(rows: int = 1, **columns: list[object]) -> pa.Table:
    return pa.table({name: columns.get(name, [None] * rows) for name in TYPED_SCHEMA.names}, schema=TYPED_SCHEMA)


def value(name: str, **columns: list[object]) -> float:
    return float(build_features(typed(1, **columns), FeatureSet((name,), {}))[0, 0])


def test_gender_family_status_and_hour_are_never_inputs() -> None:
    assert not NEVER_INPUTS & set(feature_names(use_age=True))
    assert not any(NEVER_INPUTS & set(feature.columns) for feature in DERIVED)


def test_without_age_nothing_derived_from_it_remains() -> None:
    gone = set(feature_names(use_age=True)) - set(feature_names(use_age=False))
    assert gone == {"DAYS_BIRTH"} | {feature.name for feature in DERIVED if "DAYS_BIRTH" in feature.columns}
    assert "EMPLOYED_TO_AGE" in gone


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
    ],
)
def test_derived_features_follow_their_formula(name: str, columns: dict[str, list[object]], expected: float) -> None:
    np.testing.assert_allclose(value(name, **columns), expected, rtol=1e-15)


def test_categories_rank_by_default_rate_and_unseen_ones_stand_at_the_overall_rate() -> None:
    levels = ["Cash loans"] * 500 + ["Revolving loans"] * 500
    defaulted = np.array([True] * 100 + [False] * 400 + [True] * 10 + [False] * 490)
    features = fit_features(typed(1000, NAME_CONTRACT_TYPE=levels), defaulted, use_age=True)
    encoding = features.encodings["NAME_CONTRACT_TYPE"]
    assert encoding == Encoding(("Revolving loans", "Cash loans"), 0.5)
    matrix = build_features(
        typed(4, NAME_CONTRACT_TYPE=["Cash loans", "Revolving loans", "Barter", None]),
        FeatureSet(("NAME_CONTRACT_TYPE",), {"NAME_CONTRACT_TYPE": encoding}),
    )
    np.testing.assert_array_equal(matrix[:, 0], [1.0, 0.0, 0.5, np.nan])


def test_xna_is_missing_not_a_category() -> None:
    encoding = Encoding(("School",), 0.5)
    features = FeatureSet(("ORGANIZATION_TYPE",), {"ORGANIZATION_TYPE": encoding})
    assert np.isnan(build_features(typed(1, ORGANIZATION_TYPE=["XNA"]), features)[0, 0])


def test_a_row_has_the_same_features_alone_and_in_a_batch() -> None:
    random = np.random.default_rng(1)
    rows = 301
    table = typed(
        rows,
        **{
            name: random.normal(size=rows).tolist()
            for name in TYPED_SCHEMA.names
            if TYPED_SCHEMA.field(name).type == pa.float64()
        },
    )
    features = FeatureSet(tuple(name for name in feature_names(use_age=True) if name not in _texts()), {})
    together = build_features(table, features)
    for row in (0, 150, 300):
        np.testing.assert_array_equal(build_features(table.slice(row, 1), features)[0], together[row])


def _texts() -> set[str]:
    return {field.name for field in TYPED_SCHEMA if field.type == pa.string()}
