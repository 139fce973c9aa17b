"""The decided applications of a day, read once: counted, grouped, and some of them kept to draw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from configs.settings import Scoring, Settings
from tasks.core.applications import parse_rows
from tasks.core.day.manifest import Manifest
from tasks.core.decision.policy import DECISIONS
from tasks.core.lender.columns import ID
from tasks.core.lender.kinds import protected_kinds
from tasks.core.monitoring.counts import DayCounts, count_rows
from tasks.errors import ConfigError, InputsChanged, SourceError
from tasks.monitoring.today import GatheredDay, gather_day, join_days, published_day
from tasks.publication.expired import note_expired
from tasks.publication.layout import landing_key
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import commit_revision
from tests.monitored_store import FROZEN_FEED, decided, delivered_rows, publish_files

ROWS, CORRECTED = 120, 30
FEED = delivered_rows(ROWS)
HOUSING = FEED.column_names.index("NAME_HOUSING_TYPE")
CORRECTION = FEED.slice(5, CORRECTED).set_column(
    HOUSING, "NAME_HOUSING_TYPE", pa.array(["Co-op apartment"] * CORRECTED)
)
FILES = {"applications_1.csv": FEED.slice(0, 70), "applications_2.csv": FEED.slice(70), "corrections/a.csv": CORRECTION}


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def gathered(store: FolderStore, published: Manifest, *, chunk_rows: int = 32_768, most: int = 1000) -> GatheredDay:
    return gather_day(store, published, FROZEN_FEED, Scoring(chunk_rows=chunk_rows), sample_rows=most)


def final_rows() -> pa.Table:
    """Typed rows of the day by rising id, with the corrections."""
    corrected = pa.concat_tables([FEED.slice(0, 5), CORRECTION.cast(FEED.schema), FEED.slice(5 + CORRECTED)])
    return parse_rows(corrected).rows.sort_by(ID)


def counts_at_once() -> DayCounts:
    rows = final_rows()
    results = decided(rows.column(ID).to_pylist())
    decisions = pc.index_in(results.column("decision"), value_set=pa.array(DECISIONS)).to_numpy()
    return count_rows(rows, results.column("pd").to_numpy(), decisions, FROZEN_FEED)


# --- reading


@pytest.mark.parametrize("chunk_rows", [7, 32_768])
def test_a_corrected_day_is_counted_on_the_corrected_rows_whatever_the_chunks(
    store: FolderStore, chunk_rows: int
) -> None:
    day = gathered(store, publish_files(store, FILES), chunk_rows=chunk_rows)
    once = counts_at_once()
    assert day.counts.rows == once.rows == ROWS
    for name in ("cells", "weekdays", "decisions"):
        assert getattr(day.counts, name).tolist() == getattr(once, name).tolist()
    assert day.counts.pd_sum == pytest.approx(once.pd_sum)
    assert day.sample.column("NAME_HOUSING_TYPE").to_pylist().count("Co-op apartment") >= CORRECTED


def test_each_applicant_has_the_kinds_of_the_own_row(store: FolderStore) -> None:
    day = gathered(store, publish_files(store, FILES), chunk_rows=7)
    assert day.results.column("application_id").to_pylist() == final_rows().column(ID).to_pylist()
    expected = protected_kinds(final_rows())
    assert day.protected.keys() == expected.keys()
    for name, kinds in expected.items():
        assert day.protected[name].tolist() == kinds.tolist()


@pytest.mark.parametrize(("most", "rows"), [(ROWS - 1, ROWS - 1), (ROWS, ROWS), (ROWS + 1, ROWS)])
def test_a_sample_is_as_large_as_asked_and_the_same_each_time(store: FolderStore, most: int, rows: int) -> None:
    published = publish_files(store, FILES)
    sample = gathered(store, published, most=most).sample
    assert sample.num_rows == rows
    assert sample.equals(gathered(store, published, most=most, chunk_rows=7).sample)
    results = decided(sample.column(ID).to_pylist())
    assert sample.column("pd").to_pylist() == results.column("pd").to_pylist()


def test_a_correction_that_is_not_published_changes_nothing(store: FolderStore) -> None:
    published = publish_files(store, {"applications_1.csv": FEED})
    before = gathered(store, published).counts.cells.tolist()
    store.create(landing_key(DAY) + "corrections/late.csv", b"SK_ID_CURR\n1\n")
    assert gathered(store, published).counts.cells.tolist() == before


def test_a_day_whose_files_are_others_is_not_monitored(store: FolderStore, tmp_path: Path) -> None:
    published = publish_files(store, FILES)
    path = tmp_path / landing_key(DAY) / "applications_1.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputsChanged, match="are not those that revision 1 was made from; restore them to monitor"):
        gathered(store, published)
    path.unlink()
    with pytest.raises(InputsChanged, match="are not those that revision 1 was made from"):
        gathered(store, published)
    note_expired(store, DAY, [landing_key(DAY) + path.name], rule="kept for 30 days", at="t")
    with pytest.raises(InputsChanged, match="has expired: 1 of the 3 files .* To revise or monitor the day, restore"):
        gathered(store, published)


def test_a_day_on_which_nobody_is_left_has_no_counts_and_no_rows(store: FolderStore) -> None:
    day = gathered(store, publish_files(store, {}))
    assert (day.counts.rows, day.counts.cells.sum(), day.results.num_rows) == (0, 0, 0)
    assert (day.sample.num_rows, dict(day.protected)) == (0, {})


# --- days together


def test_days_of_a_window_are_the_sum_of_its_days(store: FolderStore) -> None:
    days = []
    for number, seed in ((2, 21), (3, 22), (4, 23)):
        as_of = DAY.replace(day=number)
        table = delivered_rows(40 + number, seed=seed, as_of=as_of)
        days.append(gathered(store, publish_files(store, {"a.csv": table}, as_of=as_of)))
    nobody = gathered(store, publish_files(store, {}, as_of=DAY.replace(day=5)))
    window = join_days([*days, nobody], sample_rows=50, seed=1)
    total = days[0].counts + days[1].counts + days[2].counts
    assert window.counts.rows == window.results.num_rows == 129
    assert window.counts.cells.tolist() == total.cells.tolist()
    assert window.sample.num_rows == 50
    kinds = [day.protected["gender"].tolist() for day in days]
    assert window.protected["gender"].tolist() == [kind for day in kinds for kind in day]
    assert len(window.protected["gender"]) == window.results.num_rows


def test_days_of_nobody_are_a_window_of_nobody(store: FolderStore) -> None:
    nobody = gathered(store, publish_files(store, {}))
    window = join_days([nobody, nobody], sample_rows=50, seed=1)
    assert (window.counts.rows, window.results.num_rows, window.sample.num_rows) == (0, 0, 0)
    assert np.concatenate([[0], window.counts.cells]).sum() == 0


# --- which day


def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"storage": {"root": str(tmp_path)}})


def test_the_newest_revision_of_a_day_is_monitored(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"{DAY} has not been published; score it first: scoring score --as-of {DAY}"):
        published_day(DAY, settings(tmp_path))
    commit_revision(store)
    second = commit_revision(store, 2, reason="anew")
    assert published_day(DAY, settings(tmp_path)) == second


def test_a_publication_of_another_store_is_refused_and_one_of_this_store_is_taken(
    store: FolderStore, tmp_path: Path
) -> None:
    first = commit_revision(store)
    second = commit_revision(store, 2, reason="anew")
    for announced in (first.publication, second.publication):
        assert published_day(DAY, settings(tmp_path), announced) == second
    later = replace(first, run={**first.run, "published_at": "2026-11-02T08:00:00+00:00"})
    for other in (later.publication, ""):
        with pytest.raises(ConfigError, match=f"announces decisions of {DAY} in /b/decisions. .*another store") as told:
            published_day(DAY, settings(tmp_path), other, "/b/decisions")
        assert str(tmp_path) in str(told.value)


def test_the_store_of_an_announced_day_that_was_never_published_here_is_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another store published it"):
        published_day(DAY, settings(tmp_path), "0123")
