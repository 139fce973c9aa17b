"""The model bundle: everything needed to score, as LightGBM text and JSON.

A bundle is a handful of files, each checked by SHA-256, none of them a pickle. It carries no applicant's row: the
golden rows are put together value by value, each halfway between two applicants', so nothing in them is anybody's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.applications import NUMBERS, TEXTS
from tasks.core.calibration import Calibration
from tasks.core.features import FEATURE_VERSION, Encoding, FeatureSet
from tasks.errors import ModelError

BUNDLE_VERSION: Final = "1"
MODEL_FILE: Final = "model.txt"
_SCORING_FILE: Final = "scoring.json"
_REFERENCE_FILE: Final = "reference.json"
_GOLDEN_FILE: Final = "golden.json"
FILES: Final = (MODEL_FILE, _SCORING_FILE, _REFERENCE_FILE, _GOLDEN_FILE)
_GOLDEN_ROWS: Final = 64
_QUANTILES: Final = (0.005, 0.01, *(step / 20 for step in range(1, 20)), 0.99, 0.995)
"""No minimum and no maximum: those are somebody's value."""
_FEW_VALUES: Final = 30
_FLAG_VALUES: Final = 2
_RARE_SHARE: Final = 0.001
"""Levels under this share are not kept one by one; a rare value could point to a person."""


class RawScorer(Protocol):
    """A model that turns a feature matrix into raw scores (log-odds)."""

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Raw scores, float64, shape (rows,), of a float64 matrix, shape (rows, features)."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Feature rows that belong to nobody, with the exact scores they must get."""

    rows: tuple[tuple[float | None, ...], ...]
    raw: tuple[float, ...]
    pd: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trained model with its frozen companions."""

    model_text: str
    features: FeatureSet
    calibration: Calibration
    cutoff: float
    """The cut-off that training proposes; the policy decides which is used."""
    reference: Mapping[str, Any]
    golden: Golden


def pd_of(matrix: np.ndarray, model: RawScorer, calibration: Calibration) -> np.ndarray:
    """Probability of default in [0, 1] of each row of a feature matrix."""
    return calibration.pd_of(model.raw_scores(matrix))


def make_golden(matrix: np.ndarray, model: RawScorer, calibration: Calibration, *, seed: int) -> Golden:
    """Golden rows for a model: each value lies halfway between two drawn from its column of `matrix`."""
    random = np.random.default_rng(seed)
    drawn = np.column_stack([random.choice(column, (2, _GOLDEN_ROWS)).mean(axis=0) for column in matrix.T])
    raw = model.raw_scores(drawn)
    rows = tuple(tuple(None if np.isnan(value) else value for value in row) for row in drawn.tolist())
    return Golden(rows, tuple(raw.tolist()), tuple(calibration.pd_of(raw).tolist()))


def require_golden(golden: Golden, model: RawScorer, calibration: Calibration) -> None:
    """Refuse a model that does not give its golden rows exactly the scores it was registered with."""
    matrix = np.array(golden.rows, dtype=np.float64)
    raw = model.raw_scores(matrix)
    wrong = int(np.sum(raw != np.array(golden.raw)) + np.sum(calibration.pd_of(raw) != np.array(golden.pd)))
    if wrong:
        raise ModelError(
            f"The model gives {wrong} of {2 * len(raw)} golden figures another value than at registration. "
            "Its files or LightGBM itself have changed; install the lock file's versions or register the model again."
        )


def reference_statistics(rows: pa.Table, pd: np.ndarray) -> dict[str, Any]:
    """What training looked like, column by column: missing share, quantiles or shares of levels, and the pd.

    A number with few values (a flag, a rating, a count) has its common values listed beside its quantiles.
    """
    columns: dict[str, Any] = {}
    for name in NUMBERS:
        values = rows.column(name).drop_null().to_numpy()
        quantiles = np.quantile(values, _QUANTILES).tolist() if len(values) else []
        columns[name] = {"missing_share": _missing_share(rows.column(name)), "quantiles": quantiles}
        distinct, counts = np.unique(values, return_counts=True)
        if 0 < len(distinct) <= _FEW_VALUES:
            is_told = (counts >= _RARE_SHARE * rows.num_rows) | (len(distinct) <= _FLAG_VALUES)
            columns[name]["values"] = distinct[is_told].tolist()
    for name in TEXTS:
        counts = pc.value_counts(rows.column(name).drop_null()).to_pylist()
        shares = {each["values"]: each["counts"] / rows.num_rows for each in counts}
        kept = {level: share for level, share in sorted(shares.items()) if share >= _RARE_SHARE}
        columns[name] = {"missing_share": _missing_share(rows.column(name)), "level_shares": kept}
    return {"rows": rows.num_rows, "columns": columns, "pd_quantiles": np.quantile(pd, _QUANTILES).tolist()}


def to_files(bundle: Bundle) -> dict[str, bytes]:
    """The bundle as named files; equal bundles give equal bytes."""
    scoring = {
        "bundle_version": BUNDLE_VERSION,
        "feature_version": FEATURE_VERSION,
        "features": list(bundle.features.names),
        "encodings": {name: asdict(encoding) for name, encoding in bundle.features.encodings.items()},
        "calibration": asdict(bundle.calibration),
        "cutoff": bundle.cutoff,
    }
    return {
        MODEL_FILE: bundle.model_text.encode(),
        _SCORING_FILE: _json(scoring),
        _REFERENCE_FILE: _json(dict(bundle.reference)),
        _GOLDEN_FILE: _json(asdict(bundle.golden)),
    }


def from_files(files: Mapping[str, bytes]) -> Bundle:
    """The bundle in its files.

    Raises:
        ModelError: a file is missing, is no JSON of the expected form, or was made by another feature version.
    """
    missing = [name for name in FILES if name not in files]
    if missing:
        raise ModelError(f"The registered model lacks {', '.join(missing)}. Register it again with `scoring train`.")
    try:
        scoring, reference, golden = (json.loads(files[name]) for name in FILES[1:])
        _require_version("bundle", scoring["bundle_version"], BUNDLE_VERSION)
        _require_version("feature", scoring["feature_version"], FEATURE_VERSION)
        encodings = {
            name: Encoding(tuple(each["levels"]), each["unseen"]) for name, each in scoring["encodings"].items()
        }
        return Bundle(
            files[MODEL_FILE].decode(),
            FeatureSet(tuple(scoring["features"]), encodings),
            Calibration(tuple(scoring["calibration"]["raw"]), tuple(scoring["calibration"]["pd"])),
            scoring["cutoff"],
            reference,
            Golden(tuple(tuple(row) for row in golden["rows"]), tuple(golden["raw"]), tuple(golden["pd"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The registered model's JSON is not a bundle: {error!r}. Register the model again.") from None


def file_digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each of the bundle's files."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in FILES if name in files}


def bundle_digest(digests: Mapping[str, str]) -> str:
    """One SHA-256 over the digests of all files; what a fingerprint means by the model."""
    return hashlib.sha256(_json(dict(digests))).hexdigest()


def _require_version(what: str, found: str, required: str) -> None:
    if found != required:
        raise ModelError(
            f"The registered model has {what} version {found}; this code needs {required}. "
            "Train and promote a model with this code, or score with the code that trained it."
        )


def _missing_share(values: pa.ChunkedArray) -> float:
    return values.null_count / len(values) if len(values) else 0.0


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()
