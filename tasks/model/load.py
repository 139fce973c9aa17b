"""Model, policy, reasons and contract that decide an application, loaded as the settings say.

The module does not import Prefect, so that the served model uses it.
"""

from __future__ import annotations

import functools
import logging
import math
from typing import TYPE_CHECKING

from configs.policy import PolicyFile
from configs.reasons import load_reasons
from configs.settings import EngineKind, Registry, Settings, Storage, project_path
from tasks.adapters.mlflow_file import aliased_version, printable, registered_document, registered_files
from tasks.core.decision.policy import Policy, break_even_cutoff, resolve_policy
from tasks.core.decision.reasons import Reason
from tasks.core.lender.amounts import MONEY
from tasks.core.lender.columns import NAMES
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.bundle import Bundle, Engine, ModelPin, from_files, require_golden
from tasks.core.model.features import family_numbers, seen_switches
from tasks.core.model.tree_tables import TreeTables
from tasks.core.model.trees import UnfitTreesError
from tasks.core.words import listed
from tasks.errors import ConfigError, ModelError, RegistryUnreachable
from tasks.publication.sealed_models import sealed_files
from tasks.store import open_store

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract
    from tasks.adapters.mlflow import ModelRegistry


def fill_in(policy: PolicyFile, proposed_cutoff: float) -> Policy:
    """Policy with its numbers: its own cut-off, or the one that the model's training proposed."""
    cutoff = proposed_cutoff if policy.cutoff == "bundle" else policy.cutoff
    bands = [(band.name, band.up_to) for band in policy.bands]
    try:
        return resolve_policy(policy.version, cutoff, refer_from=policy.refer_from, bands=bands)
    except ValueError as error:
        raise ConfigError(f"The policy cannot be used: {error}.") from None


def unused_costs(policy: PolicyFile, proposed_cutoff: float) -> str | None:
    """Sentence about costs that the cut-off in use does not come from; None if it does."""
    due = break_even_cutoff(**policy.costs.model_dump())
    if policy.cutoff != "bundle" or math.isclose(due, proposed_cutoff, rel_tol=1e-9):
        return None
    return (
        f"The costs of policy {policy.version} change nothing: `cutoff: bundle` takes "
        f"{proposed_cutoff:.4f}, made of the costs under which the model was trained. These costs "
        f"would make {due:.4f}. Write that number as `cutoff`, or train a model with them."
    )


def policy_for(model: ModelPin, bundle: Bundle, policy: PolicyFile) -> Policy:
    """Policy with its numbers, for a model that the policy allows.

    Raises:
        ModelError: the model sees an input that the policy does not allow; names each.
    """
    seen = seen_switches(bundle.features.names)
    forbidden = [name for name in policy.inputs.forbidden if name in seen]
    if forbidden:
        inputs = listed([name.replace("_", " ") for name in forbidden])
        switches = listed([f"`inputs: {name}: false`" for name in forbidden])
        raise ModelError(
            f"{model.name} version {model.version} sees {inputs}, and policy {policy.version} has "
            f"{switches}. Promote a version that was trained without {inputs} with "
            "`scoring promote`, or train one with `scoring train`."
        )
    return fill_in(policy, bundle.cutoff)


def reasons_of(settings: Settings) -> dict[str, Reason]:
    """Family of features to its reviewed reason.

    Raises:
        ConfigError: a reason is wrong.
    """
    entries = load_reasons(settings.scoring.reasons, FAMILIES, MONEY).reasons
    return {entry.family: Reason(entry.code, entry.sentence) for entry in entries}


def changeable_fields(settings: Settings) -> dict[str, str]:
    """Amount that an applicant can change, to the words for it.

    Raises:
        ConfigError: the reviewed file is wrong.
    """
    entries = load_reasons(settings.scoring.reasons, FAMILIES, MONEY).changeable
    return {entry.field: entry.words for entry in entries}


class RegistryReader:
    """Registry that is read and never written; MLflow is imported only where it has to answer."""

    def __init__(self, settings: Registry) -> None:
        """Point at a registry; nothing is connected until it is used."""
        self._settings = settings
        self.model_name = settings.model_name
        self.alias = settings.alias

    @property
    def address(self) -> str:
        """Address of the registry, without user and password."""
        return printable(self._settings.tracking_uri)

    def champion(self) -> ModelPin:
        """The version that the alias points to. Raises what `ModelRegistry.champion` raises."""
        found = aliased_version(self._settings.tracking_uri, self.model_name, self.alias)
        return found or self._registry.champion()

    def files(self, pin: ModelPin) -> dict[str, bytes]:
        """Files of a version, proven by its digest. Raises what `ModelRegistry.files` raises."""
        return registered_files(self._settings.tracking_uri, pin) or self._registry.files(pin)

    def document(self, pin: ModelPin, path: str) -> bytes:
        """Content of a document of a version. Raises what `ModelRegistry.document` raises."""
        found = registered_document(self._settings.tracking_uri, pin, path)
        return self._registry.document(pin, path) if found is None else found

    @functools.cached_property
    def _registry(self) -> ModelRegistry:
        return _opened(self._settings)


