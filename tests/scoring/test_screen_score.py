"""A row is decided for itself: alone, or among any others, it is the same row that comes out.

A file's part says the same however the file is written, cut into chunks, and worked on.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.policy import load_policy
from configs.settings import PROJECT, Settings, load_settings
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import BROKEN_RULES, SOURCE_ROW, screen_chunk
from tasks.core.day.records import PartRef
from tasks.core.decision.policy import Policy
from tasks.core.decision.reasons import codes_of
from tasks.core.decision.scoring import score_rows
from tasks.core.feed.spoiling import spoil_rows
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import NAMES
from tasks.core.model.bundle import Bundle, Engine
from tasks.errors import ExpectationsNotMet, SourceError
from tasks.feed.generate import load_statistics
from tasks.model.load import load_bundle, load_contract, load_engine, policy_for, reasons_of, registry_of, suite_text
from tasks.scoring.screen_score import screen_and_score
from tests.conftest import DAY, Project
from tests.days import Day, delivered, elsewhere, lay

ROWS = 400
DELIVERED = 60


@dataclass(frozen=True, repr=False)
class Decider:
    bundle: Bundle
    engine: Engine
    policy: Policy


@pytest.fixture(scope="module")
def decider(trained: Project) -> Decider:
    configured = load_settings(trained.config)
    model = registry_of(configured).champion()
    bundle = load_bundle(model, configured)
    policy = policy_for(model, bundle, load_policy(configured.scoring.policy))
    return Decider(bundle, load_engine(model, configured), policy)


@cache
def applications() -> pa.Table:
    """A day as text, a fifth of it bad."""
    made = synthesize_applications(load_statistics(), as_of=DAY, rows=ROWS, seed=3)
    return spoil_rows(made.select(NAMES), 0.2, seed=3, as_of=DAY)[0]


def decided(rows: pa.Table, decider: Decider) -> list[tuple[object, ...]]:
    """What becomes of each row, in their order: pd and reasons, or the rules it breaks."""
    suite = load_contract(suite_text("expectations/applications.json"))
    chunk = screen_chunk(rows, first_row=1, source="a.csv", contract=suite)
    codes = codes_of(reasons_of(Settings()))
    scored = score_rows(chunk.accepted, decider.bundle, decider.engine, policy=decider.policy, codes=codes)
    reasons = zip(*(column.to_pylist() for column in scored.reasons.values()), strict=True)
    told: dict[int, tuple[object, ...]] = {
        row: (pd, *why) for row, pd, why in zip(chunk.accepted_rows.tolist(), scored.pd.tolist(), reasons, strict=True)
    }
    broken = chunk.rejected.select([SOURCE_ROW, APPLICATION_ID, BROKEN_RULES]).to_pylist()
    told |= {each[SOURCE_ROW]: (each[APPLICATION_ID], each[BROKEN_RULES]) for each in broken}
    return [told[row] for row in range(1, rows.num_rows + 1)]


@pytest.fixture(scope="module")
def among_all(decider: Decider) -> list[tuple[object, ...]]:
    return decided(applications(), decider)


@settings(max_examples=8)
@given(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=5))
def test_any_row_comes_out_alone_as_among_any_others(
    decider: Decider, among_all: list[tuple[object, ...]], chosen: list[int]
) -> None:
    assert decided(applications().take(pa.array(chosen)), decider) == [among_all[row] for row in chosen]


def test_among_the_rows_are_all_kinds(among_all: list[tuple[object, ...]]) -> None:
    kinds = {len(row) if row[1] is None or len(row) == 2 else "explained" for row in among_all}
    assert kinds == {2, 5, "explained"}


# --- a file's part


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of one CSV file, a tenth of its rows bad."""
    project = elsewhere(trained, tmp_path_factory.mktemp("screened") / "store")
    project.deliver(rows=DELIVERED, bad_share=0.1)
    return Day(project)


