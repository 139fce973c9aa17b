import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.core.lender.columns import ID, NUMBERS, SENTINELS, TEXTS, TYPED_SCHEMA
from tasks.core.lender.feature_list import FAMILIES, FEATURES
from tasks.core.model.bundle import (
    BUNDLE_VERSION,
    FILES,
    Bundle,
    bundle_digest,
    file_digests,
    from_files,
    make_golden,
    require_golden,
    to_files,
)
from tasks.core.model.calibration import Calibration
from tasks.core.model.features import FEATURE_VERSION, feature_names, fit_features
from tasks.core.model.reference import reference_statistics
from tasks.errors import ModelError

NOT_EMPLOYED = SENTINELS["DAYS_EMPLOYED"]
CALIBRATION = Calibration((-1e4, 1e4), (0.01, 0.9))


class SumOfFeatures:
    """A model whose scores anyone can check; each family has the same part in them."""

    caveat = None

    def __init__(self, shift: float = 0.0, *, told_off_by: float = 0.0) -> None:
        self.shift = shift
        self.told_off_by = told_off_by

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        return np.nansum(matrix, axis=1) + self.shift

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        told = np.tile(np.arange(len(FAMILIES)) / 4.0, (len(matrix), 1))
        told[0, 0] += self.told_off_by
        return told


