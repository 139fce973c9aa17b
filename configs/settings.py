"""Settings of a run: one frozen model, read from a YAML file and the environment.

Precedence, lowest first: the defaults below, the YAML file (`--config`, else `SCORING_CONFIG`,
else `configs/local.yaml`), variables named `SCORING_<SECTION>__<FIELD>`. Relative paths are
relative to the folder of the project, wherever a command runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from configs.environment import overruling
from tasks.errors import ConfigError, did_you_mean

PROJECT: Final = Path(__file__).resolve().parent.parent
_PREFIX: Final = "SCORING_"
Model = TypeVar("Model", bound=BaseModel)
EngineKind = Literal["tables", "lightgbm"]
BaselineKinds = Literal["none", "plain", "all"]
SealedCopy = Literal["use", "forbid"]
RunnerKind = Literal["threads", "processes"]
_LOG_VARIABLE: Final = "SCORING_LOG"
_LOG_FORMS: Final = ("text", "json")
_NO_SETTINGS: Final = {"SCORING_CONFIG", _LOG_VARIABLE}
"""Variables that are no setting: the name of the file itself, and the form of the log."""
_TOLD_CHARACTERS: Final = 60
"""Longest value that a message repeats; a longer one is named by its kind."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Storage(_Section):
    """Store of landing files, decisions and reports. All fields but `root` are for S3 alone."""

    root: str = Field(
        "var/store",
        min_length=1,
        description="Folder, or s3://bucket/prefix. "
        "The usual AWS variables give the endpoint, region and credentials of S3.",
    )
    single_writer: bool = Field(
        False,
        description="Promise that only one process writes at a time. "
        "It allows an S3 store that ignores conditional writes.",
    )
    kms_key: str | None = Field(
        None,
        min_length=1,
        description="Id, ARN or alias of the KMS key for new objects; null for that of the bucket.",
    )
    part_bytes: int = Field(
        16 * 1024**2,
        ge=5 * 1024**2,
        le=5 * 1024**3,
        description="Bytes sent in one request and held in memory for each object being written. "
        "S3 takes 10,000 such parts of an object.",
    )
    attempts: int = Field(
        8,
        ge=1,
        description="Attempts of one request in all, with growing pauses between them.",
    )
    connect_timeout_seconds: float = Field(
        10,
        gt=0,
        description="Longest wait for a connection, in seconds.",
    )
    read_timeout_seconds: float = Field(
        60,
        gt=0,
        description="Longest silence during an answer, in seconds.",
    )


class Registry(_Section):
    """Registry of models."""

    tracking_uri: str = Field(
        "sqlite:///var/mlflow.db",
        min_length=1,
        description="Address of MLflow's tracking and registry.",
    )
    artifact_root: str = Field(
        "var/mlflow-artifacts",
        min_length=1,
        description="Folder or address for the files of a new experiment.",
    )
    experiment: str = Field(
        "credit-default-training",
        min_length=1,
        description="MLflow experiment that training runs belong to.",
    )
    model_name: str = Field(
        "credit-default",
        min_length=1,
        description="Registered model to train and to score with.",
    )
    alias: str = Field("champion", min_length=1, description="Alias of the version that scores.")
    challenger_alias: str = Field(
        "challenger",
        min_length=1,
        description="Alias of the version that `scoring promote` compares with the one that scores.",
    )
    sealed_copy: SealedCopy = Field(
        "use",
        description="Model of a day on which the registry does not answer: use takes the store's sealed copy of the "
        "version that the alias last named, forbid ends the run with exit code 5.",
    )


class Landing(_Section):
    """Wait for the files of a day that are late or still being written."""

    wait_minutes: float | None = Field(
        None,
        ge=0,
        le=1440,
        description="Longest wait for the files of a day that is not published, in minutes; 0 for none. "
        "Null waits 60 minutes in a run that a schedule of Prefect started, and not at all in others.",
    )
    quiet_seconds: float = Field(
        60,
        ge=0.1,
        le=3600,
        description="Seconds without any change after which files count as written to their end. "
        "Files that `_control.json` announces with their digests need none.",
    )


