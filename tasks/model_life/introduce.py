"""Place of a newly trained version: the champion if it is the first, otherwise a challenger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.verdict import GateVerdict
from tasks.errors import ConfigError, ModelError
from tasks.model.load import registry_of
from tasks.model_life.compare import judge_versions
from tasks.model_life.held_out import held_out_table
from tasks.model_life.promote import promote_first
from tasks.model_life.verdict_page import write_verdict
from tasks.publication.references import keep_held_out
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import open_store


@dataclass(frozen=True, slots=True)
class Introduced:
    """Place of a newly trained version."""

    is_champion: bool = False
    alias: str = ""
    """Alias that names it now; empty if it has none."""
    verdict: GateVerdict | None = None
    """Comparison with the champion; None if there is none, or if it failed."""
    page: str | None = None
    """Place of the page of the verdict."""


@step("introduce")
def introduce(
    model: ModelPin,
    rows: pa.Table,
    defaulted: np.ndarray,
    settings: Settings,
    *,
    is_of_not_refused: bool = False,
    keep_aliases: bool = False,
) -> Introduced:
    """Give a newly trained version its place, and compare it with the champion on its history.

    What both versions say of the history is kept in the store, so that `scoring promote` judges by
    the same. A comparison that fails is a warning: the version is registered by then, and the
    training was long.

    Args:
        model: the version, registered.
        rows: typed rows of its history.
        defaulted: True if the applicant defaulted, shape (rows,).
        settings: of the project.
        is_of_not_refused: True if some of the outcomes are those of applicants who were not refused, as
            all that mature.
        keep_aliases: True to give it no alias.
    """
    registry = registry_of(settings)
    champion = registry.named_by(registry.alias)
    verdict = None
    page = None
    fault = ""
    try:
        _keep(model, rows, defaulted, champion, settings, is_of_not_refused=is_of_not_refused)
    except (ConfigError, ModelError) as error:
        fault = str(error)
    alias = ""
    if champion is None and not keep_aliases:
        promote_first(model, settings)
        alias = registry.alias
    elif not keep_aliases:
        alias = settings.registry.challenger_alias
        registry.point(alias, model.version)
    try:
        if champion and not fault:
            verdict = judge_versions(model, champion, settings)
            page = write_verdict(verdict, settings)
    except (ConfigError, ModelError) as error:
        fault = str(error)
    if fault:
        run_logger().warning("Version %s is registered, and was not compared: %s", model.version, fault)
    return Introduced(alias == registry.alias, alias, verdict, page)


def _keep(
    model: ModelPin,
    rows: pa.Table,
    defaulted: np.ndarray,
    champion: ModelPin | None,
    settings: Settings,
    *,
    is_of_not_refused: bool,
) -> None:
    """Keep what the version and the champion say; the version alone if nothing is to be had of the champion."""
    store = open_store(settings.storage)
    if champion:
        try:
            table = held_out_table(rows, defaulted, model, champion, settings)
        except (ConfigError, ModelError) as error:
            run_logger().warning("Nothing is known of how version %s judges this history: %s", champion.version, error)
        else:
            keep_held_out(store, model, table, champion, is_of_not_refused=is_of_not_refused)
            return
    table = held_out_table(rows, defaulted, model, None, settings)
    keep_held_out(store, model, table, None, is_of_not_refused=is_of_not_refused)