def people(rows: int = 300) -> pa.Table:
    """Typed rows, every number of which is somebody's own."""
    random = np.random.default_rng(0)
    employed = np.where(np.arange(rows) % 5 == 0, NOT_EMPLOYED, random.normal(size=rows))
    columns = {name: random.normal(size=rows) for name in NUMBERS} | {"DAYS_EMPLOYED": employed}
    columns |= {name: np.array(["x", "y"] * (rows // 2), dtype=object) for name in TEXTS}
    return pa.table({ID: np.arange(rows), **columns}).select(TYPED_SCHEMA.names).cast(TYPED_SCHEMA)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    rows = people()
    features = fit_features(rows, np.arange(300) % 3 == 0, feature_names())
    golden = make_golden(rows, features, SumOfFeatures(), CALIBRATION, seed=1)
    return Bundle("tree\n", features, CALIBRATION, 1 / 11, {"rows": 500}, golden)


def test_a_bundle_reads_back_to_the_last_bit(bundle: Bundle) -> None:
    files = to_files(bundle)
    assert set(files) == set(FILES)
    assert from_files(files) == bundle
    assert to_files(from_files(files)) == files


def test_golden_rows_hold_for_their_model_and_no_other(bundle: Bundle) -> None:
    require_golden(bundle, SumOfFeatures())
    recalibrated = replace(bundle, calibration=replace(CALIBRATION, pd=(0.02, 0.9)))
    with pytest.raises(ModelError, match="64 of 1152 golden figures another value"):
        require_golden(recalibrated, SumOfFeatures())
    with pytest.raises(ModelError, match=r"1\d\d of 1152"):
        require_golden(bundle, SumOfFeatures(1e-6))
    require_golden(bundle, SumOfFeatures(told_off_by=-1e-9))
    with pytest.raises(ModelError, match="1 of 1152"):
        require_golden(bundle, SumOfFeatures(told_off_by=-1.1e-9))
    with pytest.raises(ModelError, match="1 of 1152"):
        require_golden(bundle, SumOfFeatures(told_off_by=np.nan))


@pytest.mark.parametrize("feature", [each.name for each in FEATURES])
def test_a_changed_formula_of_any_feature_breaks_golden_rows(
    bundle: Bundle, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.core.model import features

    known = features._FEATURE[feature]
    changed = replace(known, value=lambda inputs: known.value(inputs) + 1.0)
    monkeypatch.setitem(features._FEATURE, feature, changed)
    with pytest.raises(ModelError, match="the features' formulas have changed"):
        require_golden(bundle, SumOfFeatures())


def test_a_golden_row_is_nobodys_and_has_what_is_rare() -> None:
    rows = people()
    features = fit_features(rows, np.arange(300) % 3 == 0, feature_names())
    golden = make_golden(rows, features, SumOfFeatures(), CALIBRATION, seed=1)
    for name in NUMBERS:
        assert not (set(golden.columns[name]) - {NOT_EMPLOYED}) & set(rows.column(name).to_pylist())
    assert golden.columns["DAYS_EMPLOYED"].count(NOT_EMPLOYED) == 8
    for name in TEXTS:
        assert None in golden.columns[name]
        assert set(golden.columns[name]) - {"x", "y", None}, "a category nobody saw"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(bundle: Bundle, name: str) -> None:
    files = to_files(bundle)
    del files[name]
    with pytest.raises(ModelError, match=f"lacks {name}"):
        from_files(files)


@pytest.mark.parametrize(
    ("version", "needed"), [("bundle_version", BUNDLE_VERSION), ("feature_version", FEATURE_VERSION)]
)
def test_a_bundle_of_another_version_is_refused(bundle: Bundle, version: str, needed: str) -> None:
    files = to_files(bundle)
    files["scoring.json"] = json.dumps(json.loads(files["scoring.json"]) | {version: "0"}).encode()
    with pytest.raises(ModelError, match=f"has {version.removesuffix('_version')} version 0; this code needs {needed}"):
        from_files(files)


@pytest.mark.parametrize("content", [b"[]", b"{}", b"no json", b"\x80\x04."])
def test_what_is_no_bundle_is_refused(bundle: Bundle, content: bytes) -> None:
    with pytest.raises(ModelError, match="not a bundle"):
        from_files(to_files(bundle) | {"scoring.json": content})


def test_every_byte_of_every_file_counts_in_the_digest(bundle: Bundle) -> None:
    files = to_files(bundle)
    before = bundle_digest(file_digests(files))
    for name in FILES:
        assert bundle_digest(file_digests(files | {name: files[name] + b" "})) != before


def test_reference_statistics_hold_shares_and_no_extremes() -> None:
    amounts = [float(n) for n in range(1000)] + [None] * 1000
    kinds = ["Cash loans"] * 1999 + ["Only one"]
    columns = {"AMT_CREDIT": amounts, "NAME_CONTRACT_TYPE": kinds}
    rows = pa.table({name: columns.get(name, [None] * 2000) for name in TYPED_SCHEMA.names}, schema=TYPED_SCHEMA)
    found = reference_statistics(rows, np.full(2000, 0.1))["columns"]
    assert found["AMT_CREDIT"]["missing_share"] == 0.5
    assert found["AMT_CREDIT"]["quantiles"][0] > 0
    assert found["AMT_CREDIT"]["quantiles"][-1] < 999
    assert found["NAME_CONTRACT_TYPE"]["level_shares"] == {"Cash loans": 1999 / 2000}
    assert found["AMT_ANNUITY"] == {"missing_share": 1.0, "quantiles": []}


def test_reference_statistics_of_a_small_history_tell_nothing_of_few() -> None:
    columns: dict[str, list[Any]] = {
        "EXT_SOURCE_1": [0.123456789] + [None] * 299,
        "AMT_CREDIT": [float(n) for n in range(300)],
        "CNT_CHILDREN": [19.0] + [0.0] * 299,
        "FLAG_MOBIL": [0.0] + [1.0] * 299,
        "OCCUPATION_TYPE": ["Astronaut"] + ["Cooks"] * 299,
    }
    rows = pa.table({name: columns.get(name, [None] * 300) for name in TYPED_SCHEMA.names}, schema=TYPED_SCHEMA)
    found = reference_statistics(rows, np.linspace(0, 1, 300))
    told = found["columns"]
    assert told["EXT_SOURCE_1"] == {"missing_share": 299 / 300, "quantiles": [], "values": []}
    quantiles = told["AMT_CREDIT"]["quantiles"]
    assert (quantiles[0], quantiles[-1]) == pytest.approx((9.97, 289.03), rel=1e-3)
    assert told["CNT_CHILDREN"]["values"] == [0.0]
    assert 19.0 not in told["CNT_CHILDREN"]["quantiles"]
    assert told["FLAG_MOBIL"]["values"] == [0.0, 1.0]
    assert list(told["OCCUPATION_TYPE"]["level_shares"]) == ["Cooks"]
    assert min(found["pd_quantiles"]) > 0.03
