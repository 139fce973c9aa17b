"""MLflow: training runs, registered versions, and the alias of the version that scores."""

from __future__ import annotations

import contextlib
import logging
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version as installed
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from alembic.util.exc import CommandError
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE, ErrorCode
from mlflow.pyfunc import add_to_model
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from tasks.adapters.mlflow_file import BUNDLE_FOLDER, DIGEST_TAG, place, printable, read_bundle
from tasks.core.decision.online import ANSWER
from tasks.core.lender.columns import NAMES
from tasks.core.model import bundle
from tasks.core.model.bundle import ModelPin
from tasks.errors import ModelError, RegistryUnreachable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FILE_TAG: Final = "sha256."
_MODEL_FOLDER: Final = "model"
_LOADER: Final = "tasks.serve"
_NEEDED: Final = ("lightgbm", "mlflow", "numpy", "pandas", "pyarrow")
_FAILURES: Final = (
    MlflowException,
    SQLAlchemyError,
    CommandError,
    BotoCoreError,
    ClientError,
    ModuleNotFoundError,
    OSError,
)
"""Errors by which MLflow, its database and its places for files refuse or do not answer."""
_NO_CONNECTION: Final = (OperationalError, InterfaceError, HTTPClientError, NoConnectionError)
"""Those of them by which a database, or a place for files, does not answer."""
_NO_RESPONSE: Final = re.compile("API request to .* failed with (timeout )?exception")
"""MLflow's words for a server that gave no answer, or, asked again, none but 5xx."""
_OTHER_SCHEMA: Final = ("out-of-date database schema", "Can't locate revision")
_NO_ANSWER: Final = "Start or mend the registry, or set registry.tracking_uri to an MLflow server or database."
_TRAIN: Final = "train and promote one with `scoring train`"