class ContractSettings(_Section):
    """Contract for the delivered applications, and the budget of the quarantine."""

    suite: str = Field(
        "expectations/applications.json",
        description="Great Expectations suite for applications.",
    )
    max_quarantined_rows: int = Field(
        50,
        ge=0,
        description="Rows that may always be quarantined; a day stops only above both this and the share below.",
    )
    max_quarantined_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of the day's rows, 0 to 1, above which the feed counts as broken.",
    )
    compare_recent_days: bool = Field(
        True,
        description="Compare the number of rows with the days before. "
        "Set false for one run of a day whose number is right.",
    )


class Scoring(_Section):
    """Scoring of a day: size of the work, engine, and the reviewed files."""

    chunk_rows: int = Field(
        32_768,
        ge=1,
        description="Rows in memory at a time. The number never changes a result.",
    )
    max_unpacked_gigabytes: float = Field(
        20.0,
        gt=0,
        description="Size of an unpacked landing file, in 10^9 bytes, above which it is refused.",
    )
    column_aliases: dict[str, str] = Field(
        {},
        description="Names of columns as the feed writes them, each with the declared name, "
        "for a feed that names its columns otherwise: `{loan_amount: AMT_CREDIT}`. "
        "A published day keeps the aliases that it was published with.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        description="Parts, or chunks of a single part, in work at a time; null for one on each processor that the run "
        "may use.",
    )
    engine: EngineKind = Field(
        "tables",
        description="Engine of scores and reasons; lightgbm is LightGBM itself, with equal results, slower.",
    )
    policy: str = Field(
        "configs/policy.yaml",
        description="Working file of the decision policy. It decides only until a policy is activated "
        "(`scoring policy --activate`).",
    )
    shadow: str = Field(
        "",
        pattern=r"^([\w-]+|version:[0-9]+)?$",
        description="Second model that scores each day without being published: an alias of the registry, such "
        "as `challenger`, or `version:N`; empty for none.",
    )
    reasons: str = Field(
        "configs/reasons.yaml",
        description="Code and sentence for each family of features.",
    )
    calendar: str = Field(
        "configs/calendar.yaml",
        description="Business days, holidays and the time zone.",
    )

    @property
    def max_unpacked_bytes(self) -> int:
        """`max_unpacked_gigabytes` in bytes."""
        return int(self.max_unpacked_gigabytes * 1e9)


class Execution(_Section):
    """Work of a day on the processors of this machine. Nothing here changes a result."""

    runner: RunnerKind = Field(
        "threads",
        description="Workers that screen and score the parts of a day side by side, `scoring.workers` of them: threads "
        "of the run, or processes of their own.",
    )
    range_megabytes: float = Field(
        16.0,
        gt=0,
        description="Size, in 2^20 bytes, of the ranges into which a plain CSV file is cut. Each is a part of the day; "
        "a worker holds one in memory. Other files are one part each.",
    )
    part_minutes: float = Field(
        30.0,
        gt=0,
        description="Longest time for one part in a process. One that takes longer hangs: it is ended, and its part is "
        "worked on again.",
    )

    @property
    def range_bytes(self) -> int:
        """`range_megabytes` in bytes."""
        return max(int(self.range_megabytes * 2**20), 1)


class Audit(_Section):
    """Audit of the decisions before they are published."""

    suite: str = Field(
        "expectations/decisions.json",
        description="Great Expectations suite for decisions.",
    )
    min_approval_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Lowest plausible share of approvals, 0 to 1.",
    )
    max_approval_share: float = Field(
        0.98,
        ge=0,
        le=1,
        description="Highest plausible share of approvals, 0 to 1.",
    )
    approval_share_from_rows: int = Field(
        200,
        ge=1,
        description="Rows from which the share of approvals is judged. Smaller days vary too much.",
    )


