"""The settings of a run: one frozen model, read from a YAML file and the environment.

Precedence, lowest first: the defaults below, the YAML file (`--config`, else `SCORING_CONFIG`, else
`configs/local.yaml`), variables named `SCORING_<SECTION>__<FIELD>`. Relative paths are relative to the project's
folder, wherever a command runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.errors import ConfigError, did_you_mean

PROJECT: Final = Path(__file__).resolve().parent.parent
_PREFIX: Final = "SCORING_"
Model = TypeVar("Model", bound=BaseModel)
EngineKind = Literal["tables", "lightgbm"]
_NO_SETTINGS: Final = {"SCORING_CONFIG"}  # names the file itself


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Storage(_Section):
    """Where landing files, decisions and reports lie. All but the root speaks of S3 alone."""

    root: str = Field(
        "var/store",
        min_length=1,
        description="A folder, or s3://bucket/prefix; S3 endpoint, region and credentials by the usual AWS variables.",
    )
    single_writer: bool = Field(
        False,
        description="Declares that one process at a time writes; lets in an S3 store that ignores conditional writes.",
    )
    kms_key: str | None = Field(
        None,
        min_length=1,
        description="Id, ARN or alias of the KMS key for new objects; none: as the bucket has it.",
    )
    part_bytes: int = Field(
        16 * 1024**2,
        ge=5 * 1024**2,
        le=5 * 1024**3,
        description="Bytes sent in one request and held in memory per object being written; S3 takes 10,000 of them.",
    )
    attempts: int = Field(8, ge=1, description="Tries of one request in all, with growing pauses between them.")
    connect_timeout_seconds: float = Field(10, gt=0, description="Longest wait for a connection, in seconds.")
    read_timeout_seconds: float = Field(60, gt=0, description="Longest silence of an answer, in seconds.")


class Registry(_Section):
    """Where models are registered."""

    tracking_uri: str = Field("sqlite:///var/mlflow.db", description="MLflow tracking and registry address.")
    artifact_root: str = Field("var/mlflow-artifacts", description="Folder or address for a new experiment's files.")
    experiment: str = Field("credit-default-training", description="MLflow experiment that training runs belong to.")
    model_name: str = Field("credit-default", description="Registered model to train and to score with.")
    alias: str = Field("champion", description="Alias of the version that scores.")


class ContractSettings(_Section):
    """What the delivered applications must be."""

    suite: str = Field("expectations/applications.json", description="Great Expectations suite for applications.")
    max_quarantined_rows: int = Field(
        50, ge=0, description="Rows that may always be set aside; the day stops only above this and the share below."
    )
    max_quarantined_share: float = Field(
        0.05, ge=0, le=1, description="Share of a day's rows, 0 to 1, above which the feed counts as broken."
    )
    compare_recent_days: bool = Field(
        True, description="Hold the number of rows against the days before; false for one run of a day that is right."
    )


class Scoring(_Section):
    """How a day is worked through."""

    chunk_rows: int = Field(32_768, ge=1, description="Rows held in memory at a time; never changes a result.")
    max_unpacked_gigabytes: float = Field(
        20.0,
        gt=0,
        description="Size of an unpacked landing file, in 10^9 bytes, above which it is refused.",
    )
    workers: int | None = Field(
        None, ge=1, description="Chunks worked on at a time; one for each processor that is left to the run, if null."
    )
    engine: EngineKind = Field(
        "tables", description="What scores and explains; lightgbm is LightGBM itself, with the same results, slower."
    )
    policy: str = Field("configs/policy.yaml", description="The decision policy.")
    reasons: str = Field("configs/reasons.yaml", description="Code and sentence for each family of features.")
    calendar: str = Field("configs/calendar.yaml", description="Business days, holidays and the time zone.")

    @property
    def max_unpacked_bytes(self) -> int:
        """`max_unpacked_gigabytes` in bytes."""
        return int(self.max_unpacked_gigabytes * 1e9)


class Audit(_Section):
    """What decisions must look like before they are published."""

    suite: str = Field("expectations/decisions.json", description="Great Expectations suite for decisions.")
    min_approval_share: float = Field(0.2, ge=0, le=1, description="Lowest plausible share of approvals, 0 to 1.")
    max_approval_share: float = Field(0.98, ge=0, le=1, description="Highest plausible share of approvals, 0 to 1.")
    approval_share_from_rows: int = Field(
        200, ge=1, description="Rows from which the approval share is judged; smaller days vary too much."
    )


class Training(_Section):
    """How a model is fitted. Small trees on purpose: exact reasons cost little, and depth gains nothing here."""

    seed: int = Field(7, ge=0, description="Seed of folds, sampling and LightGBM.")
    folds: int = Field(5, ge=2, le=20, description="Stratified folds for out-of-fold predictions.")
    max_trees: int = Field(800, ge=1, description="Trees at most; early stopping usually ends before.")
    early_stopping_rounds: int = Field(50, ge=1, description="Rounds without gain after which a fold stops.")
    learning_rate: float = Field(0.05, gt=0, le=1, description="Shrinkage of each tree.")
    max_depth: int = Field(
        3, ge=1, le=8, description="Depth of each tree, the deepest that a search tries; reasons are exact up to 8."
    )
    min_rows_per_leaf: int = Field(80, ge=1, description="Training rows a leaf must hold.")
    feature_share: float = Field(0.2, gt=0, le=1, description="Share of features a tree may use.")
    row_share: float = Field(0.8, gt=0, le=1, description="Share of rows a tree is fitted on.")
    l2: float = Field(20.0, ge=0, description="L2 penalty on leaf values.")
    max_bins: int = Field(127, ge=2, le=250, description="Histogram bins per feature.")
    search_trials: int = Field(
        0, ge=0, description="Shapes of model to try; 0 takes the one that these settings describe."
    )
    baselines: bool = Field(True, description="Judge two plain models in the same folds, to compare with.")
    choice_rows: int = Field(
        50_000, ge=0, description="Rows, at most, to measure on what leaving inputs out costs; 0 does not measure it."
    )
    repeats: int = Field(
        1, ge=1, le=50, description="Cross-validations with other folds; more of them tell a small history's luck."
    )
    reference_rows: int = Field(20_000, ge=100, description="Rows of the reference sample kept for drift reports.")


class Monitoring(_Section):
    """How a published day is compared with the reference."""

    sample_rows: int = Field(10_000, ge=100, description="Rows of the day that Evidently draws from, at most.")


class Retention(_Section):
    """How long the store keeps what nobody reads any more, in days; none keeps it for ever. `scoring clean` obeys it.

    Ages are counted from the business day in the key, by the calendar's clock; what is older than that many days goes.
    """

    work_days: int | None = Field(14, ge=1, description="Checkpoints and parts of runs, under work/.")
    orphan_days: int | None = Field(
        7,
        ge=1,
        description="Data files that no manifest names, and writes that never ended; counted from their last change.",
    )
    landing_days: int | None = Field(
        None, ge=1, description="Landing files of published days; what is gone cannot be revised or monitored any more."
    )
    quarantine_days: int | None = Field(365, ge=1, description="Rejected rows as they came, under quarantine/.")
    old_revision_days: int | None = Field(
        None, ge=1, description="Data files of revisions that are not the newest of their day; their manifests stay."
    )


class Settings(_Section):
    """Everything a run can be told."""

    storage: Storage = Storage()
    registry: Registry = Registry()
    contract: ContractSettings = ContractSettings()
    scoring: Scoring = Scoring()
    audit: Audit = Audit()
    training: Training = Training()
    monitoring: Monitoring = Monitoring()
    retention: Retention = Retention()


def load_settings(path: str | Path | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the YAML file at `path` under the environment's overrides, with absolute paths.

    Raises:
        ConfigError: the file is missing or no YAML mapping, or a key or value is wrong; names the field, what was given
            and what is allowed.
    """
    environ = os.environ if environ is None else environ
    source = Path(path or environ.get("SCORING_CONFIG") or "configs/local.yaml")
    source = source if source.is_absolute() else PROJECT / source
    given = read_yaml(source)
    _override(given, environ)
    try:
        return _absolute(Settings.model_validate(given))
    except ValidationError as error:
        raise ConfigError(
            f"Wrong settings ({source.name} and {_PREFIX}* variables): {_explain(error, Settings)}"
        ) from None