class ModelRegistry:
    """The registered model of one name, and the alias of the version that scores."""

    def __init__(
        self,
        *,
        tracking_uri: str,
        artifact_root: str,
        experiment: str,
        model_name: str,
        alias: str,
    ) -> None:
        """Point at a registry; nothing is connected or made until it is used."""
        self._uri = tracking_uri
        self._artifact_root = artifact_root
        self._experiment = experiment
        self.model_name = model_name
        self.alias = alias

    @property
    def address(self) -> str:
        """Address of the registry, without user and password."""
        return printable(self._uri)

    def require_answer(self) -> None:
        """Require that a model could be registered.

        Raises:
            ModelError: the registry cannot be reached or refuses.
        """
        with self._answering("No model can be registered"):
            self._experiment_id(self._client(create=True))

    def register(
        self,
        files: Mapping[str, bytes],
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        figures: Mapping[str, Figure],
        documents: Callable[[str], Mapping[str, bytes]] = lambda _: MappingProxyType({}),
        description: str = "",
    ) -> ModelPin:
        """Record a training run with its model and plots, and register the model as a new version.

        Args:
            files: the bundle. They go into an MLflow model that `tasks.serve` loads, without code
                or pickle.
            params: parameters of the run.
            metrics: figures that the run measured.
            figures: plots by name, kept under `plots/`.
            documents: maps the new version to further files of the run, by path in its artifacts.
            description: first text of the version's page, in Markdown.

        Raises:
            ModelError: the registry cannot be reached or refuses.
        """
        digests = bundle.file_digests(files)
        digest = bundle.bundle_digest(digests)
        file_tags = {f"{_FILE_TAG}{name}": value for name, value in digests.items()}
        tags = {DIGEST_TAG: digest} | file_tags
        with self._answering("The model could not be registered"):
            client = self._client(create=True)
            run_name = f"{self.model_name} {digest[:12]}"
            run = client.create_run(self._experiment_id(client), run_name=run_name)
            _log_facts(client, run.info.run_id, params, metrics)
            for name, plot in figures.items():
                client.log_figure(run.info.run_id, plot, f"plots/{name}.png")
            _log_files(client, run.info.run_id, _model_folder(files, run.info.run_id))
            self._ensure_model(client)
            version = client.create_model_version(
                self.model_name,
                f"{run.info.artifact_uri}/{_MODEL_FOLDER}",
                run_id=run.info.run_id,
                tags=tags,
                description=description,
            )
            _log_files(client, run.info.run_id, documents(str(version.version)))
            client.set_terminated(run.info.run_id)
        return ModelPin(self.model_name, str(version.version), digest)

    def document_address(self, pin: ModelPin, path: str) -> str:
        """Address of a document of a version. Raises `ModelError` if the version is gone."""
        with self._answering(f"{pin.name} version {pin.version} cannot be found", pin.name):
            source = self._client().get_model_version(pin.name, pin.version).source
        return f"{source.rpartition('/')[0]}/{path}"

    def document(self, pin: ModelPin, path: str) -> bytes:
        """Content of a document of a version.

        Raises:
            ModelError: the version or the document is gone, or is of another model of that name.
        """
        model = f"{pin.name} version {pin.version}"
        with self._answering(f"{model} cannot be found", pin.name):
            version = self._client().get_model_version(pin.name, pin.version)
        self._require_same(version.tags, pin)
        address = self.document_address(pin, path)
        try:
            fetched = download_artifacts(address, tracking_uri=self._uri, registry_uri=self._uri)
            return Path(fetched).read_bytes()
        except _FAILURES as error:
            raise ModelError(
                f"{path} of {model} is not at {printable(address)}, where registry {self.address} says that it "
                f"is ({_first_line(error).rstrip('.')})."
            ) from None

    def candidate(self, version: str) -> ModelPin:
        """The version that shall become the one of the alias. Raises `ModelError` if it cannot."""
        with self._answering(f"{self.model_name} version {version} cannot become {self.alias}"):
            return self._pin_of(self._client().get_model_version(self.model_name, version))

    def promote(self, version: str) -> None:
        """Point the alias at a version. Raises `ModelError` if there is no such version."""
        self.point(self.alias, version)

    def point(self, alias: str, version: str) -> None:
        """Point any alias at a version. Raises `ModelError` if there is no such version."""
        with self._answering(f"{self.model_name} version {version} cannot become {alias}"):
            self._client().set_registered_model_alias(self.model_name, alias, version)

    def remove_alias(self, alias: str) -> None:
        """Remove an alias; nothing happens if there is none."""
        with self._answering(f"The alias {alias} of {self.model_name} cannot be removed"):
            self._client().delete_registered_model_alias(self.model_name, alias)

    def named_by(self, alias: str) -> ModelPin | None:
        """The version that an alias points to; None if it points to none.

        Raises:
            RegistryUnreachable: the registry does not answer.
            ModelError: no model of that name is registered.
        """
        with self._answering(f"{self.model_name}@{alias} is not available"):
            client = self._client()
            version = client.get_registered_model(self.model_name).aliases.get(alias)
            return self._pin_of(client.get_model_version(self.model_name, version)) if version else None

    def champion(self) -> ModelPin:
        """The version that the alias points to.

        Raises:
            RegistryUnreachable: the registry does not answer.
            ModelError: it answers that there is none.
        """
        return self.aliased(self.alias)

    def aliased(self, alias: str) -> ModelPin:
        """The version that any alias points to. Raises what `champion` raises."""
        with self._answering(f"{self.model_name}@{alias} is not available"):
            return self._pin_of(self._client().get_model_version_by_alias(self.model_name, alias))

    def _pin_of(self, version: ModelVersion) -> ModelPin:
        """Pin of a version. Raises `ModelError` if it was registered without a digest."""
        if DIGEST_TAG not in version.tags:
            raise ModelError(
                f"{self.model_name} version {version.version} has no {DIGEST_TAG} tag; it was not "
                "registered by `scoring train`, so its files cannot be trusted. Register it again."
            )
        return ModelPin(self.model_name, str(version.version), version.tags[DIGEST_TAG])

    def load(self, pin: ModelPin) -> bundle.Bundle:
        """Load the bundle of a pinned version. Raises what `files` raises, or `ModelError` if it is no bundle."""
        return bundle.from_files(self.files(pin))

    def files(self, pin: ModelPin) -> dict[str, bytes]:
        """Files of the bundle of a pinned version, checked against their registered digests.

        Nothing else of the version is fetched or read.

        Raises:
            RegistryUnreachable: the registry, or the place of its files, does not answer.
            ModelError: a file is missing or differs by a single byte, or the version is gone.
        """
        model = f"{pin.name} version {pin.version}"
        with self._answering(f"{model} cannot be fetched", pin.name):
            client = self._client()
            version = client.get_model_version(pin.name, pin.version)
            source = client.get_model_version_download_uri(pin.name, pin.version)
        self._require_same(version.tags, pin)
        files = self._fetch(f"{source}/{BUNDLE_FOLDER}", model)
        found = bundle.bundle_digest(bundle.file_digests(files))
        if found != pin.digest:
            raise _not_registered(model, found, f"expected {_short(pin.digest)}")
        return files

    def _require_same(self, tags: Mapping[str, str], pin: ModelPin) -> None:
        """Raise `ModelError` if a version's tag says that its bundle is not the pinned one."""
        if tags.get(DIGEST_TAG, pin.digest) != pin.digest:
            raise ModelError(
                f"{pin.name} version {pin.version} in registry {self.address} is not what was registered when "
                f"this was decided: its bundle has SHA-256 {_short(tags[DIGEST_TAG])}, expected "
                f"{_short(pin.digest)}. Versions count from 1 in every registry: set "
                "registry.tracking_uri to the registry of that model."
            )

    def _fetch(self, address: str, model: str) -> dict[str, bytes]:
        """Fetch the files of a bundle. Raises `ModelError` that names the address."""
        fault = ""
        kind = ModelError
        files: dict[str, bytes] = {}
        try:
            folder = download_artifacts(address, tracking_uri=self._uri, registry_uri=self._uri)
            files = read_bundle(Path(folder))
        except _FAILURES as error:
            fault = f" ({_first_line(error).rstrip('.')})"
            kind = _kind_of(error)
        if not files:
            raise kind(
                f"{model} cannot be fetched: its files are not at {printable(address)}{fault}, "
                f"where registry {self.address} says that they are. MLflow keeps the address at "
                "which a model was registered. If the registry was moved, move it back, or make "
                "the old place lead to the new one. If the files are gone, let another version "
                "score with `scoring promote`, or train anew with `scoring train`."
            )
        return files

    def registered(self, files: Mapping[str, bytes]) -> ModelPin:
        """Find the version that was registered with exactly these files.

        If there are several, it is the champion, or else the newest.

        Raises:
            ModelError: no version was registered with them.
        """
        digest = bundle.bundle_digest(bundle.file_digests(files))
        with self._answering(f"The versions of {self.model_name} are not available"):
            client = self._client()
            champion = client.get_registered_model(self.model_name).aliases.get(self.alias)
            found = client.search_model_versions(_is_named(self.model_name))
        same = [each for each in found if each.tags.get(DIGEST_TAG) == digest]
        if not same:
            expected = f"no version of {self.model_name} in {self.address} was registered with that"
            raise _not_registered("The model to serve", digest, expected)

        def rank(each: Any) -> tuple[bool, int]:
            return str(each.version) == str(champion), int(each.version)

        version = max(same, key=rank)
        return ModelPin(self.model_name, str(version.version), digest)

    @contextlib.contextmanager
    def _answering(self, failed: str, name: str | None = None) -> Iterator[None]:
        """Turn any failure of the registry into a `ModelError` that begins with `failed`.

        Args:
            failed: first words of the message.
            name: registered model that was asked for; None for the one of the settings.
        """
        try:
            yield
        except _FAILURES as error:
            raise self._failure(failed, error, name or self.model_name) from None

    def _failure(self, failed: str, error: Exception, name: str) -> ModelError:
        """Error for a registry that refuses, or does not answer at all."""
        address = self.address
        answer = _first_line(error)
        kind = _kind_of(error)
        # MLflow says so for an HTTP address without a registry behind it.
        if "API request to" in answer:
            return kind(
                f"{failed}: no MLflow server answers at {address} ({_cause(answer)}). Start it "
                "there with `mlflow server`, or set registry.tracking_uri to where one runs."
            )
        if any(phrase in answer for phrase in _OTHER_SCHEMA):
            return self._of_other_schema(_schemas(answer))
        # A database that failed would take as long to fail again.
        is_answer = isinstance(error, MlflowException) and kind is not RegistryUnreachable
        holdings = self._holdings(name) if is_answer else _NO_ANSWER
        return kind(f"{failed} (registry {address}): {answer} {holdings}")

    def _holdings(self, name: str) -> str:
        """Sentences about what the registry holds of a model, and what to do then."""
        try:
            client = self._client()
            named = client.search_registered_models(_is_named(name))
            others = [each.name for each in client.search_registered_models()]
            versions = client.search_model_versions(_is_named(name))
        except _FAILURES:
            return _NO_ANSWER
        if not named and others:
            return (
                f"No model is named {name} there, but: {', '.join(sorted(others))}. If it was "
                "renamed, set registry.model_name to its new name (published days need the old "
                f"one to be monitored or explained); otherwise {_TRAIN}."
            )
        if not versions:
            return f"Registered versions: none. You can {_TRAIN}."
        numbers = ", ".join(sorted((str(each.version) for each in versions), key=int))
        aliases = ", ".join(f"{alias} (version {version})" for alias, version in named[0].aliases.items())
        return (
            f"Registered versions: {numbers}. Aliases: {aliases or 'none'}. Let one of them score "
            f"as {self.alias} with `scoring promote --version N`, or {_TRAIN}."
        )

    def _client(self, *, create: bool = False) -> MlflowClient:
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if self._uri.startswith("sqlite:///"):
            database = Path(self._uri.removeprefix("sqlite:///"))
            if create:
                database.parent.mkdir(parents=True, exist_ok=True)
            elif not database.exists():
                raise RegistryUnreachable(
                    f"There is no model registry at {database} yet. Train and register a model with `scoring train`."
                )
            self._look_at(database)
        # The settings decide. MLflow alone would look for models where MLFLOW_REGISTRY_URI says.
        return MlflowClient(self._uri, registry_uri=self._uri)

    def _look_at(self, database: Path) -> None:
        """Look at a database of SQLite before MLflow does, which would make or migrate its tables.

        Raises:
            ModelError: it is not a database of this version of MLflow.
        """
        if not database.exists():
            return
        expected = _get_latest_schema_revision()
        try:
            found = _schema_in(database)
        except sqlite3.Error as error:
            kind = RegistryUnreachable if isinstance(error, sqlite3.OperationalError) else ModelError
            raise kind(
                f"Registry {self.address} cannot be read as a database of MLflow: {error}. Restore "
                "it, or set registry.tracking_uri to an MLflow server or database."
            ) from None
        if found and found != expected:
            raise self._of_other_schema(f"schema {found}, expected {expected}")

    def _of_other_schema(self, schemas: str) -> ModelError:
        address = self.address
        return ModelError(
            f"The database of registry {address} was written by another version of MLflow than "
            f"this one ({installed('mlflow')}): {schemas}. If that was an older one, back the "
            f"database up and run `mlflow db upgrade {address}`. If it was a newer one, install "
            "the versions of the lock file that it was used with."
        )

    def _experiment_id(self, client: MlflowClient) -> str:
        """Find or make the experiment whose files lie where the settings say.

        MLflow keeps the place that an experiment was made with. If that is another one, as in a
        copy of the registry, a second experiment is named after the place.
        """
        name = self._experiment
        known = client.get_experiment_by_name(name)
        if known and place(known.artifact_location) != place(self._artifact_root):
            name = f"{name} at {printable(place(self._artifact_root))}"
            known = client.get_experiment_by_name(name)
        if known:
            return str(known.experiment_id)
        created = client.create_experiment(
            name,
            artifact_location=self._artifact_root,
        )
        return str(created)

    def _ensure_model(self, client: MlflowClient) -> None:
        try:
            client.get_registered_model(self.model_name)
        except MlflowException:
            client.create_registered_model(self.model_name)


