"""Each row of a day ends in exactly one place, whatever other rows share its id."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.core.day.control_totals import unreconciled
from tasks.core.day.records import FileTotals, Order, unaccounted
from tasks.core.day.standing import Standing
from tasks.delivery.listing import list_delivery
from tasks.errors import SourceError
from tasks.scoring.assemble import Assembled, assemble, control_totals, count_files
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.days import Day, delivered, elsewhere, lay

ONCE, TWICE, MENDED, SPOILT, TORN, COPIED, CONFLICTING, UNPARSABLE, *PLAIN = range(12)
"""Rows of the first file, by their position."""
NEWCOMER = 999_999_999
FIRST, SECOND, CORRECTED, AGAIN = ("applications_1.csv", "applications_2.csv", "corrections/1.csv", "corrections/2.csv")


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of two files and two files of corrections, each screened once."""
    project = elsewhere(trained, tmp_path_factory.mktemp("assembled") / "store")
    project.deliver(rows=12)
    rows = delivered(project)
    first = rows.copy()
    first.loc[MENDED, "AMT_CREDIT"] = ""
    first.loc[UNPARSABLE, ["AMT_CREDIT", "AMT_ANNUITY"]] = ["x", ""]
    second = rows.loc[[COPIED, CONFLICTING, UNPARSABLE]].copy()
    second.loc[CONFLICTING, "AMT_INCOME_TOTAL"] = "100000"
    second.loc[UNPARSABLE, ["AMT_CREDIT", "AMT_ANNUITY"]] = ["", "x"]
    corrections = rows.loc[[ONCE, TWICE, MENDED, SPOILT, TORN, TORN, TORN, PLAIN[0]]].reset_index(drop=True)
    corrections.loc[3, "AMT_CREDIT"] = "much"
    corrections.loc[5, "AMT_CREDIT"] = "1000"
    corrections.loc[7, "SK_ID_CURR"] = str(NEWCOMER)
    lay(project, first, FIRST)
    lay(project, second, SECOND)
    lay(project, corrections, CORRECTED)
    lay(project, rows.loc[[TWICE]], AGAIN)
    return Day(project, Order("force", "amounts were mended"))


@pytest.fixture(scope="module")
def assembled(day: Day) -> Assembled:
    return assemble(day.store, day.parts, chunk_rows=5)


@pytest.fixture
def ids(day: Day) -> list[int]:
    """Applicant at each position of the first file."""
    return delivered(day.project)["SK_ID_CURR"].astype(int).tolist()


def places(table: pa.Table, applicant: int) -> list[tuple[str, int]]:
    """File and row of all that a table holds of an applicant."""
    rows = table.select(["source_file", "source_row", "application_id"]).to_pylist()
    return [(row["source_file"], row["source_row"]) for row in rows if row["application_id"] == applicant]


def ends(assembled: Assembled, applicant: int) -> dict[str, list[tuple[str, int]]]:
    """Table to file and row of all that it holds of an applicant; tables without any are left out."""
    found = {name: places(table, applicant) for name, table in vars(assembled).items()}
    return {name: each for name, each in found.items() if each}


def broken_rules(assembled: Assembled, applicant: int) -> list[str]:
    rows = assembled.rejected.select(["application_id", "broken_rules"]).to_pylist()
    return [row["broken_rules"] for row in rows if row["application_id"] == applicant]


def test_a_correction_replaces_the_row_of_its_id(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[ONCE]) == {"decided": [(CORRECTED, 1)], "replaced": [(FIRST, ONCE + 1)]}


def test_the_last_of_several_corrections_counts(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[TWICE]) == {
        "decided": [(AGAIN, 1)],
        "replaced": [(FIRST, TWICE + 1), (CORRECTED, 2)],
    }


def test_a_rejected_row_is_corrected_and_decided(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[MENDED]) == {"decided": [(CORRECTED, 3)], "replaced": [(FIRST, MENDED + 1)]}


def test_a_bad_correction_is_set_aside_and_takes_the_decision_away(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[SPOILT]) == {"rejected": [(CORRECTED, 4)], "replaced": [(FIRST, SPOILT + 1)]}


def test_different_corrections_of_one_id_are_all_set_aside(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[TORN]) == {
        "rejected": [(CORRECTED, 5), (CORRECTED, 6)],
        "copies": [(CORRECTED, 7)],
        "replaced": [(FIRST, TORN + 1)],
    }


