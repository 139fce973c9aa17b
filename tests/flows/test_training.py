import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from configs.settings import load_settings
from flows.commands.train import training_summary
from flows.train_model import train_model
from tasks.adapters.mlflow import ModelRegistry
from tasks.core.lender.feature_list import FAMILIES, NEVER_INPUTS
from tasks.core.model.bundle import to_files
from tasks.core.training.model_card import CARD_FILE, FIGURES_FILE
from tasks.errors import ModelError
from tasks.feed.generate import load_statistics, write_history
from tasks.model.load import load_bundle, load_engine, registry_of
from tasks.training.choices import other_inputs
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
    assert set(told["choices"]) == {*other_inputs()}
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
    whole = project.with_settings(training={"baselines": "plain", "choice_rows": 1000})
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
    assert f"{CARD_FILE}\n\n  Beside the champion, version 1, which scores on\n  Cost, difference" in told
    assert told.rstrip().endswith(f"scoring promote --version {trained.model.version}")
    assert len(told.splitlines()) < 30
    assert " trees of depth 4; " in told
    assert "cross-validations" not in told
    twice = replace(trained, card=replace(trained.card, repeats={"this model": ((0.7, 0.5), (0.72, 0.6))}))
    told = training_summary(twice, load_settings(project.config))
    assert "  2 cross-validations AUC 0.7100, cost 0.5500 in the mean; above stands the first" in told


def test_the_same_history_gives_the_same_model(project: Project, tmp_path: Path) -> None:
    path = history(tmp_path, 1500)
    first, second = (train_model.fn(applications=[str(path)], config=project.config) for _ in range(2))
    assert first.model.digest == second.model.digest
    cards = [Path(registry(project).document_address(each.model, CARD_FILE)) for each in (first, second)]
    versions = [f"{each.model.name} version {each.model.version}" for each in (first, second)]
    texts = [card.read_text() for card in cards]
    assert all(version in text for version, text in zip(versions, texts, strict=True))
    assert texts[0].replace(versions[0], versions[1]) == texts[1]
    assert cards[0] != cards[1]
    assert first.model.version != second.model.version
    assert (project.root / f"reference/model=credit-default/version={second.model.version}/sample.parquet").exists()
    assert (second.alias, registry(project).champion().version) == ("challenger", "1")
    registry(project).promote(second.model.version)
    assert registry(project).champion().version == second.model.version


def test_promoting_what_was_never_registered_names_what_was(project: Project) -> None:
    with pytest.raises(ModelError, match=r"version 99 cannot become champion.*Registered versions: 1"):
        registry(project).promote("99")


def test_a_run_tells_the_choices_of_the_policy(trained: Project) -> None:
    version = registry(trained).champion().version
    client = MlflowClient(load_settings(trained.config).registry.tracking_uri)
    params = client.get_run(client.get_model_version("credit-default", version).run_id).data.params
    assert (params["policy"], params["age"], params["unused_inputs"]) == ("1", "True", "none")


def test_a_model_can_be_registered_without_an_alias(project: Project, tmp_path: Path) -> None:
    hasty = project.with_settings(training={"choice_rows": 0, "baselines": "none", "max_trees": 20, "folds": 3})
    before = registry(project).champion()
    trained = train_model.fn(applications=[str(history(tmp_path, 1500))], config=hasty.config, keep_champion=True)
    assert not trained.is_champion
    assert trained.model.version != before.version
    assert registry(project).champion() == before
    settings = load_settings(hasty.config)
    assert "is registered, without an alias" in training_summary(trained, settings)
    assert registry(project).named_by("challenger") is None
    assert load_bundle(trained.model, settings).cutoff == 1 / 11


def test_a_search_leaves_its_shapes_on_the_run(project: Project, tmp_path: Path) -> None:
    few = project.with_settings(training={"max_trees": 20, "folds": 3, "max_depth": 2, "baselines": "none"})
    train_model.fn(applications=[str(history(tmp_path, 1500))], config=few.config, search=3)
    root = Path(load_settings(few.config).registry.artifact_root)
    (told,) = (json.loads(path.read_text()) for path in root.rglob("shapes.json"))
    assert [shape["is_chosen"] for shape in told].count(True) == 1
    assert {shape["depth"] for shape in told} <= {1, 2}
    assert all(shape["price"] == shape["n_trees"] for shape in told)  # one table a tree at these depths
    assert [path.name for path in root.rglob("frontier.png")] == ["frontier.png"]