def _kind_of(error: Exception) -> type[ModelError]:
    """Kind of error for a failure: `RegistryUnreachable` if it is that of a registry that gives no answer."""
    is_silent = isinstance(error, _NO_CONNECTION)
    if isinstance(error, MlflowException):
        is_busy = error.error_code == ErrorCode.Name(TEMPORARILY_UNAVAILABLE)
        is_silent = is_busy or bool(_NO_RESPONSE.search(_first_line(error)))
    return RegistryUnreachable if is_silent else ModelError


def _schema_in(database: Path) -> str | None:
    """Schema of MLflow's tables in a database of SQLite; None if the database is empty.

    Raises:
        sqlite3.Error: it is not a database, cannot be opened, or holds other tables.
    """
    address = f"{database.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=30)) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
        if not tables:
            return None
        if "alembic_version" not in tables or "registered_models" not in tables:
            raise sqlite3.DatabaseError("it holds the tables of another program")
        (schema,) = connection.execute("select version_num from alembic_version").fetchone() or ("none",)
    return str(schema)


def _is_named(name: str) -> str:
    """Filter of MLflow's search for one name; MLflow knows no escape."""
    mark = '"' if "'" in name else "'"
    return f"name = {mark}{name}{mark}"


def _schemas(answer: str) -> str:
    """Schema that was found, and the one that is expected, as far as MLflow tells them."""
    told = re.search(r"found version (\w+), but expected (\w+)", answer)
    if told:
        return f"schema {told[1]}, expected {told[2]}"
    unknown = re.search(r"identified by '(\w+)'", answer)
    return f"schema {unknown[1]}, which this one does not know" if unknown else "another schema"


