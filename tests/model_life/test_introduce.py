"""The first model scores by itself; every later one becomes a challenger and is compared."""

import json

import pytest

from configs.settings import Settings, load_settings
from tasks.core.model_life.comparison import COST
from tasks.errors import ModelError
from tasks.model.load import registry_of
from tasks.model_life.held_out import held_out_table
from tasks.model_life.introduce import introduce
from tasks.model_life.promote import promotion_history
from tasks.publication.layout import held_out_key, out_of_fold_key, promotion_verdict_key
from tasks.publication.references import read_held_out
from tasks.store import open_store
from tests.histories import synthetic_history
from tests.model_life.conftest import Rivalry, champion_of

HISTORY = synthetic_history(1200)


def test_the_first_model_scores_and_later_ones_are_challengers(rivalry: Rivalry) -> None:
    settings = load_settings(rivalry.project.config)
    assert champion_of(settings).version == "1"
    assert (rivalry.better.alias, rivalry.better.is_champion) == ("challenger", False)
    assert registry_of(settings).named_by("challenger") == rivalry.worse.model, "the newest one is the challenger"
    (record,) = promotion_history(open_store(settings.storage), "credit-default")
    assert (record.kind, record.before, record.after.version, record.reason) == ("first", None, "1", None)


def test_a_training_says_how_its_model_compares(rivalry: Rivalry) -> None:
    better, worse = rivalry.better.verdict, rivalry.worse.verdict
    assert better
    assert worse
    assert better.is_passed
    assert not worse.is_passed
    assert better.comparison
    assert better.comparison.rows == 3600
    assert better.comparison.differences[COST].high < 0
    told = json.loads((rivalry.project.root / promotion_verdict_key("credit-default", "2")).read_text())
    assert told["comparison"]["rows"] == 3600


def test_what_both_say_is_kept_beside_the_reference_where_an_erasure_finds_it(rivalry: Rivalry) -> None:
    store = open_store(load_settings(rivalry.project.config).storage)
    kept = read_held_out(store, rivalry.better.model)
    assert kept
    table = kept.table
    assert not kept.is_of_not_refused
    assert kept.champion == champion_of(load_settings(rivalry.project.config)).digest
    assert table.num_rows == 3600
    assert "application_id" in table.column_names
    assert {"pd", "reason", "champion_pd", "champion_reason", "kind: Age", "protected: elderly"} <= {
        *table.column_names
    }


def test_without_aliases_even_a_first_model_does_not_score(settings: Settings) -> None:
    nobody = settings.model_copy(update={"registry": settings.registry.model_copy(update={"alias": "nobody"})})
    model = registry_of(settings).candidate("2")
    place = introduce(model, HISTORY.rows, HISTORY.defaulted, nobody, keep_aliases=True)
    assert (place.is_champion, place.alias, place.verdict) == (False, "", None)
    assert registry_of(nobody).named_by("nobody") is None


def test_a_comparison_that_cannot_be_made_does_not_lose_the_training(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(settings.storage)
    store.delete(out_of_fold_key("credit-default", "1"))
    model = registry_of(settings).candidate("2")
    with caplog.at_level("WARNING", "scoring"):
        place = introduce(model, HISTORY.rows, HISTORY.defaulted, settings)
    assert place.alias == "challenger"
    assert "Nothing is known of how version 1 judges this history" in caplog.text
    assert place.verdict
    assert "both learned from" in place.verdict.source, "what is kept of each is left"
    store.delete(out_of_fold_key("credit-default", "2"))
    store.delete(held_out_key("credit-default", "2"))
    with pytest.raises(ModelError, match=r"no out-of-fold predictions of credit-default version 2"):
        held_out_table(HISTORY.rows, HISTORY.defaulted, model, None, settings)
    assert introduce(model, HISTORY.rows, HISTORY.defaulted, settings).verdict is None
    assert registry_of(settings).named_by("challenger") == model
