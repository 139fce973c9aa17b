from datetime import date
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest

from tasks.core.applications import parse_rows
from tasks.core.feed.spoiling import SPOILS, spoil_rows
from tasks.core.feed.synthetic import FeedStatistics, synthesize_applications
from tasks.core.files import as_cells
from tasks.core.lender.columns import ID
from tasks.errors import ConfigError

DAY = date(2025, 3, 3)


@pytest.fixture(scope="module")
def statistics() -> FeedStatistics:
    return FeedStatistics.from_json(files("configs").joinpath("feed_statistics.json").read_text("utf-8"))


def a_day(statistics: FeedStatistics, *, rows: int = 50) -> pa.Table:
    return synthesize_applications(statistics, rows=rows, seed=1, as_of=DAY)


def spoilt_positions(before: pa.Table, after: pa.Table) -> list[int]:
    """Rows in which any cell differs."""
    own, new = as_cells(before).to_pandas(), after.to_pandas()
    return np.flatnonzero(((own != new) & ~(own.isna() & new.isna())).any(axis=1)).tolist()


@pytest.fixture(scope="module")
def sound(statistics: FeedStatistics) -> pa.Table:
    return a_day(statistics, rows=2_000)


@pytest.fixture(scope="module")
def spoilt(sound: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    return spoil_rows(sound, 0.1, seed=1, as_of=DAY)


def test_exactly_the_share_of_rows_is_spoilt(sound: pa.Table, spoilt: tuple[pa.Table, dict[str, int]]) -> None:
    table, counts = spoilt
    assert table.column_names == sound.column_names
    assert {str(type_) for type_ in table.schema.types} == {"string"}
    assert table.num_rows == sound.num_rows
    assert len(spoilt_positions(sound, table)) == sum(counts.values()) == 200


def test_every_kind_occurs_about_equally_often(spoilt: tuple[pa.Table, dict[str, int]]) -> None:
    assert set(spoilt[1]) == set(SPOILS)
    assert max(spoilt[1].values()) - min(spoilt[1].values()) <= 1


@pytest.mark.parametrize("name", [name for name, spoil in SPOILS.items() if spoil.cells])
def test_a_kind_is_recognised_by_its_cells(sound: pa.Table, spoilt: tuple[pa.Table, dict[str, int]], name: str) -> None:
    table, counts = spoilt
    rows = table.take(spoilt_positions(sound, table)).to_pylist()
    cells = SPOILS[name].cells
    assert sum(all(row[column] == cell for column, cell in cells.items()) for row in rows) == counts[name]


@pytest.mark.parametrize(
    ("name", "column"),
    [("letters", "AMT_CREDIT"), ("thousands_separator", "AMT_INCOME_TOTAL"), ("infinity", "AMT_ANNUITY"),
     ("fraction", "CNT_CHILDREN")],
)  # fmt: skip
def test_what_is_no_number_does_not_parse(spoilt: tuple[pa.Table, dict[str, int]], name: str, column: str) -> None:
    table, counts = spoilt
    assert len(parse_rows(table).unparsable[column]) == counts[name]


def test_duplicates_are_exact_and_conflicts_share_the_id_alone(spoilt: tuple[pa.Table, dict[str, int]]) -> None:
    table, counts = spoilt
    frame = table.to_pandas().dropna(subset=[ID])
    exact, same_id = frame.duplicated(), frame.duplicated(subset=[ID])
    assert exact.sum() == counts["duplicate"]
    assert same_id.sum() == counts["duplicate"] + counts["id_conflict"]
    assert frame.groupby(ID).size().max() == 2


def test_spoiling_again_spoils_the_same_rows(sound: pa.Table, spoilt: tuple[pa.Table, dict[str, int]]) -> None:
    assert spoil_rows(sound, 0.1, seed=1, as_of=DAY)[0].equals(spoilt[0])
    assert not spoil_rows(sound, 0.1, seed=2, as_of=DAY)[0].equals(spoilt[0])


def test_no_share_spoils_nothing(sound: pa.Table) -> None:
    table, counts = spoil_rows(sound, 0.0, seed=1, as_of=DAY)
    assert counts == {}
    assert parse_rows(table).rows.equals(sound)


@pytest.mark.parametrize(("share", "copies"), [(0.5, {"duplicate", "id_conflict"}), (0.51, set()), (1.0, set())])
def test_kinds_that_copy_stay_away_where_too_few_sound_rows_remain(
    statistics: FeedStatistics, share: float, copies: set[str]
) -> None:
    day = a_day(statistics, rows=100)
    table, counts = spoil_rows(day, share, seed=1, as_of=DAY)
    assert {name for name in counts if SPOILS[name].copies != "nothing"} == copies
    assert len(spoilt_positions(day, table)) == sum(counts.values()) == round(share * 100)


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_a_share_outside_0_to_1_is_refused(statistics: FeedStatistics, share: float) -> None:
    with pytest.raises(ConfigError, match="share of bad rows"):
        spoil_rows(a_day(statistics), share, seed=1, as_of=DAY)


def test_every_kind_says_in_a_phrase_what_it_does() -> None:
    assert len(SPOILS) >= 12
    assert len({spoil.phrase for spoil in SPOILS.values()}) == len(SPOILS)
