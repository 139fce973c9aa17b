"""Series over days, held against plain pandas on the same files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.core.monitoring.metrics import DRIFT_SIZE, METRICS_SCHEMA
from tasks.dashboard.days import DayBook
from tasks.dashboard.series import (
    COST,
    day_lines,
    drift_of,
    figures_about,
    found_columns,
    mean_by_rows,
    models_in,
    quarantined_rows,
    rules_by_rows,
)
from tasks.publication.layout import metrics_key
from tasks.store.folder import FolderStore
from tests.dashboard.made_days import ALERTED, OK, REFUSED, ROWS, SMALL, STALE, STANDINGS, WATCHED


@pytest.fixture
def plain(store: FolderStore) -> pd.DataFrame:
    """All figures as pandas reads them."""
    places = [Path(store.location(metrics_key(day))) for day in STANDINGS]
    figures = pd.concat([pd.read_parquet(place) for place in places if place.exists()], ignore_index=True)
    return figures.assign(as_of=pd.to_datetime(figures["as_of"]))


@pytest.fixture
def lines(book: DayBook) -> pd.DataFrame:
    days = book.list_days().values()
    return day_lines(book.see(days), book.figures(days)).set_index("as_of")


def line_of(lines: pd.DataFrame, key: object, *names: str) -> list[Any]:
    """Values of a row in these columns."""
    return [lines.to_dict("index")[key][name] for name in names]


def test_a_day_has_one_line_with_the_figures_of_its_revision(lines: pd.DataFrame, plain: pd.DataFrame) -> None:
    assert list(lines.index) == [pd.Timestamp(day) for day in STANDINGS]
    assert lines["standing"].tolist() == list(STANDINGS.values())
    whole = plain[(plain["slice"] == "day") & (plain["metric"] == "mean_pd") & (plain["as_of"] != pd.Timestamp(STALE))]
    expected = whole.set_index("as_of")["value"].reindex(lines.index)
    np.testing.assert_array_equal(lines["mean_pd"].to_numpy(), expected.to_numpy())
    assert line_of(lines, pd.Timestamp(OK), COST, f"{COST}_low", f"{COST}_high") == [0.5, 0.4, 0.6]
    assert np.isnan(line_of(lines, pd.Timestamp(STALE), COST)).all()


def test_rows_are_those_of_the_manifest_and_missing_where_nothing_is_published(lines: pd.DataFrame) -> None:
    names = ("received", "decided", "quarantined", "quarantined_share")
    assert line_of(lines, pd.Timestamp(WATCHED), *names) == [ROWS, 1970, 30, 0.015]
    assert np.isnan(line_of(lines, pd.Timestamp(REFUSED), *names, "mean_pd")).all()


def test_a_store_without_a_figure_has_lines_all_the_same(book: DayBook) -> None:
    days = book.see(book.list_days().values())
    without = day_lines(days, METRICS_SCHEMA.empty_table())
    assert without["standing"].tolist() == list(STANDINGS.values())
    assert without["mean_pd"].isna().all()
    assert day_lines([], METRICS_SCHEMA.empty_table()).empty


def test_drift_of_a_column_is_that_of_the_files_and_small_days_are_insufficient(
    book: DayBook, plain: pd.DataFrame
) -> None:
    days = book.list_days().values()
    found = drift_of("EXT_SOURCE_2", DRIFT_SIZE, book.figures(days), book.see(days))
    asked = plain[(plain["column"] == "EXT_SOURCE_2") & (plain["metric"] == DRIFT_SIZE)].sort_values("as_of")
    pd.testing.assert_series_equal(found["value"], asked["value"].reset_index(drop=True))
    standings = dict(zip(found["as_of"], found["standing"], strict=True))
    assert standings[pd.Timestamp(ALERTED)] == "alert"
    assert standings[pd.Timestamp(SMALL)] == "insufficient"
    assert standings[pd.Timestamp(OK)] == "ok"


def test_the_column_found_most_often_comes_first(book: DayBook, plain: pd.DataFrame) -> None:
    found = found_columns(book.figures(book.list_days().values()))
    named = plain[(plain["column"] != "") & (plain["slice"] == "day")]
    bad = named[named["level"].isin(["watch", "alert"])]
    assert line_of(found, 0, "column", "days") == ["EXT_SOURCE_2", 2]
    assert set(found["column"]) == set(named["column"])
    assert dict(zip(found["column"], found["days"], strict=True)) == {
        column: bad.loc[bad["column"] == column, "as_of"].nunique() for column in set(named["column"])
    }
    largest = named[named["metric"] == DRIFT_SIZE].groupby("column")["value"].max()
    assert found.set_index("column")["largest"].to_dict() == pytest.approx(largest.to_dict(), nan_ok=True)


def test_nothing_is_found_in_no_figure() -> None:
    assert found_columns(METRICS_SCHEMA.empty_table()).empty


def test_figures_about_a_column_come_in_the_order_of_a_list(book: DayBook) -> None:
    figures = book.figures(book.list_days().values())
    assert figures_about("EXT_SOURCE_2", figures)[:3] == [DRIFT_SIZE, "psi", "missing_share"]
    assert figures_about("pd", figures) == [DRIFT_SIZE, "typical_pd", "mean_pd"]


def test_quarantine_is_counted_by_day_and_by_rule(book: DayBook) -> None:
    quarantined = quarantined_rows(book.see(book.list_days().values()))
    told = [(str(day.date()), rule, rows, share) for day, rule, rows, share in quarantined.itertuples(index=False)]
    assert told == [
        (str(WATCHED), "amount_known", 30, 0.015),
        (str(WATCHED), "id_conflicting", 4, 0.002),
        (str(ALERTED), "amount_known", 10, 0.005),
    ]
    rules = rules_by_rows(quarantined)
    assert rules[["rule", "rows", "days"]].to_numpy().tolist() == [["amount_known", 40, 2], ["id_conflicting", 4, 1]]
    assert rules_by_rows(quarantined_rows([])).empty


def test_models_are_told_by_their_days(lines: pd.DataFrame) -> None:
    models = models_in(lines.reset_index()).set_index("model")
    assert line_of(models, "credit-default 2", "days", "alert", "decided") == [1, 1, 1990]
    assert line_of(models, "credit-default 1", "days", "ok", "watch", "alert") == [6, 2, 1, 0]
    assert models_in(lines.reset_index().iloc[:0]).empty


def test_a_mean_is_over_the_applications_of_days_that_have_the_figure() -> None:
    lines = pd.DataFrame({"decided": [100, 300, 50], "pd": [0.1, 0.2, np.nan]})
    assert mean_by_rows(lines, "pd") == pytest.approx((10 + 60) / 400)
    assert np.isnan(mean_by_rows(lines.iloc[2:], "pd"))
