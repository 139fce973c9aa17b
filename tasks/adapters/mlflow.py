"""MLflow: training runs, registered versions, and the alias that says which one scores."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version as installed
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import add_to_model
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType
from sqlalchemy.exc import SQLAlchemyError

from tasks.core.decision.online import ANSWER
from tasks.core.lender.columns import NAMES
from tasks.core.model import bundle
from tasks.core.model.bundle import ModelPin
from tasks.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DIGEST_TAG: Final = "bundle_sha256"
_FILE_TAG: Final = "sha256."
_MODEL_FOLDER: Final = "model"
_BUNDLE_FOLDER: Final = "bundle"
_LOADER: Final = "tasks.serve"
_NEEDED: Final = ("lightgbm", "mlflow", "numpy", "pandas", "pyarrow")


class ModelRegistry:
    """The registered model of one name, and the alias of the version that scores."""

    def __init__(self, *, tracking_uri: str, artifact_root: str, experiment: str, model_name: str, alias: str) -> None:
        """Point at a registry; nothing is connected or made until it is used."""
        self._uri = tracking_uri
        self._artifact_root = artifact_root
        self._experiment = experiment
        self.model_name = model_name
        self.alias = alias

    @property
    def address(self) -> str:
        """Where the registry is, without user and password."""
        return re.sub(r"//[^/@]*@", "//", self._uri)

    def register(
        self,
        files: Mapping[str, bytes],
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        figures: Mapping[str, Figure],
        documents: Mapping[str, bytes] = MappingProxyType({}),
        description: str = "",
    ) -> ModelPin:
        """Record a training run with its model and plots, and register the model as the next version.

        Args:
            files: the bundle; they are laid into an MLflow model that `tasks.serve` loads, without code or pickle.
            params: what the run was told.
            metrics: what it measured.
            figures: plots by name, kept under `plots/`.
            documents: what else belongs to the run, by its path in the run's artifacts.
            description: what the version's page says first, in Markdown.

        Raises:
            ModelError: the registry cannot be reached or refuses.
        """
        digests = bundle.file_digests(files)
        digest = bundle.bundle_digest(digests)
        tags = {_DIGEST_TAG: digest} | {f"{_FILE_TAG}{name}": value for name, value in digests.items()}
        with self._answering("The model could not be registered"):
            client = self._client(create=True)
            run = client.create_run(self._experiment_id(client), run_name=f"{self.model_name} {digest[:12]}")
            _log_facts(client, run.info.run_id, params, metrics)
            for name, plot in figures.items():
                client.log_figure(run.info.run_id, plot, f"plots/{name}.png")
            _log_files(client, run.info.run_id, {**documents, **_model_folder(files, run.info.run_id)})
            client.set_terminated(run.info.run_id)
            self._ensure_model(client)
            version = client.create_model_version(
                self.model_name,
                f"{run.info.artifact_uri}/{_MODEL_FOLDER}",
                run_id=run.info.run_id,
                tags=tags,
                description=description,
            )
        return ModelPin(self.model_name, str(version.version), digest)

    def document_address(self, pin: ModelPin, path: str) -> str:
        """Where a document lies that was registered with a version. Raises `ModelError` if the version is gone."""
        with self._answering(f"{pin.name} version {pin.version} cannot be found"):
            source = self._client().get_model_version(pin.name, pin.version).source
        return f"{source.rpartition('/')[0]}/{path}"

    def promote(self, version: str) -> None:
        """Point the alias at a version. Raises `ModelError` if there is no such version."""
        with self._answering(f"{self.model_name} version {version} cannot become {self.alias}"):
            self._client().set_registered_model_alias(self.model_name, self.alias, version)

    def champion(self) -> ModelPin:
        """The version that the alias points to. Raises `ModelError` if there is none."""
        advice = "Train and promote one with `scoring train`, or promote a version with `scoring promote`."
        with self._answering(f"{self.model_name}@{self.alias} is not to be had", advice):
            version = self._client().get_model_version_by_alias(self.model_name, self.alias)
        if _DIGEST_TAG not in version.tags:
            raise ModelError(
                f"{self.model_name} version {version.version} has no {_DIGEST_TAG} tag; it was not registered by "
                "`scoring train`, so its files cannot be trusted. Register it again."
            )
        return ModelPin(self.model_name, str(version.version), version.tags[_DIGEST_TAG])

    def load(self, pin: ModelPin) -> bundle.Bundle:
        """The bundle of a pinned version, every file checked against the digest of registration.

        Nothing else of the version is fetched or looked at.

        Raises:
            ModelError: a file is missing or differs by a single byte, or the version is gone.
        """
        advice = "If it was registered by an older program, train again with `scoring train`."
        with self._answering(f"{pin.name} version {pin.version} cannot be fetched", advice):
            source = self._client().get_model_version_download_uri(pin.name, pin.version)
            files = read_bundle(Path(download_artifacts(f"{source}/{_BUNDLE_FOLDER}", tracking_uri=self._uri)))
        found = bundle.bundle_digest(bundle.file_digests(files))
        if found != pin.digest:
            raise _not_registered(f"{pin.name} version {pin.version}", found, f"registered was {_short(pin.digest)}")
        return bundle.from_files(files)

    def registered(self, files: Mapping[str, bytes]) -> ModelPin:
        """The version that was registered with exactly these files: the champion if it is one, else the newest.

        Raises:
            ModelError: no version was.
        """
        digest = bundle.bundle_digest(bundle.file_digests(files))
        with self._answering(f"The versions of {self.model_name} are not to be had"):
            client = self._client()
            champion = client.get_registered_model(self.model_name).aliases.get(self.alias)
            found = client.search_model_versions(f"name='{self.model_name}'")
        same = [each for each in found if each.tags.get(_DIGEST_TAG) == digest]
        if not same:
            expected = f"no version of {self.model_name} in {self.address} was registered with that"
            raise _not_registered("The model to serve", digest, expected)
        version = max(same, key=lambda each: (str(each.version) == str(champion), int(each.version)))
        return ModelPin(self.model_name, str(version.version), digest)

    @contextmanager
    def _answering(self, what: str, advice: str = "") -> Iterator[None]:
        """Whatever the registry refuses or cannot do, as a `ModelError` that says `what` came to nothing."""
        try:
            yield
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise self._failure(what, error, advice) from None

    def _failure(self, what: str, error: Exception, advice: str) -> ModelError:
        """The error for a registry that refuses, or does not answer at all."""
        address = self.address
        told = _told(error)
        if "API request to" in told:  # MLflow's words for an HTTP address without a registry behind it
            return ModelError(
                f"{what}: no MLflow server answers at {address} ({_cause(told)}). Start it there with `mlflow server`, "
                "or set registry.tracking_uri to where one runs."
            )
        versions = self._versions() or "none"
        return ModelError(f"{what} (registry {address}): {told} Registered versions: {versions}. {advice}".rstrip())

    def _client(self, *, create: bool = False) -> MlflowClient:
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if self._uri.startswith("sqlite:///"):
            database = Path(self._uri.removeprefix("sqlite:///"))
            if create:
                database.parent.mkdir(parents=True, exist_ok=True)
            elif not database.exists():
                raise ModelError(
                    f"There is no model registry at {database} yet. Train and register a model with `scoring train`."
                )
        return MlflowClient(self._uri)

    def _experiment_id(self, client: MlflowClient) -> str:
        known = client.get_experiment_by_name(self._experiment)
        if known:
            return str(known.experiment_id)
        return str(client.create_experiment(self._experiment, artifact_location=self._artifact_root))

    def _ensure_model(self, client: MlflowClient) -> None:
        try:
            client.get_registered_model(self.model_name)
        except MlflowException:
            client.create_registered_model(self.model_name)

    def _versions(self) -> str:
        try:
            found = self._client().search_model_versions(f"name='{self.model_name}'")
        except (MlflowException, SQLAlchemyError, OSError):
            return "unknown, the registry does not answer"
        return ", ".join(sorted((str(each.version) for each in found), key=int))


def _cause(told: str) -> str:
    """What kept MLflow's request from its answer, in a few words."""
    system = re.search(r"\[Errno -?\d+\] ([\w ]+)", told) or re.search(r"(error code \d+)", told)
    return system[1] if system else "it is silent" if "timeout" in told or "timed out" in told else "no such answer"


