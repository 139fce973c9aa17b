import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from configs.policy import load_policy
from configs.settings import load_settings
from flows.commands.train import training_summary
from flows.train_model import train_model
from tasks.adapters.mlflow import ModelRegistry
from tasks.core.lender.feature_list import FAMILIES, NEVER_INPUTS
from tasks.core.model.bundle import to_files
from tasks.core.training.model_card import CARD_FILE, FIGURES_FILE
from tasks.errors import ConfigError, ExpectationsNotMet, ModelError, SourceError
from tasks.feed.generate import load_statistics, write_history
from tasks.model.load import load_bundle, load_engine, policy_for, registry_of
from tasks.training.history import read_history
from tests.conftest import DAY, Project


def history(folder: Path, rows: int, seed: int = 5) -> Path:
    path = folder / f"history_{rows}_{seed}.parquet"
    write_history(path, load_statistics(), rows=rows, seed=seed, as_of=DAY, file_format="parquet")
    return path


def registry(project: Project) -> ModelRegistry:
    return registry_of(load_settings(project.config))


@pytest.fixture
def project(project: Project, tmp_path: Path) -> Project:
    """With a registry of its own: every test here registers or promotes."""
    return project.with_own_registry(tmp_path / "registry")


def test_the_champion_scores_new_applicants_better_than_chance(project: Project, tmp_path: Path) -> None:
    from sklearn.metrics import roc_auc_score

    from tasks.core.model.bundle import pd_of
    from tasks.core.model.features import build_features

    settings = load_settings(project.config)
    pin = registry(project).champion()
    bundle, scorer = load_bundle(pin, settings), load_engine(pin, settings)
    table = pq.read_table(history(tmp_path, 5000, seed=6))
    pd = pd_of(build_features(table, bundle.features), scorer, bundle.calibration)
    defaulted = table.column("TARGET").to_numpy()
    assert 0.68 <= roc_auc_score(defaulted, pd) <= 0.82
    assert abs(pd.mean() - defaulted.mean()) < 0.02


def test_a_bundle_holds_nothing_it_must_not(trained: Project) -> None:
    settings = load_settings(trained.config)
    files = to_files(load_bundle(registry(trained).champion(), settings))
    scoring = json.loads(files["scoring.json"])
    assert not NEVER_INPUTS & set(scoring["features"]["names"])
    assert scoring["cutoff"] == 1 / 11
    artifacts = [path for path in Path(settings.registry.artifact_root).rglob("*") if path.is_file()]
    assert not [path for path in artifacts if path.suffix in {".pkl", ".pickle", ".joblib"}]
    assert {path.name for path in artifacts if path.parent.name == "plots"} == {
        "roc.png",
        "reliability.png",
        "cost.png",
        "contributions.png",
    }


def test_a_version_has_a_card_and_says_where(trained: Project) -> None:
    settings = load_settings(trained.config)
    pin = registry(trained).champion()
    place = Path(registry(trained).document_address(pin, CARD_FILE))
    assert pin.digest in place.read_text()
    told = json.loads(place.with_name(FIGURES_FILE).read_text())
    assert 0.6 < told["figures"]["auc"]["low"] < told["figures"]["auc"]["value"] < told["figures"]["auc"]["high"]
    assert told["learned_from"]["rows"] == 4000
    assert set(told["files"]) == set(to_files(load_bundle(pin, settings)))
    assert told["learned_from"]["files"] == [sha256((trained.root.parent / "history.parquet").read_bytes()).hexdigest()]
    assert set(told["baselines"]) == {"logistic regression", "LightGBM, raw columns"}
    assert set(told["choices"]) == {"without age", "with gender and family status"}
    assert {each["family"] for each in told["influences"]} == set(FAMILIES.values())
    client = MlflowClient(settings.registry.tracking_uri)
    assert CARD_FILE in str(client.get_model_version(pin.name, pin.version).description)
    metrics = client.get_run(str(client.get_model_version(pin.name, pin.version).run_id)).data.metrics
    assert metrics["auc_low"] < metrics["auc"] < metrics["auc_high"]
    assert metrics["policy_cutoff"] == pytest.approx(1 / 11)


def test_no_document_shows_a_value_of_a_marked_applicant(project: Project, tmp_path: Path) -> None:
    path = history(tmp_path, 1500)
    table = pq.read_table(path)
    marks = {"SK_ID_CURR": 987654321, "AMT_CREDIT": 3_141_592.5, "DAYS_BIRTH": -23456, "NAME_TYPE_SUITE": "Other_B"}
    for name, mark in marks.items():
        column = table.column(name)
        marked = pa.array([mark, *column[1:].to_pylist()], column.type)
        table = table.set_column(table.column_names.index(name), name, marked)
    pq.write_table(table, path)
    whole = project.with_settings(training={"baselines": True, "choice_rows": 1000})
    trained = train_model.fn(applications=[str(path)], config=whole.config)
    card = Path(registry(project).document_address(trained.model, CARD_FILE))
    for text in (card.read_text(), card.with_name(FIGURES_FILE).read_text()):
        for mark in ("987654321", "3141592", "3.14159e", "23456", "Other_B", path.name, str(tmp_path)):
            assert mark not in text


