"""The chosen model is fitted to all rows, frozen and registered."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from configs.settings import Settings, load_settings
from tasks.core.model.bundle import Bundle, to_files
from tasks.core.training.model_card import CARD_FILE, FIGURES_FILE
from tasks.model.load import load_bundle, proven_engine, registry_of
from tasks.training.folds import configured_trees
from tasks.training.records import Evaluation, History, OutOfFold
from tasks.training.train import Trained, fit, out_of_fold_table, reference_sample, register, shape_documents
from tests.conftest import Project
from tests.model_cards import model_card
from tests.training.conftest import SMALL

SETTINGS = Settings(training=SMALL)


@pytest.fixture(scope="module")
def bundle(history: History, judged: OutOfFold) -> Bundle:
    return fit(history, judged, SETTINGS)


# --- fit


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_history_gives_the_same_bundle_whatever_the_threads(
    history: History, judged: OutOfFold, bundle: Bundle, threads: int
) -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads, user_api="openmp"):
        again = fit(history, judged, SETTINGS)
    assert to_files(again) == to_files(bundle)


def test_a_bundle_holds_the_chosen_shape_and_proposes_the_break_even_cut_off(judged: OutOfFold, bundle: Bundle) -> None:
    assert bundle.model_text.count("\nTree=") == judged.n_trees
    assert bundle.cutoff == 1 / 11
    assert proven_engine(bundle).caveat is None
    assert bundle.calibration.pd_of(judged.raw).mean() == pytest.approx(judged.pd.mean(), abs=0.005)


def test_a_policy_without_age_trains_without_it(history: History, judged: OutOfFold, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(Path("configs/policy.yaml").read_text("utf-8").replace("age: true", "age: false"))
    ageless = SETTINGS.model_copy(update={"scoring": SETTINGS.scoring.model_copy(update={"policy": str(policy)})})
    names = set(fit(history, judged, ageless).features.names)
    assert names & {"DAYS_BIRTH", "EMPLOYED_TO_AGE"} == set()
    assert "CREDIT_TO_INCOME" in names


def test_a_bound_direction_is_kept(history: History) -> None:
    from tasks.adapters.lightgbm import LightGBMModel, fit_trees

    random = np.random.default_rng(4)
    matrix = np.column_stack(
        [random.normal(size=3000) * (1 + history.defaulted), history.defaulted + random.normal(size=3000)]
    )
    for direction in (1, -1):
        text = fit_trees(
            matrix, history.defaulted, names=("either end", "signal"), directions=(direction, 0), n_trees=30,
            trees=replace(configured_trees(SMALL), feature_share=1),
        )  # fmt: skip
        line = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200)])
        steps = np.diff(LightGBMModel(text).raw_scores(line))
        assert (direction * steps >= 0).all()
        assert steps.any()


# --- register


@pytest.fixture
def settings(project: Project, tmp_path: Path) -> Settings:
    """Settings with a registry of their own, which holds a champion."""
    return load_settings(project.with_own_registry(tmp_path / "registry").config)


def registered(settings: Settings, history: History, judged: OutOfFold, bundle: Bundle) -> Trained:
    card = model_card()
    evaluation = Evaluation({"auc": 0.7}, {}, "A model.", card)
    return register(bundle, history, judged, evaluation, settings)


def test_a_version_is_registered_with_all_that_belongs_to_it_and_does_not_score(
    settings: Settings, history: History, judged: OutOfFold, bundle: Bundle
) -> None:
    before = registry_of(settings).champion()
    trained = registered(settings, history, judged, bundle)
    assert (trained.model.version, trained.rows, trained.n_trees, trained.is_champion) == (
        "2",
        3000,
        judged.n_trees,
        False,
    )
    assert registry_of(settings).champion() == before
    page = Path(registry_of(settings).document_address(trained.model, CARD_FILE))
    assert "Model card of credit-default version 2" in page.read_text()
    assert json.loads(page.with_name(FIGURES_FILE).read_text())["model_version"] == "2"
    assert to_files(load_bundle(trained.model, settings)) == to_files(bundle)


def test_applicants_rows_are_kept_in_the_store_alone(
    settings: Settings, history: History, judged: OutOfFold, bundle: Bundle
) -> None:
    model = registered(settings, history, judged, bundle).model
    reference = Path(settings.storage.root) / f"reference/model={model.name}/version={model.version}"
    sample, kept = (
        pq.read_table(reference / name, partitioning=None) for name in ("sample.parquet", "out_of_fold.parquet")
    )
    assert sample.num_rows == settings.training.reference_rows
    assert kept.equals(out_of_fold_table(history, judged))
    assert sample.schema.metadata[b"bundle_sha256"].decode() == model.digest
    artifacts = [path for path in Path(settings.registry.artifact_root).rglob("*") if path.is_file()]
    assert {path.suffix for path in artifacts} & {".parquet", ".csv", ".pkl"} == set()
    assert "model.txt" in {path.name for path in artifacts}


def test_what_was_predicted_out_of_fold_stands_beside_what_came(history: History, judged: OutOfFold) -> None:
    table = out_of_fold_table(history, judged)
    assert table.column_names == ["application_id", "fold", "raw", "pd", "defaulted"]
    assert table.column("application_id").to_pylist() == history.rows.column("SK_ID_CURR").to_pylist()
    assert np.array_equal(table.column("defaulted").to_numpy(), history.defaulted)


@pytest.mark.parametrize(("limit", "rows"), [(2999, 2999), (3000, 3000), (3001, 3000)])
def test_the_reference_is_a_sample_of_rows_with_their_own_probability(
    history: History, judged: OutOfFold, limit: int, rows: int
) -> None:
    sample = reference_sample(history.rows, judged.pd, SMALL.model_copy(update={"reference_rows": limit}))
    assert sample.num_rows == rows
    pds = dict(zip(history.rows.column("SK_ID_CURR").to_pylist(), judged.pd.tolist(), strict=True))
    told = dict(zip(sample.column("SK_ID_CURR").to_pylist(), sample.column("pd").to_pylist(), strict=True))
    assert told.items() <= pds.items()
    assert len(told) == rows


def test_shapes_are_told_to_programs_and_to_people(judged: OutOfFold) -> None:
    documents = shape_documents(judged.shapes)
    (told,) = json.loads(documents["shapes.json"])
    assert (told["depth"], told["is_chosen"]) == (judged.trees.max_depth, True)
    assert documents["shapes.md"].decode().startswith("|")
