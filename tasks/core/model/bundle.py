"""The model bundle: everything needed to score, as LightGBM text and JSON.

A bundle is a handful of files, each checked by SHA-256, none of them a pickle. It carries no
applicant's row. The golden applications are put together value by value, each value halfway between
those of two applicants, so no golden application is an applicant's. They are scored from typed row
to pd, which notices a changed formula as well as a changed tree. They carry LightGBM's own
contributions, with which every other engine must agree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from tasks.core.lender.columns import ID, NUMBERS, SENTINELS, TEXTS, TYPED_SCHEMA
from tasks.core.model.calibration import Calibration
from tasks.core.model.features import FEATURE_VERSION, Encoding, FeatureSet, Typical, build_features
from tasks.errors import ModelError

BUNDLE_VERSION: Final = "3"
MODEL_FILE: Final = "model.txt"
_SCORING_FILE: Final = "scoring.json"
_REFERENCE_FILE: Final = "reference.json"
_GOLDEN_FILE: Final = "golden.json"
FILES: Final = (MODEL_FILE, _SCORING_FILE, _REFERENCE_FILE, _GOLDEN_FILE)
_GOLDEN_ROWS: Final = 64
_CONTRIBUTION_TOLERANCE: Final = 1e-9
"""Tolerance of contributions (log-odds). Engines add them up in different orders; reasons rank them
rounded to 1e-6."""
_TWO: Final = 2
_UNSEEN: Final = slice(0, None, 16)
_MISSING: Final = slice(1, None, 11)
_SENTINEL: Final = slice(0, None, 8)
"""Golden applications with a category that training never saw, with a missing category, and with
the code for "none" as a number."""
_UNSEEN_LEVEL: Final = "a category that training never saw"


class RawScorer(Protocol):
    """Model that turns a feature matrix into raw scores (log-odds)."""

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Raw scores, float64, shape (rows,), of a float64 matrix, shape (rows, features)."""


class Engine(RawScorer, Protocol):
    """Scorer that can explain its scores."""

    @property
    def caveat(self) -> str | None:
        """Sentence that its users should read; None if there is none."""

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Exact Shapley contributions to each raw score (log-odds), summed over feature families.

        Shape (rows, families), columns in the order of `FAMILIES`; above 0 is towards refusal.
        """


@dataclass(frozen=True, slots=True)
class Golden:
    """Applications of no applicant, column by column, with the exact scores that they must get."""

    columns: Mapping[str, tuple[float | str | None, ...]]
    """Every declared column except the id, to its values."""
    raw: tuple[float, ...]
    pd: tuple[float, ...]
    contributions: tuple[tuple[float, ...], ...]
    """Contribution of each family to each raw score (log-odds), as LightGBM computed it at
    registration."""

    def rows(self) -> pa.Table:
        """The golden applications as typed rows."""
        ids = {ID: list(range(1, len(self.raw) + 1))}
        columns = {name: ids.get(name) or self.columns[name] for name in TYPED_SCHEMA.names}
        return pa.table(columns, schema=TYPED_SCHEMA)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trained model with its frozen companions."""

    model_text: str
    features: FeatureSet
    calibration: Calibration
    cutoff: float
    """Cut-off that training proposes. The policy decides which cut-off is used."""
    reference: Mapping[str, Any]
    golden: Golden


def pd_of(matrix: np.ndarray, model: RawScorer, calibration: Calibration) -> np.ndarray:
    """Probability of default in [0, 1] of each row of a feature matrix."""
    return calibration.pd_of(model.raw_scores(matrix))


def make_golden(
    rows: pa.Table,
    features: FeatureSet,
    engine: Engine,
    calibration: Calibration,
    *,
    seed: int,
) -> Golden:
    """Make golden applications for a model, with the scores and contributions that it gives.

    They are drawn from typed training rows.
    """
    random = np.random.default_rng(seed)
    columns: dict[str, tuple[float | str | None, ...]] = {}
    for name in NUMBERS:
        columns[name] = _halfway(name, rows, random)
    for name in TEXTS:
        columns[name] = _some_level(features.encodings.get(name), random)
    unscored = Golden(columns, (0.0,) * _GOLDEN_ROWS, (), ())
    matrix = build_features(unscored.rows(), features)
    raw = engine.raw_scores(matrix)
    contributions = engine.contributions(matrix)
    return Golden(
        columns,
        raw=tuple(raw.tolist()),
        pd=tuple(calibration.pd_of(raw).tolist()),
        contributions=tuple(tuple(row) for row in contributions.tolist()),
    )