def test_the_summary_of_a_training_fits_a_screen_and_says_where_the_card_is(project: Project, tmp_path: Path) -> None:
    trained = train_model.fn(applications=[str(history(tmp_path, 1500))], config=project.config)
    baseline = {"logistic regression": trained.card.figures}
    told = training_summary(
        replace(trained, card=replace(trained.card, baselines=baseline)), load_settings(project.config)
    )
    auc = trained.card.figures["auc"]
    assert told.count(f"{auc.value:.4f} ({auc.low:.4f} to {auc.high:.4f})") == 2
    assert "Cut-off, policy     0.0909: " in told
    assert told.rstrip().endswith(CARD_FILE)
    assert len(told.splitlines()) < 20
    assert " trees of depth 3; " in told
    assert "cross-validations" not in told
    twice = replace(trained, card=replace(trained.card, repeats={"this model": ((0.7, 0.5), (0.72, 0.6))}))
    told = training_summary(twice, load_settings(project.config))
    assert "  2 cross-validations AUC 0.7100, cost 0.5500 in the mean; above stands the first" in told


def test_the_same_history_gives_the_same_model(project: Project, tmp_path: Path) -> None:
    path = history(tmp_path, 1500)
    first, second = (train_model.fn(applications=[str(path)], config=project.config) for _ in range(2))
    assert first.model.digest == second.model.digest
    cards = [Path(registry(project).document_address(each.model, CARD_FILE)) for each in (first, second)]
    assert cards[0].read_bytes() == cards[1].read_bytes()
    assert cards[0] != cards[1]
    assert first.model.version != second.model.version
    assert (project.root / f"reference/model={second.model.version}/sample.parquet").exists()
    assert registry(project).champion().version == second.model.version
    registry(project).promote("1")
    assert registry(project).champion().version == "1"


def test_promoting_what_was_never_registered_names_what_was(project: Project) -> None:
    with pytest.raises(ModelError, match=r"version 99 cannot become champion.*Registered versions: 1"):
        registry(project).promote("99")


def test_a_run_tells_the_choices_of_the_policy(trained: Project) -> None:
    version = registry(trained).champion().version
    client = MlflowClient(load_settings(trained.config).registry.tracking_uri)
    params = client.get_run(client.get_model_version("credit-default", version).run_id).data.params
    assert (params["policy"], params["age"]) == ("1", "True")


def test_a_policy_without_age_trains_without_it(project: Project, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(Path("configs/policy.yaml").read_text().replace("age: true", "age: false"))
    ageless = project.with_settings(scoring={"policy": str(policy)})
    trained = train_model.fn(applications=[str(history(tmp_path, 1500))], config=ageless.config)
    settings = load_settings(ageless.config)
    bundle = load_bundle(trained.model, settings)
    names = bundle.features.names
    assert policy_for(trained.model, bundle, load_policy(settings.scoring.policy)).cutoff == bundle.cutoff
    assert "DAYS_BIRTH" not in names
    assert "EMPLOYED_TO_AGE" not in names
    assert "CREDIT_TO_INCOME" in names


def test_a_model_has_a_card_where_no_choice_is_measured(project: Project, tmp_path: Path) -> None:
    hasty = project.with_settings(training={"choice_rows": 0, "baselines": False, "max_trees": 20, "folds": 3})
    trained = train_model.fn(applications=[str(history(tmp_path, 1500))], config=hasty.config)
    assert (trained.card.choices, trained.card.by_choice, trained.card.choice_rows) == ({}, {}, 0)


def test_a_model_can_be_registered_and_the_champion_kept(project: Project, tmp_path: Path) -> None:
    hasty = project.with_settings(training={"choice_rows": 0, "baselines": False, "max_trees": 20, "folds": 3})
    before = registry(project).champion()
    trained = train_model.fn(applications=[str(history(tmp_path, 1500))], config=hasty.config, keep_champion=True)
    assert not trained.is_champion
    assert trained.model.version != before.version
    assert registry(project).champion() == before
    settings = load_settings(hasty.config)
    assert "is registered; the champion scores on" in training_summary(trained, settings)
    assert load_bundle(trained.model, settings).cutoff == 1 / 11


def test_history_without_outcomes_is_refused(project: Project, tmp_path: Path) -> None:
    path = history(tmp_path, 300)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["TARGET"]), path)
    with pytest.raises(
        ExpectationsNotMet, match="1 of 122 required columns are missing from history_300_5.parquet: TARGET"
    ):
        train_model.fn(applications=[str(path)], config=project.config)
    odd = table.set_column(1, "TARGET", pa.array(np.where(np.arange(300) < 3, 2, 0)))
    pq.write_table(odd, path)
    with pytest.raises(SourceError, match="3 rows of history_300_5.parquet have a TARGET other than 1"):
        train_model.fn(applications=[str(path)], config=project.config)


