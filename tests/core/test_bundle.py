import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tasks.core.applications import TYPED_SCHEMA
from tasks.core.bundle import (
    FILES,
    Bundle,
    bundle_digest,
    file_digests,
    from_files,
    make_golden,
    reference_statistics,
    require_golden,
    to_files,
)
from tasks.core.calibration import Calibration
from tasks.core.features import Encoding, FeatureSet
from tasks.errors import ModelError

CALIBRATION = Calibration((-5.0, 5.0), (0.01, 0.9))


class SumOfFeatures:
    """A model whose scores anyone can check."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        return np.nansum(matrix, axis=1) + self.shift


@pytest.fixture
def bundle() -> Bundle:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(500, 3))
    matrix[::7, 1] = np.nan
    golden = make_golden(matrix, SumOfFeatures(), CALIBRATION, seed=1)
    features = FeatureSet(("a", "b", "c"), {"c": Encoding(("x", "y"), 0.5)})
    return Bundle("tree\n", features, CALIBRATION, 1 / 11, {"rows": 500}, golden)


def test_a_bundle_reads_back_to_the_last_bit(bundle: Bundle) -> None:
    files = to_files(bundle)
    assert set(files) == set(FILES)
    assert from_files(files) == bundle
    assert to_files(from_files(files)) == files


def test_golden_rows_hold_for_their_model_and_no_other(bundle: Bundle) -> None:
    require_golden(bundle.golden, SumOfFeatures(), CALIBRATION)
    with pytest.raises(ModelError, match="64 of 128 golden figures another value"):
        require_golden(bundle.golden, SumOfFeatures(), replace(CALIBRATION, pd=(0.02, 0.9)))
    with pytest.raises(ModelError, match="128 of 128"):
        require_golden(bundle.golden, SumOfFeatures(1e-9), CALIBRATION)


def test_a_golden_row_is_nobodys() -> None:
    people = np.arange(300.0)[:, None] + np.array([0.0, 1000.0, 2000.0])
    golden = make_golden(people, SumOfFeatures(), CALIBRATION, seed=1)
    assert not set(golden.rows) & {tuple(row) for row in people.tolist()}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(bundle: Bundle, name: str) -> None:
    files = to_files(bundle)
    del files[name]
    with pytest.raises(ModelError, match=f"lacks {name}"):
        from_files(files)


@pytest.mark.parametrize("version", ["bundle_version", "feature_version"])
def test_a_bundle_of_another_version_is_refused(bundle: Bundle, version: str) -> None:
    files = to_files(bundle)
    files["scoring.json"] = json.dumps(json.loads(files["scoring.json"]) | {version: "0"}).encode()
    with pytest.raises(ModelError, match=f"has {version.removesuffix('_version')} version 0; this code needs 1"):
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