class Training(_Section):
    """Fitting of a model. Trees are small: exact reasons cost little, and more depth gains nothing."""

    seed: int = Field(7, ge=0, description="Seed of folds, sampling and LightGBM.")
    folds: int = Field(5, ge=2, le=20, description="Stratified folds for out-of-fold predictions.")
    max_trees: int = Field(800, ge=1, description="Most trees; early stopping usually ends before.")
    early_stopping_rounds: int = Field(
        50,
        ge=1,
        description="Rounds without gain after which a fold stops.",
    )
    learning_rate: float = Field(0.05, gt=0, le=1, description="Shrinkage of each tree.")
    max_depth: int = Field(
        4,
        ge=1,
        le=8,
        description="Depth of each tree, the deepest that a search tries; reasons are exact up to 8.",
    )
    min_rows_per_leaf: int = Field(80, ge=1, description="Fewest training rows in a leaf.")
    feature_share: float = Field(0.2, gt=0, le=1, description="Share of features a tree may use.")
    row_share: float = Field(0.8, gt=0, le=1, description="Share of rows that a tree is fitted on.")
    l2: float = Field(20.0, ge=0, description="L2 penalty on leaf values.")
    max_bins: int = Field(127, ge=2, le=250, description="Histogram bins per feature.")
    search_trials: int = Field(
        0,
        ge=0,
        description="Shapes of model to try; 0 takes the shape that these settings describe.",
    )
    baselines: BaselineKinds = Field(
        "plain",
        description="Models of other kinds that are judged in the same folds, for comparison: `plain` for a logistic "
        "regression and LightGBM on raw columns, `all` for a benchmark of every kind, `none`.",
    )
    choice_rows: int = Field(
        50_000,
        ge=0,
        description="Most rows on which other choices of inputs are measured; 0 measures none.",
    )
    repeats: int = Field(
        1,
        ge=1,
        le=50,
        description="Cross-validations, each with other folds. "
        "More of them show how much of a small history's figures is luck.",
    )
    policy: str | None = Field(
        None,
        description="Policy file that trainings obey, to prepare its activation; null for the active policy.",
    )
    history: tuple[str, ...] = Field(
        (),
        description="Files of applications with TARGET that a retraining learns from beside matured outcomes.",
    )
    least_new_outcomes: int = Field(
        5000,
        ge=1,
        description="Outcomes unknown to the newest model from which on the weekly retraining trains a challenger.",
    )
    least_new_defaulted: int = Field(
        300,
        ge=1,
        description="Defaults among them from which on it does.",
    )
    reference_rows: int = Field(
        20_000,
        ge=100,
        description="Rows of the reference sample that is kept for drift reports.",
    )


class PromotionLimits(_Section):
    """Limits of the gate that a new version passes before it scores."""

    least_rows: int = Field(
        5000,
        ge=100,
        description="Least number of applications with outcomes on which two versions are compared. "
        "With fewer, only a version that is far better could be told from chance.",
    )
    least_defaulted: int = Field(
        100,
        ge=10,
        description="Least number of them that defaulted, and that repaid: costs are mostly defaults, and the "
        "interval of their mean needs about a hundred.",
    )
    most_auc_fall: float = Field(
        0.005,
        ge=0,
        le=1,
        description="AUC that the new version may clearly lose. It may be cheaper at this cut-off and rank worse "
        "at every other.",
    )
    most_slope_error: float = Field(
        0.15,
        ge=0,
        description="Distance of the calibration slope from 1 that the new version may clearly have. "
        "Cut-off and expected cost are only right if pd is.",
    )
    most_calibration_error: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Expected calibration error, a share, that the new version may clearly have; "
        "about an eighth of the default rate of the feed.",
    )
    most_kind_cost_rise: float = Field(
        0.05,
        ge=0,
        description="Share by which any kind of applicants may clearly become dearer. "
        "A gain in the whole may hide a loss in one kind.",
    )
    most_ratio_fall: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share by which a ratio of approval rates may clearly fall that lies clearly below four fifths "
        "already.",
    )


class Monitoring(_Section):
    """Comparison of a published day with the reference."""

    sample_rows: int = Field(
        10_000,
        ge=100,
        description="Most rows of the day that Evidently draws from.",
    )
    thresholds: str = Field(
        "configs/monitoring.yaml",
        description="Reviewed thresholds of the verdict.",
    )
    workspace: str = Field(
        "var/evidently",
        min_length=1,
        description="Folder on this machine for Evidently's workspace, which `scoring monitor --ui` makes and shows.",
    )
    metrics_file: str | None = Field(
        None,
        pattern=r"\.prom$",
        description="File that each run writes for the textfile collector of node_exporter; null for none.",
    )