@pytest.fixture
def copied(day: Day, tmp_path: Path) -> Project:
    """The same landing in a store of its own, without what another run has finished."""
    shutil.copytree(day.project.root / "landing", tmp_path / "store/landing")
    return elsewhere(day.project, tmp_path / "store")


def part_of(project: Project, **scoring: Any) -> PartRef:
    (part,) = Day(project.with_settings(scoring=scoring)).parts
    return part


def content_of(part: PartRef) -> tuple[Any, ...]:
    """All that a part says of its rows, whatever the file was called."""
    return part.decided.sha256, part.rows, part.counts, part.sums


def test_a_part_counts_every_row_of_its_file(day: Day) -> None:
    (part,) = day.parts
    assert part.rows == DELIVERED == part.decided.rows + part.rejected.rows
    assert part.rejected.rows == 6
    assert part.broken_columns == ()


@pytest.mark.parametrize(("engine", "workers"), [("tables", 1), ("tables", 5), ("lightgbm", 2)])
def test_neither_chunks_nor_processors_nor_the_engine_change_a_part(
    day: Day, copied: Project, engine: str, workers: int
) -> None:
    assert part_of(copied, chunk_rows=23, engine=engine, workers=workers) == day.parts[0]


def test_where_lightgbm_stands_in_for_the_tables_a_warning_says_so(
    day: Day, copied: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = day.parts[0]
    monkeypatch.setattr("tasks.core.model.tree_tables._MAX_NUMBERS", 1)
    assert part_of(copied.with_own_registry(tmp_path / "own")) == expected  # no engine is kept of it
    assert "scored and explained by LightGBM itself, which takes far longer: its tables would hold" in caplog.text


def test_a_file_that_names_its_columns_otherwise_is_scored_the_same(day: Day, copied: Project) -> None:
    path = copied.landing / "applications_1.csv"
    path.write_bytes(path.read_bytes().replace(b"SK_ID_CURR,", b"client,", 1).replace(b"AMT_CREDIT,", b"loan,", 1))
    (copied.landing / "_control.json").unlink(missing_ok=True)
    with pytest.raises(ExpectationsNotMet, match="SK_ID_CURR, AMT_CREDIT. Not declared are: client, loan."):
        part_of(copied)
    renamed = part_of(copied, column_aliases={"client": "SK_ID_CURR", "loan": "AMT_CREDIT"})
    assert content_of(renamed) == content_of(day.parts[0])


def as_text(project: Project) -> pa.Table:
    types = dict.fromkeys(NAMES, pa.string())
    options = pa_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    return pa_csv.read_csv(project.landing / "applications_1.csv", convert_options=options)


def as_gzip(project: Project) -> None:
    text = (project.landing / "applications_1.csv").read_bytes()
    (project.landing / "applications_1.csv.gz").write_bytes(gzip.compress(text))
    (project.landing / "applications_1.csv").unlink()


def as_parquet(project: Project) -> None:
    pq.write_table(as_text(project), project.landing / "applications_1.parquet", row_group_size=7)
    (project.landing / "applications_1.csv").unlink()


def with_other_columns(project: Project) -> None:
    frame = delivered(project)
    lay(project, frame[list(reversed(frame.columns))].assign(EXTRA="x"))


@pytest.mark.parametrize("reshape", [as_gzip, as_parquet, with_other_columns])
def test_a_part_says_the_same_however_its_file_is_written(
    day: Day, copied: Project, reshape: Callable[[Project], None]
) -> None:
    reshape(copied)
    (copied.landing / "_control.json").unlink(missing_ok=True)
    assert content_of(part_of(copied)) == content_of(day.parts[0])


def test_numbers_of_any_width_and_empty_text_columns_read_the_same(copied: Project) -> None:
    shutil.rmtree(copied.landing)
    copied.deliver(rows=20, file_format="parquet")
    (copied.landing / "_control.json").unlink()
    path = copied.landing / "applications_1.parquet"
    table = pq.read_table(path)
    empty = table.column_names.index("NAME_TYPE_SUITE")
    pq.write_table(table.set_column(empty, "NAME_TYPE_SUITE", pa.nulls(20, pa.string())), path)
    plain = part_of(copied)
    narrow = table.set_column(empty, "NAME_TYPE_SUITE", pa.array([float("nan")] * 20))
    for name, type_ in {"CNT_CHILDREN": pa.int8(), "SK_ID_CURR": pa.float64(), "FLAG_MOBIL": pa.bool_()}.items():
        narrow = narrow.set_column(narrow.column_names.index(name), name, narrow.column(name).cast(type_))
    pq.write_table(narrow, path)
    assert content_of(part_of(copied)) == content_of(plain)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")], ids=["gone", "changed"])
def test_a_part_that_is_gone_or_changed_is_made_anew_by_the_next_attempt(
    day: Day, damage: Callable[[Path], object]
) -> None:
    (part,) = day.parts
    path = day.project.root / part.decided.key
    content = path.read_bytes()
    damage(path)
    assert Day(day.project).parts == [part]
    assert path.read_bytes() == content


# --- files that stop the day


def screened(day: Day, **changes: Any) -> PartRef:
    """The part of the day's file, had it been listed otherwise."""
    (file,) = day.delivery.files
    (part,) = screen_and_score(replace(file, **changes), day.pins, day.settings).parts
    return part


@pytest.mark.parametrize(("announced", "held"), [(DELIVERED + 1, "60"), (DELIVERED - 1, "more than 59")])
def test_a_file_has_as_many_rows_as_announced(day: Day, announced: int, held: str) -> None:
    message = f"applications_1.csv holds {held} rows, _control.json announces {announced}"
    with pytest.raises(SourceError, match=message):
        screened(day, announced_rows=announced)


@pytest.mark.parametrize("announced", [None, 0])
def test_a_file_without_rows_is_a_part_without_rows(
    copied: Project, caplog: pytest.LogCaptureFixture, announced: int | None
) -> None:
    lay(copied, delivered(copied)[:0])
    part = screened(Day(copied), announced_rows=announced)
    assert (part.rows, part.decided.rows, part.rejected.rows) == (0, 0, 0)
    assert ("applications_1.csv holds a header and no rows" in caplog.text) == (announced is None)


def test_columns_that_nobody_declared_are_named_without_their_values(
    copied: Project, caplog: pytest.LogCaptureFixture
) -> None:
    lay(copied, delivered(copied)[:0].assign(**{"x" * 70: [], "é": []}))
    screened(Day(copied))
    (told,) = (each for each in caplog.messages if "declared" in each)
    assert told == f"applications_1.csv: 2 columns that nobody declared, ignored: '{'x' * 59}, '\\xe9'"


def with_column_rule(project: Project, severity: str) -> Project:
    """The project under a contract by which a file has five columns."""
    suite = json.loads((PROJECT / "expectations/applications.json").read_text("utf-8"))
    meta = {"id": "five_columns", "sentence": "A file has five columns.", "owner": "data owner"}
    kwargs = {"value": 5}
    entry = {"type": "expect_table_column_count_to_equal", "kwargs": kwargs, "severity": severity, "meta": meta}
    path = project.root.parent / "suite.json"
    path.write_text(json.dumps({**suite, "expectations": [*suite["expectations"], entry]}))
    return project.with_settings(contract={"suite": str(path)})


def test_a_broken_rule_about_columns_stops_the_day_where_it_is_critical(copied: Project) -> None:
    message = "The columns of applications_1.csv break the contract: A file has five columns. Nothing was published"
    with pytest.raises(ExpectationsNotMet, match=message):
        part_of(with_column_rule(copied, "critical"))
    lay(copied, delivered(copied)[:1])
    assert part_of(with_column_rule(copied, "warning")).broken_columns == ("five_columns",)
