"""Page and JSON of a verdict, beside the page of the model."""

from __future__ import annotations

from configs.settings import Settings
from tasks.adapters.pages.promotion import promotion_page
from tasks.core.model_life.verdict import GateVerdict
from tasks.publication.layout import promotion_page_key, promotion_verdict_key
from tasks.store import open_store
from tasks.store.renewing import overwrite


def write_verdict(verdict: GateVerdict, settings: Settings) -> str:
    """Write the verdict for people and for programs, in the place of the last one; returns the page's place."""
    store = open_store(settings.storage)
    model = verdict.challenger
    key = promotion_page_key(model.name, model.version)
    page = promotion_page(
        name=model.name,
        versions=(model.version, verdict.champion.version),
        source=verdict.source,
        left_out=verdict.left_out,
        policy=verdict.policy_version,
        comparison=verdict.comparison,
        checks=verdict.checks,
        sha256=verdict.sha256,
    )
    overwrite(store, promotion_verdict_key(model.name, model.version), verdict.to_json())
    overwrite(store, key, page)
    return store.location(key)