class Outcomes(_Section):
    """Matured outcomes, and the backtest of published decisions by them."""

    suite: str = Field(
        "expectations/outcomes.json",
        description="Great Expectations suite for files of outcomes. The budget is that of `contract`.",
    )
    maturity_days: int = Field(
        365,
        ge=1,
        le=3650,
        description="Days that must lie between the business day of a decision and the date of its outcome. "
        "An outcome that is known earlier is counted as early, and no figure is made of it.",
    )


class Alarms(_Section):
    """Receiver of alarms, which runs where Prefect's server does."""

    log: str = Field(
        "var/log/alarms.log",
        min_length=1,
        description="File that each alarm is appended to, one line each.",
    )
    port: int = Field(
        4210,
        ge=1,
        le=65_535,
        description="Port of this machine on which alarms are received.",
    )
    webhook: SecretStr | None = Field(
        None,
        description="Address that each alarm is posted on to as JSON, from the environment alone; null for none.",
    )

    @field_validator("webhook")
    @classmethod
    def _is_address(cls, webhook: SecretStr | None) -> SecretStr | None:
        if webhook and not webhook.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("expected an address that begins with https:// or http://")
        return webhook


class Dashboard(_Section):
    """Secrets of the dashboard's view of an applicant, from the environment alone. Without both the view is off."""

    token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Token that the view asks for, of 16 characters at least.",
    )
    lookup_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="Key of the hash by which each look-up is logged, of 16 characters at least. "
        "Who has it can tell whether an id was looked up.",
    )

    @property
    def is_open(self) -> bool:
        """True if applicants may be looked up."""
        return self.token is not None and self.lookup_key is not None


class Retention(_Section):
    """Retention, in days, of objects that nobody reads any more; null keeps them for ever.

    `scoring clean` obeys it. Ages are counted from the business day in the key, by the clock of the
    calendar. Objects older than that many days are removed.
    """

    work_days: int | None = Field(14, ge=1, description="Checkpoints and parts of runs, in work/.")
    orphan_days: int | None = Field(
        7,
        ge=1,
        description="Data files that no manifest names, and writes that never ended. "
        "Their age counts from their last change.",
    )
    landing_days: int | None = Field(
        None,
        ge=1,
        description="Landing files of published days. Without them a day cannot be revised or monitored.",
    )
    quarantine_days: int | None = Field(
        365,
        ge=1,
        description="Rejected rows as they came, in quarantine/.",
    )
    old_revision_days: int | None = Field(
        None,
        ge=1,
        description="Data files of revisions that are not the newest of a day; their manifests stay.",
    )
    outcome_days: int | None = Field(
        None,
        ge=1,
        description="Deliveries of outcomes, in outcomes/; their receipts stay. "
        "Their age counts from the day on which they were taken in. Without them no backtest counts them.",
    )
    report_days: int | None = Field(
        90,
        ge=1,
        description="Pages of monitoring and their snapshots, in reports/. Verdicts and figures stay.",
    )


class Settings(_Section):
    """All settings of a run, section by section."""

    storage: Storage = Storage()
    registry: Registry = Registry()
    landing: Landing = Landing()
    contract: ContractSettings = ContractSettings()
    scoring: Scoring = Scoring()
    execution: Execution = Execution()
    audit: Audit = Audit()
    training: Training = Training()
    promotion: PromotionLimits = PromotionLimits()
    monitoring: Monitoring = Monitoring()
    outcomes: Outcomes = Outcomes()
    alarms: Alarms = Alarms()
    dashboard: Dashboard = Dashboard()
    retention: Retention = Retention()


