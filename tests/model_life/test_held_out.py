"""No pd of a comparison comes from trees that were fitted on the application."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from configs.settings import Settings, load_settings
from tasks.core.model.bundle import ModelPin, pd_of
from tasks.core.model.features import build_features
from tasks.errors import ModelError
from tasks.model.load import load_bundle, load_engine, registry_of
from tasks.model_life.held_out import held_out_table, kept_pairs, reasons_and_pd
from tasks.publication.layout import held_out_key
from tasks.publication.references import keep_held_out, read_held_out, read_out_of_fold
from tasks.store import open_store
from tasks.training.history import read_history
from tests.model_life.conftest import Rivalry


def versions(settings: Settings) -> list[ModelPin]:
    return [registry_of(settings).candidate(version) for version in ("1", "2", "3")]


def registered_pd(rows: pa.Table, model: ModelPin, settings: Settings) -> np.ndarray:
    bundle = load_bundle(model, settings)
    return pd_of(build_features(rows, bundle.features), load_engine(model, settings), bundle.calibration)


def test_an_application_is_judged_out_of_fold_by_who_learned_from_it_and_by_the_bundle_of_who_did_not(
    rivalry: Rivalry,
) -> None:
    settings = load_settings(rivalry.project.config)
    first, second, _ = versions(settings)
    history = read_history([str(rivalry.histories["large"])], settings)
    some = history.rows.take(pa.array(np.arange(0, 3600, 3)))
    table = held_out_table(some, history.defaulted[::3], second, first, settings)
    learned = read_out_of_fold(open_store(settings.storage), first)
    assert learned is not None
    by_id = dict(zip(learned.column("application_id").to_pylist(), learned.column("pd").to_pylist(), strict=True))
    ids = table.column("application_id").to_pylist()
    is_learned = np.array([each in by_id for each in ids])
    assert 0 < is_learned.sum() < len(ids), "the two histories share some applications"
    expected = np.array([by_id.get(each, np.nan) for each in ids])
    expected[~is_learned] = registered_pd(some, first, settings)[~is_learned]
    assert np.array_equal(table.column("champion_pd").to_numpy(), expected)
    own = registered_pd(some, second, settings)
    assert (table.column("pd").to_numpy() != own).mean() > 0.9, "version 2 learned from all of them"


def test_reasons_are_those_of_the_registered_version_for_every_application(rivalry: Rivalry) -> None:
    settings = load_settings(rivalry.project.config)
    model = versions(settings)[1]
    rows = read_history([str(rivalry.histories["small"])], settings).rows.slice(0, 400)
    reasons, pd = reasons_and_pd(rows, model, settings)
    assert np.array_equal(pd, registered_pd(rows, model, settings))
    assert len(set(reasons.tolist())) > 3
    assert (reasons[pd > 0.09] != "").all()
    assert [len(each) for each in reasons_and_pd(rows.slice(0, 0), model, settings)] == [0, 0]


def test_the_kept_comparison_serves_both_ways(rivalry: Rivalry) -> None:
    settings = load_settings(rivalry.project.config)
    first, second, _ = versions(settings)
    there, back = kept_pairs(second, first, settings), kept_pairs(first, second, settings)
    assert there.source == back.source == "the history of version 2"
    assert np.array_equal(there.challenger.pd, back.champion.pd)
    assert np.array_equal(there.champion.reason, back.challenger.reason)
    assert there.defaulted is not None
    assert len(there.defaulted) == 3600


def test_two_versions_that_were_never_compared_are_compared_on_what_both_learned_from(rivalry: Rivalry) -> None:
    settings = load_settings(rivalry.project.config)
    _, second, third = versions(settings)
    pairs = kept_pairs(third, second, settings)
    assert pairs.source == "applications that versions 3 and 2 both learned from"
    store = open_store(settings.storage)
    kept = [read_held_out(store, model) for model in (third, second)]
    ours, theirs = (each.table for each in kept if each)
    shared = pc.is_in(ours.column("application_id"), value_set=theirs.column("application_id").combine_chunks())
    assert len(pairs.challenger.pd) == pc.sum(shared).as_py()
    assert np.array_equal(pairs.challenger.pd, ours.filter(shared).column("pd").to_numpy())
    assert pairs.left_out["learned from by one version alone"] == 2400 + 3600 - 2 * len(pairs.challenger.pd)


def test_applications_of_two_truths_are_left_out(settings: Settings) -> None:
    _, second, third = versions(settings)
    store = open_store(settings.storage)
    kept = read_held_out(store, third)
    assert kept
    table = kept.table
    before = len(kept_pairs(third, second, settings).challenger.pd)
    turned = pa.array(~table.column("defaulted").to_numpy())
    keep_held_out(store, third, table.set_column(table.column_names.index("defaulted"), "defaulted", turned), None)
    pairs = kept_pairs(third, second, settings)
    assert len(pairs.challenger.pd) == 0
    assert pairs.left_out["with another outcome in the other history"] == before


def test_the_source_says_if_outcomes_matured(settings: Settings) -> None:
    """Whom only the challenger would approve has no outcome then."""
    first, second, third = versions(settings)
    store = open_store(settings.storage)
    kept = read_held_out(store, second)
    assert kept
    matured = "(with outcomes that matured, which only applicants have who were not refused)"
    assert matured not in kept_pairs(second, first, settings).source
    keep_held_out(store, second, kept.table, first, is_of_not_refused=True)
    for pair in ((second, first), (first, second), (third, second)):
        assert kept_pairs(*pair, settings).source.endswith(matured)


def test_without_what_was_kept_the_message_says_what_to_give(settings: Settings) -> None:
    first, second, _ = versions(settings)
    open_store(settings.storage).delete(held_out_key("credit-default", "2"))
    with pytest.raises(ModelError, match=r"Versions 2 and 1 .* cannot be compared.*--applications FILE"):
        kept_pairs(second, first, settings)
    with pytest.raises(ModelError, match="cannot be compared"):
        kept_pairs(replace(second, digest="f" * 64), first, settings)