def _told(error: Exception) -> str:
    """The first line of what the registry says; the rest is a stack of its own."""
    return str(error).partition("\n")[0].rstrip(".") + "."


def read_bundle(folder: Path) -> dict[str, bytes]:
    """The bundle's files in a folder, as far as they are there; nothing else in it is opened."""
    return {name: (folder / name).read_bytes() for name in bundle.FILES if (folder / name).is_file()}


def _not_registered(what: str, found: str, expected: str) -> ModelError:
    return ModelError(
        f"{what} is not what was registered: its bundle has SHA-256 {_short(found)}, {expected}. "
        "Restore its files or promote another version."
    )


def _short(digest: str) -> str:
    return f"{digest[:12]}…"


def _log_facts(client: MlflowClient, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        params=[Param(name, str(value)) for name, value in params.items()],
    )


def _log_files(client: MlflowClient, run_id: str, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        client.log_artifacts(run_id, folder)


def _model_folder(files: Mapping[str, bytes], run_id: str) -> dict[str, bytes]:
    """An MLflow model around the bundle, by path in the run's artifacts; `tasks.serve`, as installed, is its code."""
    model = Model(run_id=run_id, signature=_signature())
    add_to_model(model, loader_module=_LOADER, data=_BUNDLE_FOLDER)
    needed = "".join(f"{name}=={installed(name)}\n" for name in _NEEDED)
    laid = {f"{_BUNDLE_FOLDER}/{name}": data for name, data in files.items()}
    laid |= {"MLmodel": model.to_yaml().encode(), "requirements.txt": needed.encode()}
    return {f"{_MODEL_FOLDER}/{name}": data for name, data in laid.items()}


def _signature() -> ModelSignature:
    """What goes in and comes out, for people to read.

    Every column may come as text or number and none is required, so that our own reading judges all of it: what MLflow
    refuses it repeats, values included.
    """
    inputs = Schema([ColSpec(AnyType(), name, required=False) for name in NAMES])
    types = {"int64": DataType.long, "double": DataType.double, "string": DataType.string}
    outputs = Schema([ColSpec(types[str(field.type)], field.name, required=not field.nullable) for field in ANSWER])
    return ModelSignature(inputs, outputs)