def load_settings(
    path: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings of the YAML file at `path`, with the environment's overrides and absolute paths.

    Raises:
        ConfigError: the file is missing or is not a YAML mapping, or a key or value is wrong; names
            the field, the value found and the values expected. Or a variable of a library would
            overrule a setting; names the variable.
    """
    environ = os.environ if environ is None else environ
    if overruled := " ".join(overruling(environ)):
        raise ConfigError(overruled)
    _require_known_log(environ)
    source = Path(path or environ.get("SCORING_CONFIG") or "configs/local.yaml")
    source = source if source.is_absolute() else PROJECT / source
    given = read_yaml(source)
    _require_no_secret(given, source)
    _override(given, environ)
    try:
        return _absolute(Settings.model_validate(given))
    except ValidationError as error:
        faults = _explain(error, Settings)
        raise ConfigError(
            f"Wrong settings ({source.name} and {_PREFIX}* variables): {faults}"
        ) from None  # fmt: skip


def is_log_json() -> bool:
    """True if `SCORING_LOG=json` asks for one JSON line a step."""
    return os.environ.get(_LOG_VARIABLE) == "json"


def _require_known_log(environ: Mapping[str, str]) -> None:
    given = environ.get(_LOG_VARIABLE) or _LOG_FORMS[0]
    if given not in _LOG_FORMS:
        raise ConfigError(f"{_LOG_VARIABLE} is {_told(given)}; expected {' or '.join(_LOG_FORMS)}.")


class _OneValueLoader(yaml.SafeLoader):
    """Loader that refuses a key that stands twice in one mapping; YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Mapping of a node. Raises `ConstructorError` that names the key."""
        seen: set[str] = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        for key, _ in pairs:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused as a key by the loader itself
            if key.value in seen:
                problem = f"{key.value!r} stands there twice; which one counts cannot be known"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(source: Path, setting: str = "--config or SCORING_CONFIG") -> dict[str, Any]:
    """Mapping in a YAML file; empty if the file is.

    Args:
        source: the file.
        setting: name of what points to it, for the message that it does not exist.

    Raises:
        ConfigError: the file cannot be read, or does not hold a mapping; says where it is wrong.
    """
    try:
        content = yaml.load(source.read_text("utf-8"), _OneValueLoader)  # noqa: S506 - a safe loader
    except FileNotFoundError:
        raise ConfigError(
            f"{source} does not exist. Restore it, or name another file in {setting}."
        ) from None  # fmt: skip
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{source} cannot be read as YAML: {_yaml_fault(error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{source} holds {_kind_of(content)}; it must hold a mapping: lines `name: value`.")
    return content


def _yaml_fault(error: Exception) -> str:
    """Sentence on a fault in a YAML file, with its place, and without the text around it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text."
    if isinstance(error, OSError):
        return f"{error.strerror}."
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    hint = " Indent with spaces; YAML does not take tabs." if "\\t" in problem else ""
    return f"{problem}{place}.{hint}"


def _kind_of(value: Any) -> str:
    """Kind of a value of YAML in a word."""
    kinds = {dict: "a mapping", list: "a list", str: "a text", type(None): "null"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def validated(model: type[Model], given: Mapping[str, Any], source: Path) -> Model:
    """Model of `given`. Raises `ConfigError` that names field, value and the values expected."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        empty = "" if given else " The file is empty."
        raise ConfigError(f"{source.name} is wrong: {_explain(error, model)}{empty}") from None


def project_path(path: str) -> Path:
    """Absolute path of a path in the settings. Relative paths begin at the project's folder."""
    return Path(path) if Path(path).is_absolute() else PROJECT / path


def _require_no_secret(given: Mapping[str, Any], source: Path) -> None:
    """Require that a file holds no secret. Raises `ConfigError` that names the variable for it."""
    for section, fields in given.items():
        for field in fields if isinstance(fields, dict) else ():
            if _is_secret(Settings, [section, field]):
                raise ConfigError(
                    f"{source.name} holds {section}.{field}, which is a secret. Take it out of the file, "
                    f"and give it in the environment: {_PREFIX}{section.upper()}__{field.upper()}."
                )


def _override(given: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name in _NO_SETTINGS:
            continue
        section, separator, field = name.removeprefix(_PREFIX).lower().partition("__")
        if not separator:
            raise ConfigError(
                f"{name} is not a setting; overrides are named {_PREFIX}<SECTION>__<FIELD>."
            )  # fmt: skip
        if not isinstance(given.setdefault(section, {}), dict):
            raise ConfigError(
                f"Section {section!r} must be a mapping before {name} can override it."
            )  # fmt: skip
        given[section][field] = environ[name]


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    faults: dict[str, list[str]] = {}
    for each in error.errors(include_url=False):
        found, expected = _explain_one(each, model)
        faults.setdefault(found, []).extend(expected)
    either = {found: " or ".join(dict.fromkeys(expected)) for found, expected in faults.items()}
    clauses = (f"{found}: {told}" if told else found for found, told in either.items())
    return f"{'; '.join(clauses)}."


def _explain_one(error: Any, model: Any) -> tuple[str, list[str]]:
    """Field with what was found there, and what was expected; a field may have several kinds."""
    place = list(error["loc"])
    if error["type"] == "extra_forbidden":
        *sections, field = place
        known = list(_fields_at(model, sections))
        hint = did_you_mean(str(field), known) if known else ""
        names = f".{hint} Known here: {', '.join(known)}" if known else ""
        return f"{_name_of(place)} is unknown{names}", []
    while len(place) > 1 and not _is_of_the_file(place[-1]):
        place.pop()  # pydantic's name for a kind of value that was tried
    if error["type"] == "missing":
        return f"{_name_of(place)} is missing", []
    found = "not shown, because it is a secret" if _is_secret(model, place) else _told(error["input"])
    return f"{_name_of(place)} is {found}", [error["msg"]]


def _is_secret(model: Any, place: list[Any]) -> bool:
    """True if a place holds a secret, which no message repeats."""
    *sections, name = place or [""]
    field = _fields_at(model, sections).get(name)
    return field is not None and SecretStr in get_args(field.annotation)


def _name_of(place: list[Any]) -> str:
    return ".".join(str(part) for part in place)


def _is_of_the_file(part: Any) -> bool:
    """True if a part of a place is a key or position in the file, not a kind of value."""
    kinds = {"float", "int", "str", "none", "bool", "date", "[key]"}
    return not (isinstance(part, str) and (part in kinds or part.startswith("literal[")))


def _told(value: Any) -> str:
    """Value as a message repeats it; what is large is named by its kind alone."""
    text = repr(value)
    is_small = not isinstance(value, dict | list) and len(text) <= _TOLD_CHARACTERS
    return text if is_small and value is not None else _kind_of(value)


def _fields_at(model: Any, sections: list[Any]) -> Mapping[str, Any]:
    """Fields of the model at a place, by name; empty if there is none."""
    for section in sections:
        if isinstance(section, int):
            continue  # a position in a list, whose kind `_models_in` has found
        field = model.model_fields.get(section)
        model = next(_models_in(field.annotation), None) if field else None
        if model is None:
            return {}
    fields: Mapping[str, Any] = model.model_fields
    return fields


def _models_in(annotation: Any) -> Iterator[Any]:
    """Models that a field holds, itself or in a list."""
    return (each for each in (annotation, *get_args(annotation)) if hasattr(each, "model_fields"))


def _absolute(settings: Settings) -> Settings:
    def path(value: str) -> str:
        return value if "://" in value else str(project_path(value))

    metrics_file = settings.monitoring.metrics_file
    uri = settings.registry.tracking_uri
    if uri.startswith("sqlite:///"):
        uri = f"sqlite:///{project_path(uri.removeprefix('sqlite:///'))}"
    return settings.model_copy(
        update={
            "storage": settings.storage.model_copy(update={"root": path(settings.storage.root)}),
            "registry": settings.registry.model_copy(
                update={"tracking_uri": uri, "artifact_root": path(settings.registry.artifact_root)}
            ),
            "monitoring": settings.monitoring.model_copy(
                update={"metrics_file": path(metrics_file) if metrics_file else None}
            ),
            "alarms": settings.alarms.model_copy(update={"log": path(settings.alarms.log)}),
        }
    )