def _opened(settings: Registry) -> ModelRegistry:
    """The registry as MLflow reads and writes it."""
    from tasks.adapters.mlflow import ModelRegistry

    return ModelRegistry(**settings.model_dump(exclude={"sealed_copy", "challenger_alias"}))


def registry_of(settings: Settings) -> ModelRegistry:
    """Model registry of the settings."""
    return _opened(settings.registry)


def load_bundle(model: ModelPin, settings: Settings, *, is_registry_gone: bool = False) -> Bundle:
    """Bundle of the pinned model, checked against its digest.

    Its sealed copy stands in for a registry that does not answer, unless the settings forbid it.

    Args:
        model: the pinned model.
        settings: place of the registry and of the store.
        is_registry_gone: True if the registry did not answer before; it is not asked again.

    Raises:
        ModelError: neither gives the bundle, or the registry gives another one.
    """
    return _kept_bundle(model, settings.registry, settings.storage, is_registry_gone)


def load_engine(model: ModelPin, settings: Settings, *, is_registry_gone: bool = False) -> Engine:
    """Engine of the pinned model, which scores and gives reasons; proven on its golden rows.

    Its bundle is that of `load_bundle`.
    """
    return _kept_engine(model, settings.registry, settings.storage, is_registry_gone, settings.scoring.engine)


@functools.lru_cache(maxsize=4)
def _kept_bundle(model: ModelPin, registry: Registry, storage: Storage, is_gone: bool) -> Bundle:
    if is_gone and registry.sealed_copy == "use":
        return from_files(sealed_files(open_store(storage), model))
    try:
        return from_files(RegistryReader(registry).files(model))
    except RegistryUnreachable as silence:
        if registry.sealed_copy == "forbid":
            raise
        return _stand_in(model, storage, silence)


def _stand_in(model: ModelPin, storage: Storage, silence: RegistryUnreachable) -> Bundle:
    """Bundle from the sealed copy. Raises `RegistryUnreachable` if that cannot be read either."""
    try:
        bundle = from_files(sealed_files(open_store(storage), model))
    except ModelError as error:
        raise RegistryUnreachable(f"{silence} {error}") from None
    logging.getLogger("scoring").warning(
        "The registry does not answer; %s version %s is read from its sealed copy", model.name, model.version
    )
    return bundle


@functools.lru_cache(maxsize=4)
def _kept_engine(model: ModelPin, registry: Registry, storage: Storage, is_gone: bool, kind: EngineKind) -> Engine:
    return proven_engine(_kept_bundle(model, registry, storage, is_gone), kind)


def proven_engine(bundle: Bundle, kind: EngineKind = "tables") -> Engine:
    """Engine of a bundle's model, which scores and gives reasons; proven on its golden rows.

    If tables cannot be exact, LightGBM itself is the engine, with a caveat.
    """
    engine = _engine_of(bundle, kind)
    require_golden(bundle, engine)
    return engine


def _engine_of(bundle: Bundle, kind: EngineKind) -> Engine:
    families = family_numbers(bundle.features.names)
    caveat = None
    if kind == "tables":
        try:
            return TreeTables(bundle.model_text, families)
        except UnfitTreesError as error:
            caveat = f"The model is scored and explained by LightGBM itself, which takes far longer: {error}."
    from tasks.adapters.lightgbm import LightGBMModel

    return LightGBMModel(bundle.model_text, families, caveat=caveat)


@functools.lru_cache(maxsize=4)
def load_contract(suite: str, columns: tuple[str, ...] = NAMES) -> Contract:
    """Contract in a suite's text, ready to judge rows; its rules may name these columns."""
    from tasks.adapters import gx

    return gx.build_contract(suite, columns=columns)


def suite_text(suite: str) -> str:
    """Text of a reviewed suite file.

    Raises:
        ConfigError: the file cannot be read, or is not UTF-8 text.
    """
    path = project_path(suite)
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"The suite {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The suite {path} is not UTF-8 text.") from None