def _halfway(name: str, rows: pa.Table, random: np.random.Generator) -> tuple[float | None, ...]:
    """Draw values halfway between those of two rows; a value is None if one of the two is missing.

    A column that has a code for "none" sometimes holds that code, too.
    """
    values = rows.column(name).to_numpy()
    if name in SENTINELS:
        values = values[values != SENTINELS[name]]
    if len(values) < _TWO:
        return (None,) * _GOLDEN_ROWS
    first = random.integers(len(values), size=_GOLDEN_ROWS)
    another = (first + random.integers(1, len(values), size=_GOLDEN_ROWS)) % len(values)
    drawn = (values[first] + values[another]) / 2
    if name in SENTINELS:
        drawn[_SENTINEL] = SENTINELS[name]
    return tuple(None if np.isnan(value) else value for value in drawn.tolist())


def _some_level(encoding: Encoding | None, random: np.random.Generator) -> tuple[str | None, ...]:
    """Draw common levels; sometimes a level that training never saw, or None."""
    known = encoding.levels if encoding and encoding.levels else [_UNSEEN_LEVEL]
    levels = np.array(known, dtype=object)
    drawn = random.choice(levels, _GOLDEN_ROWS)
    drawn[_UNSEEN] = _UNSEEN_LEVEL
    drawn[_MISSING] = None
    return tuple(drawn.tolist())


def require_golden(bundle: Bundle, engine: Engine) -> None:
    """Refuse an engine that does not give the golden applications their registered figures.

    Scores and pd must be the same to the last bit, contributions within 1e-9.

    Raises:
        ModelError: a figure differs.
    """
    golden = bundle.golden
    matrix = build_features(golden.rows(), bundle.features)
    raw = engine.raw_scores(matrix)
    contributions = engine.contributions(matrix)
    differs = (
        raw != np.array(golden.raw),
        bundle.calibration.pd_of(raw) != np.array(golden.pd),
        ~(np.abs(contributions - np.array(golden.contributions)) <= _CONTRIBUTION_TOLERANCE),
    )
    if wrong := sum(int(each.sum()) for each in differs):
        figures = sum(each.size for each in differs)
        raise ModelError(
            f"The model gives {wrong} of {figures} golden figures another value than at "
            "registration. Its files, LightGBM or the features' formulas have changed; install the "
            "lock file's versions or register it again."
        )


def to_files(bundle: Bundle) -> dict[str, bytes]:
    """Write the bundle as named files; equal bundles give equal bytes."""
    scoring = {
        "bundle_version": BUNDLE_VERSION,
        "feature_version": FEATURE_VERSION,
        "features": asdict(bundle.features),
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
    """Read a bundle from its files.

    Raises:
        ModelError: a file is missing, is not JSON of the expected form, or was made by another
            bundle or feature version.
    """
    missing = [name for name in FILES if name not in files]
    if missing:
        raise ModelError(f"The registered model lacks {', '.join(missing)}. Register it again with `scoring train`.")
    try:
        scoring, reference, golden = (json.loads(files[name]) for name in FILES[1:])
        _require_version("bundle", scoring["bundle_version"], BUNDLE_VERSION)
        _require_version("feature", scoring["feature_version"], FEATURE_VERSION)
        return Bundle(
            files[MODEL_FILE].decode(),
            _features(scoring["features"]),
            Calibration(tuple(scoring["calibration"]["raw"]), tuple(scoring["calibration"]["pd"])),
            scoring["cutoff"],
            reference,
            Golden(
                {name: tuple(values) for name, values in golden["columns"].items()},
                tuple(golden["raw"]),
                tuple(golden["pd"]),
                tuple(map(tuple, golden["contributions"])),
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The registered model's JSON is not a bundle: {error!r}. Register the model again.") from None


def _features(content: Mapping[str, Any]) -> FeatureSet:
    encodings = {name: Encoding(tuple(each["levels"]), each["unseen"]) for name, each in content["encodings"].items()}
    typical = tuple(Typical(**each) for each in content["typical"])
    return FeatureSet(tuple(content["names"]), encodings, content["fills"], typical)


def file_digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each of the bundle's files."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in FILES if name in files}


def bundle_digest(digests: Mapping[str, str]) -> str:
    """SHA-256 over the digests of all files. It stands for the model in a fingerprint."""
    return hashlib.sha256(_json(dict(digests))).hexdigest()


def _require_version(what: str, found: str, required: str) -> None:
    if found != required:
        raise ModelError(
            f"The registered model has {what} version {found}; this code needs {required}. "
            "Train and promote a model with this code, or score with the code that trained it."
        )


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class ModelPin:
    """One version of a registered model, fixed by the digest of its bundle."""

    name: str
    version: str
    digest: str
