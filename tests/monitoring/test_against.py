"""What a day is judged against: the reference of its model, and the days before it."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from configs.settings import load_settings
from tasks.adapters.files.parquet import write_parquet
from tasks.core.contract.screening import PD
from tasks.core.model.bundle import ModelPin, to_files
from tasks.core.model.reference import MONITORED
from tasks.core.monitoring.metrics import Metric, metrics_table
from tasks.core.monitoring.reference import freeze_reference
from tasks.errors import ModelError, SourceError
from tasks.model.load import registry_of
from tasks.monitoring.against import against_recent_days, against_reference, frozen_reference
from tasks.publication.layout import metrics_key, monitoring_key, verdict_key
from tasks.publication.references import read_reference
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.monitored_days import FROZEN

MODEL = ModelPin("credit-default", "7", "d")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def back(days: int) -> date:
    return DAY - timedelta(days=days)


def monitored(store: FolderStore, as_of: date, *, rows: int = 1000, version: str = "7", **verdict: str) -> None:
    """Lay figures of a monitored day, and a verdict with these columns, each with its statistic."""
    metrics = [Metric("rows", float(rows), rows)] if rows else []
    table = metrics_table([*metrics, Metric("judged", 1.0, 1)], as_of=as_of, revision=1, model_version=version)
    store.create(metrics_key(as_of), write_parquet(table))
    findings = [{"column": column, "what": what, "level": "watch"} for column, what in verdict.items()]
    content = {"model_version": version, "findings": findings}
    store.create(verdict_key(as_of), json.dumps(content).encode())


def days_before(store: FolderStore) -> list[date]:
    days = against_reference(store, DAY, MODEL, FROZEN).days
    return [day.column("as_of")[0].as_py() for day in days]


# --- the days before


def test_the_newest_28_days_before_count(store: FolderStore) -> None:
    for days in range(-2, 35):
        monitored(store, back(days))
    assert days_before(store) == [back(days) for days in range(1, 29)]


def test_days_are_looked_for_within_60_days(store: FolderStore) -> None:
    monitored(store, back(60))
    monitored(store, back(61))
    assert days_before(store) == [back(60)]


def test_a_day_of_another_model_is_left_out_and_the_ones_before_it_count(store: FolderStore) -> None:
    monitored(store, back(1), version="8")
    monitored(store, back(2))
    assert days_before(store) == [back(2)]


def test_other_objects_beside_the_figures_neither_repeat_nor_end_the_days(store: FolderStore) -> None:
    for days in (1, 3):
        monitored(store, back(days))
        store.create(metrics_key(back(days)).replace("metrics.parquet", "notes.txt"), b"by hand")
    store.create(metrics_key(back(2)).replace("metrics.parquet", "notes.txt"), b"by hand")
    assert days_before(store) == [back(1), back(3)]


def test_without_days_before_days_vary_as_random_rows_do(store: FolderStore) -> None:
    beside = against_reference(store, DAY, MODEL, FROZEN)
    assert (beside.kind, beside.score_dispersion) == ("reference", 1.0)
    assert not beside.days
    assert not beside.watched_before
    assert beside.dispersion.tolist() == [1.0] * len(FROZEN.columns)
    assert beside.frozen is FROZEN


# --- the findings of the day before


@pytest.mark.parametrize(("days", "counts"), [(0, False), (1, True), (4, True), (5, False), (-1, False)])
def test_findings_of_the_monitored_day_before_count_over_a_long_weekend(
    store: FolderStore, days: int, counts: bool
) -> None:
    monitored(store, back(days), AMT_CREDIT="missing")
    found = against_reference(store, DAY, MODEL, FROZEN).watched_before
    assert found == ({("AMT_CREDIT", "missing")} if counts else set())


def test_only_the_last_day_before_counts_and_only_with_the_same_model(store: FolderStore) -> None:
    monitored(store, back(3), AMT_CREDIT="missing")
    monitored(store, back(2))
    assert against_reference(store, DAY, MODEL, FROZEN).watched_before == set()
    monitored(store, back(1), version="8", AMT_CREDIT="missing")
    assert against_reference(store, DAY, MODEL, FROZEN).watched_before == set()


# --- the days before as the reference


def test_without_a_monitored_day_before_there_is_nothing_to_compare_with(store: FolderStore) -> None:
    for _ in range(2):
        with pytest.raises(SourceError, match=f"was monitored with version 7 .*scoring monitor --as-of {DAY}"):
            against_recent_days(store, DAY, MODEL, FROZEN)
        if not days_before(store):
            monitored(store, back(1), rows=0)


def test_the_days_before_stand_for_the_reference(store: FolderStore) -> None:
    for days in range(1, 4):
        monitored(store, back(days), AMT_CREDIT="missing")
    beside = against_recent_days(store, DAY, MODEL, FROZEN)
    assert (beside.kind, beside.frozen.rows) == ("last-28", 3000)
    assert not beside.watched_before


def test_a_report_is_no_monitored_day(store: FolderStore) -> None:
    store.create(monitoring_key(back(1), "drift.html"), b"")
    assert days_before(store) == []


# --- the frozen reference


def test_a_trained_model_has_frozen_what_its_days_are_judged_by(trained: Project) -> None:
    settings = load_settings(trained.config)
    champion = registry_of(settings).champion()
    frozen = frozen_reference(champion, settings, FolderStore(trained.root))
    assert frozen.rows == 4000
    assert sum(frozen.weights.values()) == pytest.approx(1.0, abs=0.01)
    assert frozen.pd.sd > 0


def test_a_model_of_an_earlier_program_is_judged_by_its_sample(project: Project, tmp_path: Path) -> None:
    own = project.with_own_registry(tmp_path / "registry")
    settings = load_settings(own.config)
    registry = registry_of(settings)
    bundle = registry.load(registry.champion())
    earlier = replace(bundle, reference={name: each for name, each in bundle.reference.items() if name != MONITORED})
    model = registry.register(to_files(earlier), params={}, metrics={}, figures={})
    store = FolderStore(own.root)
    with pytest.raises(ModelError, match="is missing, or belongs to another model: the reference sample of credit-de"):
        frozen_reference(model, settings, store)
    champion = registry.champion()
    sample = read_reference(store, champion, trained_rows=4000)
    store.create(
        f"reference/model={model.name}/version={model.version}/sample.parquet",
        write_parquet(sample, {"bundle_sha256": model.digest}),
    )
    assert frozen_reference(model, settings, store) == freeze_reference(sample, sample.column(PD).to_numpy())
