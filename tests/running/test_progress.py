"""The progress of a run is a share of rows, and of bytes where the rows are not known."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter

from tasks.core.day.records import Delivery, FileRef
from tasks.running.progress import note_rows, progress_of, progress_shown

DAY = date(2026, 11, 2)


def file_of(name: str, *, announced: int | None = None, lines: int | None = None, size: int = 100) -> FileRef:
    return FileRef(name, f"landing/{name}", "csv", size, "0", announced, lines)


def test_lines_stand_for_rows_that_nobody_announced() -> None:
    files = [file_of("a.csv", lines=101), file_of("b.csv", announced=300)]
    assert progress_of(files, files[1], 100) == (50.0, "200 of 400 rows")


@pytest.mark.parametrize(("rows", "told"), [(99, "99 of 100 rows"), (100, "100 of 100 rows"), (101, "101 of 101 rows")])
def test_more_rows_than_expected_are_never_more_than_all(rows: int, told: str) -> None:
    files = [file_of("a.csv", announced=100)]
    assert progress_of(files, files[0], rows) == (min(float(rows), 100.0), told)


def test_a_delivery_without_rows_is_done() -> None:
    files = [file_of("a.csv", announced=0)]
    assert progress_of(files, files[0], 0) == (100.0, "0 of 0 rows")


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans(), st.integers(0, 1000)), min_size=1, max_size=5))
def test_progress_never_goes_back(sizes: list[tuple[int, bool, int]]) -> None:
    files = [
        file_of(f"{n}.csv", announced=rows if is_announced else None, size=size)
        for n, (rows, is_announced, size) in enumerate(sizes)
    ]
    steps = [(file, rows * part // 4) for file, (rows, *_) in zip(files, sizes, strict=True) for part in range(1, 5)]
    percents = [progress_of(files, file, rows).percent for file, rows in steps]
    assert percents == sorted(percents)
    assert all(0 <= percent <= 100 for percent in percents)


def test_outside_a_flow_run_nothing_is_shown() -> None:
    file = file_of("a.csv", announced=10)
    with progress_shown(Delivery(DAY, (file,))):
        note_rows(file, 10)
    note_rows(file, 10)


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("fails", [False, True])
def test_a_run_has_one_artifact_that_ends_where_the_work_ended(fails: bool) -> None:
    first, second = file_of("a.csv", announced=10), file_of("b.csv", announced=30)

    @flow
    def score() -> None:
        with progress_shown(Delivery(DAY, (first, second))):
            note_rows(first, 10)
            note_rows(second, 10)  # so soon after the first that it is left out
            if fails:
                raise ValueError

    run_id = score(return_state=True).state_details.flow_run_id
    with get_client(sync_client=True) as prefect:
        artifacts = prefect.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id={"any_": [run_id]}))
    (artifact,) = (each for each in artifacts if each.type == "progress")
    told = (25.0, "10 of 40 rows") if fails else (100.0, "All rows are scored")
    assert (artifact.key, artifact.type) == (f"progress-{DAY}", "progress")
    assert (float(str(artifact.data)), artifact.description) == told