def _cause(answer: str) -> str:
    """Cause, in a few words, for which MLflow's request got no answer."""
    errno = re.search(r"\[Errno -?\d+\] ([\w ]+)", answer)
    system = errno or re.search(r"(error code \d+)", answer)
    if system:
        return system[1]
    is_silent = "timeout" in answer or "timed out" in answer
    return "it is silent" if is_silent else "no such answer"


def _first_line(error: Exception) -> str:
    """First line of the registry's error; the rest is its own stack trace."""
    return str(error).partition("\n")[0].rstrip(".") + "."


def _not_registered(what: str, found: str, expected: str) -> ModelError:
    return ModelError(
        f"{what} is not what was registered: its bundle has SHA-256 {_short(found)}, {expected}. "
        "Restore its files or promote another version."
    )


def _short(digest: str) -> str:
    return f"{digest[:12]}…"


def _log_facts(
    client: MlflowClient,
    run_id: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> None:
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        params=[Param(name, str(value)) for name, value in params.items()],
        synchronous=True,
    )


def _log_files(client: MlflowClient, run_id: str, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        client.log_artifacts(run_id, folder)


def _model_folder(files: Mapping[str, bytes], run_id: str) -> dict[str, bytes]:
    """Make an MLflow model around the bundle: path in the run's artifacts to bytes.

    Its code is `tasks.serve` as installed.
    """
    model = Model(run_id=run_id, signature=_signature())
    add_to_model(model, loader_module=_LOADER, data=BUNDLE_FOLDER)
    needed = "".join(f"{name}=={installed(name)}\n" for name in _NEEDED)
    laid = {f"{BUNDLE_FOLDER}/{name}": data for name, data in files.items()}
    laid |= {"MLmodel": model.to_yaml().encode(), "requirements.txt": needed.encode()}
    return {f"{_MODEL_FOLDER}/{name}": data for name, data in laid.items()}


def _signature() -> ModelSignature:
    """Signature of the model: its inputs and outputs, for people to read.

    Every column may come as text or number, and none is required. So our own reading judges all of
    it: MLflow repeats in its errors all that it refuses, values included.
    """
    inputs = Schema([ColSpec(AnyType(), name, required=False) for name in NAMES])
    types = {"int64": DataType.long, "double": DataType.double, "string": DataType.string}
    columns = []
    for field in ANSWER:
        kind = types[str(field.type)]
        columns.append(ColSpec(kind, field.name, required=not field.nullable))
    outputs = Schema(columns)
    return ModelSignature(inputs, outputs)