def test_a_correction_of_nobody_is_decided_and_told(
    day: Day, assembled: Assembled, caplog: pytest.LogCaptureFixture
) -> None:
    assert ends(assembled, NEWCOMER) == {"decided": [(CORRECTED, 8)]}
    with caplog.at_level("WARNING", "scoring"):
        assemble(day.store, day.parts, chunk_rows=5)
    assert caplog.messages == ["1 corrections stand in for nothing: their ids are new to the day"]


def test_an_exact_copy_in_another_file_is_dropped(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[COPIED]) == {"decided": [(FIRST, COPIED + 1)], "copies": [(SECOND, 1)]}


def test_different_rows_of_one_id_are_all_set_aside(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[CONFLICTING]) == {"rejected": [(FIRST, CONFLICTING + 1), (SECOND, 2)]}
    assert broken_rules(assembled, ids[CONFLICTING]) == ["application_id_conflicting"] * 2


def test_rows_that_differ_in_where_a_value_would_not_parse_are_no_copies(assembled: Assembled, ids: list[int]) -> None:
    assert ends(assembled, ids[UNPARSABLE]) == {"rejected": [(FIRST, UNPARSABLE + 1), (SECOND, 3)]}
    first, second = broken_rules(assembled, ids[UNPARSABLE])
    assert first != second
    assert first.endswith(";application_id_conflicting")


def test_every_row_and_every_amount_is_accounted_for(day: Day, assembled: Assembled) -> None:
    files = count_files(day.parts, assembled)
    assert files == {
        FIRST: FileTotals(12, 5, 2, 0, 5),
        SECOND: FileTotals(3, 0, 2, 1),
        CORRECTED: FileTotals(8, 3, 3, 1, 1),
        AGAIN: FileTotals(1, 1, 0, 0),
    }
    assert unaccounted(files) == {}
    assert unreconciled(control_totals(day.parts, assembled)) == []


@pytest.fixture
def moved(day: Day, tmp_path: Path) -> Project:
    """The day in a store that a test may change."""
    shutil.copytree(day.project.root, tmp_path / "store")
    return Project(day.project.config, tmp_path / "store")


def test_no_landing_file_is_read_again_where_no_id_is_shared(day: Day, moved: Project) -> None:
    shutil.rmtree(moved.landing)
    alone = assemble(FolderStore(moved.root), day.parts[:1], chunk_rows=5)
    assert (alone.decided.num_rows, alone.rejected.num_rows, alone.copies.num_rows) == (10, 2, 0)


def test_the_second_look_at_a_file_notices_a_change(day: Day, moved: Project) -> None:
    path = moved.landing / SECOND
    path.write_bytes(path.read_bytes().replace(b"Cash loans", b"Cash  oans", 1))
    with pytest.raises(SourceError, match="applications_2.csv changed while it was being read"):
        assemble(FolderStore(moved.root), day.parts[:2], chunk_rows=5)


def announce(project: Project, rows: dict[str, int]) -> None:
    files = {
        name: {"rows": count, "sha256": hashlib.sha256((project.landing / name).read_bytes()).hexdigest()}
        for name, count in rows.items()
    }
    (project.landing / "_control.json").write_text(json.dumps({"day": str(DAY), "files": files}))


@pytest.fixture(scope="module")
def of_the_feed(day: Day) -> Assembled:
    """The day without its corrections."""
    return assemble(day.store, day.parts[:2], chunk_rows=5)


@pytest.mark.parametrize("first_cell", ["n", '"n\nn"', '"n\n\n\n"'])
@pytest.mark.parametrize("empty_lines", [0, 1, 2])
def test_rows_of_one_id_are_found_again_though_lines_are_no_rows(
    day: Day, of_the_feed: Assembled, moved: Project, first_cell: str, empty_lines: int
) -> None:
    path = moved.landing / FIRST
    header, first, *rows = path.read_text().splitlines()
    noted = [f"{header},NOTE", f"{first},{first_cell}", *[""] * empty_lines, *(f"{row},n" for row in rows)]
    path.write_text("\n".join(noted))
    announce(moved, {FIRST: 12, SECOND: 3})
    store = FolderStore(moved.root)
    files = list_delivery(store, Standing(DAY)).files
    parts = [replace(part, file=file) for part, file in zip(day.parts[:2], files, strict=True)]
    for table, expected in zip(assemble(store, parts, chunk_rows=5), of_the_feed, strict=True):
        assert table.equals(expected)