def test_the_order_of_files_and_rows_changes_nothing(project: Project, tmp_path: Path) -> None:
    path = history(tmp_path, 300)
    table = pq.read_table(path)
    turned = table.take(pa.array(np.random.default_rng(1).permutation(300)))
    for name, part in {"b.parquet": turned.slice(0, 100), "a.parquet": turned.slice(100)}.items():
        pq.write_table(part, tmp_path / name)
    settings = load_settings(project.config)
    whole = read_history([str(path)], settings)
    parts = read_history([str(tmp_path / "b.parquet"), str(tmp_path / "a.parquet")], settings)
    assert parts.rows.combine_chunks().equals(whole.rows.combine_chunks())
    assert np.array_equal(parts.defaulted, whole.defaulted)
    assert parts.files == read_history([str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")], settings).files


def test_copies_are_learned_from_once_and_ids_with_two_truths_not_at_all(project: Project, tmp_path: Path) -> None:
    path = history(tmp_path, 300)
    table = pq.read_table(path)
    richer = table.slice(20, 5).set_column(
        table.column_names.index("AMT_CREDIT"), "AMT_CREDIT", pa.array([450000.0] * 5)
    )
    other = table.slice(30, 5)
    turned = other.set_column(1, "TARGET", pa.array([1 - each for each in other.column("TARGET").to_pylist()]))
    extra = pa.concat_tables([table.slice(0, 10), richer.cast(table.schema), turned.cast(table.schema)])
    pq.write_table(extra, tmp_path / "more.parquet")
    settings = load_settings(project.config)
    alone = read_history([str(path)], settings)
    both = read_history([str(path), str(tmp_path / "more.parquet")], settings)
    conflicting = {*richer.column("SK_ID_CURR").to_pylist(), *other.column("SK_ID_CURR").to_pylist()}
    expected = [each for each in alone.rows.column("SK_ID_CURR").to_pylist() if each not in conflicting]
    assert both.rows.column("SK_ID_CURR").to_pylist() == expected
    assert len(both.defaulted) == len(alone.defaulted) - 10
    assert (len(alone.files), len(both.files)) == (1, 2)
    told = {reason: both.left_out[reason] - alone.left_out.get(reason, 0) for reason in both.left_out}
    assert {reason: rows for reason, rows in told.items() if rows} == {"exact copy": 10, "id with other values": 20}


def test_too_few_defaults_say_what_is_needed(project: Project, tmp_path: Path) -> None:
    path = history(tmp_path, 300)
    table = pq.read_table(path)
    pq.write_table(table.set_column(1, "TARGET", pa.array(np.arange(300) < 2).cast(pa.int64())), path)
    with pytest.raises(ConfigError, match=r"2 of 300 applications defaulted; training.folds=3 needs"):
        train_model.fn(applications=[str(path)], config=project.config)


def test_what_was_predicted_out_of_fold_is_kept_in_the_store_alone(trained: Project) -> None:
    kept = pq.read_table(trained.root / "reference/model=1/out_of_fold.parquet")
    assert kept.column_names == ["application_id", "fold", "raw", "pd", "defaulted"]
    assert kept.num_rows == 4000
    assert set(kept.column("fold").to_pylist()) == {0, 1, 2}
    root = Path(load_settings(trained.config).registry.artifact_root)
    assert not list(root.rglob("*.parquet"))


def test_a_search_leaves_its_shapes_on_the_run(project: Project, tmp_path: Path) -> None:
    few = project.with_settings(training={"max_trees": 20, "folds": 3, "max_depth": 2, "baselines": False})
    train_model.fn(applications=[str(history(tmp_path, 1500))], config=few.config, search=3)
    root = Path(load_settings(few.config).registry.artifact_root)
    (told,) = (json.loads(path.read_text()) for path in root.rglob("shapes.json"))
    assert [shape["is_chosen"] for shape in told].count(True) == 1
    assert {shape["depth"] for shape in told} <= {1, 2}
    assert all(shape["price"] == shape["n_trees"] for shape in told)  # one table a tree at these depths
    assert [path.name for path in root.rglob("frontier.png")] == ["frontier.png"]