def read_yaml(source: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `ConfigError` where there is none."""
    try:
        content = yaml.safe_load(source.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{source} does not exist. Give an existing file, or leave --config away.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{source} cannot be read as YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{source} holds a {type(content).__name__}; a mapping of sections is required.")
    return content


def validated(model: type[Model], given: Mapping[str, Any], source: Path) -> Model:
    """`given` as a `model`. Raises `ConfigError` naming field, value and what is allowed."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise ConfigError(f"{source.name} is wrong: {_explain(error, model)}") from None


def project_path(path: str) -> Path:
    """A settings path as an absolute one; relative paths belong to the project's folder."""
    return Path(path) if Path(path).is_absolute() else PROJECT / path


def _override(given: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name in _NO_SETTINGS:
            continue
        section, separator, field = name.removeprefix(_PREFIX).lower().partition("__")
        if not separator:
            raise ConfigError(f"{name} is no setting; overrides are named {_PREFIX}<SECTION>__<FIELD>.")
        if not isinstance(given.setdefault(section, {}), dict):
            raise ConfigError(f"Section {section!r} must be a mapping before {name} can override it.")
        given[section][field] = environ[name]


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    return "; ".join(_explain_one(each, model) for each in error.errors(include_url=False))


def _explain_one(error: Any, model: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        *sections, field = error["loc"]
        known = list(_fields_at(model, sections))
        hint = did_you_mean(str(field), known) if known else ""
        told = f" Known here: {', '.join(known)}." if known else ""
        return f"{name} is unknown.{hint}{told}"
    return f"{name} is {error['input']!r}: {error['msg']}."


def _fields_at(model: Any, sections: list[Any]) -> Mapping[str, Any]:
    for section in sections:
        field = model.model_fields.get(section)
        if field is None or not hasattr(field.annotation, "model_fields"):
            return {}
        model = field.annotation
    fields: Mapping[str, Any] = model.model_fields
    return fields


def _absolute(settings: Settings) -> Settings:
    def path(value: str) -> str:
        return value if "://" in value else str(project_path(value))

    uri = settings.registry.tracking_uri
    if uri.startswith("sqlite:///"):
        uri = f"sqlite:///{project_path(uri.removeprefix('sqlite:///'))}"
    return settings.model_copy(
        update={
            "storage": settings.storage.model_copy(update={"root": path(settings.storage.root)}),
            "registry": settings.registry.model_copy(
                update={"tracking_uri": uri, "artifact_root": path(settings.registry.artifact_root)}
            ),
        }
    )
