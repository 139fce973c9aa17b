"""The place of an application among those that are alike is counted from the delivered rows of its day."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.score_applications import score_applications
from tasks.inspection.explain import explain
from tasks.inspection.place import find_places
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

FILE = "applications_1.csv"


@pytest.fixture
def kept(project: Project) -> Project:
    project.deliver(rows=300, bad_share=0.05)
    score_applications.fn(as_of=DAY, config=project.config)
    return project


def test_the_places_are_those_of_a_plain_count(kept: Project) -> None:
    decided = pq.read_table(kept.decisions).to_pandas().set_index("application_id")
    rows = pd.read_csv(kept.landing / FILE, dtype=str, keep_default_na=False)
    rows["id"] = pd.to_numeric(rows["SK_ID_CURR"], errors="coerce")
    rows = rows[rows["id"].isin(decided.index)].drop_duplicates("id").set_index("id").loc[decided.index]
    incomes = rows["AMT_INCOME_TOTAL"].astype(float)
    quarters = pd.Series([sum(income >= edge for edge in incomes.quantile([0.25, 0.5, 0.75])) for income in incomes])
    read, store = load_settings(kept.config), FolderStore(kept.root)
    told = 0
    for applicant in decided.index[::40]:
        places = find_places(store, explain(store, DAY, int(applicant), read), read)
        assert places
        is_lower = (decided["pd"] < decided["pd"][applicant]).to_numpy()
        assert places.of_all.lower_share == pytest.approx(is_lower.mean())
        place = decided.index.get_loc(applicant)
        contracts = rows["NAME_CONTRACT_TYPE"].to_numpy()
        alike = (contracts == contracts[place]) & (quarters == quarters[place]).to_numpy()
        expected = is_lower[alike].mean() if alike.sum() >= 20 else None
        assert places.of_alike.lower_share == pytest.approx(expected)
        told += expected is not None
    assert told


def test_where_delivered_rows_are_gone_the_place_among_all_is_told_alone(kept: Project) -> None:
    read, store = load_settings(kept.config), FolderStore(kept.root)
    applicant = pq.read_table(kept.decisions).column("application_id")[0].as_py()
    explained = explain(store, DAY, applicant, read)
    shutil.rmtree(kept.landing)
    places = find_places(store, explained, read)
    assert places
    assert places.of_all.lower_share is not None
    assert places.of_alike.lower_share is None
    assert "delivered rows of the day are gone" in places.of_alike.sentence


def test_an_application_in_quarantine_has_no_place(kept: Project) -> None:
    read, store = load_settings(kept.config), FolderStore(kept.root)
    (path,) = Path(kept.root / f"quarantine/day={DAY}").iterdir()
    rejected = pq.read_table(path).to_pandas().dropna(subset="application_id")
    applicant = int(rejected[~rejected["broken_rules"].str.contains("application_id")].iloc[0]["application_id"])
    assert find_places(store, explain(store, DAY, applicant, read), read) is None
