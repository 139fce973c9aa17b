"""MLflow: training runs, registered versions, and the alias that says which one scores."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from tasks.core import bundle
from tasks.core.day import ModelPin
from tasks.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DIGEST_TAG = "bundle_sha256"
_FILE_TAG = "sha256."


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
        """Record a training run with its bundle and plots, and register the bundle as the next version.

        Args:
            files: The bundle's.
            params: Settings of the run.
            metrics: Its figures.
            figures: Its plots, by name.
            documents: Texts in UTF-8 for people, by their path among the run's artifacts.
            description: Of the version, in Markdown.

        Raises:
            ModelError: the registry cannot be reached or refuses.
        """
        try:
            return self._register(
                files, params=params, metrics=metrics, figures=figures, documents=documents, description=description
            )
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise self._failure("The model could not be registered", error) from None

    def _register(
        self,
        files: Mapping[str, bytes],
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        figures: Mapping[str, Figure],
        documents: Mapping[str, bytes],
        description: str,
    ) -> ModelPin:
        client = self._client(create=True)
        run = client.create_run(self._experiment_id(client))
        run_id = run.info.run_id
        now = int(time.time() * 1000)
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
        )
        for name, plot in figures.items():
            client.log_figure(run_id, plot, f"plots/{name}.png")
        for name, data in files.items():
            client.log_text(run_id, data.decode(), f"bundle/{name}")
        for path, data in documents.items():
            client.log_text(run_id, data.decode(), path)
        client.set_terminated(run_id)
        digests = bundle.file_digests(files)
        digest = bundle.bundle_digest(digests)
        self._ensure_model(client)
        tags = {_DIGEST_TAG: digest} | {f"{_FILE_TAG}{name}": value for name, value in digests.items()}
        version = client.create_model_version(
            self.model_name, f"{run.info.artifact_uri}/bundle", run_id=run_id, tags=tags, description=description
        )
        return ModelPin(self.model_name, str(version.version), digest)

    def document_address(self, pin: ModelPin, path: str) -> str:
        """Where a document lies that was registered with a version. Raises `ModelError` if the version is gone."""
        try:
            source = self._client().get_model_version(pin.name, pin.version).source
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise self._failure(f"{pin.name} version {pin.version} cannot be found", error) from None
        return f"{source.rpartition('/')[0]}/{path}"

    def promote(self, version: str) -> None:
        """Point the alias at a version. Raises `ModelError` if there is no such version."""
        try:
            self._client().set_registered_model_alias(self.model_name, self.alias, version)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise self._failure(f"{self.model_name} version {version} cannot become {self.alias}", error) from None

    def champion(self) -> ModelPin:
        """The version that the alias points to. Raises `ModelError` if there is none."""
        try:
            version = self._client().get_model_version_by_alias(self.model_name, self.alias)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise self._failure(
                f"{self.model_name}@{self.alias} is not to be had",
                error,
                "Train and promote one with `scoring train`, or promote a version with `scoring promote`.",
            ) from None
        if _DIGEST_TAG not in version.tags:
            raise ModelError(
                f"{self.model_name} version {version.version} has no {_DIGEST_TAG} tag; it was not registered by "
                "`scoring train`, so its files cannot be trusted. Register it again."
            )
        return ModelPin(self.model_name, str(version.version), version.tags[_DIGEST_TAG])

    def load(self, pin: ModelPin) -> bundle.Bundle:
        """The bundle of a pinned version, every file checked against the digest of registration.

        Raises:
            ModelError: a file is missing or differs by a single byte, or the version is gone.
        """
        try:
            source = self._client().get_model_version_download_uri(pin.name, pin.version)
            folder = Path(download_artifacts(source, tracking_uri=self._uri))
            files = {name: (folder / name).read_bytes() for name in bundle.FILES if (folder / name).is_file()}
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise self._failure(f"{pin.name} version {pin.version} cannot be fetched", error) from None
        found = bundle.bundle_digest(bundle.file_digests(files))
        if found != pin.digest:
            raise ModelError(
                f"{pin.name} version {pin.version} is not what was registered: its bundle has SHA-256 {found[:12]}…, "
                f"registered was {pin.digest[:12]}…. Restore its files or promote another version."
            )
        return bundle.from_files(files)

    def _failure(self, what: str, error: Exception, advice: str = "") -> ModelError:
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
